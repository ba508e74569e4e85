//! What a person sees of a running daemon: the status on a terminal, again and again, and across a restart; how far
//! something is that takes its time.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use e2e::{Admin, Terminal, said};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use world::{CONNECTION, World, own_name};

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

    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0), "{}", said(&output));
}

#[test]
fn a_watch_without_a_daemon_says_what_the_status_says() {
    let world = World::new();
    let once = world.patctl(["status"]).output().unwrap();
    let watched = world.patctl(["status", "--watch"]).output().unwrap();
    let as_json = world.patctl(["status", "--watch", "--json"]).output().unwrap();

    assert_eq!((once.status.code(), watched.status.code()), (Some(69), Some(69)));
    assert_eq!(once.stderr, watched.stderr);
    assert_eq!(as_json.status.code(), Some(64), "{}", said(&as_json));
}

#[test]
fn on_a_terminal_a_plan_and_its_steps_show_how_far_they_are_and_elsewhere_they_do_not() {
    let world = World::builder().prepare();
    world.initialise().and_then(|()| world.register(&own_name(), &[])).unwrap();
    world.sim.admin_script("CREATE WAREHOUSE WH").unwrap();
    let admin = Admin::of(&world);
    let on_terminal = |arguments: &[&str]| {
        let mut command = admin.command(&world, arguments);
        command.env("TERM", "xterm").env("NO_COLOR", "1");
        Terminal::start(&command).end()
    };

    let (planned, shown) = on_terminal(&["plan"]);
    assert_eq!(planned.code(), Some(2), "{shown}");
    assert!(shown.contains("looking at the account"), "{shown:?}");
    let (_, document) = on_terminal(&["plan", "--json"]);
    assert!(!document.contains('\u{1b}') && !document.contains("looking"), "{document:?}");
    let piped = admin.patctl(&world, &["plan"]);
    assert!(piped.stderr.is_empty(), "{}", said(&piped));

    let apply = ["apply", "--yes", "--confirm", "account-policies"];
    let (applied, shown) = on_terminal(&apply);
    assert_eq!(applied.code(), Some(0), "{shown}");
    let done = shown.matches(" … done").count();
    assert!(shown.contains(&format!("[{done}/{done}] ! ALTER ACCOUNT")), "{shown:?}");
    assert!(shown.contains("[====") && shown.contains(&format!("{done} statements done at ")));
    let bars = shown.rsplit("statements done at ").next().unwrap();
    assert!(!bars.contains("[="), "the bar is gone before the answer: {bars:?}");

    let mut json = admin.command(&world, &apply);
    let output = json.arg("--json").output().unwrap();
    assert!(output.stderr.is_empty(), "{}", said(&output));
}

#[test]
fn rotating_all_goes_on_past_one_that_fails_and_leaves_out_what_is_revoked() {
    let world = World::running();
    e2e::log_in(&world);
    let add = ["add", "absent", "--user", "ABSENT_CLI", "--role", "ABSENT_ROLE", "--for"];
    world.patctl_ok(&[&add[..], &[&own_name()]].concat());

    let failed = world.patctl(["rotate", "--all"]).output().unwrap();
    let json = world.patctl(["rotate", "--all", "--json"]).output().unwrap();
    world.patctl(["revoke", "absent"]).output().unwrap();
    let (ended, shown) =
        Terminal::start(world.patctl(["rotate", "--all"]).env("TERM", "xterm")).end();

    assert_eq!(failed.status.code(), Some(1), "{}", said(&failed));
    let text = String::from_utf8(failed.stdout).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[0].starts_with("MYORG-MYACCOUNT/ABSENT_CLI: not rotated: "), "{text}");
    assert_eq!(
        lines[1..],
        [
            "MYORG-MYACCOUNT/MIGUEL_CLI: generation 2 is served in place of 1",
            "2 slots: 1 rotated, 1 failed, 0 left out"
        ]
    );
    assert_eq!(
        String::from_utf8(failed.stderr).unwrap(),
        "[1/2] MYORG-MYACCOUNT/ABSENT_CLI … failed\n[2/2] MYORG-MYACCOUNT/MIGUEL_CLI … rotated\n",
        "who breaks it off has seen how far it was"
    );
    let json: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["rotated"][0]["to"], 3, "{json}");
    assert_eq!(json["failed"][0]["slot"], "MYORG-MYACCOUNT/ABSENT_CLI", "{json}");
    assert_eq!(ended.code(), Some(0), "{shown}");
    assert!(shown.contains("ABSENT_CLI: left out: it is revoked"), "{shown}");
    assert!(shown.contains("2 slots: 1 rotated, 0 failed, 1 left out"), "{shown}");
    assert!(shown.contains("[==========>") || shown.contains("1/2"), "{shown:?}");
    let both = world.patctl(["rotate", "miguel_cli", "--all"]).output().unwrap();
    assert_eq!(both.status.code(), Some(64), "{}", said(&both));
}
