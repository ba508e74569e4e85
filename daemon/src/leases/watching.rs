//! Waits for a holder's process to end: a pidfd becomes readable then.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Weak;

use tokio::task::AbortHandle;

use super::table::{LeaseId, Leases};
use crate::audit::EndReason;

/// Starts to wait for the end of the process behind `pidfd`, which ends the lease.
pub(super) fn holder(table: Weak<Leases>, id: LeaseId, pidfd: OwnedFd) -> io::Result<AbortHandle> {
    let ending = crate::os::ending(pidfd)?;
    let task = tokio::spawn(async move {
        // An error of epoll's own cannot tell that a process lives: the drain's end is then drain_max.
        let Ok(()) = ending.wait().await else { return };
        if let Some(table) = table.upgrade() {
            table.end(&id, EndReason::HolderEnded);
        }
    });
    Ok(task.abort_handle())
}
