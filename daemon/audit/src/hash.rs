//! A place in the chain: the hash of a record, and with its number what is noted elsewhere (`SEQ:HASH`).

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Serialize, Serializer};

/// SHA-256 of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash([u8; 32]);

impl Hash {
    /// What comes before the first record.
    pub const ORIGIN: Self = Self([0; 32]);

    /// Returns the hash of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let mut hash = Self::ORIGIN;
        for (to, from) in hash.0.iter_mut().zip(digest(&SHA256, bytes).as_ref()) {
            *to = *from;
        }
        hash
    }

    /// Reads 64 lower-case hexadecimal digits: there is one way to write a hash.
    pub fn read(text: &[u8]) -> Option<Self> {
        let (pairs, rest) = text.as_chunks::<2>();
        if pairs.len() != 32 || !rest.is_empty() {
            return None;
        }
        let mut hash = Self::ORIGIN;
        for (to, [high, low]) in hash.0.iter_mut().zip(pairs) {
            *to = digit(*high)? << 4 | digit(*low)?;
        }
        Some(hash)
    }

    /// Returns its 64 digits.
    pub fn digits(&self) -> [u8; 64] {
        let mut digits = [b'0'; 64];
        for (to, byte) in digits.as_chunks_mut::<2>().0.iter_mut().zip(self.0) {
            *to = [letter(byte >> 4), letter(byte & 0xf)];
        }
        digits
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.digits()).unwrap_or_default())
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(std::str::from_utf8(&self.digits()).unwrap_or_default())
    }
}

fn digit(letter: u8) -> Option<u8> {
    match letter {
        b'0'..=b'9' => Some(letter.saturating_sub(b'0')),
        b'a'..=b'f' => Some(letter.saturating_sub(b'a').saturating_add(10)),
        _ => None,
    }
}

fn letter(nibble: u8) -> u8 {
    if nibble < 10 {
        b'0'.saturating_add(nibble)
    } else {
        b'a'.saturating_add(nibble.saturating_sub(10))
    }
}

/// A record by number and hash: what the log was up to there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Head {
    /// Its number.
    pub seq: u64,
    /// Its hash.
    pub hash: Hash,
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.seq, self.hash)
    }
}

/// The text is no `SEQ:HASH`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAHead;

impl fmt::Display for NotAHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not SEQ:HASH, a number and 64 hexadecimal digits, as the journal has it")
    }
}

impl std::error::Error for NotAHead {}

impl FromStr for Head {
    type Err = NotAHead;

    fn from_str(text: &str) -> Result<Self, NotAHead> {
        let (seq, hash) = text.split_once(':').ok_or(NotAHead)?;
        let is_number = !seq.is_empty() && seq.bytes().all(|byte| byte.is_ascii_digit());
        let seq = seq.parse().ok().filter(|_| is_number).ok_or(NotAHead)?;
        let hash = Hash::read(hash.as_bytes()).ok_or(NotAHead)?;
        Ok(Self { seq, hash })
    }
}

/// Returns every `SEQ:HASH` that stands as a word, or after `=`, in a text, such as the lines of a journal.
pub fn heads_in(text: &str) -> impl Iterator<Item = Head> {
    let words = text.split(|c: char| c.is_whitespace() || matches!(c, '=' | '"' | ','));
    words.filter_map(|word| word.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_the_sha_256_that_sha256sum_prints() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Hash::of(b"abc").to_string(), abc);
        assert_eq!(Hash::read(abc.as_bytes()), Some(Hash::of(b"abc")));
        assert_eq!(Hash::read(abc.to_uppercase().as_bytes()), None);
        assert_eq!(Hash::read(&abc.as_bytes()[1..]), None);
    }

    #[test]
    fn heads_are_found_in_the_lines_of_a_journal() {
        let hash = Hash::of(b"x");
        let text = format!("Nov 22 h patd[1]: Audit head={}:{hash}\nnoise 5:ab\n\"12:{hash}\",", 7);
        let found: Vec<Head> = heads_in(&text).collect();
        assert_eq!(found, [Head { seq: 7, hash }, Head { seq: 12, hash }]);
        assert_eq!(format!("+7:{hash}").parse::<Head>(), Err(NotAHead));
    }
}
