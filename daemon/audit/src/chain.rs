//! The writing end of the chain: makes the next line, and moves on once that line is in the file.

use serde::Serialize;
use serde_json::Serializer;

use crate::hash::{Hash, Head};
use crate::record::{HASH_BEGINS, HASH_ENDS, Record, last_lines};
use crate::tame::Tame;

/// Where the log ends, and so how it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chain {
    next_seq: u64,
    head: Hash,
}

/// The next line, not in the file yet.
#[derive(Debug)]
pub struct Linked {
    /// The line, with its end.
    pub text: Vec<u8>,
    seq: u64,
    hash: Hash,
}

#[derive(Serialize)]
struct Line<'a, E> {
    seq: u64,
    at: &'a str,
    boot: &'a str,
    #[serde(flatten)]
    event: &'a E,
    prev: Hash,
}

impl Chain {
    /// The chain before its first record.
    pub const fn new() -> Self {
        Self { next_seq: 1, head: Hash::ORIGIN }
    }

    /// Returns the chain that goes on after the last line of `text`, and whether that line is as it was written (or
    /// is from before there was a chain). None if no line of it has a number.
    pub fn after(text: &[u8]) -> Option<(Self, bool)> {
        let last = last_lines(text).next()?;
        if let Ok(record) = Record::read(last) {
            let is_good = record.is_old() || record.is_as_written();
            let next_seq = record.seq.saturating_add(1);
            return Some((Self { next_seq, head: record.fingerprint() }, is_good));
        }
        // The lines after the last that can be read were records too, as far as anybody knows.
        let readable = |(back, line)| Some((back, Record::read(line).ok()?.seq));
        let (back, seq) = (1_u64..).zip(last_lines(text)).find_map(readable)?;
        Some((Self { next_seq: seq.saturating_add(back), head: Hash::of(last) }, false))
    }

    /// Returns the line of the next record.
    ///
    /// # Errors
    /// If the event has keys that are no texts.
    pub fn link(&self, at: &str, boot: &str, event: &impl Serialize) -> serde_json::Result<Linked> {
        let line = Line { seq: self.next_seq, at, boot, event, prev: self.head };
        let mut text = Vec::with_capacity(USUAL_LINE);
        line.serialize(&mut Serializer::with_formatter(&mut text, Tame))?;
        text.pop();
        let hash = Hash::of(&text);
        text.extend_from_slice(HASH_BEGINS);
        text.extend_from_slice(&hash.digits());
        text.extend_from_slice(HASH_ENDS);
        text.push(b'\n');
        Ok(Linked { text, seq: self.next_seq, hash })
    }

    /// Moves on: the line is in the file.
    pub fn took(&mut self, linked: &Linked) {
        *self = Self { next_seq: linked.seq.saturating_add(1), head: linked.hash };
    }

    /// Returns the number of the next record.
    pub fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// Returns the last record, as it is noted elsewhere; none before the first.
    pub fn head(&self) -> Option<Head> {
        let seq = self.next_seq.checked_sub(1).filter(|seq| *seq > 0)?;
        Some(Head { seq, hash: self.head })
    }
}

impl Default for Chain {
    fn default() -> Self {
        Self::new()
    }
}

const USUAL_LINE: usize = 768;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_is_hashed_as_its_description_says() {
        let mut chain = Chain::new();
        let first = chain.link("t", "b", &json!({ "event": "stop" })).unwrap();
        chain.took(&first);
        let second = chain.link("t", "b", &json!({ "event": "stop" })).unwrap();

        let text = String::from_utf8(first.text).unwrap();
        let (hashed, rest) = text.split_once(",\"hash\":\"").unwrap();
        assert_eq!(
            hashed,
            format!(r#"{{"seq":1,"at":"t","boot":"b","event":"stop","prev":"{}""#, "0".repeat(64))
        );
        assert_eq!(rest, format!("{}\"}}\n", Hash::of(hashed.as_bytes())));
        let prev = format!("\"prev\":\"{}\"", Hash::of(hashed.as_bytes()));
        assert!(String::from_utf8(second.text).unwrap().contains(&prev));
    }

    #[test]
    fn after_a_line_that_cannot_be_read_the_numbers_go_on_behind_it() {
        let first = Chain::new().link("t", "b", &json!({})).unwrap();
        let text = [&first.text[..], b"nonsense\nmore nonsense\n"].concat();

        let (chain, is_good) = Chain::after(&text).unwrap();

        assert_eq!((chain.next_seq(), is_good), (4, false));
        assert_eq!(chain.head().unwrap().hash, Hash::of(b"more nonsense"));
        assert_eq!(Chain::after(b"nonsense\n"), None);
    }
}
