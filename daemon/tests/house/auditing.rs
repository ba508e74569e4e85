//! The audit log of a daemon that hostile peers talk to: one line a record, in an unbroken chain, whatever they say.

use pat_wire::admin::{EndLeaseRequest, EndedLease, EnrolRequest, Enrolled};
use serde_json::{Value, json};

use crate::world::{CONNECTION, World, eventually, post};

#[test]
fn nothing_that_a_peer_says_forges_a_record_or_steers_a_terminal() {
    let world = World::running();
    let first = world.hand_out(CONNECTION).unwrap().terms.lease;
    let before = world.audit().len();

    for hostile in HOSTILE {
        let bodies = [
            ("/v1/hand-out", json!({ "connection": hostile })),
            ("/v1/hand-out", json!({ "connection": CONNECTION, "replaces": hostile })),
            ("/v1/watch", json!({ "lease": hostile })),
            (hostile, json!({ hostile: hostile })),
        ];
        for (path, body) in bodies {
            // Sent as bytes, as nobody's client would; in plain and in escaped form.
            for body in [body.to_string(), escaped(&body.to_string())] {
                let _answered = world.raw("patd.sock", &post(path, &body));
            }
        }
        let _refused: Result<Enrolled, _> =
            world.admin("enrol", &EnrolRequest { connection: hostile.into() });
        let _refused: Result<EndedLease, _> =
            world.admin("end-lease", &EndLeaseRequest { lease: hostile.into() });
    }

    // For a hostile word: two refused hand-outs, two granted ones, two acts of an administrator with two records each.
    let own = |record: &&Value| {
        let event = record["event"].as_str().unwrap();
        ["allow", "deny", "admin"].contains(&event)
    };
    let log = std::fs::read_to_string(world.path("state/audit/audit.jsonl")).unwrap();
    assert!(!log.chars().any(|c| c != '\n' && pat_wire::text::steers(c)), "{log}");
    assert_eq!(world.fault(), None);
    let records = world.audit();
    assert_eq!(records[before..].iter().filter(own).count(), HOSTILE.len() * 8);
    assert!(records.iter().any(|record| record["lease"] == first), "the lines are where they were");
    assert!(!log.contains("\"event\":\"forged\""), "{log}");
}

#[test]
fn the_record_of_a_grant_is_there_before_its_secret_is() {
    let world = World::running();
    for _ in 0..20 {
        let lease = world.hand_out(CONNECTION).unwrap().terms.lease;
        let is_its = |record: &Value| record["event"] == "allow" && record["lease"] == lease;
        assert!(world.audit().iter().any(is_its), "the secret came first");
    }
}

#[test]
fn the_chain_of_a_running_daemon_is_proven_while_it_writes() {
    let world = World::running();
    std::thread::scope(|scope| {
        let writing = scope.spawn(|| {
            for _ in 0..20 {
                let lease = world.hand_out(CONNECTION).unwrap().terms.lease;
                let order = EndLeaseRequest { lease };
                let _ended: EndedLease = world.admin("end-lease", &order).unwrap();
            }
        });
        while !writing.is_finished() {
            assert_eq!(world.fault(), None);
        }
    });
    eventually("all ends are recorded", || {
        let ended = world.audit().iter().filter(|record| record["event"] == "lease-ended").count();
        (ended == 20).then_some(())
    });
    assert_eq!(world.fault(), None);
}

#[test]
fn a_log_that_is_moved_away_is_an_alarm_and_goes_on_in_its_chain() {
    let world = World::running();
    world.hand_out(CONNECTION).unwrap();
    let log = world.path("state/audit/audit.jsonl");
    std::fs::rename(&log, world.path("state/audit/audit.jsonl.1")).unwrap();

    // Looked at whenever records are brought to the disk.
    let gap = eventually("it is written anew, and said", || {
        world.hand_out(CONNECTION).unwrap();
        log.exists().then(|| world.audit()).filter(|records| records.len() > 1)
    });

    assert_eq!(gap[0]["what"], "the log was moved away while the daemon ran");
    assert_eq!(world.fault(), None, "not a record is missing");
}

/// With every character that is not ASCII as JSON's escape.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        if c.is_ascii() {
            escaped.push(c);
        } else {
            c.encode_utf16(&mut [0; 2])
                .iter()
                .for_each(|half| escaped.push_str(&format!("\\u{half:04x}")));
        }
    }
    escaped
}

const HOSTILE: [&str; 6] = [
    "x\",\"event\":\"forged\"}\n{\"seq\":1,\"event\":\"forged\"}\n",
    "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m\u{7f}",
    "\u{202e}\u{2066}\u{200f}\u{61c}",
    "a\r\nb\u{85}c\u{2028}d\u{2029}e\u{b}f\u{c}g",
    "\\u0022,\\u0022hash\\u0022:\\u0022\0\u{feff}",
    "😀\u{10ffff}\u{e0001}\u{d7ff}",
];
