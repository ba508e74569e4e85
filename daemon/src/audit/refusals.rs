//! Refusals in the audit log: all of them while they are few. A stranger can cause them at will, and the log has
//! room for so much: what is too many is counted, and the count is recorded. Grants do not come through here.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use governor::middleware::NoOpMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

use super::{Audit, Event};
use crate::clock::Clock;

/// Writes refusals down, or counts them. One for the daemon.
pub struct Refusals {
    audit: Arc<Audit>,
    clock: Arc<Clock>,
    of_uid: RateLimiter<u32, HashMapStateStore<u32>, BootClock, Plain>,
    of_all: RateLimiter<NotKeyed, InMemoryState, BootClock, Plain>,
    left_out: Mutex<LeftOut>,
}

/// A bucket says yes or no, by the boot clock.
type Plain = NoOpMiddleware<Duration>;

/// What was counted since the last record about it.
#[derive(Default)]
struct LeftOut {
    count: u64,
    since: i64,
    uids: BTreeMap<u32, u64>,
}

/// The hand of the house clock that nobody sets, as the buckets take it.
#[derive(Clone)]
struct BootClock(Arc<Clock>);

impl governor::clock::Clock for BootClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.read().boot
    }
}

impl Refusals {
    /// Returns full buckets over a log.
    pub fn new(audit: Arc<Audit>, clock: Arc<Clock>) -> Self {
        let time = || BootClock(clock.clone());
        let burst = |size| NonZeroU32::new(size).unwrap_or(NonZeroU32::MIN);
        let of_uid = Quota::per_minute(NonZeroU32::MIN).allow_burst(burst(BURST_PER_UID));
        let of_all = Quota::per_second(NonZeroU32::MIN).allow_burst(burst(BURST));
        Self {
            of_uid: RateLimiter::hashmap_with_clock(of_uid, time()),
            of_all: RateLimiter::direct_with_clock(of_all, time()),
            left_out: Mutex::default(),
            audit,
            clock,
        }
    }

    /// Writes the refusal of this uid down, or counts it. It is never released, so a log that cannot be written
    /// does not change it.
    pub fn note(&self, uid: u32, event: &Event<'_>) {
        if self.has_room_for(uid) {
            self.tell();
            self.audit.note(self.clock.read().wall, event);
        } else {
            self.leave_out(uid);
        }
    }

    /// Records what was left out since it was last recorded, if anything was.
    pub fn tell(&self) {
        let LeftOut { count, since, uids } = std::mem::take(&mut *self.left_out());
        if count > 0 {
            let since = super::writer::written_time(since);
            let event = Event::RefusalsLeftOut { count, since, uids };
            self.audit.note(self.clock.read().wall, &event);
        }
    }

    /// Forgets uids whose bucket is full again.
    pub fn forget_idle(&self) {
        self.of_uid.retain_recent();
    }

    /// A uid in excess takes nothing from what all share. Where uids come by the thousand (any user has 65,536 of
    /// them, subuid(5)) there is only what all share: their buckets would fill the memory.
    fn has_room_for(&self, uid: u32) -> bool {
        let is_crowded = self.of_uid.len() >= MOST_UIDS;
        (is_crowded || self.of_uid.check_key(&uid).is_ok()) && self.of_all.check().is_ok()
    }

    fn leave_out(&self, uid: u32) {
        let mut left_out = self.left_out();
        if left_out.count == 0 {
            left_out.since = self.clock.read().wall;
        }
        left_out.count = left_out.count.saturating_add(1);
        if left_out.uids.len() < MOST_NAMED || left_out.uids.contains_key(&uid) {
            let of_uid = left_out.uids.entry(uid).or_insert(0);
            *of_uid = of_uid.saturating_add(1);
        }
    }

    fn left_out(&self) -> std::sync::MutexGuard<'_, LeftOut> {
        self.left_out.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Refusals of one uid that are recorded at once; then one a minute.
const BURST_PER_UID: u32 = 60;
/// Refusals of all uids that are recorded at once; then one a second.
const BURST: u32 = 300;
/// Uids with a bucket of their own.
const MOST_UIDS: usize = 4_096;
/// Uids that the record of what was left out names.
const MOST_NAMED: usize = 16;

#[cfg(test)]
mod tests {
    use pat_wire::admin::LogFilter;

    use super::*;
    use crate::audit::Subject;

    struct World {
        _folder: tempfile::TempDir,
        clock: Arc<Clock>,
        audit: Arc<Audit>,
        refusals: Refusals,
    }

    impl World {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let audit = Audit::open(folder.path(), "b", false, 0).unwrap();
            let clock = Arc::new(Clock::manual(1_000_000));
            let refusals = Refusals::new(audit.clone(), clock.clone());
            Self { _folder: folder, clock, audit, refusals }
        }

        fn refuse(&self, uid: u32, times: usize) {
            let subject = Subject { uid, egid: uid, pid: 1, unit: None };
            for _ in 0..times {
                let reason = "no entry".to_owned();
                let event = Event::Deny { subject, asked: "hand-out", connection: None, reason };
                self.refusals.note(uid, &event);
            }
        }

        fn records(&self) -> Vec<serde_json::Value> {
            let lines = self.audit.newest(&LogFilter::default(), 100_000).unwrap();
            lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
        }

        fn refusals_of(&self, uid: u32) -> usize {
            let records = self.records().into_iter();
            records.filter(|record| record["subject"]["uid"] == uid).count()
        }
    }

    #[test]
    fn a_flood_leaves_sixty_records_and_then_one_a_minute() {
        let world = World::new();

        world.refuse(1_002, 10_000);
        assert_eq!(world.records().len(), 60);

        for _ in 0..10 {
            world.clock.advance(Duration::from_secs(60));
            world.refuse(1_002, 3_000);
        }
        assert_eq!(world.refusals_of(1_002), 70);
    }

    #[test]
    fn what_is_left_out_is_counted_by_uid_and_said_before_the_next_refusal() {
        let world = World::new();
        world.refuse(1_002, 100);
        world.clock.advance(Duration::from_secs(30));
        world.refuse(1_002, 5);
        world.refuse(1_003, 1);

        let records = world.records();

        let [.., told, next] = records.as_slice() else { panic!("{records:?}") };
        assert_eq!((&told["event"], &told["count"]), (&"refusals-left-out".into(), &45.into()));
        assert_eq!(told["uids"], serde_json::json!({ "1002": 45 }));
        assert_eq!(told["since"], "1970-01-12T13:46:40Z");
        assert_eq!(told["at"], "1970-01-12T13:47:10Z");
        assert_eq!(next["subject"]["uid"], 1_003);
    }

    #[test]
    fn what_is_left_out_is_said_once_and_nothing_is_said_of_nothing() {
        let world = World::new();
        world.refusals.tell();
        world.refuse(1_002, 61);

        world.refusals.tell();
        world.refusals.tell();

        let told = world.records().into_iter().filter(|record| record["count"] == 1);
        assert_eq!((world.records().len(), told.count()), (61, 1));
    }

    #[test]
    fn one_that_floods_takes_no_record_from_the_others() {
        let world = World::new();
        world.refuse(1_002, 10_000);
        world.refuse(1_003, 3);
        assert_eq!(world.refusals_of(1_003), 3);
    }

    #[test]
    fn thousands_of_uids_share_one_record_a_second_and_a_bounded_memory() {
        let world = World::new();
        for uid in 100_000..110_000 {
            world.refuse(uid, 1);
        }
        assert_eq!(world.records().len(), 300);
        assert_eq!(world.refusals.of_uid.len(), MOST_UIDS);

        world.clock.advance(Duration::from_secs(10));
        world.refusals.forget_idle();
        for uid in 200_000..200_020 {
            world.refuse(uid, 1);
        }
        let records = world.records();
        assert_eq!(records.len(), 300 + 1 + 10);
        let told = records.into_iter().find(|record| record["event"] != "deny").unwrap();
        assert_eq!(told["count"], 9_700);
        assert_eq!(told["uids"].as_object().unwrap().len(), MOST_NAMED);
    }

    #[test]
    fn a_wall_clock_that_is_set_neither_opens_nor_closes_the_bucket() {
        let world = World::new();
        world.refuse(1_002, 100);
        world.clock.set_wall(9_000_000);
        world.refuse(1_002, 100);
        assert_eq!(world.refusals_of(1_002), 60);

        world.clock.set_wall(0);
        world.clock.advance(Duration::from_secs(60));
        world.refuse(1_002, 1);
        assert_eq!(world.refusals_of(1_002), 61);
    }
}
