//! The first slots of a store that `patctl rebuild` made room for: the lost one may have known of their revocation, so each
//! begins without enrolment, until a person says what is to become of it.

use std::collections::BTreeMap;
use std::path::Path;

use patd_core::lifecycle::Slot;
use patd_core::names::SlotId;
use patd_core::time::Timestamp;
use patd_keys::state_dir::{self, StateDirError};

use crate::store::{Store, StoreError};

/// A slot of before could not be kept from beginning; so none may.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// The mark of the rebuild cannot be looked at, or taken away.
    #[error(transparent)]
    Mark(#[from] StateDirError),
    /// A state cannot be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Returns how the configured slots begin that a rebuilt store does not know yet; none where no store was
/// rebuilt. All of it is durable when this returns, and from then on a slot begins as any other. Blocks on the disk.
///
/// # Errors
/// The disk. The mark is still there then, and the next start or reload goes on.
pub fn first_slots(
    state_dir: &Path,
    store: &dyn Store,
    configured: impl Iterator<Item = SlotId>,
    now: Timestamp,
) -> Result<BTreeMap<SlotId, Slot>, RebuildError> {
    let mut configured = configured.peekable();
    if configured.peek().is_none() || !state_dir::is_rebuilt(state_dir)? {
        return Ok(BTreeMap::new());
    }
    let known = store.slots()?;
    let mut begun = BTreeMap::new();
    for id in configured.filter(|id| !known.contains_key(id)) {
        let slot = Slot::rebuilt(store.host().clone(), now);
        store.put(&id, &slot, None)?;
        begun.insert(id, slot);
    }
    state_dir::end_rebuild(state_dir)?;
    tracing::warn!(
        slots = begun.len(),
        next_step = "patctl enrol CONNECTION, for each that may have tokens again; patctl status lists them",
        "The store was rebuilt, and what was revoked is not known: nothing is handed out before it is enrolled"
    );
    Ok(begun)
}
