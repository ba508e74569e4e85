//! The store of the running daemon: reads from sled, writes to sled and the sealed files, and rebuilds sled
//! when a read or a write finds it damaged.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use pat_wire::secret::Secret;
use patd_core::lifecycle::Slot;
use patd_core::names::{Generation, HostId, SlotId};
use patd_keys::state_dir::Lock;

use super::error::{Repair, StoreError};
use super::meta::Meta;

use super::Store;
use super::looking::{META_KEY, SLED_DIR};
use super::record::{self, Record};
use super::restoring;
use super::sealed_files::{IoAt, SealedFiles};
use super::sled_file::{Fault, SledFile};
use super::vault::{RecordKey, Vault};

/// The sealed, durable store in a state folder.
pub struct SealedStore {
    pub(super) dir: PathBuf,
    pub(super) host: HostId,
    pub(super) vault: Vault,
    pub(super) files: SealedFiles,
    /// Whoever holds this may write. Taken before `sled`.
    pub(super) meta: Mutex<Meta>,
    /// `None` after damage that could not be repaired; each call tries again.
    pub(super) sled: RwLock<Option<SledFile>>,
    pub(super) repairs: Mutex<Vec<Repair>>,
    /// Last, so that it is given back when sled is closed.
    pub(super) _lock: Lock,
}

impl Store for SealedStore {
    fn host(&self) -> &HostId {
        &self.host
    }

    fn slots(&self) -> Result<BTreeMap<SlotId, Slot>, StoreError> {
        let ids: Vec<SlotId> = self.writing().slots.iter().cloned().collect();
        let mut slots = BTreeMap::new();
        for id in ids {
            if let Some(record) = self.record(&self.vault.derived.record_key(&id))? {
                let state = record.state().ok_or_else(|| StoreError::Encode(id.clone()))?;
                slots.insert(id, state.1);
            }
        }
        Ok(slots)
    }

    fn put(
        &self,
        id: &SlotId,
        state: &Slot,
        fresh: Option<(Generation, &Secret)>,
    ) -> Result<(), StoreError> {
        self.write(|meta| self.put_once(id, state, fresh, meta))
    }

    fn secret(&self, id: &SlotId, generation: Generation) -> Result<Secret, StoreError> {
        let record = self.record(&self.vault.derived.record_key(id))?;
        let record = record.ok_or_else(|| StoreError::UnknownSlot(id.clone()))?;
        record
            .secret(generation)
            .map(|secret| Secret::new(secret.to_owned()))
            .ok_or_else(|| StoreError::NoSecret { slot: id.clone(), generation })
    }

    fn remove(&self, id: &SlotId) -> Result<(), StoreError> {
        self.write(|meta| self.remove_once(id, meta))
    }

    fn repairs(&self) -> Vec<Repair> {
        std::mem::take(&mut *self.repairs.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl SealedStore {
    /// Runs a write; if sled turns out damaged, rebuilds it and runs the write once more.
    fn write(&self, once: impl Fn(&mut Meta) -> Result<(), WriteError>) -> Result<(), StoreError> {
        let mut meta = self.writing();
        let fault = match once(&mut meta) {
            Err(WriteError::Sled(fault)) => fault,
            Err(WriteError::Other(why)) => return Err(why),
            Ok(()) => return Ok(()),
        };
        // sled keeps a write error for ever: it must be opened again in any case.
        self.reopen(&mut meta)?;
        match fault {
            Fault::System(source) => Err(self.refused("cannot be written", source)),
            Fault::Damaged(_) => once(&mut meta).map_err(|again| match again {
                WriteError::Sled(fault) => self.failed(fault),
                WriteError::Other(why) => why,
            }),
        }
    }

    fn put_once(
        &self,
        id: &SlotId,
        state: &Slot,
        fresh: Option<(Generation, &Secret)>,
        meta: &mut Meta,
    ) -> Result<(), WriteError> {
        let key = self.vault.derived.record_key(id);
        let before = self.record_while_writing(&key, meta)?;
        let secrets = kept_secrets(id, state, before.as_ref(), fresh)?;
        let plain =
            record::encode(id, state, &secrets).ok_or_else(|| StoreError::Encode(id.clone()))?;
        meta.version += 1;
        let sealed = self.vault.seal(&key, meta.version, &plain).ok_or(StoreError::Seal)?;
        // The file first: a new file is what a full disk refuses, and then nothing has changed. sled, which would have
        // taken the change into a file it has, still knows every secret of the state before.
        self.files.write(&key, &sealed)?;
        if meta.slots.contains(id) {
            self.follow(&key, &sealed, meta);
            return Ok(());
        }
        let mut after = meta.clone();
        after.slots.insert(id.clone());
        // The list last: a file without its slot listed is adopted, a listed slot without its file is a loss.
        let list = self.commit_with_list(&key, Some(&sealed), meta, after)?;
        Ok(self.files.write_meta(&list)?)
    }

    /// Brings into sled what is durable in its file. sled keeps a write error for ever: opened again, it takes over
    /// what the files have. While it does not open, they alone have what is new; a start believes the newer copy.
    fn follow(&self, key: &RecordKey, sealed: &[u8], meta: &mut Meta) {
        if self.with_sled(|sled| sled.commit(&[(key, Some(sealed))])).is_ok() {
            return;
        }
        if let Err(why) = self.reopen(meta) {
            let why = patd_snowflake::chain::chain(&why);
            self.note(Repair::SledClosed { why });
        }
    }

    fn remove_once(&self, id: &SlotId, meta: &mut Meta) -> Result<(), WriteError> {
        let key = self.vault.derived.record_key(id);
        if !meta.slots.contains(id) && self.files.slot(&key).is_ok_and(|file| file.is_none()) {
            return Ok(());
        }
        let mut after = meta.clone();
        after.slots.remove(id);
        after.version += 1;
        let list = self.commit_with_list(&key, None, meta, after)?;
        // The list first: a file without its slot listed goes, a listed slot without its file is a loss.
        self.files.write_meta(&list)?;
        Ok(self.files.remove(&key)?)
    }

    /// Commits a record's change together with the list of slots as it is after it; returns the latter's bytes.
    fn commit_with_list(
        &self,
        key: &RecordKey,
        sealed: Option<&[u8]>,
        meta: &mut Meta,
        after: Meta,
    ) -> Result<Vec<u8>, WriteError> {
        let vault = &self.vault;
        let list = after.seal(&vault.derived, &vault.keyring).ok_or(StoreError::Seal)?;
        self.with_sled(|sled| sled.commit(&[(key, sealed), (META_KEY, Some(&list))]))?;
        *meta = after;
        Ok(list)
    }

    /// Returns a slot's record, opened. Damage found here is repaired from the sealed files; while that is not
    /// possible (the disk is full, another slot is lost), the slot's own file still answers.
    fn record(&self, key: &RecordKey) -> Result<Option<Record>, StoreError> {
        match self.try_record(key) {
            Ok(record) => Ok(record),
            Err(_) => self.record_while_writing(key, &mut self.writing()),
        }
    }

    fn record_while_writing(
        &self,
        key: &RecordKey,
        meta: &mut Meta,
    ) -> Result<Option<Record>, StoreError> {
        match self.try_record(key) {
            Ok(record) => Ok(record),
            Err(_) => match self.reopen(meta) {
                Ok(()) => self.try_record(key).map_err(|fault| self.failed(fault)),
                Err(why) => self.record_of_file(key).ok_or(why).map(Some),
            },
        }
    }

    fn record_of_file(&self, key: &RecordKey) -> Option<Record> {
        let bytes = self.files.slot(key).ok()??.ok()?;
        self.vault.open(key, &bytes).ok()
    }

    fn try_record(&self, key: &RecordKey) -> Result<Option<Record>, Fault> {
        let opened = self.with_sled(|sled| {
            sled.read(key, |sealed| sealed.map(|sealed| self.vault.open(key, sealed)).transpose())
        })?;
        opened.map_err(|why| Fault::Damaged(why.0.to_owned()))
    }

    fn with_sled<T>(&self, call: impl FnOnce(&SledFile) -> Result<T, Fault>) -> Result<T, Fault> {
        let sled = self.sled.read().unwrap_or_else(PoisonError::into_inner);
        sled.as_ref().map_or_else(|| Err(Fault::Damaged("closed".to_owned())), call)
    }

    /// Closes sled and opens it as at the start: scanned, set aside if damaged, rebuilt.
    fn reopen(&self, meta: &mut Meta) -> Result<(), StoreError> {
        let mut sled = self.sled.write().unwrap_or_else(PoisonError::into_inner);
        drop(sled.take());
        let reopened = restoring::reopen(&self.dir, &self.files, &self.vault, meta);
        let (opened, repairs) = reopened.map_err(StoreError::Unusable)?;
        *sled = Some(opened);
        repairs.into_iter().for_each(|repair| self.note(repair));
        Ok(())
    }

    fn note(&self, repair: Repair) {
        if repair.is_damage() {
            tracing::error!(%repair, "The store was damaged");
        }
        self.repairs.lock().unwrap_or_else(PoisonError::into_inner).push(repair);
    }

    fn failed(&self, fault: Fault) -> StoreError {
        match fault {
            Fault::System(source) => self.refused("cannot be used", source),
            Fault::Damaged(why) => self.refused("is damaged", std::io::Error::other(why)),
        }
    }

    fn refused(&self, doing: &'static str, source: std::io::Error) -> StoreError {
        StoreError::Io { path: self.dir.join(SLED_DIR), doing, source }
    }

    fn writing(&self) -> MutexGuard<'_, Meta> {
        self.meta.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a write was not done: sled's faults are looked into first.
enum WriteError {
    Sled(Fault),
    Other(StoreError),
}

impl From<Fault> for WriteError {
    fn from(fault: Fault) -> Self {
        Self::Sled(fault)
    }
}

impl From<StoreError> for WriteError {
    fn from(why: StoreError) -> Self {
        Self::Other(why)
    }
}

impl From<IoAt> for WriteError {
    fn from(why: IoAt) -> Self {
        Self::Other(why.into())
    }
}

/// Returns the secret of every generation the state holds: the fresh one, else the one stored before.
fn kept_secrets<'a>(
    id: &SlotId,
    state: &Slot,
    before: Option<&'a Record>,
    fresh: Option<(Generation, &'a Secret)>,
) -> Result<Vec<(Generation, &'a str)>, StoreError> {
    let fresh = fresh.map(|(generation, secret)| (generation, secret.expose()));
    let of = |generation| match fresh {
        Some((new, secret)) if new == generation => Some(secret),
        Some(_) | None => before.and_then(|record| record.secret(generation)),
    };
    let held: BTreeSet<Generation> = state.held().map(|held| held.generation).collect();
    held.into_iter()
        .map(|generation| {
            let secret = of(generation)
                .ok_or_else(|| StoreError::NoSecret { slot: id.clone(), generation })?;
            Ok((generation, secret))
        })
        .collect()
}
