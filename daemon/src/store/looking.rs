//! What is on disk: sled's records and the sealed files, each opened, none believed yet. Reads only.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::rc::Rc;

use pat_wire::trust::{self, Owners};
use patd_keys::state_dir::StateDirError;

use super::contents::Contents;
use super::error::OpenError;
use super::merge::{Copies, Copy, Sealed};
use super::seal::Header;
use super::sealed_files::{FileBytes, at};
use super::sled_file::{Fault, SledFile};
use super::vault::{RecordKey, Vault};

/// What became of opening sled.
pub(super) enum SledState {
    /// There is none.
    Missing,
    /// It opened, and there is nothing in it.
    Blank(SledFile),
    /// It opened, and all in it is as it was written.
    Whole(SledFile),
    /// It is not to be believed as a whole, and why.
    Damaged(String),
}

/// Returns whether there is a sled folder, or something in its place.
pub(super) fn sled_exists(dir: &Path) -> Result<bool, OpenError> {
    let path = dir.join(SLED_DIR);
    match std::fs::symlink_metadata(&path) {
        Ok(_) => Ok(true),
        Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(why) => Err(at(&path, "cannot be looked at")(why))?,
    }
}

/// Opens sled and reads all of it, if there is one. A full disk or a missing right is no damage.
pub(super) fn look_at_sled(dir: &Path) -> Result<(SledState, Contents), OpenError> {
    if !sled_exists(dir)? {
        return Ok((SledState::Missing, Contents::default()));
    }
    let path = dir.join(SLED_DIR);
    private_sled(&path)?;
    match SledFile::open(&path) {
        Ok((sled, contents)) if contents.is_empty() => Ok((SledState::Blank(sled), contents)),
        Ok((sled, contents)) => Ok((SledState::Whole(sled), contents)),
        Err(Fault::Damaged(why)) => Ok((SledState::Damaged(why), Contents::default())),
        Err(fault) => Err(refused(&path, fault)),
    }
}

/// Opens every record of both places. A record of sled's that does not open condemns sled as a whole.
pub(super) fn gather(
    sled: &mut SledState,
    contents: Contents,
    files: BTreeMap<RecordKey, FileBytes>,
    vault: &Vault,
) -> BTreeMap<RecordKey, Copies> {
    let mut found: BTreeMap<RecordKey, Copies> = BTreeMap::new();
    for (key, bytes) in contents.iter().filter(|(key, _)| *key != META_KEY) {
        match RecordKey::try_from(key) {
            Ok(key) => found.entry(key).or_default().sled = open(vault, &key, bytes.to_vec()),
            Err(_) => sled.condemn("it has a record of an unknown kind".to_owned()),
        }
    }
    if let Some(why) = found.values().find_map(|copies| copies.sled.damage()) {
        sled.condemn(format!("a record is {why}"));
    }
    for (key, bytes) in files {
        let copies = found.entry(key).or_default();
        copies.file = match (&copies.sled, bytes) {
            (Copy::Good(in_sled), Ok(bytes)) if in_sled.bytes == bytes => copies.sled.clone(),
            (_, Ok(bytes)) => open(vault, &key, bytes),
            (_, Err(why)) => Copy::Damaged(why),
        };
    }
    found
}

impl SledState {
    /// Marks it as not to be believed as a whole, and closes it.
    pub(super) fn condemn(&mut self, why: String) {
        if !matches!(self, Self::Missing | Self::Damaged(_)) {
            *self = Self::Damaged(why);
        }
    }
}

fn open(vault: &Vault, key: &RecordKey, bytes: Vec<u8>) -> Copy {
    let opened = Header::of(&bytes).and_then(|header| Ok((header, vault.open(key, &bytes)?)));
    let (header, record) = match opened {
        Ok(opened) => opened,
        Err(why) => return Copy::Damaged(why.0.to_owned()),
    };
    match record.state().filter(|(id, _)| vault.derived.record_key(id) == *key) {
        Some((id, slot)) => {
            let (version, term) = (header.version, header.term);
            Copy::Good(Rc::new(Sealed { id, slot, version, term, bytes }))
        }
        None => Copy::Damaged("of an unknown form".to_owned()),
    }
}

/// Checks that sled's folder and everything in it is private.
fn private_sled(path: &Path) -> Result<(), OpenError> {
    trust::private_dir(path, Owners::Own).map_err(StateDirError::Untrusted)?;
    for entry in std::fs::read_dir(path).map_err(at(path, "cannot be listed"))? {
        let entry = entry.map_err(at(path, "cannot be listed"))?;
        let meta = entry.metadata().map_err(at(&entry.path(), "cannot be looked at"))?;
        let private = match meta.is_dir() {
            true => trust::private_dir(&entry.path(), Owners::Own).map(drop),
            false => trust::private_file(&entry.path(), &meta, Owners::Own),
        };
        private.map_err(StateDirError::Untrusted)?;
    }
    Ok(())
}

/// Says that the system refused something of sled's.
pub(super) fn refused(path: &Path, fault: Fault) -> OpenError {
    match fault {
        Fault::System(source) => at(path, "cannot be used")(source).into(),
        Fault::Damaged(why) => {
            at(path, "does not work even when new")(io::Error::other(why)).into()
        }
    }
}

/// The folder of the database.
pub(super) const SLED_DIR: &str = "sled";
/// Where the meta record lies in sled; record keys are longer.
pub(super) const META_KEY: &[u8] = b"meta";
