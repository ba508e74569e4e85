//! What the daemon knows about its slots, sealed and durable. The trait is the room's door; sled is named in
//! one file of this room, and a plaintext secret leaves it through [`Store::secret`] only.
//!
//! ```text
//! state folder (0700)
//!   state.lock              one daemon at a time
//!   new                     only before the first start: an empty folder is no loss
//!   rebuilt                 after `patctl rebuild`, until the first slots began: without enrolment
//!   meta.sealed             host, data keys by term, which slots there are; sealed by the root key
//!   sled/                   the same meta record, and one sealed record per slot
//!   slots/<hex>.sealed      the same sealed record again, one file per slot
//!   sled.damaged-1/         what was set aside after damage, for a person to look at
//! ```

mod codec;
mod contents;
mod error;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod looking;
mod merge;
mod meta;
mod opening;
mod record;
mod restoring;
mod seal;
mod sealed_files;
mod sealed_store;
mod sled_file;
#[cfg(test)]
mod tests;
mod vault;

use std::collections::BTreeMap;

use pat_wire::secret::Secret;
use patd_core::lifecycle::Slot;
use patd_core::names::{Generation, HostId, SlotId};

pub use error::{OpenError, Repair, StoreError};
pub use opening::{OpenReport, open};
pub use patd_keys::state_dir::{mark_new, set_aside};
pub use sealed_store::SealedStore;

/// The durable state of all slots, with their secrets. Every call may block on the disk.
pub trait Store: Send + Sync {
    /// Returns this host's lineage: random, made with the store, the same as long as it lives.
    fn host(&self) -> &HostId;

    /// Returns the state of every slot. Secrets stay where they are.
    ///
    /// # Errors
    /// The disk, or damage that no copy repairs.
    fn slots(&self) -> Result<BTreeMap<SlotId, Slot>, StoreError>;

    /// Makes the state durable together with the secrets of every generation it holds: those stored before,
    /// and `fresh`. Secrets of other generations are dropped. Durable when it returns; all or nothing.
    ///
    /// # Errors
    /// [`StoreError::NoSecret`] if the state holds a generation whose secret is not there. After any error the state
    /// before is still in force with its secrets, and may be put again; only a crash right then may show the new one.
    fn put(
        &self,
        id: &SlotId,
        state: &Slot,
        fresh: Option<(Generation, &Secret)>,
    ) -> Result<(), StoreError>;

    /// Returns one secret. The fast path of every hand-out: tens of microseconds, no flush.
    ///
    /// # Errors
    /// [`StoreError::UnknownSlot`] and [`StoreError::NoSecret`], the disk, or damage that no copy repairs.
    fn secret(&self, id: &SlotId, generation: Generation) -> Result<Secret, StoreError>;

    /// Forgets a slot, durably. A slot that is not there is forgotten already.
    ///
    /// # Errors
    /// The disk.
    fn remove(&self, id: &SlotId) -> Result<(), StoreError>;

    /// Returns what was repaired since the last call (damage found at run time), for the log and the alarms.
    fn repairs(&self) -> Vec<Repair> {
        Vec::new()
    }
}
