//! What a person sees of a running daemon: the status on a terminal, again and again, and across a restart.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use e2e::Terminal;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use world::{CONNECTION, World};

#[test]
fn the_status_is_coloured_on_a_terminal_that_has_colours_and_nobody_refused() {
    let world = World::running();
    for (no_color, term, coloured) in
        [("", "xterm-256color", true), ("1", "xterm-256color", false), ("", "dumb", false)]
    {
        let mut status = world.patctl(["status"]);
        status.env("NO_COLOR", no_color).env("TERM", term);

        let (ended, shown) = Terminal::start(&status).end();

        assert_eq!(ended.code(), Some(0), "{shown}");
        assert_eq!(shown.contains("\u{1b}[2mCONNECTION\u{1b}[0m"), coloured, "{shown:?}");
        assert_eq!(shown.contains('\u{1b}'), coloured, "{shown:?}");
    }
    let piped = world.patctl(["status"]).env("TERM", "xterm").output().unwrap();
    assert!(!piped.stdout.contains(&0x1b));
}

#[test]
fn a_watch_draws_in_place_outlives_a_restart_says_so_and_ends_at_ctrl_c() {
    let mut world = World::running();
    let mut watch = world.patctl(["status", "--watch", "1"]);
    watch.env("TERM", "xterm").env("NO_COLOR", "1");
    let mut terminal = Terminal::start(&watch);
    terminal.wait_for(CONNECTION);
    terminal.wait_for("every 1 s; Ctrl-C ends");
    terminal.wait_for("\r\u{1b}[");

    world.kill();
    terminal.wait_for("still asking");
    world.start();
    terminal.wait_for("the daemon was started anew at ");
    terminal.type_text("\u{3}");

    let (ended, shown) = terminal.end();
    assert_eq!(ended.code(), Some(0), "{shown}");
    assert!(!shown.contains("\u{1b}[2J"), "what was on the screen before stays: {shown:?}");
}

#[test]
fn a_watch_into_a_pipe_is_blocks_with_their_times_and_ends_at_a_signal() {
    let world = World::running();
    let mut watch = world.patctl(["status", "--watch", "1"]);
    let mut child = watch.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);

    let blocks: Vec<String> =
        lines.by_ref().filter(|line| line.starts_with("--- ")).take(2).collect();
    kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
    let rest: Vec<String> = lines.collect();

    assert!(blocks[0] < blocks[1], "{blocks:?}");
    assert!(blocks[0].trim_start_matches("--- ").parse::<jiff::Timestamp>().is_ok(), "{blocks:?}");
    assert!(rest.iter().any(|line| line.contains(CONNECTION)), "the block is whole: {rest:?}");
    assert!(!rest.iter().any(|line| line.contains('\u{1b}')));
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_watch_ends_quietly_when_nobody_reads_on() {
    let world = World::running();
    let patctl = world.patctl(["status", "--watch", "1"]);
    let words = patctl.get_args().map(|word| word.to_str().unwrap()).collect::<Vec<_>>().join(" ");
    let line = format!("{} {words} | head -n 1", patctl.get_program().to_str().unwrap());

    let output = Command::new("bash").args(["-o", "pipefail", "-c", &line]).output().unwrap();

    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0), "{}", e2e::said(&output));
}

#[test]
fn a_watch_without_a_daemon_says_what_the_status_says() {
    let world = World::new();
    let once = world.patctl(["status"]).output().unwrap();
    let watched = world.patctl(["status", "--watch"]).output().unwrap();
    let as_json = world.patctl(["status", "--watch", "--json"]).output().unwrap();

    assert_eq!((once.status.code(), watched.status.code()), (Some(69), Some(69)));
    assert_eq!(once.stderr, watched.stderr);
    assert_eq!(as_json.status.code(), Some(64), "{}", e2e::said(&as_json));
}
