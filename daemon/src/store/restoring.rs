//! From what is on disk to a whole store: look at sled and at the sealed files, believe the newest copy of
//! each record, write the others again, set a damaged sled aside. All is decided before anything is written.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use patd_core::names::SlotId;
use patd_keys::durable;
use patd_keys::state_dir::{self, StateDirError};
use patd_keys::trust::{self, Owners};

use super::error::{OpenError, Repair};
use super::merge::{self, Copies, Copy, Listing, Sealed, Verdict};
use super::meta::Meta;
use super::seal::Header;
use super::sealed_files::{FileBytes, SealedFiles, at};
use super::sled_file::{Change, Contents, Fault, SledFile};
use super::vault::{RecordKey, Vault};

/// What became of opening sled.
pub(super) enum SledState {
    /// There is none.
    Missing,
    /// It opened, and this was in it.
    Open(SledFile, Contents),
    /// It is not to be believed as a whole; what could be read of it.
    Damaged(String, Contents),
}

/// What is on disk, and what to do about it. Nothing has been written yet.
pub(super) struct Survey {
    sled: SledState,
    keep: BTreeMap<RecordKey, Sealed>,
    /// Records that sled lacks.
    to_sled: BTreeSet<RecordKey>,
    /// Files to write again, and why.
    to_file: BTreeMap<RecordKey, String>,
    /// What is left of removed slots.
    leftover_records: Vec<RecordKey>,
    leftover_files: Vec<RecordKey>,
}

/// Whether the meta record must be written again, which is then done in both places.
pub(super) enum MetaWrite {
    /// Both copies are as they should be.
    None,
    /// What it says has changed, or sled's copy is behind.
    Changed,
    /// `meta.sealed` was found wrong in this way.
    FileStale(String),
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
pub(super) fn look_at_sled(dir: &Path) -> Result<SledState, OpenError> {
    if !sled_exists(dir)? {
        return Ok(SledState::Missing);
    }
    let path = dir.join(SLED_DIR);
    private_sled(&path)?;
    match SledFile::open(&path) {
        Ok((sled, contents)) => Ok(SledState::Open(sled, contents)),
        Err(Fault::Damaged(why)) => Ok(SledState::Damaged(why, Contents::new())),
        Err(fault) => Err(refused(&path, fault)),
    }
}

impl SledState {
    /// Returns what could be read of it.
    pub(super) fn contents(&self) -> &Contents {
        match self {
            Self::Missing => const { &Contents::new() },
            Self::Open(_, contents) | Self::Damaged(_, contents) => contents,
        }
    }

    /// Marks it as not to be believed as a whole, and closes it.
    pub(super) fn condemn(&mut self, why: String) {
        if let Self::Open(_, contents) = self {
            *self = Self::Damaged(why, std::mem::take(contents));
        }
    }
}

/// Compares all copies and decides which to believe. `current` says whether the list in `meta` is surely the
/// last one written.
pub(super) fn survey(
    dir: &Path,
    files: &SealedFiles,
    (vault, meta, current): (&Vault, &Meta, bool),
    mut sled: SledState,
) -> Result<Survey, OpenError> {
    let listed: BTreeMap<RecordKey, &SlotId> =
        meta.slots.iter().map(|id| (vault.derived.record_key(id), id)).collect();
    let mut found = gather(&mut sled, files.scan()?, vault);
    for key in listed.keys() {
        found.entry(*key).or_default();
    }
    let mut survey = Survey::of(sled);
    for (key, copies) in found {
        let id = listed.get(&key);
        let listing = Listing { listed: id.is_some(), version: meta.version, current };
        let places = [&copies.sled, &copies.file].map(|copy| !matches!(copy, Copy::Absent));
        match merge::judge(copies, listing) {
            Verdict::Keep { sealed, sled_stale, file_stale } => {
                survey.keep(key, sealed, sled_stale, file_stale);
            }
            Verdict::Drop => survey.drop(key, places),
            Verdict::Lost => return Err(lost(dir, id.copied())),
        }
    }
    Ok(survey)
}

/// Opens sled again at run time, with the list that is in memory: the same survey, the same repairs.
pub(super) fn reopen(
    dir: &Path,
    files: &SealedFiles,
    vault: &Vault,
    meta: &mut Meta,
) -> Result<(SledFile, Vec<Repair>), OpenError> {
    let survey = survey(dir, files, (vault, meta, true), look_at_sled(dir)?)?;
    meta.version = survey.highest_version(meta.version) + 1;
    survey.carry_out(dir, files, (vault, meta), MetaWrite::Changed)
}

impl Survey {
    fn of(sled: SledState) -> Self {
        Self {
            sled,
            keep: BTreeMap::new(),
            to_sled: BTreeSet::new(),
            to_file: BTreeMap::new(),
            leftover_records: Vec::new(),
            leftover_files: Vec::new(),
        }
    }

    /// Returns the slots there are.
    pub(super) fn slots(&self) -> BTreeSet<SlotId> {
        self.keep.values().map(|sealed| sealed.id.clone()).collect()
    }

    /// Returns whether a record is sealed under this term.
    pub(super) fn uses(&self, term: u32) -> bool {
        self.keep.values().any(|sealed| sealed.term == term)
    }

    /// Returns the highest version of any record, or `at_least`.
    pub(super) fn highest_version(&self, at_least: u64) -> u64 {
        self.keep.values().map(|sealed| sealed.version).fold(at_least, u64::max)
    }

    /// Writes what was decided. First the files, then sled: what only a damaged sled knew is safe before it
    /// is set aside.
    pub(super) fn carry_out(
        self,
        dir: &Path,
        files: &SealedFiles,
        (vault, meta): (&Vault, &Meta),
        write: MetaWrite,
    ) -> Result<(SledFile, Vec<Repair>), OpenError> {
        let mut repairs = Vec::new();
        for (key, why) in &self.to_file {
            if let Some(sealed) = self.keep.get(key) {
                files.write(key, &sealed.bytes)?;
                repairs.push(Repair::FileRewritten { slot: sealed.id.clone(), why: why.clone() });
            }
        }
        let sled_is_whole =
            matches!(&self.sled, SledState::Open(_, contents) if !contents.is_empty());
        let mut meta_bytes = None;
        if !sled_is_whole || !matches!(write, MetaWrite::None) {
            let bytes = meta.seal(&vault.derived, &vault.keyring).ok_or(OpenError::Seal)?;
            files.write_meta(&bytes)?;
            meta_bytes = Some(bytes);
        }
        if let MetaWrite::FileStale(why) = write {
            repairs.push(Repair::MetaRewritten { why });
        }
        let leftover_files = self.leftover_files.clone();
        let sled = self.complete_sled(&dir.join(SLED_DIR), meta_bytes.as_deref(), &mut repairs)?;
        for key in leftover_files {
            files.remove(&key)?;
            repairs.push(Repair::LeftoverRemoved);
        }
        Ok((sled, repairs))
    }

    /// Brings the records that sled lacks into it, or all of them into a new one.
    fn complete_sled(
        self,
        path: &Path,
        meta: Option<&[u8]>,
        repairs: &mut Vec<Repair>,
    ) -> Result<SledFile, OpenError> {
        let Self { sled, keep, to_sled, leftover_records, .. } = self;
        let (sled, lacking) = match sled {
            SledState::Open(sled, contents) if !contents.is_empty() => {
                let restored = to_sled.iter().filter_map(|key| keep.get(key));
                repairs.extend(restored.map(|sealed| Repair::RecordRestored(sealed.id.clone())));
                (sled, to_sled)
            }
            SledState::Open(sled, _) => {
                repairs.push(Repair::SledMissing);
                (sled, to_sled)
            }
            SledState::Missing => {
                repairs.push(Repair::SledMissing);
                (new_sled(path)?, to_sled)
            }
            SledState::Damaged(why, _) => {
                repairs.push(Repair::SledSetAside { to: set_aside(path)?, why });
                (new_sled(path)?, keep.keys().copied().collect())
            }
        };
        let records = lacking.iter().filter_map(|key| keep.get_key_value(key));
        let changes = records
            .map(|(key, sealed)| (key.as_slice(), Some(sealed.bytes.as_slice())))
            .chain(leftover_records.iter().map(|key| (key.as_slice(), None)))
            .chain(meta.map(|meta| (META_KEY, Some(meta))));
        commit(path, &sled, &changes.collect::<Vec<_>>())?;
        Ok(sled)
    }

    fn keep(
        &mut self,
        key: RecordKey,
        sealed: Sealed,
        sled_stale: bool,
        file_stale: Option<String>,
    ) {
        if sled_stale {
            self.to_sled.insert(key);
        }
        if let Some(why) = file_stale {
            self.to_file.insert(key, why);
        }
        self.keep.insert(key, sealed);
    }

    fn drop(&mut self, key: RecordKey, [in_sled, in_file]: [bool; 2]) {
        if in_sled {
            self.leftover_records.push(key);
        }
        if in_file {
            self.leftover_files.push(key);
        }
    }
}

/// Opens every record of both places. A record of sled's that does not open condemns sled as a whole.
fn gather(
    sled: &mut SledState,
    files: BTreeMap<RecordKey, FileBytes>,
    vault: &Vault,
) -> BTreeMap<RecordKey, Copies> {
    let mut found: BTreeMap<RecordKey, Copies> = BTreeMap::new();
    let mut condemned = None;
    for (key, bytes) in sled.contents().iter().filter(|(key, _)| key.as_slice() != META_KEY) {
        match RecordKey::try_from(key.as_slice()) {
            Ok(key) => found.entry(key).or_default().sled = open(vault, &key, bytes),
            Err(_) => condemned = Some("it has a record of an unknown kind".to_owned()),
        }
    }
    if let Some(why) = found.values().find_map(|copies| copies.sled.damage()) {
        condemned = Some(format!("a record is {why}"));
    }
    if let Some(why) = condemned {
        sled.condemn(why);
    }
    for (key, bytes) in files {
        let copies = found.entry(key).or_default();
        copies.file = match (&copies.sled, bytes) {
            (Copy::Good(in_sled), Ok(bytes)) if in_sled.bytes == bytes => copies.sled.clone(),
            (_, Ok(bytes)) => open(vault, &key, &bytes),
            (_, Err(why)) => Copy::Damaged(why),
        };
    }
    found
}

fn open(vault: &Vault, key: &RecordKey, bytes: &[u8]) -> Copy {
    let opened = Header::of(bytes).and_then(|header| Ok((header, vault.open(key, bytes)?)));
    match opened {
        Ok((header, record)) => {
            match record.state().filter(|(id, _)| vault.derived.record_key(id) == *key) {
                Some((id, _)) => {
                    let (version, term) = (header.version, header.term);
                    Copy::Good(Sealed { id, version, term, bytes: bytes.to_vec() })
                }
                None => Copy::Damaged("of an unknown form".to_owned()),
            }
        }
        Err(why) => Copy::Damaged(why.0.to_owned()),
    }
}

fn new_sled(path: &Path) -> Result<SledFile, OpenError> {
    let (sled, _contents) = SledFile::open(path).map_err(|fault| refused(path, fault))?;
    let parent = path.parent().unwrap_or(path);
    durable::sync_dir(parent).map_err(at(parent, "cannot be synced"))?;
    Ok(sled)
}

fn commit(path: &Path, sled: &SledFile, changes: &[Change<'_>]) -> Result<(), OpenError> {
    if changes.is_empty() {
        return Ok(());
    }
    sled.commit(changes).map_err(|fault| refused(path, fault))
}

/// Moves the damaged folder out of the way; it stays for a person to look at.
fn set_aside(path: &Path) -> Result<std::path::PathBuf, OpenError> {
    let dir = path.parent().unwrap_or(path);
    let aside = state_dir::free_name(dir, "sled.damaged");
    std::fs::rename(path, &aside).map_err(at(path, "cannot be set aside"))?;
    durable::sync_dir(dir).map_err(at(dir, "cannot be synced"))?;
    Ok(aside)
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

fn refused(path: &Path, fault: Fault) -> OpenError {
    match fault {
        Fault::System(source) => at(path, "cannot be used")(source).into(),
        Fault::Damaged(why) => {
            at(path, "does not work even when new")(io::Error::other(why)).into()
        }
    }
}

fn lost(dir: &Path, id: Option<&SlotId>) -> OpenError {
    let what = id.map_or("a slot".to_owned(), |id| format!("slot {id}"));
    OpenError::Lost { dir: dir.to_owned(), what }
}

/// The folder of the database.
pub(super) const SLED_DIR: &str = "sled";
/// Where the meta record lies in sled; record keys are longer.
pub(super) const META_KEY: &[u8] = b"meta";
