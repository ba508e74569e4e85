//! The verbs about what was recorded: the log is proven without a daemon, shown as far as it is asked for, and nothing
//! in it can steer a terminal. And who holds what.

#![expect(clippy::unwrap_used, reason = "a test's world that cannot be built fails the test")]

mod world;

use std::fs;
use std::io::Write as _;
use std::process::Stdio;

use pat_wire::admin::{EndedLease, LeaseHolder, LeaseList, LeaseRow};
use patd_audit::{Chain, Head};
use serde_json::{Value, json};
use world::{Shown, World};

/// Writes records into files of a folder, as the daemon would, the oldest file first. Returns the last head.
fn written(world: &World, files: &[(&str, Vec<Value>)]) -> Head {
    fs::create_dir_all(world.path("audit")).unwrap();
    let mut chain = Chain::new();
    for (file, records) in files {
        let mut text = Vec::new();
        for (number, record) in records.iter().enumerate() {
            let at = format!("2026-11-22T10:00:{number:02}Z");
            let linked = chain.link(&at, "b", record).unwrap();
            chain.took(&linked);
            text.extend(linked.text);
        }
        fs::write(world.path("audit").join(file), text).unwrap();
    }
    chain.head().unwrap()
}

fn stops(count: usize) -> Vec<Value> {
    vec![json!({ "event": "stop" }); count]
}

fn verify(world: &World, more: &[&str]) -> Shown {
    let folder = world.path("audit").display().to_string();
    world.patctl(&[&["audit", "verify", "--folder", &folder], more].concat())
}

fn change(world: &World, file: &str, change: impl Fn(&mut Vec<String>)) {
    let path = world.path("audit").join(file);
    let mut lines: Vec<String> =
        fs::read_to_string(&path).unwrap().lines().map(str::to_owned).collect();
    change(&mut lines);
    fs::write(path, lines.join("\n") + "\n").unwrap();
}

#[test]
fn a_whole_log_is_proven_without_a_daemon_and_its_head_is_said() {
    let world = World::new();
    let head = written(&world, &[("audit.jsonl.1", stops(3)), ("audit.jsonl", stops(4))]);

    let shown = verify(&world, &[]);
    assert_eq!(shown.exit, 0, "{shown:?}");
    let expected = format!(
        "{}: every record follows from the one before it\nrecords 1 to 7 in 7 lines\nhead {head}\n",
        world.path("audit").display()
    );
    assert_eq!(shown.out, expected);

    let shown = verify(&world, &["--head", &head.to_string(), "--json"]);
    assert_eq!((shown.exit, &shown.json()["whole"]), (0, &true.into()));
    assert_eq!(shown.json()["heads_found"], json!([head.to_string()]));
}

#[test]
fn a_log_of_a_newer_daemon_is_proven_as_far_as_it_is_understood_and_not_called_edited() {
    let world = World::new();
    let head = written(&world, &[("audit.jsonl", stops(3))]);
    change(&world, "audit.jsonl", |lines| lines.push("{\"format\":2,\"seq\":4}".into()));

    let shown = verify(&world, &["--head", &head.to_string()]);

    assert_eq!(shown.exit, 2, "{shown:?}");
    let said = "audit.jsonl, line 4: later-format: format 2, and this patctl knows none above 1; \
                nothing was checked from here on: use a newer patctl\nrecords 1 to 3 in 4 lines\n1 head";
    assert!(shown.out.contains(said), "{}", shown.out);
    assert_eq!(verify(&world, &["--json"]).json()["fault"]["what"], "later-format");
}

#[test]
fn the_first_bad_record_is_named_with_its_file_its_number_and_what_is_wrong() {
    let edit = |lines: &mut Vec<String>| lines[1] = lines[1].replace("stop", "st0p");
    let remove = |lines: &mut Vec<String>| drop(lines.remove(1));
    let reorder = |lines: &mut Vec<String>| lines.swap(1, 2);
    let changes: [fn(&mut Vec<String>); 3] = [edit, remove, reorder];
    let found = [("edited", 2, 5), ("removed", 2, 6), ("reordered", 2, 6)];
    for (how, (word, line, seq)) in changes.into_iter().zip(found) {
        let world = World::new();
        written(&world, &[("audit.jsonl.1", stops(3)), ("audit.jsonl", stops(5))]);
        change(&world, "audit.jsonl", how);

        let (shown, as_json) = (verify(&world, &[]), verify(&world, &["--json"]));

        assert_eq!((shown.exit, as_json.exit), (1, 1), "{shown:?}");
        let path = world.path("audit/audit.jsonl");
        let begins = format!("{}, line {line}, record {seq}: {word}: ", path.display());
        assert!(shown.out.starts_with(&begins), "{}", shown.out);
        let fault = &as_json.json()["fault"];
        assert_eq!(
            (&fault["what"], &fault["seq"], &fault["line"]),
            (&word.into(), &seq.into(), &line.into())
        );
        assert_eq!(fault["file"], "audit.jsonl");
    }
}

#[test]
fn a_cut_off_tail_is_noticed_by_a_head_of_the_journal() {
    let world = World::new();
    let head = written(&world, &[("audit.jsonl", stops(5))]);
    change(&world, "audit.jsonl", |lines| lines.truncate(3));
    assert_eq!(verify(&world, &[]).exit, 0, "nothing in it tells");
    let journal = format!("Nov 22 10:00:00 host patd[7]: Audit head head={head}\nnoise\n");
    fs::write(world.path("journal"), &journal).unwrap();
    let expected = "line 3, record 3: truncated: the log ends here, and record 5 is known";

    for more in
        [["--head", &head.to_string()], ["--heads", &world.path("journal").display().to_string()]]
    {
        let shown = verify(&world, &more);
        assert!(shown.exit == 1 && shown.out.contains(expected), "{shown:?}");
    }

    let folder = world.path("audit").display().to_string();
    let mut command = world.command(&["audit", "verify", "--folder", &folder, "--heads", "-"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(journal.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains(expected));
}

#[test]
fn what_cannot_be_checked_ends_with_2_and_is_said() {
    let world = World::new();
    let first = written(&world, &[("audit.jsonl.1", stops(2))]);
    written(&world, &[("audit.jsonl.1", stops(2)), ("audit.jsonl", stops(2))]);
    fs::remove_file(world.path("audit/audit.jsonl.1")).unwrap();

    let shown = verify(&world, &["--head", &first.to_string()]);
    assert_eq!(shown.exit, 2, "{shown:?}");
    assert!(shown.out.contains("before record 3: not here, so not checked"), "{}", shown.out);
    assert!(
        shown.out.contains("1 head noted elsewhere: of before record 3, not checked"),
        "{}",
        shown.out
    );
    assert_eq!(verify(&world, &[]).exit, 0, "older files make room for newer ones");

    let old = World::new();
    fs::create_dir(old.path("audit")).unwrap();
    fs::write(old.path("audit/audit.jsonl"), "{\"seq\":1,\"event\":\"stop\"}\n").unwrap();
    let shown = verify(&old, &[]);
    assert_eq!(shown.exit, 2);
    assert!(
        shown
            .out
            .contains("1 record of an older version, without a hash: only numbers are checked"),
        "{}",
        shown.out
    );
}

#[test]
fn without_a_log_or_with_something_else_in_its_place_nothing_is_proven() {
    let world = World::new();
    fs::create_dir(world.path("audit")).unwrap();
    let shown = verify(&world, &[]);
    assert!(shown.exit == 1 && shown.err.contains("there is no audit log in"), "{shown:?}");

    fs::write(world.path("elsewhere"), "a-secret-of-another-file\n").unwrap();
    std::os::unix::fs::symlink(world.path("elsewhere"), world.path("audit/audit.jsonl")).unwrap();
    for verb in ["verify", "show"] {
        let folder = world.path("audit").display().to_string();
        let shown = world.patctl(&["audit", verb, "--folder", &folder]);
        assert_eq!(shown.exit, 1, "{shown:?}");
        assert!(!format!("{shown:?}").contains("a-secret"), "{shown:?}");
    }

    for head in ["5", "5:abc", "x:0000000000000000000000000000000000000000000000000000000000000000"]
    {
        assert_eq!(verify(&world, &["--head", head]).exit, 64, "{head}");
    }
    assert_eq!(verify(&world, &["--heads", "/dev/null"]).exit, 64, "no head is no proof");
}

#[test]
fn records_are_shown_as_they_are_asked_for() {
    let world = World::new();
    let of = |event: &str, uid: u32, connection: &str| json!({ "event": event, "subject": { "uid": uid }, "connection": connection });
    let records = vec![
        of("allow", 1_001, "a"),
        of("deny", 1_002, "a"),
        of("allow", 0, "b"),
        json!({ "event": "stop" }),
    ];
    written(&world, &[("audit.jsonl.1", records), ("audit.jsonl", stops(1))]);
    let folder = world.path("audit").display().to_string();
    let seqs = |more: &[&str]| {
        let shown =
            world.patctl(&[&["audit", "show", "--json", "--folder", &folder], more].concat());
        let records = shown.json()["records"].as_array().unwrap().clone();
        records.iter().map(|record| record["seq"].as_u64().unwrap()).collect::<Vec<_>>()
    };

    assert_eq!(seqs(&[]), [1, 2, 3, 4, 5]);
    assert_eq!(seqs(&["-n", "2"]), [4, 5]);
    assert_eq!(seqs(&["-n", "5000", "--connection", "a"]), [1, 2]);
    assert_eq!(seqs(&["--uid", "root"]), [3]);
    assert_eq!(seqs(&["--uid", "1002", "--decision", "deny"]), [2]);
    assert_eq!(seqs(&["--kind", "deny,stop"]), [2, 4, 5]);
    assert_eq!(seqs(&["--since", "2026-11-22T10:00:02Z", "--until", "2026-11-22T10:00:03Z"]), [3]);
    assert_eq!(seqs(&["--since", "2026-11-23"]), Vec::<u64>::new());
    let shown = world.patctl(&["audit", "show", "--folder", &folder, "--uid", "1002"]);
    assert_eq!(shown.out, "2026-11-22T10:00:01Z  deny           connection=a uid=1002\n");

    for wrong in [["--kind", "nonsense"], ["--since", "soon"], ["--decision", "maybe"], ["-n", "0"]]
    {
        assert_eq!(
            world.patctl(&[&["audit", "show", "--folder", &folder], &wrong[..]].concat()).exit,
            64
        );
    }
    assert_eq!(
        world.patctl(&["audit", "show", "-n", "1001"]).exit,
        64,
        "more than the daemon tells"
    );
}

#[test]
fn the_daemon_is_asked_for_what_is_wanted_and_no_more() {
    let world = World::new();
    let daemon = world.daemon(200, json!({ "records": [] }), 2);
    let shown = world.patctl(&[
        "audit",
        "show",
        "--connection",
        "a",
        "--decision",
        "allow",
        "--since",
        "1970-01-02",
    ]);
    assert_eq!((shown.exit, shown.out.as_str()), (0, "no such records\n"));
    world.patctl(&["audit", "show", "-n", "7"]);

    let heard = daemon.asked();
    let picks = json!({ "since": 86_400, "connection": "a", "decision": "allow" });
    assert_eq!(heard[0].what, "POST /v1/log");
    assert_eq!(heard[0].body, json!({ "limit": 100, "picks": picks }));
    assert_eq!(heard[1].body, json!({ "limit": 7 }));
}

#[test]
fn no_record_steers_the_terminal_that_shows_it() {
    let world = World::new();
    let hostile = "\u{1b}[2J\u{9b}31m\u{202e}\u{2028}\u{7f}\r\n\0";
    fs::create_dir(world.path("audit")).unwrap();
    let line = json!({ "seq": 1, "at": hostile, "event": hostile, hostile: hostile, "deep": { hostile: [hostile] } });
    // As it is, not as the daemon would have written it.
    fs::write(world.path("audit/audit.jsonl"), format!("{line}\n")).unwrap();
    let folder = world.path("audit").display().to_string();

    for more in [
        &["audit", "show"][..],
        &["audit", "show", "--json"],
        &["audit", "verify"],
        &["audit", "verify", "--json"],
    ] {
        let shown = world.patctl(&[more, &["--folder", &folder]].concat());
        let steering = shown.out.chars().filter(|c| *c != '\n' && pat_wire::text::steers(*c));
        assert_eq!(steering.count(), 0, "{shown:?}");
        assert!(more.len() == 3 || shown.out.lines().count() <= 4, "{shown:?}");
    }
    let shown = world.patctl(&["audit", "show", "--json", "--folder", &folder]);
    assert_eq!(shown.json()["records"][0]["event"], hostile, "JSON says the same");
}

fn lease(id: &str, generation: u64, holder: Option<LeaseHolder>) -> LeaseRow {
    LeaseRow {
        lease: id.repeat(4),
        connection: Some("miguel_cli".to_owned()),
        slot: "A/MIGUEL_CLI".to_owned(),
        generation,
        is_current: generation == 2,
        holder,
        since: None,
        gated: Some(true),
        watched: true,
    }
}

fn leases() -> LeaseList {
    let unit = Some("session-3.scope".to_owned());
    let program = Some("cortex\u{1b}[31m".to_owned());
    let holder = LeaseHolder { uid: 0, pid: 4_711, unit, program };
    let mut other = lease("fedcba98", 1, None);
    other.connection = Some("other".to_owned());
    LeaseList { leases: vec![lease("01234567", 2, Some(holder)), other] }
}

#[test]
fn leases_are_a_table_of_who_holds_what() {
    let world = World::new();
    let daemon = world.daemon(200, json!(leases()), 3);

    let (all, one, as_json) = (
        world.patctl(&["leases"]),
        world.patctl(&["leases", "other"]),
        world.patctl(&["leases", "--json"]),
    );

    assert!(daemon.asked().iter().all(|asked| asked.what == "GET /v1/leases"));
    let expected = "\
LEASE         CONNECTION  TOKEN      USER     PID   PROGRAM           UNIT             SINCE  GATE
012345670123  miguel_cli  2          root     4711  cortex\u{fffd}[31m  session-3.scope  -      yes
fedcba98fedc  other       1 (older)  unknown  -     -                 -                -      yes
";
    let squeezed = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(squeezed(&all.out), squeezed(expected), "{}", all.out);
    assert_eq!(one.out.lines().count(), 2);
    assert_eq!(serde_json::from_value::<LeaseList>(as_json.json()).unwrap(), leases());
}

#[test]
fn what_cannot_be_a_lease_is_a_mistake_of_the_command_line() {
    for text in ["abc", "0123456", "0123456g", &"0".repeat(33)] {
        let shown = World::new().patctl(&["lease", "end", text]);

        assert_eq!(shown.exit, 64, "{shown:?}");
        assert!(shown.err.contains("eight digits"), "{}", shown.err);
    }
}

#[test]
fn ending_a_lease_says_that_the_secret_is_not_taken_back() {
    let world = World::new();
    let ended = EndedLease { ended: leases().leases[0].clone(), left: 0 };
    let daemon = world.daemon(200, json!(ended), 1);

    let shown = world.patctl(&["lease", "end", "01234567"]);

    let asked = daemon.asked();
    assert_eq!(asked[0].what, "POST /v1/end-lease");
    assert_eq!(asked[0].body, json!({ "lease": "01234567" }));
    assert_eq!(shown.exit, 0);
    assert!(
        shown.out.contains("of pid 4711 of root ended: token 2 of A/MIGUEL_CLI\n"),
        "{}",
        shown.out
    );
    assert!(shown.out.contains("The process keeps the secret it has"), "{}", shown.out);
    assert!(shown.out.contains("patctl rotate miguel_cli --taint"), "{}", shown.out);
    assert!(shown.out.contains("patctl revoke miguel_cli"), "{}", shown.out);
}
