//! Opening the store: make it where it is marked new, find the meta record the root key opens, then let the
//! rest be restored. Refuses rather than guesses, and before it has moved anything.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Mutex, RwLock};

use aws_lc_rs::rand;
use patd_core::lifecycle::Slot;
use patd_core::names::{HostId, SlotId};
use patd_core::time::Timestamp;
use patd_keys::RootKey;
use patd_keys::state_dir;

use crate::formats::LaterFormat;

use super::contents::Contents;
use super::error::{BEHIND, OpenError, Repair};
use super::looking::{self, META_KEY, SLED_DIR, SledState};
use super::meta::{self, Found, Meta, Opened};
use super::restoring::{self, Known, MetaWrite, Survey};
use super::sealed_files::{Scan, SealedFiles};
use super::sealed_store::SealedStore;
use super::vault::{Derived, Keyring, Vault};

/// The open store, and what had to be put right to open it.
pub struct OpenReport {
    /// The store.
    pub store: SealedStore,
    /// The state of every slot, as it was found.
    pub slots: BTreeMap<SlotId, Slot>,
    /// What was repaired. An empty list is the rule.
    pub repairs: Vec<Repair>,
}

/// Opens the store in `dir`, or makes it where `patctl init` left its mark. `now` dates the data keys.
///
/// Sets the process's umask to 077: sled chooses the modes of its files by it.
///
/// # Errors
/// The text says what, where, and the next step. No store was made, and nothing was moved.
pub fn open(dir: &Path, root: RootKey, now: Timestamp) -> Result<OpenReport, OpenError> {
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o077));
    state_dir::check(dir)?;
    let lock = state_dir::lock(dir)?;
    let files = SealedFiles::of(dir);
    let is_new = state_dir::is_marked_new(dir)?;
    if is_new {
        make(dir, &files, &root, now)?;
    }
    let (unlocking, scan) = while_scanning(&files, || unlock(dir, &files, &root));
    let (mut unlocked, sled) = unlocking?;
    drop(root);
    files.prepare()?;
    let survey = restoring::survey(dir, unlocked.known(), (sled, scan?))?;
    let slots = survey.states();
    let write = unlocked.brought_up_to(&survey, now)?;
    let (sled, repairs) =
        survey.carry_out(dir, &files, (&unlocked.vault, &unlocked.meta), write)?;
    if is_new {
        state_dir::unmark(dir)?;
    }
    let store = SealedStore {
        dir: dir.to_owned(),
        host: unlocked.meta.host.clone(),
        vault: unlocked.vault,
        files,
        meta: Mutex::new(unlocked.meta),
        sled: RwLock::new(Some(sled)),
        repairs: Mutex::default(),
        _lock: lock,
    };
    // What a first start finds missing was never there.
    Ok(OpenReport { store, slots, repairs: if is_new { Vec::new() } else { repairs } })
}

/// Reads the slot files while sled opens: both wait for the disk, and neither needs the other. What came of the
/// files counts only once sled and keys are in order.
fn while_scanning<T>(
    files: &SealedFiles,
    open: impl FnOnce() -> T,
) -> (T, Result<Scan, OpenError>) {
    std::thread::scope(|scope| {
        let scanning = scope.spawn(|| files.scan());
        let opened = open();
        let scan = scanning.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (opened, scan)
    })
}

/// The keys and the list, and how far the list is to be believed.
struct Unlocked {
    vault: Vault,
    meta: Meta,
    /// Whether the list is surely the last one written: the file's alone may be one change behind.
    current: bool,
    /// Whether sled's copy is behind or missing.
    sled_stale: bool,
    /// What is wrong with `meta.sealed`, if anything.
    file_stale: Option<String>,
}

impl Unlocked {
    fn known(&self) -> Known<'_> {
        let Self { vault, meta, current, file_stale, .. } = self;
        let file_behind = file_stale.as_deref() == Some(BEHIND);
        Known { vault, meta, current: *current, file_behind }
    }

    /// Takes over which slots there are, lets data keys age, and says whether the record must be written again.
    fn brought_up_to(&mut self, survey: &Survey, now: Timestamp) -> Result<MetaWrite, OpenError> {
        let slots = survey.slots();
        let keyring = &mut self.vault.keyring;
        let terms = keyring.0.len();
        keyring.keep_used(|term| survey.uses(term));
        let aged = keyring.0.len() != terms;
        let renewed = keyring.renew(now).ok_or(OpenError::Seal)?;
        let others = slots != self.meta.slots;
        let changed = others || aged || renewed;
        if others {
            self.meta.slots = slots;
        }
        self.meta.version = survey.highest_version(self.meta.version) + u64::from(changed);
        Ok(match self.file_stale.take() {
            Some(why) => MetaWrite::FileStale(why),
            None if changed || self.sled_stale => MetaWrite::Changed,
            None => MetaWrite::None,
        })
    }
}

/// Makes `meta.sealed` of a new store, unless there is anything of a store already. The rest follows from it,
/// also after a crash right here.
fn make(dir: &Path, files: &SealedFiles, root: &RootKey, now: Timestamp) -> Result<(), OpenError> {
    if files.meta()?.is_some() || looking::sled_exists(dir)? || files.any_slot()? {
        return Ok(());
    }
    let (store, host) = random().zip(random::<4>()).ok_or(OpenError::Seal)?;
    let host = HostId::new(host.iter().map(|byte| format!("{byte:02X}")).collect::<String>());
    let derived = Derived::new(root, store).ok_or(OpenError::Seal)?;
    let mut keyring = Keyring::default();
    keyring.renew(now).ok_or(OpenError::Seal)?;
    let meta = Meta { version: 1, host, slots: BTreeSet::new() };
    let sealed = meta.seal(&derived, &keyring).ok_or(OpenError::Seal)?;
    Ok(files.write_meta(&sealed)?)
}

fn random<const N: usize>() -> Option<[u8; N]> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).ok().map(|()| bytes)
}

/// Finds the newest meta record, in the file or in sled, and unlocks the data keys with it.
fn unlock(
    dir: &Path,
    files: &SealedFiles,
    root: &RootKey,
) -> Result<(Unlocked, (SledState, Contents)), OpenError> {
    let (meta_path, sled_path) = (files.meta_path(), dir.join(SLED_DIR));
    let file = match files.meta()? {
        None => Found::Absent,
        Some(Ok(bytes)) => meta::open(&bytes, root),
        Some(Err(why)) => Found::Damaged(why),
    };
    let wrong_key = || OpenError::WrongRootKey(dir.to_owned());
    let file = readable(file, &meta_path, wrong_key)?;
    let (mut sled, contents) = looking::look_at_sled(dir)?;
    let in_sled = match contents.get(META_KEY) {
        None => Found::Absent,
        Some(bytes) => meta::open(bytes, root),
    };
    let mixed = || OpenError::Mixed(meta_path.clone(), sled_path.clone());
    let other_key = || if file.is_ok() { mixed() } else { wrong_key() };
    let in_sled = readable(in_sled, &sled_path, other_key)?;
    if let (Err(why), SledState::Whole(_)) = (&in_sled, &sled) {
        sled.condemn(format!("its meta record is {why}"));
    }
    let unlocked = match (file, in_sled) {
        (Ok(file), Ok(in_sled)) if file.derived.store != in_sled.derived.store => {
            return Err(mixed());
        }
        (file, in_sled) => newest(file, in_sled),
    };
    match unlocked {
        Some(unlocked) => Ok((unlocked, (sled, contents))),
        None => Err(no_meta(dir, files)?),
    }
}

/// Tells a record from none, and refuses where looking further would be a guess.
fn readable(
    found: Found,
    path: &Path,
    other_key: impl FnOnce() -> OpenError,
) -> Result<Result<Box<Opened>, String>, OpenError> {
    match found {
        Found::Good(opened) => Ok(Ok(opened)),
        Found::Absent => Ok(Err("missing".to_owned())),
        Found::Damaged(why) => Ok(Err(why)),
        Found::OtherKey => Err(other_key()),
        Found::Newer(format) => {
            let (format, known) = (format.into(), meta::FORMAT.into());
            Err(LaterFormat { path: path.to_owned(), format, known, is_store: true }.into())
        }
    }
}

/// Chooses between the two copies of the meta record, of which one may be missing or behind.
fn newest(
    file: Result<Box<Opened>, String>,
    in_sled: Result<Box<Opened>, String>,
) -> Option<Unlocked> {
    let (opened, from_sled, file_stale) = match (file, in_sled) {
        (Ok(file), Ok(in_sled)) if file.meta.version > in_sled.meta.version => (file, false, None),
        (Ok(file), Ok(in_sled)) => {
            let behind = file.meta.version < in_sled.meta.version;
            (in_sled, true, behind.then(|| BEHIND.to_owned()))
        }
        (Ok(file), Err(_)) => (file, false, None),
        (Err(why), Ok(in_sled)) => (in_sled, true, Some(why)),
        (Err(_), Err(_)) => return None,
    };
    let Opened { derived, keyring, meta } = *opened;
    let vault = Vault { derived, keyring };
    Some(Unlocked { vault, meta, current: from_sled, sled_stale: !from_sled, file_stale })
}

/// Says what it means that there is no meta record: never a store here, or one that is lost.
fn no_meta(dir: &Path, files: &SealedFiles) -> Result<OpenError, OpenError> {
    let anything = files.meta()?.is_some() || looking::sled_exists(dir)? || files.any_slot()?;
    Ok(match anything {
        false => OpenError::NoStore(dir.to_owned()),
        true => OpenError::Lost { dir: dir.to_owned(), what: "the meta record".to_owned() },
    })
}
