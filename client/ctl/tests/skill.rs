//! The Cortex skill that is shipped: every command in it is one that patctl knows, looks before it changes, and
//! says yes for nobody.

#![expect(clippy::unwrap_used, reason = "a test's world that cannot be built fails the test")]

use std::path::Path;
use std::process::Command;

fn skill() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging/skill/SKILL.md");
    std::fs::read_to_string(path).unwrap()
}

/// The commands of each fenced block.
fn blocks() -> Vec<Vec<String>> {
    let text = skill();
    let fenced = text.split("```").skip(1).step_by(2);
    fenced.map(|block| block.trim().lines().map(str::to_owned).collect()).collect()
}

/// Splits as a shell would what the skill holds: words and double quotes.
fn words(command: &str) -> Vec<String> {
    let pieces = command.split('"').enumerate();
    let words = pieces.flat_map(|(at, piece)| match at % 2 {
        0 => piece.split_whitespace().map(str::to_owned).collect::<Vec<_>>(),
        _ => vec![piece.to_owned()],
    });
    words.collect()
}

#[test]
fn patctl_knows_every_command_with_every_option() {
    let commands: Vec<String> = blocks().concat();
    assert!(commands.len() > 10, "{commands:?}");
    for command in commands {
        let words = words(&command);
        let (program, arguments) = words.split_first().unwrap();
        assert_eq!(program, "patctl", "{command}");

        // Asked for at the end, help comes only where all before it was understood.
        let output =
            Command::new(env!("CARGO_BIN_EXE_patctl")).args(arguments).arg("--help").output();

        let output = output.unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{command}: {said}");
        let verb = format!("patctl {}", arguments.first().unwrap());
        let help = String::from_utf8_lossy(&output.stdout);
        assert!(help.contains(&verb), "{command}: {help}");
    }
}

#[test]
fn an_unknown_option_would_be_noticed() {
    let output =
        Command::new(env!("CARGO_BIN_EXE_patctl")).args(["verify", "--fast", "--help"]).output();

    assert_eq!(output.unwrap().status.code(), Some(64));
}

#[test]
fn it_looks_before_it_changes_and_says_yes_for_nobody() {
    for block in blocks() {
        let at = |wanted: &str| block.iter().position(|command| command.starts_with(wanted));
        if let Some(apply) = at("patctl apply") {
            assert!(at("patctl plan").is_some_and(|plan| plan < apply), "{block:?}");
        }
        for changing in ["patctl destroy", "patctl manifest replay"] {
            if let Some(first) = at(changing) {
                assert!(block[first].contains(" --plan "), "{block:?}");
            }
        }
        for command in &block {
            assert!(!command.contains("--yes") && !command.contains("--confirm"), "{command}");
        }
    }
}

#[test]
fn it_has_a_name_and_says_when_to_use_it() {
    let text = skill();
    let (front, body) = text.strip_prefix("---\n").unwrap().split_once("\n---\n").unwrap();

    assert!(front.lines().any(|line| line == "name: pat-broker"));
    assert!(front.lines().any(|line| line.starts_with("description: ") && line.len() < 1024));
    for task in ["Create a PAT", "Rotate", "Verify", "Clean up", "Replay"] {
        assert!(body.contains(&format!("\n## {task}")), "{task}");
    }
}
