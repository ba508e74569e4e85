//! The manual page patd.toml(5) against what is accepted: no key without its paragraph, no paragraph without its key.

#![expect(clippy::unwrap_used, reason = "a test's world that cannot be built fails the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use patd_config::load;

/// Keys by file (`PATD.TOML`, `USERS.D`) and table (`Top`, `[account]`).
type Keys = BTreeMap<(&'static str, String), BTreeSet<String>>;

#[test]
fn every_key_that_is_accepted_is_in_the_manual_and_every_key_of_the_manual_is_accepted() {
    let (accepted, documented) = (accepted(), documented());

    assert!(accepted.len() >= 8, "tables were found: {accepted:?}");
    assert_eq!(accepted, documented);
}

/// The keys that a fault about an unknown one lists, table by table.
fn accepted() -> Keys {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("users.d")).unwrap();
    let main = provoking(&["store", "account", "admin", "provision"]);
    fs::write(folder.path().join("patd.toml"), main).unwrap();
    let entry = provoking(&["token", "access", "provision"]);
    fs::write(folder.path().join("users.d/a.toml"), entry).unwrap();

    let mut keys = Keys::new();
    for line in load(folder.path()).unwrap_err().lines() {
        let Some((place, listed)) = line.split_once("; remove it; known here: ") else { continue };
        let file = if place.contains("users.d") { "USERS.D" } else { "PATD.TOML" };
        let table = place.rsplit_once(" in ").map_or("Top", |(_, table)| table);
        let listed = listed.split(", ").map(str::to_owned).collect();
        keys.insert((file, table.to_owned()), listed);
    }
    without_tables(keys)
}

/// A file with a key that nobody knows, at its top and in each of these tables.
fn provoking(tables: &[&str]) -> String {
    let of_table = |table: &&str| format!("[{table}]\n{NOBODYS} = 1\n");
    format!("{NOBODYS} = 1\n{}", tables.iter().map(of_table).collect::<String>())
}

/// At the top the headers of tables are keys as well; in the manual they are headings.
fn without_tables(mut keys: Keys) -> Keys {
    let tables: Vec<_> = keys.keys().cloned().collect();
    for (file, table) in tables {
        let name = table.trim_matches(['[', ']']);
        if let Some(top) = keys.get_mut(&(file, "Top".to_owned())) {
            assert!(table == "Top" || top.remove(name), "{table} is no table of {file}");
        }
    }
    keys
}

fn documented() -> Keys {
    let page = page();
    let (mut keys, mut file, mut table) = (Keys::new(), None, String::new());
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(heading) = line.strip_prefix(".SH ") {
            file = ["PATD.TOML", "USERS.D"].into_iter().find(|known| *known == heading);
        } else if let Some(heading) = line.strip_prefix(".SS ") {
            table = heading.to_owned();
        } else if let (".TP", Some(file)) = (line, file) {
            let key = lines.next().unwrap().strip_prefix(".B ").unwrap().to_owned();
            keys.entry((file, table.clone())).or_default().insert(key);
        }
    }
    keys
}

fn page() -> String {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(manifest.join("../../packaging/man/patd.toml.5")).unwrap()
}

const NOBODYS: &str = "zzzzzzzzzzzzzzzz";
