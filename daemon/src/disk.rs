//! Whether the disk of the store has room for another generation. Asked before one is begun: a token that is made and
//! cannot be written down is lost. What is served needs no room.

use std::io;
use std::path::{Path, PathBuf};

use nix::sys::statvfs::statvfs;
use patd_core::lifecycle::Alarm;

use crate::alarms::Alarms;

/// The disk below the state folder.
pub struct Disk {
    state: PathBuf,
}

/// What the file system has left for us, and what the store takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Left {
    bytes: u64,
    /// None: this file system has no bound on them.
    files: Option<u64>,
    store: u64,
}

impl Disk {
    /// Returns the disk below a state folder.
    pub fn below(state: &Path) -> Self {
        Self { state: state.to_owned() }
    }

    /// Returns whether a generation may be begun, and brings the alarm to what is so now. A disk that does not say is
    /// no reason to stop: the write itself will tell.
    pub fn look(&self, alarms: &Alarms) -> bool {
        match self.left().ok().and_then(Left::too_little) {
            None => {
                alarms.clear(SUBJECT, DISK_LOW);
                true
            }
            Some(needed) => {
                alarms.raise(SUBJECT, &self.too_little(needed));
                false
            }
        }
    }

    fn left(&self) -> io::Result<Left> {
        let disk = statvfs(&self.state)?;
        let bytes = disk.blocks_available().saturating_mul(disk.fragment_size());
        let files = (disk.files() > 0).then(|| disk.files_available());
        let store = std::fs::metadata(self.state.join(SLED_LOG)).map_or(0, |log| log.len());
        Ok(Left { bytes, files, store })
    }

    /// The text stays the same while it stands: an alarm is told once.
    fn too_little(&self, needed: u64) -> Alarm {
        let path = self.state.display();
        let message = format!(
            "less than {} MiB or {FILES} files are left below {path}: no rotation is begun, what is served goes on",
            needed.div_ceil(MIB)
        );
        Alarm {
            id: DISK_LOW,
            message,
            next_step: format!("free space: df -h {path}; df -i {path}"),
        }
    }
}

impl Left {
    /// Returns what is needed, if it is not there: the store may have to be written a second time beside itself (damage),
    /// and grows by whole segments; the audit log goes on as well.
    fn too_little(self) -> Option<u64> {
        // In steps, so that the text does not change with each write.
        let needed = self.store.next_multiple_of(STEP).saturating_add(RESERVE);
        let has_files = self.files.is_none_or(|files| files >= FILES);
        (self.bytes < needed || !has_files).then_some(needed)
    }
}

const SUBJECT: &str = "store";
const DISK_LOW: &str = "disk-low";
const SLED_LOG: &str = "sled/db";
const MIB: u64 = 1 << 20;
const STEP: u64 = 8 * MIB;
const RESERVE: u64 = 8 * MIB;
const FILES: u64 = 64;

#[cfg(test)]
mod tests {
    use super::*;

    const PLENTY: Left = Left { bytes: 1 << 40, files: Some(1 << 20), store: 0 };

    #[test]
    fn room_is_enough_for_the_store_once_more_and_a_reserve() {
        assert_eq!(PLENTY.too_little(), None);
        let full = Left { bytes: 8 * MIB - 1, ..PLENTY };
        assert_eq!(full.too_little(), Some(8 * MIB));
        assert_eq!(Left { bytes: 8 * MIB, ..PLENTY }.too_little(), None);
        let large = Left { bytes: 40 * MIB, store: 30 * MIB, ..PLENTY };
        assert_eq!(large.too_little(), None);
        assert_eq!(Left { bytes: 40 * MIB - 1, ..large }.too_little(), Some(40 * MIB));
    }

    #[test]
    fn a_disk_without_names_for_files_is_full_and_one_without_a_bound_is_not() {
        assert!(Left { files: Some(63), ..PLENTY }.too_little().is_some());
        assert_eq!(Left { files: None, ..PLENTY }.too_little(), None);
    }

    #[test]
    fn a_real_disk_tells() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Disk::below(folder.path()).left().unwrap().bytes > 0);
        assert!(Disk::below(&folder.path().join("gone")).left().is_err());
    }
}
