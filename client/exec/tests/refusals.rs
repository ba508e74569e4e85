//! When there is no secret: the exit code is 125, and the text says what, where and what next.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test's world that cannot be built fails the test"
)]

mod world;

use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Output;

use pat_wire::error::{ErrorCode, ErrorReply, REFUSAL_TEXT};
use world::broker::refusal;
use world::{World, stderr, stdout};

#[test]
fn without_a_broker_the_next_step_is_named() {
    let world = World::new();
    world.broker.stop();

    let output = world.run("echo ran");

    let expected = format!(
        "pat-exec: no broker at {}; try: systemctl status patd.socket\n",
        world.broker.socket.display()
    );
    demand_own_fault(&output);
    assert_eq!(stderr(&output), expected);
}

#[test]
fn a_refusal_is_passed_on_word_for_word() {
    let world = World::new();
    world.broker.state().refusal = Some(refusal(ErrorCode::Refused, REFUSAL_TEXT));

    let output = world.run("echo ran");

    demand_own_fault(&output);
    assert_eq!(stderr(&output), format!("pat-exec: {REFUSAL_TEXT}\n"));
}

#[test]
fn a_brokers_text_makes_no_line_of_its_own() {
    let world = World::new();
    let text = "no\npat-exec: all is well\u{1b}[2J";
    world.broker.state().refusal = Some(refusal(ErrorCode::Refused, text));

    let output = world.run("echo ran");

    demand_own_fault(&output);
    let said = stderr(&output);
    assert_eq!(said.lines().count(), 1, "{said:?}");
    assert!(!said.contains('\u{1b}'), "{said:?}");
}

#[test]
fn one_of_several_connections_has_to_be_named() {
    let world = World::new();
    world.broker.state().refusal = Some(ErrorReply {
        next_step: "say which: pat-exec -c NAME".into(),
        connections: vec!["etl".into(), "miguel_cli".into()],
        ..refusal(ErrorCode::WhichConnection, "you have several connections")
    });

    let output = world.run("echo ran");

    demand_own_fault(&output);
    let text = stderr(&output);
    assert!(text.contains("several connections; say which"), "{text}");
    assert!(text.contains(": etl, miguel_cli"), "{text}");
}

#[test]
fn the_connection_is_the_wrappers_or_the_clients_own() {
    let world = World::new();
    let snow = world.scratch("snow");
    std::fs::write(&snow, "#!/bin/sh\necho \"$*\"\n").unwrap();
    std::fs::set_permissions(&snow, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();

    let own = world.wrapper().arg(&snow).args(["sql", "-c", "miguel_cli", "-x"]).output().unwrap();
    world.wrapper().args(["-c", "miguel_cli"]).arg(&snow).args(["-c", "other"]).output().unwrap();
    world.wrapper().args(["sh", "-c", "true"]).output().unwrap();

    assert_eq!(stdout(&own), "sql -c miguel_cli -x\n", "{}", stderr(&own));
    let asked = world.broker.asked("/v1/hand-out");
    let named = r#"{"connection":"miguel_cli"}"#;
    assert_eq!(asked, [named, named, "{}"]);
}

#[test]
fn a_hand_out_of_another_connection_is_not_used() {
    let world = World::new();

    let output = world.wrapper().args(["-c", "other", "echo", "ran"]).output().unwrap();

    demand_own_fault(&output);
    assert!(stderr(&output).contains("another connection"), "{}", stderr(&output));
    assert_eq!(world.homes(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn the_list_shows_the_callers_own_connections() {
    let world = World::new();

    let output = world.wrapper().arg("--list").output().unwrap();

    let expected = "CONNECTION  USER        ROLE             DELIVERY  READY\n\
                    miguel_cli  MIGUEL_CLI  MIGUEL_CLI_ROLE  home,env  yes\n";
    assert_eq!(stdout(&output), expected);
    assert!(output.status.success());
}

#[test]
fn an_answer_beyond_the_protocol_is_refused() {
    for (answer, named) in [
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "how long"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n", "too large"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}", "how long"),
        ("HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\n{}", "how long"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "not a hand-out"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{}", "longer than it says"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{}", "closed"),
        ("HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\n{}", "without its reason"),
        ("not HTTP at all\r\n\r\n", "not HTTP"),
        ("", "closed"),
    ] {
        let world = World::new();
        world.broker.stop();
        let answering = answer_once(&world.broker.socket, answer);

        let output = world.run("echo ran");

        answering.join().unwrap();
        demand_own_fault(&output);
        assert!(stderr(&output).contains(named), "{answer:?}: {}", stderr(&output));
    }
}

#[test]
fn a_head_without_an_end_is_not_read_for_ever() {
    let world = World::new();
    world.broker.stop();
    let endless = format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(10_000));
    let answering = answer_once(&world.broker.socket, &endless);

    let output = world.run("echo ran");

    answering.join().unwrap();
    assert!(stderr(&output).contains("too large"), "{}", stderr(&output));
}

#[test]
fn what_is_not_a_socket_is_not_connected_to() {
    let world = World::new();
    let link = world.scratch("link.sock");
    std::os::unix::fs::symlink(&world.broker.socket, &link).unwrap();
    let file = world.scratch("file.sock");
    std::fs::write(&file, "").unwrap();

    for path in [link, file] {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_pat-exec"))
            .arg("--socket")
            .arg(&path)
            .args(["echo", "ran"])
            .output()
            .unwrap();

        demand_own_fault(&output);
        assert!(stderr(&output).contains("is not the broker's socket"), "{}", stderr(&output));
    }
}

#[test]
fn an_empty_program_name_is_refused_before_an_argument_is_read() {
    use std::os::unix::process::CommandExt;

    // The kernel puts an empty name in the place of none (since 5.18).
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_pat-exec"))
        .arg0("")
        .arg("--version")
        .output();
    let output = output.unwrap();

    assert_eq!(output.status.code(), Some(125));
    assert!(stderr(&output).contains("without a program name"), "{}", stderr(&output));
}

fn answer_once(socket: &Path, answer: &str) -> std::thread::JoinHandle<()> {
    let listener = UnixListener::bind(socket).unwrap();
    let answer = answer.to_owned();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 4096];
        let read = stream.read(&mut request).unwrap();
        assert!(request[..read].starts_with(b"POST /v1/hand-out HTTP/1.1\r\n"));
        // It may have seen enough and gone.
        let _ = stream.write_all(answer.as_bytes());
        let _ = stream.shutdown(std::net::Shutdown::Write);
        // Not closed before it has read: a reset would take the answer along.
        let _ = stream.read(&mut request);
    })
}

fn demand_own_fault(output: &Output) {
    assert_eq!(output.status.code(), Some(125), "{}", stderr(output));
    assert_eq!(stdout(output), "");
}
