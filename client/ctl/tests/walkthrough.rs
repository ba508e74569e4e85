//! The page for those who come from doing it by hand or from snow-utils-pat: every step and every feature has its row,
//! and every command in it is one that patctl knows.

#![expect(clippy::unwrap_used, reason = "a test's world that cannot be built fails the test")]

mod world;

use std::path::Path;
use std::process::Command;

use world::{Shown, World};

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

/// As it stands, on a host that has a configuration and no daemon: what is refused as it is typed is taken with the
/// session that the page says to add, and only what the page says that of.
#[test]
fn each_command_of_the_tables_can_be_typed() {
    let world = World::with_config();
    let manifest = world.path("FILE").display().to_string();
    assert_eq!(world.patctl(&["manifest", "export", &manifest, "--offline"]).exit, 0);
    let text = page();
    let (_, note) = text.split_once("\n## By hand\n\n").unwrap();
    let note = note.split("\n\n").next().unwrap();
    let (mut typed, mut with_a_session) = (0, 0);
    for row in text.lines().filter(|line| line.starts_with("| ")) {
        let code = row.split('`').skip(1).step_by(2);
        for command in code.filter(|code| code.starts_with("patctl ")) {
            let exit = world.types(command, &[]);
            typed += 1;
            if exit == USAGE {
                assert_eq!(world.types(command, &SESSION), NO_KEY, "{command}");
                let verb = |code: &str| code.trim_end_matches(" ID").to_owned();
                assert!(
                    named(note).any(|code| command.starts_with(&verb(code))),
                    "{command}: {note}"
                );
                with_a_session += 1;
            }
        }
    }
    assert!(typed > 40 && with_a_session >= 6, "{typed} {with_a_session}");
}

/// What the note above the tables says needs a session.
fn named(note: &str) -> impl Iterator<Item = &str> {
    note.split('`').skip(1).step_by(2).filter(|code| code.starts_with("patctl "))
}

impl World {
    fn types(&self, command: &str, more: &[&str]) -> i32 {
        let words = words(&command.replace("--account ACCOUNT", "--account MYORG-MYACCOUNT"));
        let words: Vec<&str> =
            words.iter().skip(1).map(String::as_str).chain(more.iter().copied()).collect();
        // Nobody's own snow is started.
        let mut command = self.command(&words);
        command.env("PATH", "").current_dir(self.path("."));
        Shown::of(command.output().unwrap()).exit
    }
}

const USAGE: i32 = 64;
/// It was understood, and then there was no such key.
const NO_KEY: i32 = 1;
const SESSION: [&str; 4] = ["--as", "USER", "--key-file", "none.p8"];

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
