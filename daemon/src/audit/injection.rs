//! No field can forge a record: whatever anybody puts into it, it stays one line, of one record, that steers nothing.

use std::collections::{BTreeMap, BTreeSet};

use pat_wire::admin::LogFilter;
use patd_audit::{KINDS, Log};
use proptest::prelude::*;
use serde_json::Value;

use super::writer::Writer;
use super::{EndReason, Event, Subject, claimed, statement};

/// An event of every kind, with this text wherever it takes one. What makes another kind is missed here by the
/// compiler: then it needs its word in `patd_audit::KINDS`, too.
fn every(text: &str) -> Vec<Event<'_>> {
    let subject = Subject { uid: 1_001, egid: 100, pid: 7, unit: Some(text) };
    let owned = || text.to_owned();
    let (slot, generation, lease) = (owned(), 3, text);
    let events = vec![
        Event::Start { version: text, peer_tier: text, root_key: text },
        Event::Stop,
        Event::ConfigLoaded { entries: 1, slots: 1 },
        Event::ConfigRefused { faults: 1 },
        Event::Gap { what: text, lost: 3 },
        Event::Allow {
            subject,
            connection: text,
            slot: slot.clone(),
            generation,
            lease,
            deliver: owned(),
            gated: true,
            replaces: Some(owned()),
        },
        Event::Deny { subject, asked: text, connection: Some(owned()), reason: owned() },
        Event::RefusalsLeftOut { count: 9, since: owned(), uids: BTreeMap::from([(1_001, 9)]) },
        Event::NotReleased { lease, reason: text },
        Event::LeaseEnded {
            lease,
            slot: slot.clone(),
            generation,
            connection: Some(text),
            uid: Some(1_001),
            reason: EndReason::Moved,
        },
        Event::Intent { slot: slot.clone(), generation, token: text },
        Event::Issue { slot: slot.clone(), generation, token: text, outcome: owned() },
        Event::Probe { slot: slot.clone(), generation, outcome: owned() },
        Event::Promote { slot: slot.clone(), generation },
        Event::Remove { slot, token: text, outcome: owned() },
        Event::Admin { subject, verb: text, object: claimed(text), outcome: owned() },
        Event::Provision {
            subject,
            account: owned(),
            statement: statement(text),
            outcome: owned(),
        },
        Event::Alarm { id: text, subject: owned(), message: text },
        Event::AlarmCleared { id: text, subject: owned() },
    ];
    for event in &events {
        match event {
            Event::Start { .. }
            | Event::Stop
            | Event::ConfigLoaded { .. }
            | Event::ConfigRefused { .. }
            | Event::Gap { .. }
            | Event::Allow { .. }
            | Event::Deny { .. }
            | Event::RefusalsLeftOut { .. }
            | Event::NotReleased { .. }
            | Event::LeaseEnded { .. }
            | Event::Intent { .. }
            | Event::Issue { .. }
            | Event::Probe { .. }
            | Event::Promote { .. }
            | Event::Remove { .. }
            | Event::Admin { .. }
            | Event::Provision { .. }
            | Event::Alarm { .. }
            | Event::AlarmCleared { .. } => {}
        }
    }
    events
}

/// Texts made of what breaks lines, quotes, keys and terminals, and of anything.
fn hostile() -> impl Strategy<Value = String> {
    let pieces = [
        "\n",
        "\r\n",
        "\u{85}",
        "\u{2028}",
        "\u{2029}",
        "\u{c}",
        "\0",
        "\u{1b}[2J",
        "\u{9b}31m",
        "\u{202e}",
        "\u{7f}",
        "\"",
        "\\",
        "\\u0022",
        "\",\"hash\":\"",
        "\"}\n{\"seq\":1,\"event\":\"allow\"",
        "{\"seq\":",
        "😀",
        "\u{feff}",
    ];
    let piece = prop_oneof![
        prop::sample::select(pieces.to_vec()).prop_map(str::to_owned),
        any::<char>().prop_map(String::from),
        "[ -~]{0,8}",
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["event"].as_str().unwrap()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_a_field_holds_a_record_is_one_line_of_one_record_and_steers_nothing(text in hostile()) {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = Writer::open(folder.path(), &text, 0).unwrap();
        let events = every(&text);
        for event in &events {
            writer.append(0, event, false).unwrap();
        }

        let log = std::fs::read(folder.path().join(patd_audit::CURRENT)).unwrap();
        let log = String::from_utf8(log).unwrap();
        prop_assert_eq!(log.lines().count(), events.len());
        prop_assert!(!log.chars().any(|c| c != '\n' && pat_wire::text::steers(c)), "{:?}", log);
        let read: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let plainly: Vec<Value> = every("").iter().map(|event| serde_json::to_value(event).unwrap()).collect();
        prop_assert_eq!(kinds(&read), kinds(&plainly));
        // Nothing is lost on the way: what was said is what is read.
        prop_assert_eq!(read[5]["connection"].as_str(), Some(text.as_str()));
        prop_assert_eq!(read[5]["subject"]["unit"].as_str(), Some(text.as_str()));

        let proof = Log::open(folder.path()).unwrap().prove(&[]).unwrap();
        prop_assert_eq!((proof.fault, proof.old), (None, 0));
        let shown = Log::open(folder.path()).unwrap().newest(&LogFilter::default(), 100).unwrap();
        prop_assert_eq!(shown.len(), events.len());
    }
}

#[test]
fn every_kind_of_event_can_be_asked_for() {
    let events: Vec<Value> =
        every("").iter().map(|event| serde_json::to_value(event).unwrap()).collect();
    let known: BTreeSet<&str> = KINDS.into_iter().collect();
    assert_eq!(kinds(&events).into_iter().collect::<BTreeSet<_>>(), known);
}
