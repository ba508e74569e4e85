//! Which process holds which generation. A lease ends when its holder's process does (the kernel tells, by
//! pidfd), when the holder moves to a newer one, or when the slot is revoked. No secret is in here.

mod journal;
mod refreshing;
mod table;
mod watching;

pub use journal::JournalError;
pub use refreshing::{Refresh, Refreshing};
pub use table::{Ends, Holder, Lease, LeaseId, Leases, Meant, NewLease, Open, Refused, Terms};
#[cfg(test)]
pub(crate) use table::{PER_PROCESS, PER_UID};
