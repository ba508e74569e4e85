//! Holds the layout of ARCHITECTURE.md: who may depend on whom, and which words occur in which files.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use e2e::root;

#[test]
fn core_knows_no_other_crate_and_nothing_that_does_io() {
    // daemon/core/clippy.toml forbids the clock, files, network and environment of std, jiff and chrono.
    let allowed = set(["chrono", "croner", "jiff", "serde", "serde_json", "thiserror"]);
    assert_eq!(dependencies("daemon/core"), allowed);
}

#[test]
fn wire_knows_no_other_crate_of_the_project() {
    assert_eq!(ours(&dependencies("client/wire")), set([]));
}

#[test]
fn the_wrapper_sees_only_wire() {
    // An allocator of memory is no room of anybody's.
    assert_eq!(dependencies("client/exec"), set(["dlmalloc", "nix", "pat-wire"]));
}

#[test]
fn the_rooms_of_the_daemon_depend_downwards_only() {
    assert_eq!(ours(&dependencies("daemon/audit")), set(["pat-wire"]));
    assert_eq!(ours(&dependencies("daemon/checks")), set(["pat-wire"]));
    assert_eq!(ours(&dependencies("daemon/config")), set(["patd-checks", "patd-core", "pat-wire"]));
    assert_eq!(ours(&dependencies("daemon/keys")), set(["patd-config", "pat-wire"]));
    assert_eq!(ours(&dependencies("daemon/snowflake")), set(["patd-core", "pat-wire"]));
}

#[test]
fn no_shipped_crate_depends_on_the_simulator() {
    for package in SHIPPED {
        let found = dependencies(package);
        assert!(!found.contains("snowflake-sim") && !found.contains("world"), "{package}");
    }
}

#[test]
fn sled_is_named_in_one_file() {
    let named: Vec<_> = shipped_sources().filter(|path| code(path).contains("sled::")).collect();
    assert_eq!(named.len(), 1, "sled:: occurs in {named:?}");
    assert!(named[0].starts_with(root().join("daemon/src/store")), "sled:: occurs in {named:?}");
}

#[test]
fn unsafe_code_has_one_address() {
    let found: Vec<_> = shipped_sources()
        .filter(|path| {
            code(path).lines().any(|line| !is_comment(line) && line.contains("unsafe {"))
        })
        .collect();
    assert!(found.iter().all(|path| path.ends_with("daemon/src/os.rs")), "unsafe in {found:?}");
}

#[test]
fn a_secret_is_exposed_only_where_it_is_reviewed() {
    let allowed = fs::read_to_string(root().join("tests/e2e/tests/exposed.txt")).unwrap();
    let allowed: BTreeSet<_> = allowed
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| line.split(':').next().unwrap().to_string())
        .collect();
    let found: BTreeSet<_> = shipped_sources()
        .filter(|path| before_tests(&code(path)).contains(".expose()"))
        .map(|path| path.strip_prefix(root()).unwrap().display().to_string())
        .collect();
    assert_eq!(
        found, allowed,
        "tests/e2e/tests/exposed.txt lists the files that may say .expose(), with why"
    );
}

#[test]
fn the_half_that_parses_reaches_the_half_with_the_keys_by_one_call_with_one_enum() {
    let api = sources_of("daemon/src/api");
    let reached: BTreeSet<_> = api.iter().flat_map(|code| rooms(code)).collect();
    // house: who is known, for the counts before the first byte; peer: who is at the door. Nothing that holds a key.
    assert_eq!(reached, set(["crash", "desk", "house", "peer", "room"]));
    let lines = api.iter().flat_map(|code| code.lines()).filter(|line| line.contains("desk::"));
    let calls: Vec<_> = lines.map(str::trim).filter(|line| !is_comment(line)).collect();
    assert_eq!(calls, ["answer = desk::answer(&house, door, caller, request) => Some(answer),"]);
    let keys =
        ["patd_keys", "patd_snowflake", "patd_config", ".expose()", "house.store", "house.slots"];
    for (code, word) in api.iter().flat_map(|code| keys.map(|word| (code, word))) {
        assert!(!before_tests(code).contains(word), "{word} in daemon/src/api");
    }
    let bytes = ["hyper", "http::", "UnixStream", "Incoming", "Bytes"];
    for (code, word) in
        sources_of("daemon/src/desk").iter().flat_map(|code| bytes.map(|word| (code, word)))
    {
        assert!(!before_tests(code).contains(word), "{word} in daemon/src/desk");
    }
}

#[test]
fn every_source_file_says_what_lives_in_it() {
    for path in shipped_sources() {
        assert!(code(&path).starts_with("//!"), "{} does not open with //!", path.display());
    }
}

const SHIPPED: [&str; 10] = [
    "daemon",
    "daemon/audit",
    "daemon/checks",
    "daemon/config",
    "daemon/core",
    "daemon/keys",
    "daemon/snowflake",
    "client/wire",
    "client/exec",
    "client/ctl",
];

fn dependencies(package: &str) -> BTreeSet<String> {
    let manifest = fs::read_to_string(root().join(package).join("Cargo.toml")).unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    manifest["dependencies"].as_table().unwrap().keys().cloned().collect()
}

fn ours(dependencies: &BTreeSet<String>) -> BTreeSet<String> {
    dependencies.iter().filter(|name| name.starts_with("pat")).cloned().collect()
}

fn set<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.into_iter().map(String::from).collect()
}

fn shipped_sources() -> impl Iterator<Item = PathBuf> {
    SHIPPED.into_iter().flat_map(|package| {
        let mut found = Vec::new();
        collect(&root().join(package).join("src"), &mut found);
        found
    })
}

fn sources_of(room: &str) -> Vec<String> {
    let mut found = Vec::new();
    collect(&root().join(room), &mut found);
    assert!(!found.is_empty(), "{room} has sources");
    found.iter().map(|path| code(path)).collect()
}

/// The rooms of the crate that code names.
fn rooms(code: &str) -> Vec<String> {
    let names = before_tests(code).split("crate::").skip(1);
    let word = |rest: &str| rest.chars().take_while(|c| c.is_ascii_lowercase()).collect::<String>();
    names.map(word).filter(|name| !name.is_empty()).collect()
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            // Tests that need the inside of a room live in a folder of it.
            if !path.ends_with("tests") {
                collect(&path, found);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn code(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

fn before_tests(code: &str) -> &str {
    code.split("#[cfg(test)]").next().unwrap()
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with("//")
}
