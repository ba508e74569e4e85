//! The reading end of one line: its number, and its place in the chain. The rest of it is nobody's business here.

use serde::Deserialize;

use crate::hash::Hash;
use crate::{FORMAT, LONGEST_LINE};

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

/// The line cannot be read as a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotRead {
    /// It is none.
    NoRecord,
    /// It says that it is of a later format, whose rules are not known here.
    Later(u32),
}

impl NotRead {
    fn because_of(line: &[u8]) -> Self {
        match serde_json::from_slice(line) {
            Ok(Said { format: Some(format) }) if format > FORMAT => Self::Later(format),
            Ok(_) | Err(_) => Self::NoRecord,
        }
    }
}

/// From format 2 on each record says its own.
#[derive(Deserialize)]
struct Said {
    format: Option<u32>,
}

/// serde refuses a key that is given twice: there is no second opinion about a line. Nor is there about a hash: it has no
/// escapes.
#[derive(Deserialize)]
struct Keys<'a> {
    seq: u64,
    prev: Option<&'a str>,
    hash: Option<&'a str>,
    format: Option<u32>,
}

impl<'a> Record<'a> {
    /// Reads a line, given without its end.
    pub(crate) fn read(line: &'a [u8]) -> Result<Self, NotRead> {
        if line.len() > LONGEST_LINE || line.first() != Some(&b'{') {
            return Err(NotRead::NoRecord);
        }
        let because = |_| NotRead::because_of(line);
        let Keys { seq, prev, hash, format } = serde_json::from_slice(line).map_err(because)?;
        if let Some(later) = format.filter(|format| *format > FORMAT) {
            return Err(NotRead::Later(later));
        }
        // What passes the proof can be shown: serde looks at no text that it leaves out.
        serde_json::from_slice::<serde_json::Value>(line).map_err(|_| NotRead::NoRecord)?;
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
    fn a_record_of_a_later_format_is_known_by_what_it_says_whatever_else_it_is() {
        for line in [
            r#"{"seq":1,"format":2}"#,
            r#"{"format":7,"seq":"one"}"#,
            r#"{"format":2,"seq":1,"hash":{}}"#,
        ] {
            let read = Record::read(line.as_bytes()).map(|record| record.seq);
            assert!(matches!(read, Err(NotRead::Later(2 | 7))), "{line}");
        }
        assert!(Record::read(br#"{"seq":1,"format":1}"#).is_ok());
        for line in [r#"{"seq":1,"format":2,"format":2}"#, r#"{"seq":1,"format":"2"}"#, "format 2"]
        {
            let read = Record::read(line.as_bytes()).map(|record| record.seq);
            assert_eq!(read, Err(NotRead::NoRecord), "{line}");
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
