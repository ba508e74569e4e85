//! Core, disk and server together, as the daemon runs them: effects in order, stop at the first that fails, one call
//! at a time. Every invariant is held after every effect (`invariants`).

mod acts;
mod calls;
mod invariants;
mod passing;
mod sight;

use std::collections::{BTreeMap, BTreeSet};

use patd_core::lifecycle::{Alarm, Effect, Event, Rules, Slot, Strategy, step};
use patd_core::names::{Generation, HostId, IntentId, Role, TokenName, User};
use patd_core::schedule::Jitter;
use patd_core::time::Timestamp;

use crate::disk::Disk;
use crate::server::{Fault, Server};

pub(crate) const HOST: &str = "0A1B2C3D";
pub(crate) const HOUR: i64 = 3_600;
pub(crate) const DAY: i64 = 86_400;

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) slot: Slot,
    pub(crate) server: Server,
    pub(crate) rules: Rules,
    pub(crate) clock: Timestamp,
    pub(crate) skew: i64,
    pub(crate) leases: BTreeSet<Generation>,
    pub(crate) alarms: BTreeMap<&'static str, Alarm>,
    pub(crate) calls: Vec<(Timestamp, Effect)>,
    pub(crate) published: u32,
    pub(crate) effects: usize,
    /// The daemon dies when this many effects were carried out.
    pub(crate) dies_after: Option<usize>,
    /// Which call meets which fault.
    pub(crate) fault_of: Option<(usize, Fault)>,
    pub(crate) store_fails: bool,
    /// The power fails in the midst of the next store, before or after it is synced.
    pub(crate) power_fails: Option<Moment>,
    pub(crate) dead: bool,
    disk: Disk,
    memory_secrets: BTreeMap<Generation, u64>,
    answer: Option<(Event, Option<(Generation, u64)>)>,
    wake: Option<Timestamp>,
    proven: BTreeSet<Generation>,
    promoted: BTreeSet<Generation>,
    announced: Generation,
    listed_live: usize,
    ids: u32,
    here: (Timestamp, u32),
    /// Seconds since Snowflake's list was last seen while it could have been.
    unseen: i64,
    /// What a revocation found under names that we gave, whoever gave it another secret.
    condemned: BTreeSet<TokenName>,
    /// A tombstone was stored, and nobody has enrolled the slot since.
    revoked: bool,
}

/// When, in the midst of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    Written,
    Synced,
}

impl World {
    pub(crate) fn new() -> Self {
        let clock = Timestamp(1_800_000_000);
        Self {
            slot: Slot::new(HostId::new(HOST)),
            server: Server::issuing_for(7),
            rules: Rules {
                user: User::new("USER"),
                role: Role::new("ROLE"),
                days_to_expiry: 7,
                drain_min: 120,
                drain_max: 86_400,
                settle: 60,
                window: None,
                strategy: Strategy::Add,
                freeze_on: Vec::new(),
                jitter: Jitter::from_hash(1 << 63),
            },
            clock,
            skew: 0,
            leases: BTreeSet::new(),
            alarms: BTreeMap::new(),
            calls: Vec::new(),
            published: 0,
            effects: 0,
            dies_after: None,
            fault_of: None,
            store_fails: false,
            power_fails: None,
            dead: false,
            disk: Disk::default(),
            memory_secrets: BTreeMap::new(),
            answer: None,
            wake: None,
            proven: BTreeSet::new(),
            promoted: BTreeSet::new(),
            announced: Generation(0),
            listed_live: 0,
            ids: 0,
            here: (clock, 0),
            unseen: 0,
            condemned: BTreeSet::new(),
            revoked: false,
        }
    }

    /// A world whose secrets are replaced under the name that stays.
    pub(crate) fn rotating() -> Self {
        let mut world = Self::new();
        world.rules.strategy = Strategy::Rotate;
        world
    }

    /// A world whose slot has been issued and serves.
    pub(crate) fn serving() -> Self {
        Self::new().served()
    }

    pub(crate) fn served(mut self) -> Self {
        self.start();
        self.run();
        assert_eq!(self.slot.word(), "serving");
        self
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.plus(self.skew)
    }

    pub(crate) fn fresh(&mut self) -> IntentId {
        self.ids += 1;
        IntentId::new(format!("{:06X}", self.ids))
    }

    pub(crate) fn start(&mut self) {
        self.dead = false;
        self.slot = self.on_disk();
        self.take(&Event::Started);
    }

    /// Kill -9, then a start.
    pub(crate) fn crash(&mut self) {
        self.die();
        self.start();
    }

    pub(crate) fn tick(&mut self) {
        let fresh = self.fresh();
        self.take(&Event::Tick { held: self.leases.iter().copied().collect(), fresh });
    }

    pub(crate) fn take(&mut self, event: &Event) {
        if self.dead {
            return;
        }
        self.no_hot_loop();
        let (slot, effects) = step(&self.slot, event, self.now(), &self.rules);
        let old = std::mem::replace(&mut self.slot, slot);
        self.wake = None;
        for effect in effects {
            let writes = matches!(effect, Effect::Store | Effect::Forget);
            if writes && std::mem::take(&mut self.store_fails) {
                self.slot = old;
                return self.after_failed_store();
            }
            if writes && self.power_fails_while_writing(&effect) {
                return;
            }
            self.decide_fate(&effect);
            self.carry_out(effect);
            self.effects += 1;
            self.check();
            if self.dies_after.is_some_and(|limit| self.effects >= limit) {
                self.dies_after = None;
                return self.die();
            }
        }
        self.check();
    }

    fn decide_fate(&mut self, effect: &Effect) {
        let call = matches!(
            effect,
            Effect::Add | Effect::Rotate | Effect::List | Effect::Probe(_) | Effect::Remove(_)
        );
        if let Some((_, fault)) = self.fault_of.filter(|(nth, _)| call && *nth == self.calls.len())
        {
            self.server.next = Some(fault);
        }
        if call && self.dies_after == Some(self.effects + 1) && self.server.fate.is_some() {
            self.server.next = self.server.fate;
        }
    }

    /// The old state is in force. If its call is still on its way, the answer will come; if not, it starts over.
    fn after_failed_store(&mut self) {
        self.memory_secrets = self.disk.secrets().clone();
        if self.answer.is_none() {
            self.take(&Event::Started);
        }
    }

    fn die(&mut self) {
        self.dead = true;
        self.disk.cut();
        self.unseen = 0;
        self.memory_secrets = self.disk.secrets().clone();
        self.answer = None;
        self.wake = None;
        self.alarms.clear();
    }

    fn no_hot_loop(&mut self) {
        let (at, times) = self.here;
        self.here = if at == self.clock { (at, times + 1) } else { (self.clock, 0) };
        self.i13_liveness_is_bounded();
    }

    fn power_fails_while_writing(&mut self, effect: &Effect) -> bool {
        let Some(moment) = self.power_fails.take() else { return false };
        match (moment, effect) {
            (Moment::Written, Effect::Forget) => {}
            (Moment::Synced, Effect::Forget) => self.forget(),
            (Moment::Written, _) => self.write(),
            (Moment::Synced, _) => self.store(),
        }
        self.die();
        true
    }

    fn check(&self) {
        self.i2_bound();
        self.i9_tombstone();
        self.i5_successor_of_ended();
        if !self.dead {
            self.i3_proven();
            self.i7_looked_at();
        }
    }
}
