//! What the proof finds: each way to change a log, and that an unchanged one passes.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::chain::Chain;

/// A log of so many records, line by line.
fn log(records: u64) -> Vec<Vec<u8>> {
    extended(Chain::new(), records)
}

fn extended(mut chain: Chain, records: u64) -> Vec<Vec<u8>> {
    let mut link = |number| {
        let event = json!({ "event": "allow", "connection": format!("c{number}") });
        let linked = chain.link("2026-11-22T10:00:00Z", "b", &event).unwrap();
        chain.took(&linked);
        linked.text
    };
    (0..records).map(&mut link).collect()
}

fn proven(lines: &[Vec<u8>], heads: &[Head]) -> Proof {
    prove([("audit.jsonl", lines.concat().as_slice())], heads)
}

/// Number and kind of the first bad record.
fn fault(lines: &[Vec<u8>]) -> Option<(u64, Option<u64>, What)> {
    proven(lines, &[]).fault.map(|fault| (fault.line, fault.seq, fault.what))
}

fn head_of(lines: &[Vec<u8>]) -> Head {
    proven(lines, &[]).last.unwrap()
}

/// Changes the connection of a record, and makes its hash anew.
fn remade(line: &[u8], prev: Hash) -> Vec<u8> {
    let record = Record::read(line.strip_suffix(b"\n").unwrap()).ok().unwrap();
    let mut event: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(line).unwrap();
    for key in ["seq", "at", "boot", "prev", "hash"] {
        event.remove(key);
    }
    event.insert("connection".into(), "forged".into());
    let mut text =
        format!("{{\"seq\":{},\"event\":\"allow\",\"prev\":\"{prev}\"", record.seq).into_bytes();
    let hash = Hash::of(&text);
    text.extend_from_slice(format!(",\"hash\":\"{hash}\"}}\n").as_bytes());
    text
}

#[test]
fn a_log_as_it_was_written_has_no_fault() {
    let lines = log(20);
    let proof = proven(&lines, &[]);
    assert_eq!((proof.records, proof.old, proof.first, proof.fault), (20, 0, Some(1), None));
    assert_eq!(proof.last.unwrap().seq, 20);
    assert_eq!(proven(&[], &[]), Proof::default());
}

#[test]
fn each_record_that_is_edited_removed_or_moved_is_named() {
    let lines = log(9);
    for at in 0..9 {
        let seq = at as u64 + 1;
        let mut edited = lines.clone();
        let text = String::from_utf8(edited[at].clone()).unwrap();
        edited[at] = text.replace(&format!("\"c{at}\""), "\"cX\"").into_bytes();
        assert_eq!(fault(&edited), Some((seq, Some(seq), What::Edited)), "{at}");

        let mut removed = lines.clone();
        removed.remove(at);
        let expected = match at {
            // Nobody can tell from the log alone: that is what heads are for.
            0 | 8 => None,
            _ => Some((seq, Some(seq + 1), What::Removed { from: seq, to: seq })),
        };
        assert_eq!(fault(&removed), expected, "{at}");

        if at > 0 {
            let mut swapped = lines.clone();
            swapped.swap(at - 1, at);
            let expected = (at as u64, Some(seq), What::Reordered);
            let found = fault(&swapped);
            match at {
                // Without its first record the log seems to begin with the second.
                1 => assert_eq!(found, Some((2, Some(1), What::Reordered))),
                _ => assert_eq!(found, Some(expected), "{at}"),
            }
        }

        let mut twice = lines.clone();
        twice.insert(at, lines[at].clone());
        assert_eq!(fault(&twice), Some((seq + 1, Some(seq), What::Repeated)), "{at}");

        let mut forged = lines.clone();
        let prev = if at == 0 { Hash::ORIGIN } else { head_of(&lines[..at]).hash };
        forged[at] = remade(&lines[at], prev);
        let expected = (at < 8).then_some((seq, Some(seq), What::Remade));
        assert_eq!(fault(&forged), expected, "the last can be remade: {at}");
    }
}

#[test]
fn a_log_that_is_made_anew_from_some_record_on_passes_but_for_a_head_noted_before() {
    let lines = log(9);
    let noted = head_of(&lines[..7]);
    let mut forged = lines[..3].to_vec();
    let prev = head_of(&forged);
    forged.push(remade(&lines[3], prev.hash));
    let (chain, _) = Chain::after(&forged.concat()).unwrap();
    forged.extend(extended(chain, 5));

    assert_eq!(fault(&forged), None);

    let found = proven(&forged, &[noted]).fault.unwrap();
    assert_eq!((found.seq, found.what), (Some(7), What::Rewritten));
    assert_eq!(proven(&lines, &[noted]).confirmed, [noted]);
}

#[test]
fn a_tail_that_was_cut_off_is_noticed_by_a_head_noted_before() {
    let lines = log(9);
    let noted = head_of(&lines);
    let found = proven(&lines[..5], &[noted]).fault.unwrap();
    assert_eq!((found.line, found.seq, found.what), (5, Some(5), What::Truncated { noted: 9 }));
    let nothing = proven(&[], &[noted]).fault.unwrap();
    assert_eq!((nothing.seq, nothing.what), (None, What::Truncated { noted: 9 }));
}

#[test]
fn what_was_before_the_first_record_is_not_said_to_be_good() {
    let lines = log(9);
    let noted = head_of(&lines[..2]);
    let proof = proven(&lines[4..], &[noted]);
    assert_eq!((proof.first, proof.fault), (Some(5), None));
    assert_eq!((proof.too_early, proof.confirmed), (vec![noted], vec![]));
}

#[test]
fn the_chain_goes_on_over_files_and_a_file_that_is_gone_is_missed() {
    let lines = log(9);
    let (one, two, three) = (lines[..3].concat(), lines[3..6].concat(), lines[6..].concat());
    let all =
        [("audit.jsonl.2", &one[..]), ("audit.jsonl.1", &two[..]), ("audit.jsonl", &three[..])];
    assert_eq!(prove(all, &[]).fault, None);

    let found = prove([all[0], all[2]], &[]).fault.unwrap();
    assert_eq!((found.file.as_str(), found.line), ("audit.jsonl", 1));
    assert_eq!(found.what, What::Removed { from: 4, to: 6 });

    let found = prove([all[0], all[2], all[1]], &[]).fault.unwrap();
    assert_eq!(found.what, What::Reordered);
}

#[test]
fn records_of_before_the_chain_are_counted_and_the_chain_holds_the_last_of_them() {
    let mut lines: Vec<Vec<u8>> =
        (1..=3).map(|seq| format!("{{\"seq\":{seq},\"event\":\"stop\"}}\n").into_bytes()).collect();
    let (chain, is_good) = Chain::after(&lines.concat()).unwrap();
    assert!(is_good);
    lines.extend(extended(chain, 3));

    let proof = proven(&lines, &[]);
    assert_eq!((proof.records, proof.old, proof.fault), (6, 3, None));

    lines[2] = b"{\"seq\":3,\"event\":\"gone\"}\n".to_vec();
    assert_eq!(fault(&lines), Some((3, Some(3), What::Remade)));
    lines.push(b"{\"seq\":7,\"event\":\"stop\"}\n".to_vec());
    lines[2] = b"{\"seq\":3,\"event\":\"stop\"}\n".to_vec();
    assert_eq!(fault(&lines), Some((7, Some(7), What::Unchained)));
}

#[test]
fn the_hashes_of_a_record_cannot_be_taken_away_unseen() {
    let mut lines = log(5);
    let text = String::from_utf8(lines[2].clone()).unwrap();
    let (bare, _) = text.split_once(",\"prev\"").unwrap();
    lines[2] = format!("{bare}}}\n").into_bytes();
    assert_eq!(fault(&lines), Some((3, Some(3), What::Unchained)));

    // From the first on: the chain begins where they end, and knows the last of them by another hash.
    for line in &mut lines[..2] {
        let text = String::from_utf8(line.clone()).unwrap();
        *line = format!("{}}}\n", text.split_once(",\"prev\"").unwrap().0).into_bytes();
    }
    assert_eq!(fault(&lines), Some((3, Some(3), What::Remade)));
}

#[test]
fn a_line_that_is_no_record_or_cut_off_is_named() {
    let mut lines = log(5);
    lines[3] = b"\0\0\0\0\n".to_vec();
    assert_eq!(fault(&lines), Some((4, None, What::Unreadable)));
    let mut lines = log(5);
    lines[4].truncate(30);
    assert_eq!(fault(&lines), Some((5, None, What::Torn)));
    let mut long = log(1);
    long[0].splice(1..1, vec![b' '; crate::LONGEST_LINE]);
    assert_eq!(fault(&long), Some((1, None, What::Unreadable)));
}

proptest! {
    #[test]
    fn any_bytes_are_proven_or_refused_without_a_panic(text: Vec<u8>, seq: u64) {
        let proof = prove([("a", text.as_slice())], &[Head { seq, hash: Hash::ORIGIN }]);
        prop_assert!(proof.records == 0 || proof.fault.is_some() || proof.old > 0);
    }

    /// Whatever is done to the bytes of a log: it is noticed, or nothing of what is left is changed.
    #[test]
    fn no_change_within_a_log_goes_unnoticed(at in 0..4_000_usize, was in 1..40_usize, put in prop::collection::vec(any::<u8>(), 0..40)) {
        let lines = log(12);
        let text = lines.concat();
        let mut changed = text.clone();
        let from = at.min(text.len());
        changed.splice(from..(from + was).min(text.len()), put);
        let noted = [head_of(&lines[..1]), head_of(&lines)];

        let proof = prove([("a", changed.as_slice())], &noted);

        prop_assert_eq!(proof.fault.is_none() && proof.too_early.is_empty(), changed == text);
    }
}

#[test]
fn a_record_of_a_later_format_ends_the_proof_and_is_no_damage() {
    let lines = log(4);
    let noted = Head { seq: 9, hash: Hash::ORIGIN };
    let later = b"{\"format\":2,\"seq\":5,\"new\":true}\n".to_vec();
    let mut whole = lines.clone();
    whole.extend([later.clone(), b"of its own kind\n".to_vec()]);

    let proof = proven(&whole, &[head_of(&lines), noted]);

    let at = proof.fault.map(|fault| (fault.line, fault.what));
    assert_eq!(at, Some((5, What::Later { format: 2 })));
    assert_eq!((proof.last, proof.records), (Some(head_of(&lines)), 6));
    assert_eq!(proof.confirmed, [head_of(&lines)], "what is before it is proven");

    // What is wrong before it is said first.
    let mut edited = whole;
    edited[1] = String::from_utf8(edited[1].clone()).unwrap().replace("c1", "c2").into_bytes();
    assert_eq!(fault(&edited).unwrap().2, What::Edited);
}
