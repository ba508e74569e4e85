//! The reader of the audit log. Any bytes are a log, if a bad one: it is read, proven and gone on with; what is changed
//! in a good one is noticed; and no field, whatever is in it, makes a second line or steers a terminal.

use pat_wire::admin::LogFilter;
use patd_audit::{Chain, Hash, Head, Proof, heads_in, is_picked, prove};
use serde_json::{Value, json};

use crate::hush::assert_plain;

pub fn check(log: &[u8]) {
    let proof = proven(log);
    assert_read_whole(log, &proof);
    assert_told_the_same_in_two_files(log, &proof);
    assert_goes_on(log, &proof);
    assert_change_is_noticed(log, &proof);
    let text = String::from_utf8_lossy(log);
    for head in heads_in(&text) {
        assert_eq!(head.to_string().parse(), Ok(head), "a head is written as it is read");
    }
    assert_one_plain_line(&text);
}

fn proven(log: &[u8]) -> Proof {
    prove([("audit.jsonl", log)], &[])
}

/// Every line is counted, the fault is where there is a line, and only good records have none.
fn assert_read_whole(log: &[u8], proof: &Proof) {
    let lines: Vec<&[u8]> = log.split_inclusive(|byte| *byte == b'\n').collect();
    assert_eq!(proof.records, lines.len() as u64);
    if let Some(fault) = &proof.fault {
        assert!(
            (1..=proof.records).contains(&fault.line),
            "line {} of {}",
            fault.line,
            proof.records
        );
        assert_plain(&format!("{} {}", fault.what, fault.what.word()));
        return;
    }
    assert!(log.is_empty() || log.ends_with(b"\n"), "a torn record passed");
    let records: Vec<Value> = lines
        .iter()
        .map(|line| serde_json::from_slice(line).expect("what passed is JSON"))
        .collect();
    let numbers: Vec<u64> =
        records.iter().map(|record| record["seq"].as_u64().expect("a number")).collect();
    assert!(
        numbers.windows(2).all(|two| two[0] + 1 == two[1]),
        "numbers with a gap passed: {numbers:?}"
    );
    let chained = records.len() - proof.old as usize;
    let linked = lines.windows(2).zip(records.windows(2)).rev().take(chained);
    for (lines, records) in linked {
        let before = records[0]["hash"].as_str().map(str::to_owned);
        let before =
            before.unwrap_or_else(|| Hash::of(&lines[0][..lines[0].len() - 1]).to_string());
        assert_eq!(records[1]["prev"].as_str(), Some(before.as_str()), "a broken chain passed");
    }
    // What it shows, it shows whole: nothing that is picked for a person is lost.
    assert!(lines.iter().all(|line| is_picked(&LogFilter::default(), line)));
}

/// A rotation between any two lines changes nothing of what is told.
fn assert_told_the_same_in_two_files(log: &[u8], proof: &Proof) {
    let middle = log.len() / 2;
    let end = log[middle..].iter().position(|byte| *byte == b'\n');
    let (older, current) = log.split_at(end.map_or(log.len(), |end| middle + end + 1));
    let two = prove([("audit.jsonl.1", older), ("audit.jsonl", current)], &[]);
    let told = |proof: &Proof| {
        let fault = proof.fault.as_ref().map(|fault| (fault.seq, fault.what));
        (proof.records, proof.old, proof.first, proof.last, fault)
    };
    assert_eq!(told(&two), told(proof));
}

/// The next record follows from whatever was there: nothing is numbered twice, and no new fault comes of it.
fn assert_goes_on(log: &[u8], proof: &Proof) {
    let whole = log.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let log = &log[..whole];
    let Some((chain, is_good)) = Chain::after(log) else {
        assert!(proof.fault.is_some() || log.is_empty(), "a good log does not go on");
        return;
    };
    let linked =
        chain.link("2026-11-22T10:00:00Z", "b", &json!({ "event": "stop" })).expect("JSON");
    let after = proven(&[log, &linked.text].concat());
    if proof.fault.is_none() {
        assert!(is_good, "what passes the proof was taken for bad");
        assert_eq!(after.fault, None);
        assert_eq!(after.last.map(|last| last.seq), Some(chain.next_seq()));
        assert!(proof.last.is_none_or(|last| last.seq < chain.next_seq() || last.seq == u64::MAX));
    }
    let mut gone_on = chain;
    gone_on.took(&linked);
    assert_eq!(Chain::after(&linked.text), Some((gone_on, true)), "read again as it was written");
}

/// Where the ends of a good log were noted elsewhere, no other byte in it passes.
fn assert_change_is_noticed(log: &[u8], proof: &Proof) {
    let (None, 0, Some(last)) = (&proof.fault, proof.old, proof.last) else { return };
    let first = log.split_inclusive(|byte| *byte == b'\n').next().unwrap_or_default();
    let heads: Vec<Head> = proven(first).last.into_iter().chain([last]).collect();
    let digest = Hash::of(log).digits();
    let at = digest
        .iter()
        .fold(0_usize, |at, digit| at.wrapping_mul(31).wrapping_add(usize::from(*digit)));
    let mut changed = log.to_vec();
    changed[at % log.len()] ^= 1 << (digest[0] % 8);
    let noticed = prove([("audit.jsonl", changed.as_slice())], &heads);
    assert!(
        noticed.fault.is_some() || !noticed.too_early.is_empty(),
        "byte {} was changed",
        at % log.len()
    );
}

/// As if all of the log was what a peer said.
fn assert_one_plain_line(said: &str) {
    let event = json!({ "event": "deny", "connection": said, said: [said] });
    let linked = Chain::new().link("t", said, &event).expect("JSON");
    let (end, line) = linked.text.split_last().expect("a line");
    assert_eq!(*end, b'\n');
    let line = std::str::from_utf8(line).expect("UTF-8");
    assert_plain(line);
    let read: Value = serde_json::from_str(line).expect("JSON");
    assert_eq!(read["boot"].as_str(), Some(said));
    if !["seq", "at", "boot", "event", "connection", "prev", "hash", "format"].contains(&said)
        && line.len() < patd_audit::LONGEST_LINE
    {
        assert_eq!(read["connection"].as_str(), Some(said));
        assert_eq!(proven(&linked.text).fault, None);
    }
}
