//! The form of the audit log: how records are chained, read again, picked and proven. The daemon writes by it,
//! `patctl` proves by it, with the daemon or without. Nothing here writes a file.
//!
//! A record is one line of JSON, and ends with its place in the chain:
//!
//! ```text
//! {"seq":7,"at":"…","boot":"…","event":"allow",…,"prev":"<hash of record 6>","hash":"<hash of this one>"}
//!  └──────────────── SHA-256 over these bytes ────────────────────────────┘
//! ```
//!
//! `prev` of record 1 is 64 zeros. A record after a line without a hash (an older version wrote none) has the SHA-256 of
//! that whole line as its `prev`. The chain has no key: whoever may write the files can make all of it anew. What they
//! cannot change is a [`Head`] that was noted elsewhere before, by the journal or another host.

#![forbid(unsafe_code)]

mod chain;
mod folder;
mod hash;
mod pick;
mod proof;
mod record;
mod tame;

pub use chain::{Chain, Linked};
pub use folder::{CURRENT, Log, OLDER, rotated};
pub use hash::{Hash, Head, NotAHead, heads_in};
pub use pick::{KINDS, is_picked};
pub use proof::{Fault, Proof, Prover, What, prove};

/// The format of the log. From 2 on each record says `"format":2`.
pub const FORMAT: u32 = 1;
/// Bytes of the longest line that is read as a record: far above any that is written, whose fields are bounded.
pub const LONGEST_LINE: usize = 64 << 10;
