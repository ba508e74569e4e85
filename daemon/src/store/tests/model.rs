//! The store as it is meant, in maps: what the sealed one is compared with.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use pat_wire::secret::Secret;
use patd_core::lifecycle::Slot;
use patd_core::names::{Generation, HostId, SlotId};

use super::super::{Store, StoreError};

/// A store that forgets everything at exit.
pub(super) struct Model {
    host: HostId,
    slots: Mutex<BTreeMap<SlotId, (Slot, Secrets)>>,
}

type Secrets = BTreeMap<Generation, String>;

impl Model {
    pub(super) fn new() -> Self {
        Self { host: HostId::new("0A1B2C3D"), slots: Mutex::default() }
    }
}

impl Store for Model {
    fn host(&self) -> &HostId {
        &self.host
    }

    fn slots(&self) -> Result<BTreeMap<SlotId, Slot>, StoreError> {
        let slots = self.slots.lock().unwrap();
        Ok(slots.iter().map(|(id, (state, _))| (id.clone(), state.clone())).collect())
    }

    fn put(
        &self,
        id: &SlotId,
        state: &Slot,
        fresh: Option<(Generation, &Secret)>,
    ) -> Result<(), StoreError> {
        let mut slots = self.slots.lock().unwrap();
        let before = slots.get(id).map(|(_, secrets)| secrets.clone()).unwrap_or_default();
        let mut after = Secrets::new();
        let held: BTreeSet<Generation> = state.held().map(|held| held.generation).collect();
        for generation in held {
            let fresh = fresh.filter(|(new, _)| *new == generation);
            let fresh = fresh.map(|(_, secret)| secret.expose().to_owned());
            let secret = fresh.or_else(|| before.get(&generation).cloned());
            let missing = || StoreError::NoSecret { slot: id.clone(), generation };
            after.insert(generation, secret.ok_or_else(missing)?);
        }
        slots.insert(id.clone(), (state.clone(), after));
        Ok(())
    }

    fn secret(&self, id: &SlotId, generation: Generation) -> Result<Secret, StoreError> {
        let slots = self.slots.lock().unwrap();
        let (_, secrets) = slots.get(id).ok_or_else(|| StoreError::UnknownSlot(id.clone()))?;
        let secret = secrets.get(&generation).cloned().map(Secret::new);
        secret.ok_or_else(|| StoreError::NoSecret { slot: id.clone(), generation })
    }

    fn remove(&self, id: &SlotId) -> Result<(), StoreError> {
        self.slots.lock().unwrap().remove(id);
        Ok(())
    }
}
