//! What must hold whatever happens: one function an invariant, whose name the failure begins with. The numbers stand
//! here once more, not taken from what is tried. Three are not the core's: i10 (a record before each release) and i11
//! (secrets reach only their sinks) are held by the daemon's tests, i12 (no use of a lease that ended) comes with
//! deliveries that can end one.

use patd_core::lifecycle::{Draining, Intent, Slot, Standing, Work, lineage};
use patd_core::names::{Generation, HostId, TokenName};

use super::{DAY, HOST, HOUR, World};
use crate::server::Maker;

/// Live tokens of ours.
const MOST: usize = 3;
/// Live tokens of anybody at which nothing is added.
const FULL: usize = 13;
/// A look at Snowflake's list each hour and a quarter at the latest, or when a failure was waited out.
const LOOK: i64 = 2 * HOUR;

impl World {
    /// What the server accepts is handed out from what is on disk, and nobody was needed.
    pub(crate) fn i1_availability(&self, when: &str) {
        let held = self.slot.may_hand_out(self.now(), &self.rules);
        let held = held.unwrap_or_else(|why| panic!("i1_availability: {when}: {why}: {self:#?}"));
        let secret = self.disk.secrets().get(&held.generation);
        let accepted = secret.is_some_and(|secret| self.server.accepts(*secret));
        assert!(accepted, "i1_availability: {when}: {} does not log in: {self:#?}", held.name);
    }

    /// Only what a person may judge waits for a person: a login as someone else, a stranger in our lineage.
    pub(crate) fn i1_availability_needs_nobody(&self) {
        let cause = match &self.slot.standing {
            Standing::Quarantined { .. } => self.server.wronged,
            Standing::Fenced { .. } => self.server.has_clones(),
            Standing::Enrolled | Standing::Tombstoned { .. } => true,
        };
        assert!(cause, "i1_availability: a person is needed without a cause: {self:#?}");
    }

    /// At most three at any time; one when all is over.
    pub(super) fn i2_bound(&self) {
        assert!(self.ours() <= MOST, "i2_bound: {} live tokens of ours: {self:#?}", self.ours());
    }

    /// At most one when everything is over and nobody holds an old one.
    pub(crate) fn i2_bound_in_the_end(&self, when: &str) {
        let left = self.ours_beyond_fences();
        assert!(left <= 1, "i2_bound: {when}: {left} tokens left: {self:#?}");
    }

    /// What may be handed out was proven and promoted, durably, and is not revoked.
    pub(super) fn i3_proven(&self) {
        let Ok(held) = self.slot.may_hand_out(self.now(), &self.rules) else { return };
        let disk = self.on_disk();
        let serving = disk.current().map(|held| held.generation);
        assert!(
            self.proven.contains(&held.generation),
            "i3_proven: {} was never proven",
            held.name
        );
        assert_eq!(serving, Some(held.generation), "i3_proven: what is handed out is not promoted");
        assert!(!is_tombstoned(&disk), "i3_proven: {} is handed out though revoked", held.name);
        let kept = self.disk.secrets().contains_key(&held.generation);
        assert!(kept, "i3_proven: the secret of {} is nowhere but in memory", held.name);
        let expired = held.expires_at <= self.now();
        assert!(!expired, "i3_proven: {} is handed out though expired", held.name);
    }

    /// Nothing is added without a note on disk that names it.
    pub(super) fn i4_intent_of_add(&self) -> Intent {
        match &self.on_disk().work {
            Work::Issuing(intent) if intent.overlap.is_none() => intent.clone(),
            Work::Issuing(_) | Work::Idle | Work::Proving { .. } | Work::Discarding { .. } => {
                panic!("i4_intent: an ADD without an intent on disk: {self:#?}")
            }
        }
    }

    /// No token gets another secret without a note on disk that names it and says how long the present one works.
    pub(super) fn i4_intent_of_rotation(&self) -> Intent {
        match &self.on_disk().work {
            Work::Issuing(intent) if intent.overlap.is_some() => intent.clone(),
            Work::Issuing(_) | Work::Idle | Work::Proving { .. } | Work::Discarding { .. } => {
                panic!("i4_intent: a ROTATE without an intent on disk: {self:#?}")
            }
        }
    }

    /// Nothing is removed without a note on disk that says so.
    pub(super) fn i4_intent_of_remove(&self, name: &TokenName) {
        let disk = self.on_disk();
        let drains = |old: &Draining| old.held.name == *name;
        let discarded = matches!(&disk.work, Work::Discarding { name: going, .. } if going == name);
        let noted = is_tombstoned(&disk) || discarded || disk.draining.iter().any(drains);
        assert!(noted, "i4_intent: {name} is removed without a note on disk");
    }

    /// What was served goes only after its successor was proven and promoted, durably.
    pub(super) fn i5_successor(&self, name: &TokenName) {
        let disk = self.on_disk();
        let Some(generation) = self.promoted_as(name).filter(|_| !is_tombstoned(&disk)) else {
            return;
        };
        let successor = disk.current().filter(|serving| serving.generation != generation);
        let proven = successor.is_some_and(|serving| self.proven.contains(&serving.generation));
        assert!(proven, "i5_successor: {name} goes before a successor is promoted: {self:#?}");
    }

    /// A ROTATE that leaves no time to what was under the name ends no secret that is, or may be, served.
    pub(super) fn i5_successor_of_ended(&self) {
        let Some(ended) = self.server.ended else { return };
        let kept = self.disk.secrets().contains_key(&ended);
        assert!(!kept, "i5_successor: a ROTATE ended generation {ended}: {self:#?}");
    }

    /// Tokens of other hosts, of persons and of a clone are left alone.
    pub(super) fn i6_foreign(&self, name: &TokenName) {
        let ours = lineage::carries(&HostId::new(HOST), name) && name.as_str().contains(HOST);
        assert!(ours, "i6_foreign: {name} is not of this host");
        // A revocation reaches whatever carries this host's id.
        let disk = self.on_disk();
        let revoked = is_tombstoned(&disk) && !disk.retired || self.condemned.contains(name);
        // So does the end of a drain: nobody looks whether a person has put another secret under an old name of ours.
        let drained = disk.draining.iter().any(|old| old.held.name == *name);
        if let (Some(token), false) = (self.server.find(name), revoked || drained) {
            assert_eq!(token.maker, Maker::Us, "i6_foreign: {name} was made by another");
        }
    }

    /// What someone else put under a name is not rotated away.
    pub(super) fn i6_foreign_secret(&self, name: &TokenName) {
        let maker = self.server.find(name).map(|token| token.maker);
        assert_ne!(maker, Some(Maker::Clone), "i6_foreign: the secret of {name} is another's");
    }

    /// What is handed out was seen on Snowflake's list, or proven, not long ago. The time runs only while the daemon
    /// runs, Snowflake answers, and nobody fenced the slot off.
    pub(super) fn i7_looked_at(&self) {
        if self.slot.may_hand_out(self.now(), &self.rules).is_ok() {
            let unseen = self.unseen;
            assert!(unseen <= LOOK, "i7_looked_at: not looked at for {unseen} s: {self:#?}");
        }
    }

    /// Each intent has a generation that no intent before it had, whatever was lost in between.
    pub(super) fn i8_generation(&self, intended: Generation) {
        let before = self.announced;
        assert!(intended > before, "i8_generation: {intended} comes after {before}");
    }

    /// What is stored never goes back behind what was stored.
    pub(super) fn i8_generation_on_disk(&self) {
        let (old, new) = (self.on_disk().last_generation, self.slot.last_generation);
        assert!(new >= old, "i8_generation: {old} on disk is followed by {new}");
    }

    /// A revocation is on disk before it acts, and stays until a person enrols the slot. Nothing is kept of what it
    /// revoked.
    pub(super) fn i9_tombstone(&self) {
        if self.revoked {
            let disk = self.on_disk();
            let kept = self.disk.secrets().len();
            assert!(is_tombstoned(&disk), "i9_tombstone: it is gone from disk: {self:#?}");
            assert_eq!(kept, 0, "i9_tombstone: {kept} secrets are kept");
        }
    }

    /// Leases end only when the tombstone is on disk: else a crash would bring the secret back unannounced.
    pub(super) fn i9_tombstone_first(&self) {
        assert!(is_tombstoned(&self.on_disk()), "i9_tombstone: leases end before it is on disk");
    }

    /// All becomes well by itself: nothing is pending, nothing is wrong, and the secret lasts.
    pub(crate) fn i13_liveness(&self, when: &str) {
        let slot = &self.slot;
        let at_rest = slot.work == Work::Idle && slot.trouble.is_none() && self.alarms.is_empty();
        assert!(at_rest, "i13_liveness: {when}: not at rest: {self:#?}");
        let left = slot.current().map_or(0, |held| held.expires_at.since(self.now()));
        assert!(left > DAY, "i13_liveness: {when}: the secret ends in {left} s: {self:#?}");
    }

    /// What is wrong is not tried without end.
    pub(super) fn i13_liveness_is_bounded(&self) {
        let times = self.here.1;
        assert!(times < 200, "i13_liveness: {times} events at one moment: {self:#?}");
    }

    /// One call at a time.
    pub(super) fn i14_one_call(&self) {
        assert!(self.answer.is_none(), "i14_one_call: a second call: {self:#?}");
    }

    /// While only the local clock is wrong, the last secret that works is not removed, whatever that clock says.
    pub(super) fn i15_clock(&self, name: &TokenName) {
        let disk = self.on_disk();
        let promoted = self.promoted_as(name).filter(|_| self.skew != 0 && !is_tombstoned(&disk));
        let Some(generation) = promoted else { return };
        let left = disk.current().is_some_and(|serving| serving.generation != generation);
        assert!(left, "i15_clock: {name} goes though it is the last: {self:#?}");
    }

    /// The generation whose secret is under this name, if it was ever served.
    fn promoted_as(&self, name: &TokenName) -> Option<Generation> {
        let generation = self.server.find(name)?.generation?;
        self.promoted.contains(&generation).then_some(generation)
    }

    /// Nothing is added from thirteen live tokens on, and three of Snowflake's places stay free for people.
    pub(super) fn i16_quota(&self) {
        let live = self.listed_live;
        assert!(live < FULL, "i16_quota: an ADD beside {live} live tokens");
    }

    /// No token of ours is alive, or may come to be, when the slot is forgotten, but for those below a lifted fence.
    pub(super) fn i17_nothing_is_forgotten_that_lives(&self) {
        let (live, late) = (self.ours(), self.server.late.len());
        assert_eq!((live, late), (0, 0), "i17_forgotten: tokens are forgotten: {self:#?}");
    }
}

fn is_tombstoned(slot: &Slot) -> bool {
    matches!(slot.standing, Standing::Tombstoned { .. })
}
