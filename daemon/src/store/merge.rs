//! Which copy of a slot's record is believed: sled's or its file's. A decision, without I/O.

use std::rc::Rc;

use patd_core::lifecycle::Slot;
use patd_core::names::SlotId;

use super::error::BEHIND;

/// A record that opened: whose it is, the state in it, which version, and its sealed bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sealed {
    pub(super) id: SlotId,
    pub(super) slot: Slot,
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
    Good(Rc<Sealed>),
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
    /// Whether the copy in `meta.sealed` is behind it: a crash came before the last change was in the files.
    pub(super) file_behind: bool,
}

/// What to do about one slot.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// This is its record.
    Keep {
        /// The newest copy.
        sealed: Rc<Sealed>,
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
    Verdict::Keep {
        sealed: Rc::clone(newest),
        sled_stale,
        file_stale: stale(&copies.file, newest, listing),
    }
}

fn stale(file: &Copy, newest: &Rc<Sealed>, listing: Listing) -> Option<String> {
    match file {
        Copy::Good(file) if file == newest => None,
        Copy::Good(_) => Some(BEHIND.to_owned()),
        Copy::Absent if listing.file_behind => Some(BEHIND.to_owned()),
        Copy::Absent => Some("missing".to_owned()),
        Copy::Damaged(why) => Some(why.clone()),
    }
}

#[cfg(test)]
mod tests {
    use patd_core::names::{Account, HostId, User};

    use super::*;

    /// Every combination of what can be found and what the list can say: versions 1 to 3, list at version 2.
    fn all_cases() -> Vec<(Copies, Listing)> {
        let mut cases = Vec::new();
        for (sled, file) in pairs(5) {
            for (listed, current) in [(true, true), (true, false), (false, true), (false, false)] {
                let copies = Copies { sled: copy(sled), file: copy(file) };
                let listing = Listing { listed, version: 2, current, file_behind: false };
                cases.push((copies, listing));
            }
        }
        cases
    }

    fn pairs(n: u64) -> impl Iterator<Item = (u64, u64)> {
        (0..n * n).map(move |pair| (pair / n, pair % n))
    }

    fn copy(kind: u64) -> Copy {
        match kind {
            0 => Copy::Absent,
            4 => Copy::Damaged("not authentic".to_owned()),
            version => Copy::Good(Rc::new(Sealed {
                id: SlotId { account: Account::new("A"), user: User::new("U") },
                slot: Slot::new(HostId::new("0123ABCD")),
                version,
                term: 1,
                bytes: version.to_be_bytes().to_vec(),
            })),
        }
    }

    fn version(copy: &Copy) -> Option<u64> {
        match copy {
            Copy::Good(sealed) => Some(sealed.version),
            Copy::Absent | Copy::Damaged(_) => None,
        }
    }

    #[test]
    fn of_two_copies_the_newer_is_believed_and_the_other_written_again() {
        for (copies, listing) in all_cases() {
            let newest = version(&copies.sled).max(version(&copies.file));
            let both = [&copies.sled, &copies.file].map(version);

            let Verdict::Keep { sealed, sled_stale, file_stale } = judge(copies, listing) else {
                continue;
            };

            assert_eq!(Some(sealed.version), newest);
            assert_eq!([sled_stale, file_stale.is_some()], both.map(|version| version != newest));
        }
    }

    #[test]
    fn a_listed_slot_is_never_dropped_and_lost_only_without_a_good_copy() {
        for (copies, listing) in all_cases().into_iter().filter(|(_, listing)| listing.listed) {
            let any = version(&copies.sled).or(version(&copies.file)).is_some();

            let verdict = judge(copies, listing);

            assert_eq!(matches!(verdict, Verdict::Keep { .. }), any, "{verdict:?}");
            assert_ne!(verdict, Verdict::Drop);
        }
    }

    #[test]
    fn an_unlisted_slot_stays_only_if_it_is_newer_than_the_list() {
        for (copies, listing) in all_cases().into_iter().filter(|(_, listing)| !listing.listed) {
            let newest = version(&copies.sled).max(version(&copies.file));

            let verdict = judge(copies, listing);

            match newest {
                Some(version) if version > listing.version => {
                    assert!(matches!(verdict, Verdict::Keep { .. }));
                }
                Some(_) => assert_eq!(verdict, Verdict::Drop),
                None if listing.current => assert_eq!(verdict, Verdict::Drop),
                None => assert_eq!(verdict, Verdict::Lost, "it may have been new"),
            }
        }
    }
}
