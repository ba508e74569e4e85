//! The sealed files beside sled: `meta.sealed`, and one per slot. Whole or absent at every moment; each is
//! private, and that is checked. What is in them is not known here.

use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use pat_wire::trust::{self, Owners, Untrusted};
use patd_keys::durable;
use patd_keys::state_dir::StateDirError;

use super::error::{OpenError, StoreError};
use super::vault::RecordKey;

/// The sealed files of a state folder.
pub(super) struct SealedFiles {
    dir: PathBuf,
}

/// What was found where a sealed file should be: its bytes, or what is wrong with it.
pub(super) type FileBytes = Result<Vec<u8>, String>;

/// The slot files as they were found.
#[derive(Default)]
pub(super) struct Scan {
    found: BTreeMap<RecordKey, FileBytes>,
    half_written: Vec<PathBuf>,
}

/// The system refused something at a path.
#[derive(Debug)]
pub(super) struct IoAt {
    pub(super) path: PathBuf,
    pub(super) doing: &'static str,
    pub(super) source: io::Error,
}

impl Scan {
    /// Deletes the half-written files, which nobody was told of, and returns the others.
    pub(super) fn tidied(self) -> Result<BTreeMap<RecordKey, FileBytes>, OpenError> {
        for path in &self.half_written {
            std::fs::remove_file(path).map_err(at(path, "cannot be removed"))?;
        }
        Ok(self.found)
    }
}

impl SealedFiles {
    /// Names the files of a state folder.
    pub(super) fn of(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    /// Makes the folder of the slot files if there is none, and checks that it is private.
    pub(super) fn prepare(&self) -> Result<(), OpenError> {
        let slots = self.slots();
        match std::fs::DirBuilder::new().mode(0o700).create(&slots) {
            Ok(()) => durable::sync_dir(&self.dir).map_err(at(&self.dir, "cannot be synced"))?,
            Err(why) if why.kind() == io::ErrorKind::AlreadyExists => {}
            Err(why) => Err(at(&slots, "cannot be made")(why))?,
        }
        trust::private_dir(&slots, Owners::Own).map_err(StateDirError::Untrusted)?;
        Ok(())
    }

    /// Returns the bytes of `meta.sealed`; `None` if there is none.
    pub(super) fn meta(&self) -> Result<Option<FileBytes>, OpenError> {
        read(&self.meta_path())
    }

    /// Returns where `meta.sealed` is.
    pub(super) fn meta_path(&self) -> PathBuf {
        self.dir.join("meta.sealed")
    }

    /// Writes `meta.sealed`, durably.
    pub(super) fn write_meta(&self, bytes: &[u8]) -> Result<(), IoAt> {
        let path = self.meta_path();
        durable::replace(&path, bytes).map_err(at(&path, "cannot be written"))
    }

    /// Returns the bytes of a slot's file; `None` if there is none.
    pub(super) fn slot(&self, key: &RecordKey) -> Result<Option<FileBytes>, OpenError> {
        read(&self.slot_path(key))
    }

    /// Writes a slot's file, durably.
    pub(super) fn write(&self, key: &RecordKey, bytes: &[u8]) -> Result<(), IoAt> {
        let path = self.slot_path(key);
        durable::replace(&path, bytes).map_err(at(&path, "cannot be written"))
    }

    /// Removes a slot's file, durably.
    pub(super) fn remove(&self, key: &RecordKey) -> Result<(), IoAt> {
        let path = self.slot_path(key);
        match std::fs::remove_file(&path) {
            Err(why) if why.kind() != io::ErrorKind::NotFound => {
                Err(at(&path, "cannot be removed")(why))
            }
            Ok(()) | Err(_) => {
                durable::sync_dir(&self.slots()).map_err(at(&self.slots(), "cannot be synced"))
            }
        }
    }

    /// Returns whether there is any slot file, whole or not.
    pub(super) fn any_slot(&self) -> Result<bool, OpenError> {
        let slots = self.slots();
        match std::fs::read_dir(&slots) {
            Ok(mut entries) => Ok(entries.next().is_some()),
            Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(why) => Err(at(&slots, "cannot be listed")(why))?,
        }
    }

    /// Reads every slot file there is; files of other names are left alone. Changes nothing.
    pub(super) fn scan(&self) -> Result<Scan, OpenError> {
        let mut scan = Scan::default();
        let slots = self.slots();
        let entries = match std::fs::read_dir(&slots) {
            Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(scan),
            entries => entries.map_err(at(&slots, "cannot be listed"))?,
        };
        for entry in entries {
            let path = entry.map_err(at(&slots, "cannot be listed"))?.path();
            if path.extension().is_some_and(|ending| ending == durable::TEMPORARY) {
                scan.half_written.push(path);
            } else if let (Some(key), Some(bytes)) = (key_of(&path), read(&path)?) {
                scan.found.insert(key, bytes);
            }
        }
        Ok(scan)
    }

    fn slots(&self) -> PathBuf {
        self.dir.join("slots")
    }

    fn slot_path(&self, key: &RecordKey) -> PathBuf {
        let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        self.slots().join(hex + ENDING)
    }
}

/// Reads a private file whole. A read error is damage; a file that others may touch is refused.
fn read(path: &Path) -> Result<Option<FileBytes>, OpenError> {
    let file = match trust::open_no_follow(path) {
        Ok(file) => file,
        Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(why) => Err(at(path, "cannot be opened")(why))?,
    };
    let meta = file.metadata().map_err(at(path, "cannot be looked at"))?;
    trust::private_file(path, &meta, Owners::Own)
        .map_err(|why: Untrusted| StateDirError::from(why))?;
    // One byte more than there should be, so that one read takes it all and one more finds the end.
    let expected = usize::try_from(meta.len().min(LONGEST_FILE)).unwrap_or(0) + 1;
    let mut bytes = Vec::with_capacity(expected);
    let read = file.take(LONGEST_FILE).read_to_end(&mut bytes);
    Ok(Some(read.map(|_len| bytes).map_err(|why| format!("unreadable ({why})"))))
}

fn key_of(path: &Path) -> Option<RecordKey> {
    let hex = path.file_name()?.to_str()?.strip_suffix(ENDING)?;
    let mut key = RecordKey::default();
    let (pairs, rest) = hex.as_bytes().as_chunks::<2>();
    if !rest.is_empty() || pairs.len() != key.len() {
        return None;
    }
    for (byte, pair) in key.iter_mut().zip(pairs) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(key)
}

/// Says where and at what the system refused.
pub(super) fn at(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> IoAt {
    let path = path.to_owned();
    move |source| IoAt { path, doing, source }
}

impl From<IoAt> for OpenError {
    fn from(IoAt { path, doing, source }: IoAt) -> Self {
        Self::Io { path, doing, source }
    }
}

impl From<IoAt> for StoreError {
    fn from(IoAt { path, doing, source }: IoAt) -> Self {
        Self::Io { path, doing, source }
    }
}

const ENDING: &str = ".sealed";
/// Far above any real record; a larger file is not one, and its seal will say so.
const LONGEST_FILE: u64 = 16 << 20;
