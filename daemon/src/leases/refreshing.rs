//! Which leases a newer one is being fetched for: one request at a time passes for the refresh of a lease.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::table::LeaseId;

/// The leases that are being refreshed.
#[derive(Default)]
pub struct Refreshing(Mutex<HashSet<LeaseId>>);

/// A refresh on its way. Over when dropped.
pub struct Refresh {
    all: Arc<Refreshing>,
    id: LeaseId,
}

impl Refreshing {
    /// Begins the refresh of a lease; none if another request is at it.
    pub fn begin(self: &Arc<Self>, id: LeaseId) -> Option<Refresh> {
        let is_first = self.ids().insert(id.clone());
        is_first.then(|| Refresh { all: self.clone(), id })
    }

    fn ids(&self) -> MutexGuard<'_, HashSet<LeaseId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Refresh {
    fn drop(&mut self) {
        self.all.ids().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_request_at_a_time_is_the_refresh_of_a_lease() {
        let all = Arc::new(Refreshing::default());
        let id = || LeaseId::claimed("one");

        let first = all.begin(id());

        assert!(first.is_some() && all.begin(id()).is_none());
        assert!(all.begin(LeaseId::claimed("another")).is_some());
        drop(first);
        assert!(all.begin(id()).is_some(), "what failed may be tried again");
    }
}
