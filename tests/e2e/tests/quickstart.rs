//! The first command a new user types: it works, it ends as it should, it fails where it must, it leaves nothing.

use std::path::PathBuf;
use std::process::{Command, Output};

use e2e::{client_program, quickstart, said};
use tempfile::TempDir;
use world::{ROLE, USER};

#[test]
fn the_tour_shows_a_login_a_rotation_and_the_status_and_leaves_nothing() {
    let temporary = tempfile::tempdir().unwrap();

    let output = quickstart(temporary.path()).output().unwrap();

    assert!(output.status.success(), "{}", said(&output));
    let said = String::from_utf8(output.stdout).unwrap();
    for shown in [USER, ROLE, "secondary roles", "login history", "generation 2", "CONNECTION"] {
        assert!(said.contains(shown), "{shown} is not in:\n{said}");
    }
    assert_eq!(left_in(&temporary), Vec::<PathBuf>::new());
}

#[test]
fn a_login_that_lands_in_another_role_makes_the_tour_fail() {
    let temporary = tempfile::tempdir().unwrap();

    let output = quickstart(temporary.path()).args(["--simulate-role", "PUBLIC"]).output().unwrap();

    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("quickstart failed"), "{}", said(&output));
    assert_eq!(left_in(&temporary), Vec::<PathBuf>::new());
}

#[test]
fn a_command_ends_the_quickstart_with_its_own_exit_code() {
    let temporary = tempfile::tempdir().unwrap();

    for code in [0, 7] {
        let script = format!("exit {code}");
        let output = quickstart(temporary.path()).args(["--", "/bin/sh", "-c", &script]).output();
        assert_eq!(output.unwrap().status.code(), Some(code));
    }

    assert_eq!(left_in(&temporary), Vec::<PathBuf>::new());
}

#[test]
fn a_command_that_was_killed_ends_it_as_a_shell_would() {
    let temporary = tempfile::tempdir().unwrap();

    let output = quickstart(temporary.path()).args(["--", "/bin/sh", "-c", "kill -9 $$"]).output();

    assert_eq!(output.unwrap().status.code(), Some(128 + 9));
}

#[test]
fn a_command_works_as_the_service_user_by_either_delivery() {
    for deliver in ["home", "env"] {
        let temporary = tempfile::tempdir().unwrap();
        let mut command = quickstart(temporary.path());
        command.args(["--deliver", deliver, "--"]).arg(client_program());

        let output = with_input(command, b"connect\n");

        assert!(output.status.success(), "{}", said(&output));
        let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((answer["user"].as_str(), answer["role"].as_str()), (Some(USER), Some(ROLE)));
    }
}

#[test]
fn what_is_to_be_kept_is_kept_and_named() {
    let temporary = tempfile::tempdir().unwrap();

    let output = quickstart(temporary.path()).args(["--keep", "--", "/bin/true"]).output().unwrap();

    assert!(output.status.success(), "{}", said(&output));
    let kept = left_in(&temporary);
    assert_eq!(kept.len(), 1);
    assert!(said(&output).contains(kept[0].to_str().unwrap()), "{}", said(&output));
}

fn with_input(mut command: Command, input: &[u8]) -> Output {
    use std::io::Write;
    use std::process::Stdio;
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

fn left_in(temporary: &TempDir) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(temporary.path()).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}
