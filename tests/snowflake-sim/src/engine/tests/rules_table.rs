//! The table of rules is true: every row has its test, every switch is tried, every code is one of a kind.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::*;
use crate::engine::rules::RULES;

/// Returns the text of every Rust file of this package below a folder.
fn sources(folder: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut text = String::new();
    let mut open = vec![root];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&fs::read_to_string(&path).unwrap());
        }
    }
    text
}

/// Returns the names of all functions right below a test attribute.
fn tests() -> BTreeSet<String> {
    let text = sources("src") + &sources("tests");
    let mut found = BTreeSet::new();
    let mut lines = text.lines().map(str::trim);
    while let Some(line) = lines.next() {
        if line == "#[test]"
            && let Some(name) = lines.next().and_then(|next| next.strip_prefix("fn "))
        {
            found.insert(name.split('(').next().unwrap_or_default().to_owned());
        }
    }
    found
}

#[test]
fn every_rule_names_a_test_that_exists() {
    let tests = tests();
    for rule in RULES {
        assert!(tests.contains(rule.test), "rule {} names {}", rule.id, rule.test);
        assert!(!rule.sentence.is_empty() && !rule.source.is_empty(), "{}", rule.id);
    }
}

#[test]
fn every_rule_has_its_own_id_and_every_area_has_rules() {
    let ids: BTreeSet<&str> = RULES.iter().map(|rule| rule.id).collect();
    assert_eq!(ids.len(), RULES.len());
    for area in ["2", "3", "4", "5", "6", "7"] {
        assert!(ids.iter().any(|id| id.starts_with(area)), "{area}");
    }
}

#[test]
fn every_switch_is_tried_by_a_test() {
    let switches = serde_json::to_value(Switches::default()).unwrap();
    let tried = sources("src/engine/tests");
    for name in switches.as_object().unwrap().keys() {
        assert!(tried.contains(&format!("{name} = ")), "no test sets the switch {name}");
    }
}

#[test]
fn every_error_code_stands_for_one_thing() {
    let table = include_str!("../errors.rs");
    let codes: Vec<&str> =
        table.split("Code::new(\"").skip(1).filter_map(|rest| rest.get(..6)).collect();
    let distinct: BTreeSet<&&str> = codes.iter().collect();
    assert!(codes.len() > 30);
    assert_eq!(distinct.len(), codes.len());
}
