//! A disk as a power cut leaves it: what was synced is there, what was only written may be there or not.

use std::collections::BTreeMap;

use patd_core::lifecycle::Slot;
use patd_core::names::Generation;

/// A state and the secrets of what it holds, whole or not at all: a torn record does not open.
#[derive(Clone, Debug, Default)]
struct Content {
    slot: Option<Slot>,
    secrets: BTreeMap<Generation, u64>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Disk {
    synced: Content,
    written: Option<Content>,
}

impl Disk {
    /// Writes; only [`Disk::sync`] makes it last. What is read back is what went through the stored form.
    pub(crate) fn write(&mut self, slot: &Slot, secrets: BTreeMap<Generation, u64>) {
        let text = serde_json::to_string(slot).expect("a slot is data");
        let slot = serde_json::from_str(&text).expect("what was stored can be read");
        self.written = Some(Content { slot: Some(slot), secrets });
    }

    pub(crate) fn sync(&mut self) {
        if let Some(written) = self.written.take() {
            self.synced = written;
        }
    }

    /// Forgets what was stored, for good.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }

    /// The power fails: what was not synced is gone.
    pub(crate) fn cut(&mut self) {
        self.written = None;
    }

    /// What was stored; none before the first time.
    pub(crate) fn slot(&self) -> Option<&Slot> {
        self.synced.slot.as_ref()
    }

    pub(crate) fn secrets(&self) -> &BTreeMap<Generation, u64> {
        &self.synced.secrets
    }
}
