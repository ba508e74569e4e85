//! What can go wrong with the store, in words a person can act on, and what was put right by itself.

use std::io;
use std::path::PathBuf;

use patd_core::names::{Generation, SlotId};
use patd_keys::state_dir::StateDirError;

use crate::formats::LaterFormat;

/// Why the store did not open. The daemon exits 78: nothing is started empty, nothing was moved.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The state folder is not private, or in use.
    #[error(transparent)]
    StateDir(#[from] StateDirError),
    /// There is no store, and no mark of a first start.
    #[error(
        "no store in {}, and no mark of a first start; first start: patctl init; if there was a store \
         and it is lost: patctl rebuild", .0.display()
    )]
    NoStore(PathBuf),
    /// The store is whole, the key is another one.
    #[error(
        "the root key does not open the store in {}; give patd the key it was made with \
         (nothing was changed)", .0.display()
    )]
    WrongRootKey(PathBuf),
    /// Two stores were mixed into one folder.
    #[error(
        "{} and {} belong to different stores; move the one that does not belong here away",
        .0.display(), .1.display()
    )]
    Mixed(PathBuf, PathBuf),
    /// A later version wrote it.
    #[error(transparent)]
    Newer(#[from] LaterFormat),
    /// Every copy of something is gone. Tombstones may be among it, so nothing is guessed.
    #[error("{what} in {} is lost in every copy; restore the folder, or: patctl rebuild", dir.display())]
    Lost {
        /// The state folder.
        dir: PathBuf,
        /// What is lost.
        what: String,
    },
    /// The system refused.
    #[error("{} {doing}; see: namei -l {}", path.display(), path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// The system's own error.
        #[source]
        source: io::Error,
    },
    /// The cryptographic library refused, or the system gave no randomness.
    #[error("sealing failed; try again, and report it if it stays")]
    Seal,
}

/// Why the store did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No such slot was ever put.
    #[error("the store knows no slot {0}")]
    UnknownSlot(SlotId),
    /// The slot is known; the secret of this generation is not kept.
    #[error("the store has no secret of generation {generation} of slot {slot}")]
    NoSecret {
        /// The slot.
        slot: SlotId,
        /// The generation.
        generation: Generation,
    },
    /// The record could not be written as the format has it.
    #[error("the state of slot {0} cannot be encoded; report it")]
    Encode(SlotId),
    /// The system refused; what is on disk is the old state or the new one.
    #[error("{} {doing}; see: df {} and journalctl -k", path.display(), path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// The system's own error.
        #[source]
        source: io::Error,
    },
    /// The store was found damaged while running, and could not be repaired by itself.
    #[error("the store is damaged and was not repaired; restart patd: it says why")]
    Unusable(#[source] OpenError),
    /// The cryptographic library refused, or the system gave no randomness.
    #[error("sealing failed; try again, and report it if it stays")]
    Seal,
}

/// Something that was not as it should be, and is again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Repair {
    /// sled was damaged: set aside, and rebuilt from what was whole.
    SledSetAside {
        /// Where it is now.
        to: PathBuf,
        /// What was wrong with it.
        why: String,
    },
    /// sled was missing: rebuilt from the sealed files.
    SledMissing,
    /// sled cannot be opened while running: the sealed files alone have what is new, until it can.
    SledClosed {
        /// Why not.
        why: String,
    },
    /// A record in sled was older than its sealed file, or missing.
    RecordRestored(SlotId),
    /// The same of the last record that was written, and of that one alone: its file is written first.
    LastRestored(SlotId),
    /// A sealed file was damaged, missing or behind: written again from sled.
    FileRewritten {
        /// Whose.
        slot: SlotId,
        /// What was wrong with it.
        why: String,
    },
    /// `meta.sealed` was damaged, missing or behind: written again from sled.
    MetaRewritten {
        /// What was wrong with it.
        why: String,
    },
    /// The sealed file of a removed slot was still there.
    LeftoverRemoved,
}

impl Repair {
    /// Returns whether a person should look at the disk. A crash in the middle of a write is no such thing.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::SledSetAside { .. }
            | Self::SledMissing
            | Self::SledClosed { .. }
            | Self::RecordRestored(_) => true,
            Self::FileRewritten { why, .. } | Self::MetaRewritten { why } => why != BEHIND,
            Self::LastRestored(_) | Self::LeftoverRemoved => false,
        }
    }
}

impl std::fmt::Display for Repair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::SledSetAside { to, why } => write!(
                f,
                "sled was damaged ({why}) and rebuilt from the sealed files; the damaged folder is {}",
                to.display()
            ),
            Self::SledMissing => {
                f.write_str("sled was missing and was rebuilt from the sealed files")
            }
            Self::SledClosed { why } => write!(
                f,
                "sled does not take what is new, only the sealed files do, until it opens again: {why}"
            ),
            Self::RecordRestored(slot) | Self::LastRestored(slot) => {
                write!(f, "slot {slot} was restored in sled from its sealed file")
            }
            Self::FileRewritten { slot, why } => {
                write!(f, "the sealed file of slot {slot} was written again: it was {why}")
            }
            Self::MetaRewritten { why } => write!(f, "meta.sealed was written again: it was {why}"),
            Self::LeftoverRemoved => {
                f.write_str("the sealed file of a removed slot was taken away")
            }
        }
    }
}

/// How a copy that a crash left one write behind is described.
pub(super) const BEHIND: &str = "behind sled";
