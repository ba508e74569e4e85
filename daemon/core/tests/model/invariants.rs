//! What must hold in every world that can be reached; a failure begins with the invariant's name.

use patd_core::lifecycle::{Draining, Intent, Standing, Work};
use patd_core::names::{Generation, TokenName};

use crate::acts::is_tombstoned;
use crate::host::rules;
use crate::world::World;

impl World {
    /// After each effect.
    pub(crate) fn holds(&self) {
        for (n, host) in self.hosts.iter().enumerate() {
            let ours = self.live(host);
            assert!(ours <= 3, "i2_bound: host {n} has {ours} tokens: {self:#?}");
            self.i3_proven(n);
            let kept = is_tombstoned(&host.disk) && !host.kept.is_empty();
            assert!(!kept, "i9_tombstone: secrets of a revoked slot are kept: {self:#?}");
        }
    }

    /// At the end of every run: nobody helped.
    pub(crate) fn is_well(&self) {
        for (n, host) in self.hosts.iter().enumerate() {
            let ours = self.live(host);
            if let Standing::Tombstoned { confirmed, .. } = host.slot.standing {
                assert!(confirmed, "i13_liveness: host {n} never confirms: {self:#?}");
                assert_eq!(ours, 0, "i9_tombstone: host {n} has tokens: {self:#?}");
                continue;
            }
            let enrolled = host.slot.standing == Standing::Enrolled;
            assert!(enrolled, "i1_availability: host {n} needs a person: {self:#?}");
            let held = host.slot.may_hand_out(host.now(self.clock), &rules(self.strategy));
            let works = held.is_ok_and(|held| {
                host.kept.contains(&held.generation) && self.accepts(host, held.generation)
            });
            assert!(works, "i1_availability: host {n} has no working secret: {self:#?}");
            let at_rest = host.slot.work == Work::Idle && host.slot.trouble.is_none();
            assert!(at_rest, "i13_liveness: host {n} is not at rest: {self:#?}");
            assert_eq!(ours, 1, "i2_bound: host {n} in the end: {self:#?}");
        }
    }

    fn i3_proven(&self, n: usize) {
        let host = &self.hosts[n];
        let Ok(held) = host.slot.may_hand_out(host.now(self.clock), &rules(self.strategy)) else {
            return;
        };
        let promoted =
            host.disk.current().is_some_and(|served| served.generation == held.generation);
        assert!(promoted, "i3_proven: {} is not promoted on disk: {self:#?}", held.name);
        assert!(
            host.proven.contains(&held.generation),
            "i3_proven: {} never was: {self:#?}",
            held.name
        );
        assert!(host.kept.contains(&held.generation), "i3_proven: {} is not kept", held.name);
    }

    pub(crate) fn i4_intent_of_add(&self, n: usize) -> Intent {
        match &self.hosts[n].disk.work {
            Work::Issuing(intent) if intent.overlap.is_none() => intent.clone(),
            Work::Issuing(_) | Work::Idle | Work::Proving { .. } | Work::Discarding { .. } => {
                panic!("i4_intent: an ADD without an intent on disk: {self:#?}")
            }
        }
    }

    pub(crate) fn i4_intent_of_rotation(&self, n: usize) -> Intent {
        match &self.hosts[n].disk.work {
            Work::Issuing(intent) if intent.overlap.is_some() => intent.clone(),
            Work::Issuing(_) | Work::Idle | Work::Proving { .. } | Work::Discarding { .. } => {
                panic!("i4_intent: a ROTATE without an intent on disk: {self:#?}")
            }
        }
    }

    /// What is served keeps its hours when its name gets another secret.
    pub(crate) fn i5_successor_of_rotation(&self, n: usize, intent: &Intent) {
        let under = self.tokens.iter().find(|token| token.row.name == intent.name);
        let kept = under.and_then(|token| token.generation);
        let ends =
            kept.filter(|kept| self.hosts[n].kept.contains(kept) && intent.overlap == Some(0));
        assert!(ends.is_none(), "i5_successor: a ROTATE ends {ends:?} of host {n}: {self:#?}");
    }

    pub(crate) fn i4_intent_of_remove(&self, n: usize, name: &TokenName) {
        let disk = &self.hosts[n].disk;
        let drains = |old: &Draining| old.held.name == *name;
        let discarded = matches!(&disk.work, Work::Discarding { name: going, .. } if going == name);
        let noted = is_tombstoned(disk) || discarded || disk.draining.iter().any(drains);
        assert!(noted, "i4_intent: {name} is removed without a note on disk: {self:#?}");
    }

    /// Also with clocks a day off either way (i15): the last secret that works stays.
    pub(crate) fn i5_successor(&self, n: usize, name: &TokenName) {
        let host = &self.hosts[n];
        let under = self.tokens.iter().find(|token| token.row.name == *name);
        let served = under.and_then(|token| token.generation);
        let served = served.filter(|generation| host.promoted.contains(generation));
        if let (Some(served), false) = (served, is_tombstoned(&host.disk)) {
            let successor = host.disk.current().filter(|serving| serving.generation != served);
            let proven = successor.is_some_and(|held| host.proven.contains(&held.generation));
            assert!(
                proven,
                "i5_successor: {name} goes before its successor is promoted: {self:#?}"
            );
        }
    }

    pub(crate) fn i6_foreign(&self, n: usize, name: &TokenName) {
        assert!(self.hosts[n].owns(name), "i6_foreign: {name} is not of host {n}: {self:#?}");
    }

    pub(crate) fn i8_generation(&self, n: usize, intended: Generation) {
        let before = self.hosts[n].announced;
        assert!(intended > before, "i8_generation: {intended} comes after {before}: {self:#?}");
    }

    pub(crate) fn i8_generation_on_disk(&self, n: usize) {
        let (old, new) = (self.hosts[n].disk.last_generation, self.hosts[n].slot.last_generation);
        assert!(new >= old, "i8_generation: {old} on disk is followed by {new}: {self:#?}");
    }

    pub(crate) fn i9_tombstone_first(&self, n: usize) {
        let durable = is_tombstoned(&self.hosts[n].disk);
        assert!(durable, "i9_tombstone: leases end before it is on disk: {self:#?}");
    }

    pub(crate) fn i14_one_call(&self, n: usize) {
        assert!(self.hosts[n].answer.is_none(), "i14_one_call: a second call: {self:#?}");
    }
}
