//! The page for those who come from doing it by hand or from snow-utils-pat: every step and every feature has its row,
//! and every command in it is one that patctl knows.

#![expect(clippy::unwrap_used, reason = "a test's world that cannot be built fails the test")]

use std::path::Path;
use std::process::Command;

#[test]
fn patctl_knows_every_command_with_every_option() {
    let text = page();
    let commands: Vec<&str> =
        text.split('`').skip(1).step_by(2).filter(|code| code.starts_with("patctl ")).collect();
    assert!(commands.len() > 40, "{commands:?}");
    for command in commands {
        let words = words(command);

        // Asked for at the end, help comes only where all before it was understood.
        let mut patctl = Command::new(env!("CARGO_BIN_EXE_patctl"));
        let output = patctl.args(words.iter().skip(1)).arg("--help").output().unwrap();

        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{command}: {said}");
        let help = String::from_utf8_lossy(&output.stdout);
        assert!(help.contains(&format!("patctl {}", words.get(1).unwrap())), "{command}: {help}");
    }
}

#[test]
fn every_key_it_names_is_in_the_manual() {
    let manual = file("packaging/man/patd.toml.5").replace('\\', "");
    let text = page();
    let pieces: Vec<&str> = text.split('`').collect();
    let keys = pieces.windows(3).filter(|around| {
        let after = around.last().unwrap();
        after.starts_with(" in [provision]")
    });
    let keys: Vec<&str> = keys.filter_map(|around| around.get(1).copied()).collect();

    assert!(keys.len() > 6, "{keys:?}");
    for key in keys {
        assert!(manual.contains(key), "{key}");
    }
}

#[test]
fn every_step_by_hand_and_every_feature_has_its_row() {
    let text = page();
    let (by_hand, skill) = text.split_once("\n## snow-utils-pat").unwrap();
    let has_row = |table: &str, words: &str| {
        table.lines().any(|line| line.starts_with("| ") && line.contains(words))
    };
    for step in [
        "narrow role",
        "service user |",
        "grant of the role",
        "FOR ALL PERSON USERS",
        "FOR ALL SERVICE USERS",
        "network rule and policy",
        "ADD PROGRAMMATIC ACCESS TOKEN",
        "connections.toml",
        "audit",
        "managed settings",
    ] {
        assert!(has_row(by_hand, step), "{step}");
    }
    for feature in [
        "check-setup",
        "create",
        "--dry-run",
        "--default-expiry-days",
        "--max-expiry-days",
        "--pat-name",
        "--allow-local",
        "--allow-gh",
        "--allow-google",
        "--extra-cidrs",
        "--skip-network",
        "--env-path",
        "--dot-env-file",
        "--output json",
        "--admin-role",
        "--comment",
        "snow sql",
        "rotate",
        "verify",
        "remove",
        "--pat-only",
        "--drop-user",
        "rule create",
        "policy assign",
        "manifest: written",
        "resume",
        "replay",
        "replay-all",
        "ADAPT",
        "import",
        "collision",
    ] {
        assert!(has_row(skill, feature), "{feature}");
    }
}

#[test]
fn no_row_lacks_what_does_it_here() {
    for row in page().lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        assert_eq!(cells.len(), 3, "{row}");
        assert!(cells.last().is_some_and(|here| here.len() > 3), "{row}");
    }
}

fn page() -> String {
    file("docs/walkthrough.md")
}

fn file(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)).unwrap()
}

/// Splits as a shell would what the page holds: words and double quotes.
fn words(command: &str) -> Vec<String> {
    let pieces = command.split('"').enumerate();
    let words = pieces.flat_map(|(at, piece)| match at % 2 {
        0 => piece.split_whitespace().map(str::to_owned).collect::<Vec<_>>(),
        _ => vec![piece.to_owned()],
    });
    words.collect()
}
