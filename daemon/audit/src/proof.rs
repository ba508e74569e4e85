//! The proof of a log: every record follows from the one before it, and the heads that were noted elsewhere are in
//! it. Pure: lines in, what was found out. Any bytes are a log, if a bad one.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;

use crate::FORMAT;
use crate::hash::{Hash, Head};
use crate::record::{NotRead, Record};

/// What the lines of a log show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proof {
    /// Lines, good or bad.
    pub records: u64,
    /// Of these, from before there was a chain: only their numbers can be proven.
    pub old: u64,
    /// The number of the first record. Above 1: what was before it is not here.
    pub first: Option<u64>,
    /// The last record.
    pub last: Option<Head>,
    /// The first thing that is wrong.
    pub fault: Option<Fault>,
    /// Heads of before the first record, of which nothing can be said.
    pub too_early: Vec<Head>,
    /// Heads that were found in the log as they are.
    pub confirmed: Vec<Head>,
}

/// A record, or the place where one should be, that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The file.
    pub file: String,
    /// Its line, from 1.
    pub line: u64,
    /// The record's number, where it has one.
    pub seq: Option<u64>,
    /// What is wrong.
    pub what: What,
}

/// What is wrong with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// It is no record.
    Unreadable,
    /// Its hash is not that of its bytes.
    Edited,
    /// Its hash is that of its bytes, and the next record knows another.
    Remade,
    /// It has no hash, and records before it have one.
    Unchained,
    /// Records before it are missing.
    Removed {
        /// The first of them.
        from: u64,
        /// The last of them.
        to: u64,
    },
    /// It stands before one of a lower number.
    Reordered,
    /// Its number was there before.
    Repeated,
    /// It is cut off in its middle.
    Torn,
    /// The log ends here, and a head noted elsewhere is of a later record.
    Truncated {
        /// The last record that is known to have been written.
        noted: u64,
    },
    /// It is another one than a head noted elsewhere says.
    Rewritten,
    /// It is of a later format: neither it nor what follows it was looked at.
    Later {
        /// Which.
        format: u32,
    },
}

impl What {
    /// Returns it as one word of five: `edited`, `removed`, `reordered`, `truncated`; `later-format` is no damage.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Unreadable | Self::Edited | Self::Remade | Self::Unchained | Self::Rewritten => {
                "edited"
            }
            Self::Removed { .. } => "removed",
            Self::Reordered | Self::Repeated => "reordered",
            Self::Torn | Self::Truncated { .. } => "truncated",
            Self::Later { .. } => "later-format",
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable => f.write_str("it is no record"),
            Self::Edited => f.write_str("its hash is not that of its bytes"),
            Self::Remade => f.write_str("the record after it knows another hash of it"),
            Self::Unchained => f.write_str("it has no hash, and records before it have one"),
            Self::Removed { from, to } if from == to => {
                write!(f, "record {from} before it is missing")
            }
            Self::Removed { from, to } => write!(f, "records {from} to {to} before it are missing"),
            Self::Reordered => f.write_str("it does not stand where it was written"),
            Self::Repeated => f.write_str("a record of its number was there before"),
            Self::Torn => f.write_str("it is cut off in its middle"),
            Self::Truncated { noted } => {
                write!(f, "the log ends here, and record {noted} is known to have been written")
            }
            Self::Later { format } => write!(
                f,
                "format {format}, and this patctl knows none above {FORMAT}; nothing was checked from here on: use a newer patctl"
            ),
            Self::Rewritten => {
                f.write_str("another record of its number is known to have been written")
            }
        }
    }
}

/// Proves a log given as whole files, the oldest first.
pub fn prove<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>, heads: &[Head]) -> Proof {
    let mut prover = Prover::new(heads);
    for (name, text) in files {
        prover.begin(name);
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            prover.line(line);
        }
    }
    prover.finish()
}

/// A proof in the making: takes the lines of a log one by one.
pub struct Prover {
    proof: Proof,
    /// Heads that are waited for, by number.
    heads: BTreeMap<u64, Vec<Hash>>,
    here: Place,
    before: Option<Before>,
    /// The numbers that the first fault misses; if they come later, it is one of order.
    missing: Option<(u64, u64)>,
    /// What follows is of rules that are not known here.
    is_over: bool,
}

#[derive(Clone, Default)]
struct Place {
    file: String,
    line: u64,
}

/// The record before.
struct Before {
    place: Place,
    seq: u64,
    fingerprint: Hash,
    is_old: bool,
    is_good: bool,
}

impl Prover {
    /// Returns a proof of no lines, which also looks for these heads.
    pub fn new(heads: &[Head]) -> Self {
        let mut by_seq: BTreeMap<u64, Vec<Hash>> = BTreeMap::new();
        for head in heads {
            let same = by_seq.entry(head.seq).or_default();
            if !same.contains(&head.hash) {
                same.push(head.hash);
            }
        }
        Self {
            proof: Proof::default(),
            heads: by_seq,
            here: Place::default(),
            before: None,
            missing: None,
            is_over: false,
        }
    }

    /// Says which file the next lines are of.
    pub fn begin(&mut self, file: &str) {
        self.here = Place { file: file.to_owned(), line: 0 };
    }

    /// Takes the next line with its end; without an end it is cut off.
    pub fn line(&mut self, line: &[u8]) {
        self.here.line = self.here.line.saturating_add(1);
        self.proof.records = self.proof.records.saturating_add(1);
        if self.is_over {
            return;
        }
        let Some(line) = line.strip_suffix(b"\n") else {
            return self.wrong(None, What::Torn);
        };
        match Record::read(line) {
            Ok(record) => self.record(&record),
            Err(NotRead::NoRecord) => self.unreadable(line),
            Err(NotRead::Later(format)) => {
                self.wrong(None, What::Later { format });
                self.is_over = true;
            }
        }
    }

    /// Returns what was found out.
    pub fn finish(mut self) -> Proof {
        let heads = std::mem::take(&mut self.heads);
        for (seq, hashes) in heads {
            if self.proof.first.is_some_and(|first| seq < first) {
                self.proof.too_early.extend(hashes.into_iter().map(|hash| Head { seq, hash }));
            } else if self.proof.last.is_none_or(|last| seq > last.seq) {
                let last = self.proof.last.map(|last| last.seq);
                self.wrong(last, What::Truncated { noted: seq });
            }
            // One between the first and the last that is missing was told of as removed.
        }
        self.proof
    }

    fn record(&mut self, record: &Record<'_>) {
        let is_good = record.is_old() || record.is_as_written();
        if record.is_old() {
            self.proof.old = self.proof.old.saturating_add(1);
        }
        match self.before.take() {
            None => self.first(record),
            Some(before) => self.follow(&before, record),
        }
        let fingerprint = record.fingerprint();
        self.look_for_heads(record.seq, fingerprint);
        self.before = Some(Before {
            place: self.here.clone(),
            seq: record.seq,
            fingerprint,
            is_old: record.is_old(),
            is_good,
        });
        self.proof.last = Some(Head { seq: record.seq, hash: fingerprint });
    }

    /// What was before the first line is known only if it is record 1.
    fn first(&mut self, record: &Record<'_>) {
        self.proof.first = Some(record.seq);
        let is_first = record.seq <= 1;
        let is_bad = !record.is_old() && !record.is_as_written();
        if is_bad || (is_first && record.prev.is_some_and(|prev| prev != Hash::ORIGIN)) {
            self.wrong(Some(record.seq), What::Edited);
        }
    }

    fn follow(&mut self, before: &Before, record: &Record<'_>) {
        let fault = in_itself(before, record).or_else(|| self.in_order(before, record.seq));
        let is_unlike_known = !record.is_old() && record.prev != Some(before.fingerprint);
        if let Some(what) = fault {
            self.wrong(Some(record.seq), what);
        } else if is_unlike_known && before.is_good {
            // One that is bad in itself was told of already.
            self.wrong_at(before.place.clone(), Some(before.seq), What::Remade);
        }
    }

    fn in_order(&mut self, before: &Before, seq: u64) -> Option<What> {
        let from = before.seq.saturating_add(1);
        match seq.cmp(&from) {
            Ordering::Greater => Some(What::Removed { from, to: seq.saturating_sub(1) }),
            Ordering::Less => Some(self.out_of_order(seq)),
            Ordering::Equal => None,
        }
    }

    fn out_of_order(&mut self, seq: u64) -> What {
        if self.missing.is_some_and(|(from, to)| (from..=to).contains(&seq)) {
            self.missing = None;
            if let Some(fault) = &mut self.proof.fault {
                fault.what = What::Reordered;
            }
        }
        match self.proof.first {
            Some(first) if seq >= first => What::Repeated,
            Some(_) | None => What::Reordered,
        }
    }

    /// It may have been a record: the next one is compared with it as if it were.
    fn unreadable(&mut self, line: &[u8]) {
        self.wrong(None, What::Unreadable);
        if let Some(before) = &mut self.before {
            before.seq = before.seq.saturating_add(1);
            before.fingerprint = Hash::of(line);
            before.place = self.here.clone();
            before.is_good = false;
        }
    }

    fn look_for_heads(&mut self, seq: u64, hash: Hash) {
        for noted in self.heads.remove(&seq).unwrap_or_default() {
            if noted == hash {
                self.proof.confirmed.push(Head { seq, hash });
            } else {
                self.wrong(Some(seq), What::Rewritten);
            }
        }
    }

    fn wrong(&mut self, seq: Option<u64>, what: What) {
        self.wrong_at(self.here.clone(), seq, what);
    }

    /// Only the first is told of: what follows it may follow from it.
    fn wrong_at(&mut self, place: Place, seq: Option<u64>, what: What) {
        if self.proof.fault.is_some() {
            return;
        }
        if let What::Removed { from, to } = what {
            self.missing = Some((from, to));
        }
        let Place { file, line } = place;
        self.proof.fault = Some(Fault { file, line, seq, what });
    }
}

fn in_itself(before: &Before, record: &Record<'_>) -> Option<What> {
    match (record.is_old(), before.is_old) {
        (true, false) => Some(What::Unchained),
        (true, true) => None,
        (false, _) => (!record.is_as_written()).then_some(What::Edited),
    }
}

#[cfg(test)]
mod tests;
