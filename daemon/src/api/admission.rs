//! Who gets in: requests and watches in progress, in total and per uid, and a token bucket per uid. Counted
//! by the uid the kernel shows, before a byte is read. Uids that nobody named share less than all places: any user
//! has 65,536 of them to play (subuid(5)).

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use governor::clock::DefaultClock;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use pat_wire::limits;

use crate::room::Room;

/// The counts of one door.
pub struct Admission {
    caps: Caps,
    bucket: Option<RateLimiter<u32, HashMapStateStore<u32>, DefaultClock>>,
    counts: Mutex<Counts>,
}

/// How many may be in progress.
#[derive(Clone, Copy, Debug)]
struct Caps {
    requests: usize,
    /// Of these, for uids that nobody named.
    strangers: usize,
    requests_per_uid: usize,
    /// The same, of a uid that is known.
    requests_per_known: usize,
    watches: usize,
    watches_per_uid: usize,
}

impl Caps {
    fn of_uid(self, kind: Kind) -> usize {
        match kind {
            Kind::Request => self.requests_per_known,
            Kind::RequestOfStranger => self.requests_per_uid,
            Kind::Watch => self.watches_per_uid,
        }
    }
}

#[derive(Default)]
struct Counts {
    requests: usize,
    strangers: usize,
    watches: usize,
    by_uid: HashMap<u32, OfUid>,
}

#[derive(Default)]
struct OfUid {
    requests: usize,
    watches: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Request,
    RequestOfStranger,
    Watch,
}

/// Who asks, as far as it is known before the request is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Configuration names the uid, or it holds a secret already; at the admin door, root or the daemon's own.
    Known,
    /// Anybody else; a group or a unit may still speak for it.
    Stranger,
}

/// A place taken, given back when dropped.
pub struct Ticket {
    admission: Arc<Admission>,
    uid: u32,
    kind: Kind,
}

impl Admission {
    /// Returns the counts of the hand-out door.
    pub fn hand_out(room: Room) -> Arc<Self> {
        let per_uid = limits::REQUESTS_PER_UID.min(room.requests / 4);
        let rate = NonZeroU32::new(limits::RATE_PER_UID).unwrap_or(NonZeroU32::MIN);
        let burst = NonZeroU32::new(limits::BURST_PER_UID).unwrap_or(NonZeroU32::MIN);
        let caps = Caps {
            requests: room.requests,
            strangers: strangers(room.requests),
            requests_per_uid: per_uid,
            requests_per_known: per_uid,
            watches: room.watches,
            watches_per_uid: limits::WATCHES_PER_UID.min(room.watches / 4),
        };
        let bucket = RateLimiter::hashmap(Quota::per_second(rate).allow_burst(burst));
        Arc::new(Self { caps, bucket: Some(bucket), counts: Mutex::default() })
    }

    /// Returns the counts of the admin door: a share of its own, so that it is served whatever happens at the
    /// other one. Known are root and the daemon's own uid here: no member of the admin group shuts them out, nor
    /// another member.
    pub fn admin() -> Arc<Self> {
        let requests = limits::REQUESTS_PER_UID;
        let caps = Caps {
            requests,
            strangers: strangers(requests),
            requests_per_uid: requests / 4,
            requests_per_known: requests,
            watches: 0,
            watches_per_uid: 0,
        };
        Arc::new(Self { caps, bucket: None, counts: Mutex::default() })
    }

    /// Takes a place for a request of this uid; none if there is none.
    pub fn request(self: &Arc<Self>, uid: u32, standing: Standing) -> Option<Ticket> {
        if let Some(bucket) = &self.bucket {
            bucket.check_key(&uid).ok()?;
        }
        match standing {
            Standing::Known => self.take(uid, Kind::Request),
            Standing::Stranger => self.take(uid, Kind::RequestOfStranger),
        }
    }

    /// Takes a place for a watch of this uid; none if there is none.
    pub fn watch(self: &Arc<Self>, uid: u32) -> Option<Ticket> {
        self.take(uid, Kind::Watch)
    }

    /// Forgets uids that have not asked for a while.
    pub fn forget_idle(&self) {
        if let Some(bucket) = &self.bucket {
            bucket.retain_recent();
        }
    }

    fn take(self: &Arc<Self>, uid: u32, kind: Kind) -> Option<Ticket> {
        let caps = self.caps;
        let mut counts = self.counts();
        let of_uid = counts.by_uid.get(&uid);
        let (all, own, most, most_own) = match kind {
            Kind::Request | Kind::RequestOfStranger => (
                counts.requests,
                of_uid.map_or(0, |of_uid| of_uid.requests),
                caps.requests,
                caps.of_uid(kind),
            ),
            Kind::Watch => (
                counts.watches,
                of_uid.map_or(0, |of_uid| of_uid.watches),
                caps.watches,
                caps.of_uid(kind),
            ),
        };
        let is_one_too_many = kind == Kind::RequestOfStranger && counts.strangers >= caps.strangers;
        if all >= most || own >= most_own || is_one_too_many {
            return None;
        }
        counts.change(uid, kind, |count| count.saturating_add(1));
        Some(Ticket { admission: self.clone(), uid, kind })
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn change(&mut self, uid: u32, kind: Kind, by: impl Fn(usize) -> usize) {
        if kind == Kind::RequestOfStranger {
            self.strangers = by(self.strangers);
        }
        let of_uid = self.by_uid.entry(uid).or_default();
        let (all, own) = match kind {
            Kind::Request | Kind::RequestOfStranger => (&mut self.requests, &mut of_uid.requests),
            Kind::Watch => (&mut self.watches, &mut of_uid.watches),
        };
        (*all, *own) = (by(*all), by(*own));
        if of_uid.requests == 0 && of_uid.watches == 0 {
            self.by_uid.remove(&uid);
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.admission.counts().change(self.uid, self.kind, |count| count.saturating_sub(1));
    }
}

/// Places that uids nobody named can take, all together.
fn strangers(requests: usize) -> usize {
    requests / 4 * 3
}

#[cfg(test)]
mod tests {
    use super::Standing::{Known, Stranger};
    use super::*;

    #[test]
    fn any_number_of_strangers_leaves_places_for_uids_that_are_known() {
        let admission = Admission::hand_out(Room::FULL);
        let strangers: Vec<_> =
            (0..100_000).filter_map(|i| admission.request(1_000 + i / 64, Stranger)).collect();
        let most = super::strangers(limits::REQUESTS_TOTAL);
        assert_eq!(strangers.len(), most);

        let known: Vec<_> = (0..1_000).filter_map(|i| admission.request(i / 64, Known)).collect();

        assert_eq!(known.len(), limits::REQUESTS_TOTAL - most);
        drop((strangers, known));
        assert_eq!(admission.counts().strangers, 0);
        assert_eq!(admission.counts().requests, 0);
    }

    #[test]
    fn one_uid_cannot_take_the_places_of_another() {
        let admission = Admission::hand_out(Room::FULL);
        let mine: Vec<_> =
            (0..limits::REQUESTS_PER_UID).filter_map(|_| admission.request(1, Stranger)).collect();
        assert_eq!(mine.len(), limits::REQUESTS_PER_UID);
        assert!(admission.request(1, Stranger).is_none());
        assert!(admission.request(2, Stranger).is_some());
    }

    #[test]
    fn with_few_descriptors_one_stranger_leaves_places_for_others() {
        let admission = Admission::hand_out(Room::within(96));
        let of_one: Vec<_> = (0..200).filter_map(|_| admission.request(1, Stranger)).collect();
        assert_eq!(of_one.len(), 2);
        let of_all: Vec<_> = (2..200).filter_map(|uid| admission.request(uid, Stranger)).collect();
        assert!(admission.request(1_000, Known).is_some(), "{}", of_all.len());
    }

    #[test]
    fn no_member_of_the_admin_group_shuts_out_another_and_all_together_not_root() {
        let admission = Admission::admin();
        let of_one: Vec<_> = (0..200).filter_map(|_| admission.request(1_000, Stranger)).collect();
        assert_eq!(of_one.len(), limits::REQUESTS_PER_UID / 4);
        assert!(admission.request(1_001, Stranger).is_some());

        let of_all: Vec<_> =
            (0..200).filter_map(|i| admission.request(1_001 + i / 20, Stranger)).collect();
        assert!(admission.request(2_000, Stranger).is_none(), "{} of all", of_all.len());
        let of_root: Vec<_> = (0..200).filter_map(|_| admission.request(0, Known)).collect();
        assert_eq!(of_root.len(), limits::REQUESTS_PER_UID / 4);
    }

    #[test]
    fn a_place_is_given_back() {
        let admission = Admission::admin();
        for _ in 0..1_000 {
            assert!(admission.request(1, Stranger).is_some());
        }
        assert!(admission.counts().by_uid.is_empty());
    }

    #[test]
    fn a_burst_empties_the_bucket_of_its_uid_only() {
        let admission = Admission::hand_out(Room::FULL);
        let got = (0..limits::BURST_PER_UID * 2)
            .filter(|_| admission.request(1, Stranger).is_some())
            .count();
        let burst = usize::try_from(limits::BURST_PER_UID).unwrap();
        assert!(got >= burst && got < burst * 2, "{got}");
        assert!(admission.request(2, Stranger).is_some());
    }

    #[test]
    fn watches_have_caps_of_their_own() {
        let admission = Admission::hand_out(Room::FULL);
        let watches: Vec<_> = (0..1_000).filter_map(|_| admission.watch(1)).collect();
        assert_eq!(watches.len(), limits::WATCHES_PER_UID);
        assert!(admission.request(1, Stranger).is_some());
    }
}
