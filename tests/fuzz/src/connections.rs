//! `connections.toml`: what the wrapper reads of it is what a whole parser reads; what it writes is read again as the
//! same; and what comes back from a run loses no byte of the user's text, breaks none of it, and holds no secret.
//!
//! An input is texts, each below a line `=== NAME`: `own` and `config` are the user's files, `child` is what the command
//! leaves of the generated one, `added` what it appends to it; `keep` has the others kept. Without such a line it is `own`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use pat_exec::fuzzing::{Kind, Run, connections, said};
use pat_wire::message::HandOut;
use pat_wire::secret::Secret;
use serde_json::json;
use tempfile::TempDir;
use toml::{Table, Value};

pub fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let texts = texts(text);
    for text in texts.values() {
        assert_reads_as_a_whole_parser(text);
        assert_stable(Kind::Connections, text);
        assert_stable(Kind::Config, text);
    }
    // A secret that the user has anyway is nobody's to take away, and the next one is nobody's before it is handed out.
    let is_the_users = ["own", "config"]
        .iter()
        .any(|name| holds_secret(texts.get(name).copied().unwrap_or_default()));
    if !is_the_users && !texts.values().any(|text| text.contains(NEXT_SECRET)) {
        assert_gives_back(&texts);
    }
}

fn texts(text: &str) -> BTreeMap<&str, &str> {
    let mut sections = text.split("=== ");
    let own = sections.next().filter(|own| !own.is_empty()).map(|own| ("own", own));
    let named = sections.map(|section| section.split_once('\n').unwrap_or((section, "")));
    own.into_iter().chain(named).collect()
}

/// Of a text that is TOML, no key is missed or made up, and each value is the same.
fn assert_reads_as_a_whole_parser(text: &str) {
    let (ours, theirs) = (said(text), text.parse::<Table>());
    if let Err(line) = ours {
        assert!((1..=text.split('\n').count()).contains(&line), "line {line}");
    }
    let Ok(theirs) = theirs else { return };
    let ours =
        ours.unwrap_or_else(|line| panic!("TOML that is not read from line {line} on: {text}"));
    let mut read = BTreeSet::new();
    for (path, written) in &ours {
        let value = at(&theirs, path).unwrap_or_else(|| panic!("no such key: {path:?}"));
        if let Some(written) = written {
            let alone = format!("x = {written}\n").parse::<Table>();
            assert!(
                alone.is_ok_and(|alone| is_same(&alone["x"], value)),
                "{path:?} is not {written}"
            );
        }
        read.insert(path.clone());
    }
    let mut leaves = Vec::new();
    collect(&theirs, &mut Vec::new(), &mut leaves);
    let missed: Vec<_> = leaves.into_iter().filter(|path| !read.contains(path)).collect();
    assert!(missed.is_empty(), "not read: {missed:?}");
}

fn at<'t>(table: &'t Table, path: &[String]) -> Option<&'t Value> {
    let (last, above) = path.split_last()?;
    let above = above.iter().try_fold(table, |table, key| table.get(key)?.as_table())?;
    above.get(last)
}

fn collect(table: &Table, path: &mut Vec<String>, leaves: &mut Vec<Vec<String>>) {
    for (key, value) in table {
        path.push(key.clone());
        match value {
            Value::Table(below) => collect(below, path, leaves),
            _ => leaves.push(path.clone()),
        }
        path.pop();
    }
}

/// What is written of the connections of a file is read as the same, by the wrapper and by a whole parser.
fn assert_stable(kind: Kind, text: &str) {
    let Ok((names, written)) = connections(kind, text) else { return };
    let (again, rewritten) = connections(kind, &written).expect("what is written can be read");
    assert_eq!((&again, &*rewritten), (&names, &*written));
    let Ok(theirs) = text.parse::<Table>() else { return };
    let Some(theirs) = connections_in(kind, &theirs) else { return };
    let table = written.parse::<Table>().unwrap_or_else(|error| panic!("{error}: {}", &*written));
    let ours = connections_in(kind, &table).unwrap_or_default();
    assert!(is_same(&Value::Table(theirs), &Value::Table(ours)), "{}", &*written);
}

/// The tables that are connections, without what is empty in them.
fn connections_in(kind: Kind, table: &Table) -> Option<Table> {
    let table = match kind {
        Kind::Connections => table,
        Kind::Config => table.get("connections")?.as_table()?,
    };
    let tables = table.iter().filter_map(|(name, value)| Some((name, value.as_table()?)));
    Some(tables.map(|(name, table)| (name.clone(), Value::Table(filled(table)))).collect())
}

fn filled(table: &Table) -> Table {
    let filled = table.iter().map(|(key, value)| match value {
        Value::Table(below) => (key.clone(), Value::Table(filled(below))),
        other => (key.clone(), other.clone()),
    });
    filled.filter(|(_, value)| value.as_table().is_none_or(|table| !table.is_empty())).collect()
}

/// A number that is none is the same as itself here.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Float(one), Value::Float(other)) => {
            one.to_bits() == other.to_bits() || one.is_nan() && other.is_nan()
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len()
                && one.iter().zip(other).all(|(one, other)| is_same(one, other))
        }
        (Value::Table(one), Value::Table(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(key, value)| other.get(key).is_some_and(|other| is_same(value, other)))
        }
        (one, other) => one == other,
    }
}

fn assert_gives_back(texts: &BTreeMap<&str, &str>) {
    let user = User::with(texts);
    let before = user.files();
    let hand_out = hand_out(SECRET, texts.contains_key("keep"));
    let Ok(run) = Run::new(&user.place(), &user.real(), &hand_out) else {
        return assert_eq!(user.files(), before, "a run that was refused changed something");
    };
    let generated = run.home().join(CONNECTIONS);
    assert_generated(&generated, texts);
    if let Some(child) = texts.get("child") {
        fs::write(&generated, child).expect("written");
    }
    if let Some(added) = texts.get("added") {
        let now = fs::read_to_string(&generated).expect("text");
        fs::write(&generated, now + added).expect("written");
    }
    let left = fs::read_to_string(&generated).expect("text");
    run.give_back();
    let given = user.files();
    run.give_back();
    assert_eq!(user.files(), given, "what was given back is given back twice");
    run.refresh(&self::hand_out(NEXT_SECRET, false)).expect("refreshed");
    assert!(fs::read_to_string(&generated).expect("text").contains(NEXT_SECRET), "no new secret");
    run.finish();

    let after = user.files();
    assert_eq!(after, given, "the secret that was refreshed is a change");
    assert_nothing_lost(&before, &after);
    for (name, text) in &after {
        assert!(!holds_secret(text), "{name} holds the secret: {text}");
    }
    assert_whole(&before, &after, &left);
    let left: Vec<_> = fs::read_dir(user.place()).expect("read").flatten().collect();
    assert!(left.is_empty(), "the home is still there: {left:?}");
}

/// The generated file has the one connection with its secret, and the user's others only where they are kept.
fn assert_generated(path: &Path, texts: &BTreeMap<&str, &str>) {
    let text = fs::read_to_string(path).expect("generated");
    let are_toml = ["own", "config"]
        .iter()
        .all(|name| texts.get(name).is_none_or(|text| text.parse::<Table>().is_ok()));
    if !are_toml {
        return;
    }
    let table = text.parse::<Table>().unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!(table[CONNECTION]["password"].as_str(), Some(SECRET));
    assert!(texts.contains_key("keep") || table.len() == 1, "{text}");
}

/// Each file of the user's begins with what it was.
fn assert_nothing_lost(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) {
    for (name, was) in before {
        let is = after.get(name).unwrap_or_else(|| panic!("{name} is gone"));
        assert!(is.starts_with(was.as_str()), "{name} was {was:?} and is {is:?}");
    }
}

/// Files that were TOML still are, with every value they had; and each connection that the command added is somewhere.
fn assert_whole(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>, left: &str) {
    let tables = |files: &BTreeMap<String, String>| -> Option<BTreeMap<String, Table>> {
        files.iter().map(|(name, text)| Some((name.clone(), text.parse().ok()?))).collect()
    };
    let (Some(before), Ok(left)) = (tables(before), left.parse::<Table>()) else { return };
    let after = tables(after).unwrap_or_else(|| panic!("no TOML any more: {after:?}"));
    for (name, was) in &before {
        let mut is = after[name].clone();
        is.retain(|key, _| was.contains_key(key));
        if let (Some(Value::Table(was)), Some(Value::Table(is))) =
            (was.get("connections"), is.get_mut("connections"))
        {
            is.retain(|key, _| was.contains_key(key));
        }
        assert!(
            is_same(&Value::Table(was.clone()), &Value::Table(is)),
            "{name} says something else"
        );
    }
    let texts = after.iter().map(|(name, table)| (name, Value::Table(table.clone())));
    let held: Vec<_> =
        texts.filter(|(_, value)| value_holds_secret(value)).map(|(name, _)| name).collect();
    assert!(held.is_empty(), "{held:?} spell the secret");
    let everything: Vec<Table> = after
        .values()
        .flat_map(|table| [Some(table.clone()), connections_in(Kind::Config, table)])
        .flatten()
        .collect();
    for (name, added) in connections_in(Kind::Connections, &left).unwrap_or_default() {
        let is_kept = everything.iter().filter_map(|table| table.get(&name)?.as_table());
        let is_kept = is_kept.map(filled).any(|kept| is_same(&Value::Table(kept), &added));
        let is_secret = value_holds_secret(&added) || spells_secret(&name, &added);
        assert!(is_kept || is_secret || name == CONNECTION, "the added connection {name} is lost");
    }
}

/// Whether a key with what is above it is the secret.
fn spells_secret(name: &str, connection: &Value) -> bool {
    let named: Table = [(name.to_owned(), connection.clone())].into_iter().collect();
    let mut paths = Vec::new();
    collect(&named, &mut Vec::new(), &mut paths);
    holds_secret(name) || paths.iter().any(|path| holds_secret(&path.join(".")))
}

fn value_holds_secret(value: &Value) -> bool {
    match value {
        Value::String(text) => holds_secret(text),
        Value::Array(items) => items.iter().any(value_holds_secret),
        Value::Table(table) => {
            table.iter().any(|(key, value)| holds_secret(key) || value_holds_secret(value))
        }
        _ => false,
    }
}

fn holds_secret(text: &str) -> bool {
    text.contains(SECRET) || text.contains(NEXT_SECRET)
}

/// A user's real directory, and the place of private homes, both in memory where that is possible.
struct User(TempDir);

impl User {
    fn with(texts: &BTreeMap<&str, &str>) -> Self {
        let memory = Path::new("/dev/shm");
        let base = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let user = Self(TempDir::new_in(base).expect("a folder"));
        fs::create_dir(user.real()).expect("made");
        fs::create_dir(user.place()).expect("made");
        for (name, file) in [("own", CONNECTIONS), ("config", "config.toml")] {
            if let Some(text) = texts.get(name) {
                fs::write(user.real().join(file), text).expect("written");
            }
        }
        user
    }

    fn real(&self) -> PathBuf {
        self.0.path().join("real")
    }

    fn place(&self) -> PathBuf {
        self.0.path().join("place")
    }

    fn files(&self) -> BTreeMap<String, String> {
        let entries = fs::read_dir(self.real()).expect("read").flatten();
        let read = entries.map(|entry| {
            let text = fs::read(entry.path()).expect("read");
            (
                entry.file_name().to_string_lossy().into_owned(),
                String::from_utf8_lossy(&text).into_owned(),
            )
        });
        read.collect()
    }
}

fn hand_out(secret: &str, keep_connections: bool) -> HandOut {
    let terms = json!({
        "lease": "0123456789abcdef0123456789abcdef",
        "generation": 1,
        "connection": CONNECTION,
        "deliver": "home",
        "expires_at": 1_900_000_000,
        "gated": false,
        "entry_form": "password",
        "keep_connections": keep_connections,
        "account": "MYORG-MYACCOUNT",
        "user": "MIGUEL_CLI",
        "role": "MIGUEL_CLI_ROLE",
    });
    let terms = serde_json::from_value(terms).expect("terms");
    HandOut { terms, secret: Secret::new(secret.to_owned()) }
}

const CONNECTION: &str = "miguel_cli";
const CONNECTIONS: &str = "connections.toml";
/// With a dot, as in a JWT: a key of several parts can spell it.
const SECRET: &str = "simpat_one.s3cret";
const NEXT_SECRET: &str = "simpat_two.s3cret";
