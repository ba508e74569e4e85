//! Which copy of a slot's record is believed: sled's or its file's. A decision, without I/O.

use patd_core::names::SlotId;

use super::error::BEHIND;

/// A record that opened: whose it is, which version, and its sealed bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sealed {
    pub(super) id: SlotId,
    pub(super) version: u64,
    pub(super) term: u32,
    pub(super) bytes: Vec<u8>,
}

/// What was found in one of the two places.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Copy {
    /// Nothing.
    #[default]
    Absent,
    /// Something that did not open, and why.
    Damaged(String),
    /// A record.
    Good(Sealed),
}

impl Copy {
    /// Returns what is wrong with it, if anything.
    pub(super) fn damage(&self) -> Option<&str> {
        match self {
            Self::Damaged(why) => Some(why),
            Self::Absent | Self::Good(_) => None,
        }
    }
}

/// What was found of one slot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Copies {
    pub(super) sled: Copy,
    pub(super) file: Copy,
}

/// What the meta record says, as far as one slot is concerned.
#[derive(Clone, Copy, Debug)]
pub(super) struct Listing {
    /// Whether it names the slot.
    pub(super) listed: bool,
    /// Its version: one count runs over all records of a store.
    pub(super) version: u64,
    /// Whether it is surely the last one written. sled's is; the file's alone may be one change behind.
    pub(super) current: bool,
}

/// What to do about one slot.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// This is its record.
    Keep {
        /// The newest copy.
        sealed: Sealed,
        /// Whether sled lacks it.
        sled_stale: bool,
        /// Why its file must be written again, if so.
        file_stale: Option<String>,
    },
    /// It was removed; what is left of it goes.
    Drop,
    /// It existed, or may have, and no copy opens.
    Lost,
}

/// Decides which copy is believed: the newest that opens, if the slot still exists.
pub(super) fn judge(copies: Copies, listing: Listing) -> Verdict {
    let newest = match (&copies.sled, &copies.file) {
        (Copy::Good(sled), Copy::Good(file)) if file.version > sled.version => file,
        (Copy::Good(sled), _) => sled,
        (Copy::Absent | Copy::Damaged(_), Copy::Good(file)) => file,
        (Copy::Absent | Copy::Damaged(_), Copy::Absent | Copy::Damaged(_)) => {
            return if listing.listed || !listing.current { Verdict::Lost } else { Verdict::Drop };
        }
    };
    // A slot is put into sled together with the meta record that names it; a record that is newer than the
    // meta record is that of a new slot, an older one that of a removed slot.
    if !listing.listed && newest.version <= listing.version {
        return Verdict::Drop;
    }
    let sled_stale = !matches!(&copies.sled, Copy::Good(sled) if sled == newest);
    Verdict::Keep { sealed: newest.clone(), sled_stale, file_stale: stale(&copies.file, newest) }
}

fn stale(file: &Copy, newest: &Sealed) -> Option<String> {
    match file {
        Copy::Good(file) if file == newest => None,
        Copy::Good(_) => Some(BEHIND.to_owned()),
        Copy::Absent => Some("missing".to_owned()),
        Copy::Damaged(why) => Some(why.clone()),
    }
}
