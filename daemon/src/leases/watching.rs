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

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd as _;
    use std::process::Command;
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use patd_core::names::{Account, Generation, SlotId, User};

    use super::super::journal::Journal;
    use super::super::table::Lease;
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_holder_that_ends_while_its_lease_is_put_back_holds_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("leases.jsonl");
        let journal = Journal::write(&path, "boot", std::iter::empty()).unwrap();
        let (table, _ends) = Leases::over(journal, 8_192);
        let slot = SlotId { account: Account::new("A"), user: User::new("U") };
        let slot = Arc::new(slot);
        let mut holder = Command::new("true").spawn().unwrap();
        let pidfd = crate::os::pidfd_open(i32::try_from(holder.id()).unwrap()).unwrap();
        holder.wait().unwrap();

        for _ in 0..2_000 {
            let id = LeaseId::fresh().unwrap();
            let slot = slot.clone();
            let lease = Lease { id, slot, generation: Generation(1), uid: 1, terms: None };
            let pidfd = pidfd.as_fd().try_clone_to_owned().unwrap();
            table.restore(lease, None, Some(pidfd));
        }

        let until = Instant::now() + Duration::from_secs(30);
        while !table.all().is_empty() {
            assert!(Instant::now() < until, "{} are left", table.all().len());
            tokio::task::yield_now().await;
        }
    }
}
