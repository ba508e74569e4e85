//! The verbs that ask the daemon: what is sent, what is shown, how it ends.

#![expect(clippy::unwrap_used, reason = "a test's world that cannot be built fails the test")]

mod world;

use std::fs::File;
use std::io::Read;

use pat_wire::admin::{
    DaemonStatus, Enrolled, Explanation, LogPage, Problem, Revoked, Rotated, SlotStatus, Status,
};
use pat_wire::error::{ErrorCode, ErrorReply};
use pat_wire::provision::Watched;
use serde_json::{Value, json};

use world::{Asked, World};

fn asked(what: &str, body: Value) -> Vec<Asked> {
    vec![Asked { what: what.to_owned(), body }]
}

fn problem(id: &str, message: &str, next_step: &str) -> Problem {
    Problem {
        id: id.to_owned(),
        subject: "MYORG-MYACCOUNT/MIGUEL_CLI".to_owned(),
        message: message.to_owned(),
        next_step: next_step.to_owned(),
    }
}

fn status() -> Status {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let now = i64::try_from(now.as_secs()).unwrap();
    Status {
        daemon: DaemonStatus {
            version: "0.1.0".to_owned(),
            pid: 4711,
            started_at: now - 3 * 3_600 - 30,
            host_id: "AB12CD34".to_owned(),
            peer_tier: "pidfs".to_owned(),
            passed_files: "refused".to_owned(),
            memory: "locked".to_owned(),
            root_key: "file /x (anyone who can read this disk)".to_owned(),
            config_owner: "root".to_owned(),
        },
        slots: vec![SlotStatus {
            slot: "MYORG-MYACCOUNT/MIGUEL_CLI".to_owned(),
            connections: vec!["miguel_cli".to_owned(), "reports".to_owned()],
            role: "MIGUEL_CLI_ROLE".to_owned(),
            state: "serving".to_owned(),
            generation: Some(3),
            expires_at: Some(now + 6 * 86_400 + 23 * 3_600 + 1_800),
            due_at: Some(now + 3 * 86_400 + 11 * 3_600 + 1_800),
            leases: 2,
            leases_on_older: 1,
            problem: None,
        }],
        inert: vec![],
        held_up: vec![],
        alarms: vec![],
        self_check: Vec::new(),
        watched: Vec::new(),
    }
}

#[test]
fn what_the_daemon_found_at_its_start_is_shown_and_is_no_alarm() {
    let world = World::new();
    let mut found = status();
    found.self_check = vec![problem("admin-socket", "open to every user", "SocketMode=0660")];
    let daemon = world.daemon(200, json!(found), 1);

    let shown = world.patctl(&["status"]);

    assert_eq!(daemon.asked().len(), 1);
    assert_eq!(shown.exit, 0, "{shown:?}");
    let lines = "Found by the daemon at its start\n  MYORG-MYACCOUNT/MIGUEL_CLI: open to every user [admin-socket]\n    next: SocketMode=0660\n";
    assert!(shown.out.contains(lines), "{}", shown.out);
}

#[test]
fn status_is_a_table_with_times_as_people_say_them() {
    let world = World::new();
    let daemon = world.daemon(200, json!(status()), 1);

    let shown = world.patctl(&["status"]);

    assert_eq!(daemon.asked(), asked("GET /v1/status", Value::Null));
    assert_eq!((shown.exit, shown.err.as_str()), (0, ""));
    let expected = "\
patd 0.1.0, pid 4711, up 3 h, host AB12CD34
root key: file /x (anyone who can read this disk)
configuration: owned by root; peers identified by pidfs, passed files refused; memory locked

CONNECTION           SLOT                        ROLE             STATE    GEN  EXPIRES      NEXT ROTATION  LEASES
miguel_cli, reports  MYORG-MYACCOUNT/MIGUEL_CLI  MIGUEL_CLI_ROLE  serving  3    in 6 d 23 h  in 3 d 11 h    2 (1 on older tokens)
";
    assert_eq!(shown.out, expected);
}

#[test]
fn status_says_how_the_pattern_stands_once_it_was_looked_at() {
    let world = World::new();
    let mut status = status();
    let watched = |account: &str, looked_at| Watched {
        account: account.to_owned(),
        looked_at,
        failed: 1,
        not_checked: 12,
        admin_key: None,
    };
    let minutes_ago = status.daemon.started_at + 3 * 3_600 + 30 - 300;
    status.watched = vec![watched("MYORG-MYACCOUNT", Some(minutes_ago)), watched("NEW", None)];
    let daemon = world.daemon(200, json!(status), 1);

    let shown = world.patctl(&["status"]);

    assert_eq!(daemon.asked().len(), 1);
    let line = shown.out.lines().last().unwrap();
    assert!(line.starts_with("pattern of MYORG-MYACCOUNT: seen 5 min"), "{line}");
    assert!(line.ends_with("ago, 1 failed, 12 not checked (patctl drift)"), "{line}");
}

#[test]
fn status_with_alarms_ends_with_2_and_names_the_next_step() {
    let world = World::new();
    let mut status = status();
    status.slots[0].problem = Some(problem("offline", "no route to Snowflake", ""));
    status.alarms = vec![problem("probe-wrong-role", "it logged in as PUBLIC", "check the grants")];
    status.inert = vec![problem("no-account", "there is no local user \"ghost\"", "create it")];
    let daemon = world.daemon(200, json!(status), 2);

    let shown = world.patctl(&["status"]);
    let as_json = world.patctl(&["status", "--json"]);

    assert_eq!(daemon.asked().len(), 2);
    assert_eq!((shown.exit, as_json.exit), (2, 2));
    assert!(
        shown
            .out
            .contains("Problems\n  MYORG-MYACCOUNT/MIGUEL_CLI: no route to Snowflake [offline]\n")
    );
    assert!(shown.out.contains("Not serving yet\n"));
    let alarm = "Alarms\n  MYORG-MYACCOUNT/MIGUEL_CLI: it logged in as PUBLIC [probe-wrong-role]\n    next: check the grants\n";
    assert!(shown.out.ends_with(alarm), "{}", shown.out);
    assert_eq!(serde_json::from_value::<Status>(as_json.json()).unwrap(), status);
}

#[test]
fn colours_are_for_terminals_and_for_those_who_want_them() {
    for (no_color, coloured) in [("", true), ("1", false)] {
        let world = World::new();
        let daemon = world.daemon(200, json!(status()), 1);
        let terminal = nix::pty::openpty(None, None).unwrap();
        let mut command = world.command(&["status"]);
        command.env("NO_COLOR", no_color).stdout(terminal.slave);

        let exit = command.status().unwrap();
        drop(command);

        let mut shown = String::new();
        // A terminal whose other end is closed ends with EIO, after what was written.
        let _ended = File::from(terminal.master).read_to_string(&mut shown);
        assert_eq!(daemon.asked().len(), 1);
        assert!(exit.success() && shown.contains("serving"), "{shown}");
        assert_eq!(shown.contains("\u{1b}[32mserving\u{1b}[0m"), coloured, "{shown:?}");
    }
}

#[test]
fn what_a_server_says_cannot_steer_the_terminal() {
    let world = World::new();
    let mut status = status();
    status.alarms = vec![problem("add-refused", "x\u{1b}[2Jy\u{7}", "a\nb")];
    let daemon = world.daemon(200, json!(status), 1);

    let shown = world.patctl(&["status"]);

    assert_eq!(daemon.asked().len(), 1);
    assert!(!shown.out.chars().any(|letter| letter.is_control() && letter != '\n'));
    assert!(shown.out.contains("next: a\u{fffd}b\n"));
}

#[test]
fn a_taint_is_sent_and_its_effect_is_said() {
    let world = World::new();
    let rotated = Rotated { slot: "A/U".to_owned(), from: Some(3), to: 4, leases_on_older: 2 };
    let daemon = world.daemon(200, json!(rotated), 2);

    let plain = world.patctl(&["rotate", "miguel_cli"]);
    let tainted = world.patctl(&["rotate", "miguel_cli", "--taint", "seen in a CI log"]);

    let asked = daemon.asked();
    assert_eq!(asked[0].body, json!({ "connection": "miguel_cli" }));
    assert_eq!(asked[1].body, json!({ "connection": "miguel_cli", "taint": "seen in a CI log" }));
    assert_eq!((plain.exit, tainted.exit), (0, 0));
    assert_eq!(
        plain.out,
        "A/U: generation 4 is served in place of 3\n2 leases on older ones: their token goes when the holders have moved\n"
    );
    assert!(tainted.out.ends_with("the tainted token is removed at once, whoever holds it\n"));
}

#[test]
fn revoke_takes_a_connection_or_a_user_or_all_and_nothing_else() {
    for (args, body) in [
        (&["revoke", "miguel_cli"][..], json!({ "connection": "miguel_cli" })),
        (&["revoke", "--user", "MIGUEL_CLI"], json!({ "user": "MIGUEL_CLI" })),
        (&["revoke", "--all"], json!("all")),
    ] {
        let world = World::new();
        let revoked = Revoked { confirmed: vec!["A/U".to_owned()], pending: vec![] };
        let daemon = world.daemon(200, json!(revoked), 1);

        let shown = world.patctl(args);

        assert_eq!(daemon.asked(), asked("POST /v1/revoke", body));
        assert_eq!(shown.exit, 0);
        assert!(shown.out.contains("A/U: revoked; Snowflake has none of its tokens\n"));
    }
    for args in [&["revoke"][..], &["revoke", "a", "--all"], &["revoke", "--user", "U", "--all"]] {
        assert_eq!(World::new().patctl(args).exit, 64);
    }
}

#[test]
fn a_user_that_is_gone_is_forgotten_by_name_and_never_by_a_connection() {
    let world = World::new();
    let forgotten = Revoked { confirmed: vec!["A/U".to_owned()], pending: vec![] };
    let daemon = world.daemon(200, json!(forgotten), 1);

    let shown = world.patctl(&["revoke", "--user", "U", "--gone"]);

    assert_eq!(daemon.asked(), asked("POST /v1/revoke", json!({ "gone": "U" })));
    assert_eq!((shown.exit, shown.out.as_str()), (0, "A/U: forgotten; Snowflake was not asked\n"));
    for args in [&["revoke", "a", "--gone"][..], &["revoke", "--all", "--gone"]] {
        assert_eq!(World::new().patctl(args).exit, 64);
    }
}

#[test]
fn a_revocation_that_is_not_confirmed_ends_with_2_and_says_what_to_do_now() {
    let world = World::new();
    let revoked = Revoked { confirmed: vec![], pending: vec!["A/U".to_owned()] };
    let daemon = world.daemon(200, json!(revoked), 1);

    let shown = world.patctl(&["revoke", "--all"]);

    assert_eq!(daemon.asked().len(), 1);
    assert_eq!(shown.exit, 2);
    assert!(shown.out.contains("not yet confirmed gone"));
    assert!(shown.out.contains("ALTER USER … SET DISABLED = TRUE"));
}

#[test]
fn enrol_shows_the_generation_that_is_served() {
    let world = World::new();
    let daemon = world.daemon(200, json!(Enrolled { slot: "A/U".to_owned(), generation: 5 }), 1);

    let shown = world.patctl(&["enrol", "miguel_cli"]);

    assert_eq!(daemon.asked(), asked("POST /v1/enrol", json!({ "connection": "miguel_cli" })));
    assert_eq!((shown.exit, shown.out.as_str()), (0, "A/U: generation 5 is served\n"));
}

#[test]
fn explain_takes_a_name_or_a_uid_and_shows_the_cause() {
    let world = World::new();
    let explanation = Explanation {
        allowed: false,
        reason: "no entry matches".to_owned(),
        next_step: "add the user to an entry".to_owned(),
        selectors: vec!["unix:uid:0".to_owned()],
        entries: vec!["miguel_cli: unix:uid:1001 is not among them".to_owned()],
    };
    let daemon = world.daemon(200, json!(explanation), 2);

    let by_name = world.patctl(&["explain", "--uid", "root", "miguel_cli"]);
    let by_uid = world.patctl(&["explain", "--uid", "0", "--json"]);

    let heard = daemon.asked();
    assert_eq!(heard[0].body, json!({ "uid": 0, "connection": "miguel_cli" }));
    assert_eq!(heard[1].body, json!({ "uid": 0 }));
    assert_eq!((by_name.exit, by_uid.exit), (1, 1));
    let expected = "\
uid 0 (root), miguel_cli: would be refused
  no entry matches
  next: add the user to an entry

selectors: unix:uid:0
entry miguel_cli: unix:uid:1001 is not among them
";
    assert_eq!(by_name.out, expected);
    assert_eq!(serde_json::from_value::<Explanation>(by_uid.json()).unwrap(), explanation);
    assert_eq!(world.patctl(&["explain", "--uid", "no-such-account"]).exit, 64);
}

#[test]
fn log_shows_one_record_a_line() {
    let world = World::new();
    let record =
        r#"{"seq":1,"at":"2026-11-22T10:00:00Z","boot":"x","event":"start","version":"0.1.0"}"#;
    let daemon = world.daemon(200, json!(LogPage { records: vec![record.to_owned()] }), 2);

    let shown = world.patctl(&["log", "-n", "5"]);
    let as_json = world.patctl(&["log", "--json"]);

    let heard = daemon.asked();
    assert_eq!((&heard[0].body, &heard[1].body), (&json!({ "limit": 5 }), &json!({ "limit": 20 })));
    assert_eq!(shown.out, "2026-11-22T10:00:00Z  start          version=0.1.0\n");
    assert_eq!(as_json.json()["records"][0]["seq"], 1);
    assert_eq!(world.patctl(&["log", "-n", "1001"]).exit, 64);
}

#[test]
fn a_refusal_ends_with_77_and_another_no_with_1() {
    let no = |code, message: &str, next_step: &str| ErrorReply {
        code,
        message: message.to_owned(),
        next_step: next_step.to_owned(),
        connections: vec![],
    };
    for (status, reply, exit, said) in [
        (
            403,
            no(ErrorCode::Refused, "refused", ""),
            77,
            "patctl: refused; the admin socket serves root and the members of its group (patd-admin)\n",
        ),
        (
            404,
            no(ErrorCode::UnknownConnection, "no connection \"x\"", "see: patctl status"),
            1,
            "patctl: no connection \"x\"; see: patctl status\n",
        ),
        (
            502,
            no(ErrorCode::Upstream, "003001: no privilege", "patctl bootstrap"),
            1,
            "patctl: 003001: no privilege; patctl bootstrap\n",
        ),
    ] {
        let world = World::new();
        let daemon = world.daemon(status, json!(reply), 2);

        let shown = world.patctl(&["rotate", "x"]);
        let as_json = world.patctl(&["rotate", "x", "--json"]);

        assert_eq!(daemon.asked().len(), 2);
        assert_eq!((shown.exit, shown.err.as_str(), shown.out.as_str()), (exit, said, ""));
        assert_eq!((as_json.exit, as_json.err.as_str()), (exit, ""));
        assert_eq!(as_json.json()["code"], json!(reply.code));
        assert_eq!(as_json.json()["error"], reply.message);
    }
}

#[test]
fn without_a_daemon_every_question_ends_with_69_and_the_next_step() {
    let world = World::new();
    for args in [
        &["status"][..],
        &["rotate", "x"],
        &["revoke", "--all"],
        &["enrol", "x"],
        &["explain", "--uid", "0"],
        &["log"],
    ] {
        let shown = world.patctl(args);

        let socket = world.path("admin.sock");
        let said = format!(
            "patctl: no broker at {}; try: systemctl status patd.socket\n",
            socket.display()
        );
        assert_eq!((shown.exit, shown.err), (69, said), "{args:?}");
    }
    let as_json = world.patctl(&["status", "--json"]).json();
    assert_eq!(as_json["next_step"], "try: systemctl status patd.socket");
}

#[test]
fn an_answer_that_cannot_be_written_is_said_to_be_lost() {
    let world = World::new();
    let _daemon = world.daemon(200, json!(status()), 1);
    let full = File::options().write(true).open("/dev/full").unwrap();

    let ended = world.command(&["status"]).stdout(full).output().unwrap();

    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(said.starts_with("patctl: the answer could not be written ("), "{said}");
}
