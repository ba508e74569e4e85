//! From what is on disk to a whole store: believe the newest copy of each record, write the others again, set
//! a damaged sled aside. All is decided before anything is written.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use patd_core::lifecycle::Slot;
use patd_core::names::SlotId;
use patd_keys::durable;
use patd_keys::state_dir;

use super::contents::Contents;
use super::error::{OpenError, Repair};
use super::looking::{self, META_KEY, SLED_DIR, SledState, refused};
use super::merge::{self, Copy, Listing, Sealed, Verdict};
use super::meta::Meta;
use super::sealed_files::{Scan, SealedFiles, at};
use super::sled_file::{Change, SledFile};
use super::vault::{RecordKey, Vault};

/// What is on disk, and what to do about it. Nothing has been written yet.
pub(super) struct Survey {
    sled: SledState,
    keep: BTreeMap<RecordKey, Rc<Sealed>>,
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

/// What is known of the list of slots.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) vault: &'a Vault,
    pub(super) meta: &'a Meta,
    /// Whether the list in `meta` is surely the last one written.
    pub(super) current: bool,
    /// Whether `meta.sealed` lacks its last change.
    pub(super) file_behind: bool,
}

/// Compares all copies and decides which to believe.
pub(super) fn survey(
    dir: &Path,
    Known { vault, meta, current, file_behind }: Known<'_>,
    ((mut sled, contents), scan): ((SledState, Contents), Scan),
) -> Result<Survey, OpenError> {
    let listed: BTreeMap<RecordKey, &SlotId> =
        meta.slots.iter().map(|id| (vault.derived.record_key(id), id)).collect();
    let mut found = looking::gather(&mut sled, contents, scan.tidied()?, vault);
    for key in listed.keys() {
        found.entry(*key).or_default();
    }
    let mut survey = Survey::of(sled);
    for (key, copies) in found {
        let id = listed.get(&key);
        let listing = Listing { listed: id.is_some(), version: meta.version, current, file_behind };
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
    let found = (looking::look_at_sled(dir)?, files.scan()?);
    let survey = survey(dir, Known { vault, meta, current: true, file_behind: false }, found)?;
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

    /// Returns the state of every slot.
    pub(super) fn states(&self) -> BTreeMap<SlotId, Slot> {
        self.keep.values().map(|sealed| (sealed.id.clone(), sealed.slot.clone())).collect()
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
        let sled_is_whole = matches!(&self.sled, SledState::Whole(_));
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
            SledState::Whole(sled) => {
                repairs.extend(restored(&keep, &to_sled));
                (sled, to_sled)
            }
            SledState::Blank(sled) => {
                repairs.push(Repair::SledMissing);
                (sled, to_sled)
            }
            SledState::Missing => {
                repairs.push(Repair::SledMissing);
                (new_sled(path)?, to_sled)
            }
            SledState::Damaged(why) => {
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
        sealed: Rc<Sealed>,
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

/// Says which records sled gets again. A crash, or a write that sled refused, leaves it without the last one.
fn restored(
    keep: &BTreeMap<RecordKey, Rc<Sealed>>,
    to_sled: &BTreeSet<RecordKey>,
) -> impl Iterator<Item = Repair> {
    let newest = keep.values().map(|sealed| sealed.version).max();
    let lacking = to_sled.iter().filter_map(|key| keep.get(key));
    lacking.map(move |sealed| match to_sled.len() == 1 && Some(sealed.version) == newest {
        true => Repair::LastRestored(sealed.id.clone()),
        false => Repair::RecordRestored(sealed.id.clone()),
    })
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
fn set_aside(path: &Path) -> Result<PathBuf, OpenError> {
    let dir = path.parent().unwrap_or(path);
    let aside = state_dir::free_name(dir, "sled.damaged");
    std::fs::rename(path, &aside).map_err(at(path, "cannot be set aside"))?;
    durable::sync_dir(dir).map_err(at(dir, "cannot be synced"))?;
    Ok(aside)
}

fn lost(dir: &Path, id: Option<&SlotId>) -> OpenError {
    let what = id.map_or("a slot".to_owned(), |id| format!("slot {id}"));
    OpenError::Lost { dir: dir.to_owned(), what }
}
