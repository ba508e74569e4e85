//! The reading end of one line: its number, and its place in the chain. The rest of it is nobody's business here.

use serde::Deserialize;

use crate::LONGEST_LINE;
use crate::hash::Hash;

/// What of a line matters to the chain.
pub(crate) struct Record<'a> {
    pub(crate) seq: u64,
    pub(crate) prev: Option<Hash>,
    /// The hash it says it has.
    pub(crate) hash: Option<Hash>,
    /// Whether it has a key of the chain, good or not.
    has_chain: bool,
    line: &'a [u8],
}

/// The line is no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable;

/// serde refuses a key that is given twice: there is no second opinion about a line. Nor is there about a hash: it has no
/// escapes.
#[derive(Deserialize)]
struct Keys<'a> {
    seq: u64,
    prev: Option<&'a str>,
    hash: Option<&'a str>,
}

impl<'a> Record<'a> {
    /// Reads a line, given without its end.
    pub(crate) fn read(line: &'a [u8]) -> Result<Self, Unreadable> {
        if line.len() > LONGEST_LINE || line.first() != Some(&b'{') {
            return Err(Unreadable);
        }
        let Keys { seq, prev, hash } = serde_json::from_slice(line).map_err(|_| Unreadable)?;
        // What passes the proof can be shown: serde looks at no text that it leaves out.
        serde_json::from_slice::<serde_json::Value>(line).map_err(|_| Unreadable)?;
        let has_chain = prev.is_some() || hash.is_some();
        let read = |text: Option<&str>| Hash::read(text?.as_bytes());
        Ok(Self { seq, prev: read(prev), hash: read(hash), has_chain, line })
    }

    /// Returns whether it is from before there was a chain.
    pub(crate) fn is_old(&self) -> bool {
        !self.has_chain
    }

    /// Returns whether its hash is that of its bytes.
    pub(crate) fn is_as_written(&self) -> bool {
        let hashed = hashed_part(self.line);
        self.prev.is_some() && self.hash.is_some() && hashed.map(Hash::of) == self.hash
    }

    /// Returns what the next record has as its `prev`.
    pub(crate) fn fingerprint(&self) -> Hash {
        match self.hash {
            Some(hash) if self.has_chain => hash,
            Some(_) | None => Hash::of(self.line),
        }
    }
}

/// The hash stands at the very end, in one form.
fn hashed_part(line: &[u8]) -> Option<&[u8]> {
    let rest = line.strip_suffix(HASH_ENDS)?;
    let (rest, _digits) = rest.split_last_chunk::<64>()?;
    rest.strip_suffix(HASH_BEGINS)
}

/// Returns the lines of a text without their ends, the last first. A part after the last end is a line, too.
pub(crate) fn last_lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.rsplit(|byte| *byte == b'\n').filter(|line| !line.is_empty())
}

pub(crate) const HASH_BEGINS: &[u8] = b",\"hash\":\"";
pub(crate) const HASH_ENDS: &[u8] = b"\"}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_given_twice_makes_no_record() {
        assert!(Record::read(br#"{"seq":1,"event":"stop"}"#).is_ok_and(|old| old.is_old()));
        for line in
            [r#"{"seq":1,"seq":2}"#, r#"{"prev":null}"#, "[1]", "", "{}", "\"seq\"", "{\"seq\":-1}"]
        {
            assert!(Record::read(line.as_bytes()).is_err(), "{line}");
        }
    }

    #[test]
    fn a_record_that_could_not_be_shown_is_none() {
        for line in [&b"{\"seq\":1,\"x\":\"\xff\"}"[..], b"{\"seq\":1,\"x\":\"\\ud800\"}"] {
            assert!(Record::read(line).is_err());
        }
    }

    #[test]
    fn a_hash_that_is_no_hash_is_not_as_written() {
        let record = Record::read(br#"{"seq":1,"prev":"x","hash":"y"}"#).ok().unwrap();
        assert!(!record.is_old() && !record.is_as_written());
    }
}
