//! The files of the configuration, as texts: every fault has its place, is a plain line and shows no secret; what is
//! wrong in one file hides nothing of another; what is accepted keeps its own rules.
//!
//! An input is the files one after the other, each below a line `=== NAME`; without such a line it is `patd.toml`.

use std::path::{Path, PathBuf};

use patd_config::{Config, ConfigErrors, Fault, KeySource, Sources};
use toml::Value;

use crate::hush::{CANARY, assert_plain};

pub fn check(bytes: &[u8]) {
    // A file that is no text is refused before it is parsed.
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    assert_key_source(text);
    let files = files(text);
    match Sources::of_texts(DIR.as_ref(), &files).check() {
        Ok(config) => assert_keeps_its_rules(&config, &files),
        Err(errors) => {
            assert_places(&errors, &files);
            assert_hides_nothing(&errors, &files);
        }
    }
}

const DIR: &str = "/etc/patd";

type File<'t> = (&'t str, &'t str);

fn files(text: &str) -> Vec<File<'_>> {
    let mut sections = text.split("=== ");
    let main = sections.next().filter(|main| !main.is_empty());
    let mut files: Vec<File<'_>> = main.map(|main| ("patd.toml", main)).into_iter().collect();
    for section in sections {
        let (name, text) = section.split_once('\n').unwrap_or((section, ""));
        let is_first = !files.iter().any(|(other, _)| *other == name);
        if NAMES.contains(&name) && is_first {
            files.push((name, text));
        }
    }
    // Without it nothing is parsed.
    if !files.iter().any(|(name, _)| *name == NAMES[0]) {
        files.push((NAMES[0], ""));
    }
    files
}

const NAMES: [&str; 5] = [
    "patd.toml",
    "accounts.d/one.toml",
    "accounts.d/two.toml",
    "users.d/one.toml",
    "users.d/two.toml",
];

/// Of each fault a person finds the place and the next step; nothing in it steers a terminal or is a secret.
fn assert_places(errors: &ConfigErrors, files: &[File<'_>]) {
    assert!(!errors.faults.is_empty(), "refused without a fault");
    assert!(errors.faults.is_sorted(), "faults in no order");
    let may_show = files.iter().any(|(_, text)| shows_canary(text));
    for (fault, line) in errors.faults.iter().zip(errors.lines()) {
        assert_plain(&line);
        assert!(!fault.what.is_empty() && !fault.next_step.is_empty(), "{line}");
        assert!(may_show || !line.contains(CANARY), "a secret is shown: {line}");
        assert_place(fault, files);
    }
}

fn assert_place(fault: &Fault, files: &[File<'_>]) {
    let named = files.iter().find(|(name, _)| fault.file == Path::new(DIR).join(name));
    match (named, fault.line) {
        (Some((_, text)), Some(line)) => {
            let lines = text.split('\n').count();
            assert!((1..=lines).contains(&line), "line {line} of {lines}: {fault}");
        }
        (_, None) => assert!(is_an_absence(fault), "no line: {fault}"),
        (None, Some(_)) => panic!("a line of no file: {fault}"),
    }
}

/// What is not there has no line; nor has the account of a file that has only `[provision]` of it.
fn is_an_absence(fault: &Fault) -> bool {
    ["is missing", "no account is configured", "there is an [account] here"]
        .iter()
        .any(|absent| fault.what.contains(absent))
}

/// Whether the canary stands where a message may repeat it: in a key, or in a value that is no secret and has a key that
/// is known. What is no TOML is never repeated.
fn shows_canary(text: &str) -> bool {
    let Ok(table) = text.parse::<toml::Table>() else { return false };
    repeats_canary(&Value::Table(table), "", false)
}

fn repeats_canary(value: &Value, key: &str, is_in_env: bool) -> bool {
    match value {
        Value::Table(table) => table.iter().any(|(name, value)| {
            name.contains(CANARY) || repeats_canary(value, name, is_in_env || key == "env")
        }),
        Value::Array(items) => items.iter().any(|item| repeats_canary(item, key, is_in_env)),
        Value::String(text) => {
            let is_told = is_in_env || REPEATED.contains(&key) || names_a_key(key, text);
            text.contains(CANARY) && is_told
        }
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => false,
    }
}

/// Where a key is kept is no secret; a key itself that was put there is.
fn names_a_key(key: &str, text: &str) -> bool {
    let is_place =
        ["systemd-credential:", "keyring:", "file:"].iter().any(|at| text.starts_with(at));
    ["key", "root_key"].contains(&key) && is_place
}

/// Every key that is known but `proxy`, `key` and `root_key`.
const REPEATED: [&str; 35] = [
    "account",
    "admin_group",
    "audit",
    "authentication_policy",
    "bar_persons",
    "blocked_roles",
    "ca_file",
    "connection",
    "database",
    "database_roles",
    "deliver",
    "entry_form",
    "freeze_on",
    "gate",
    "gate_group",
    "groups",
    "home",
    "host",
    "name",
    "network",
    "network_evaluation",
    "network_policy",
    "other_brokers",
    "privileges",
    "protocol",
    "role",
    "run_as",
    "schema",
    "strategy",
    "targets",
    "units",
    "user",
    "users",
    "warehouse",
    "window",
];

/// The faults within one file are told, whatever is wrong with another one.
fn assert_hides_nothing(errors: &ConfigErrors, files: &[File<'_>]) {
    if files.iter().any(|(name, _)| *name == "users.d/two.toml") {
        return;
    }
    let mut more = files.to_vec();
    more.push(("users.d/two.toml", "connection = 1\n= no TOML\n"));
    let told =
        Sources::of_texts(DIR.as_ref(), &more).check().expect_err("a broken file was accepted");
    let lost: Vec<_> = errors.faults.iter().filter(|fault| !told.faults.contains(fault)).collect();
    assert!(lost.is_empty(), "not told any more: {lost:?}");
    let broken = PathBuf::from(DIR).join("users.d/two.toml");
    assert!(told.faults.iter().any(|fault| fault.file == broken), "the broken file is not told of");
}

fn assert_keeps_its_rules(config: &Config, files: &[File<'_>]) {
    let again = Sources::of_texts(DIR.as_ref(), files).check();
    assert_eq!(again.as_ref(), Ok(config), "the same texts are the same configuration");
    assert!(!config.accounts.is_empty(), "no account");
    let shown = format!("{config:?}");
    assert!(
        files.iter().any(|(_, text)| shows_canary(text)) || !shown.contains(CANARY),
        "Debug shows a secret"
    );
    for (id, slot) in &config.slots {
        assert!(config.accounts.contains_key(&id.account), "a slot of no account");
        assert!((1..=365).contains(&slot.days_to_expiry), "{slot:?}");
        assert!(slot.drain_min <= slot.drain_max && slot.drain_max <= 86_400, "{slot:?}");
    }
    for account in config.accounts.values() {
        let is_here = ["localhost", "::1"].contains(&account.host.as_str())
            || account.host.starts_with("127.")
            || account.host.ends_with(".localhost");
        assert!(account.tls || is_here, "secrets would go out unencrypted to {}", account.host);
        assert_ne!(account.admin.key, config.root_key, "one key for both");
        let role = &account.admin.role;
        assert!(
            config.slots.values().all(|slot| slot.role != *role),
            "the broker's role is handed out"
        );
    }
    for entry in &config.entries {
        assert!(
            config.slots.contains_key(&entry.slot)
                && config.connections.contains_key(&entry.connection)
        );
        assert!(!entry.deliver.is_empty(), "an entry without a delivery");
        let name = entry.connection.as_str();
        assert!(
            name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)),
            "{name:?}"
        );
    }
    assert_eq!(config.entries.len(), config.connections.len(), "a connection has two entries");
}

/// A source is written as it is read, and a key pasted there is not repeated.
fn assert_key_source(text: &str) {
    for line in text.lines() {
        match line.parse::<KeySource>() {
            Ok(source) => {
                assert_eq!(source.to_string().parse().as_ref(), Ok(&source), "{source}");
                assert_plain(&source.to_string());
            }
            Err(not) => assert!(not.to_string().len() < 100 && !not.to_string().contains(CANARY)),
        }
    }
}
