//! Core, disk and server together, as the daemon runs them: effects in order, stop at the first that fails, one call
//! at a time. Every invariant is held after every effect (`invariants`).

mod invariants;

use std::collections::{BTreeMap, BTreeSet};

use patd_core::lifecycle::{
    Alarm, Effect, Event, ProbeOutcome, Rules, Slot, Standing, TokenStatus, Work, lineage, step,
};
use patd_core::names::{Generation, HostId, IntentId, Role, TokenName, User};
use patd_core::schedule::Jitter;
use patd_core::time::Timestamp;

use crate::disk::Disk;
use crate::server::{Fault, Maker, Server, Token};

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
    memory_secrets: BTreeMap<TokenName, u64>,
    answer: Option<(Event, Option<(TokenName, u64)>)>,
    wake: Option<Timestamp>,
    proven: BTreeSet<TokenName>,
    promoted: BTreeSet<TokenName>,
    announced: Generation,
    listed_live: usize,
    ids: u32,
    here: (Timestamp, u32),
    /// Seconds since Snowflake's list was last seen while it could have been.
    unseen: i64,
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
            revoked: false,
        }
    }

    /// A world whose slot has been issued and serves.
    pub(crate) fn serving() -> Self {
        let mut world = Self::new();
        world.start();
        world.run();
        assert_eq!(world.slot.word(), "serving");
        world
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

    /// The watch has looked, and these checks do not hold.
    pub(crate) fn judge(&mut self, failed: &[&str]) {
        let failed = failed.iter().map(|id| (*id).to_owned()).collect();
        self.take(&Event::Judged { failed });
    }

    pub(crate) fn rotate(&mut self, taint: Option<&str>) {
        let fresh = self.fresh();
        self.take(&Event::Rotate { taint: taint.map(str::to_owned), fresh });
    }

    pub(crate) fn enrol(&mut self) {
        let fresh = self.fresh();
        self.revoked = false;
        self.take(&Event::Enrol { fresh });
    }

    /// A request finds no secret, or thinks so. Returns what the daemon is to do.
    pub(crate) fn want(&mut self) -> Vec<Effect> {
        let event = Event::Wanted { fresh: self.fresh() };
        let (_, effects) = step(&self.slot, &event, self.now(), &self.rules);
        self.take(&event);
        effects
    }

    pub(crate) fn tick(&mut self) {
        let fresh = self.fresh();
        self.take(&Event::Tick { held: self.leases.iter().copied().collect(), fresh });
    }

    /// Hands out the current secret, if it may be.
    pub(crate) fn lease(&mut self) -> bool {
        let granted = self.slot.may_hand_out(self.now(), &self.rules).map(|held| held.generation);
        granted.map(|generation| self.leases.insert(generation)).is_ok()
    }

    /// Delivers the answer that is on its way.
    pub(crate) fn deliver(&mut self) {
        if let Some((answer, secret)) = self.answer.take() {
            self.memory_secrets.extend(secret);
            self.take(&answer);
        }
    }

    /// Delivers the answer that is on its way, with a fault for the call that follows.
    pub(crate) fn deliver_with(&mut self, fault: Fault) {
        self.server.next = Some(fault);
        self.deliver();
    }

    /// Runs until a call of this kind is on its way.
    pub(crate) fn run_until_in_flight(&mut self, call: fn(&Effect) -> bool) {
        for _ in 0..10_000 {
            if self.answer.is_some() && self.calls.last().is_some_and(|(_, last)| call(last)) {
                return;
            }
            self.step_once();
        }
        panic!("no such call: {:#?}", self.slot);
    }

    /// Runs until nothing more happens without the passing of time.
    pub(crate) fn run(&mut self) {
        self.run_for(0);
    }

    /// Runs this many seconds.
    pub(crate) fn run_for(&mut self, seconds: i64) {
        let end = self.clock.plus(seconds);
        while !self.dead && (self.answer.is_some() || self.wake_at().is_some_and(|at| at <= end)) {
            self.step_once();
        }
        self.pass_to(end);
    }

    /// Runs until the token that is being discarded is gone.
    pub(crate) fn run_until_removed(&mut self) {
        self.run_until_in_flight(|call| matches!(call, Effect::Remove(_)));
        self.deliver();
    }

    /// Delivers the answer on its way, or passes to the next tick.
    fn step_once(&mut self) {
        if self.answer.is_some() {
            self.deliver();
        } else if let Some(at) = self.wake_at() {
            self.pass_to(at);
            self.tick();
        }
    }

    fn wake_at(&self) -> Option<Timestamp> {
        self.wake.map(|at| at.plus(-self.skew).max(self.clock))
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
            if effect == Effect::Store && std::mem::take(&mut self.store_fails) {
                self.slot = old;
                return self.after_failed_store();
            }
            if effect == Effect::Store && self.power_fails_while_storing() {
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

    pub(crate) fn on_disk(&self) -> Slot {
        self.disk.slot().cloned().unwrap_or_else(|| Slot::new(HostId::new(HOST)))
    }

    pub(crate) fn ours(&self) -> usize {
        self.server.live(&[Maker::Us])
    }

    /// The slot serves a secret that the server accepts, nothing is pending, nobody is needed.
    pub(crate) fn is_healthy(&self) -> bool {
        let Ok(held) = self.slot.may_hand_out(self.now(), &self.rules) else { return false };
        let accepted =
            self.disk.secrets().get(&held.name).is_some_and(|secret| self.server.accepts(*secret));
        accepted
            && self.slot.work == Work::Idle
            && self.slot.trouble.is_none()
            && self.alarms.is_empty()
    }

    /// Strangers' tokens appear.
    pub(crate) fn strangers(&mut self, count: usize) {
        for _ in 0..count.min(15 - self.server.live(&[Maker::Us, Maker::Clone, Maker::Stranger])) {
            self.ids += 1;
            let name = format!("STRANGER{}", self.ids);
            self.server.plant(&name, Maker::Stranger, self.clock.plus(300 * DAY));
        }
    }

    /// A clone of this host writes a generation of its own.
    pub(crate) fn clone_writes(&mut self) {
        self.ids += 1;
        let generation = self.on_disk().last_generation.0.max(self.slot.last_generation.0) + 2;
        let name = format!("PATD_{HOST}_G{generation}_{:06X}", 0xC0_0000 + self.ids);
        self.server.plant(&name, Maker::Clone, self.clock.plus(7 * DAY));
    }

    /// A person changes the served token at Snowflake, or removes it.
    pub(crate) fn change_served(&mut self, change: impl Fn(Token) -> Option<Token>) {
        let Some(name) = self.slot.current().map(|held| held.name.clone()) else { return };
        let tokens = std::mem::take(&mut self.server.tokens).into_iter();
        self.server.tokens = tokens
            .filter_map(|token| if token.row.name == name { change(token) } else { Some(token) })
            .collect();
    }

    /// The local clock jumps, but not over an ADD that is still on its way.
    pub(crate) fn jump(&mut self, seconds: i64) {
        if self.server.late.is_empty() {
            self.skew = seconds;
            self.unseen = 0;
        }
    }

    /// The configuration names another role.
    pub(crate) fn restate(&mut self) {
        let other = if self.rules.role.as_str() == "ROLE" { "OTHER_ROLE" } else { "ROLE" };
        self.rules.role = Role::new(other);
    }

    /// Live tokens with our host id, whoever made them.
    pub(crate) fn all_of_our_host(&self) -> usize {
        self.server.live(&[Maker::Us, Maker::Clone])
    }

    /// Live tokens of ours but for those that a lifted fence left alone.
    pub(crate) fn ours_beyond_fences(&self) -> usize {
        let left_alone = |token: &&Token| {
            let lineage = lineage::Lineage::read(&token.row.name);
            lineage.is_some_and(|lineage| lineage.generation <= self.slot.base)
                && self.slot.held().all(|held| held.name != token.row.name)
        };
        let live = |token: &&Token| {
            token.maker == Maker::Us
                && token.row.status != TokenStatus::Expired
                && !left_alone(token)
        };
        self.server.tokens.iter().filter(live).count()
    }

    fn decide_fate(&mut self, effect: &Effect) {
        let call =
            matches!(effect, Effect::Add | Effect::List | Effect::Probe(_) | Effect::Remove(_));
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

    fn pass_to(&mut self, at: Timestamp) {
        self.note_unseen(at.since(self.clock).max(0));
        self.clock = self.clock.max(at);
        self.server.pass(self.clock);
        self.check();
    }

    /// Looking is possible only while Snowflake answers and the slot may look.
    fn note_unseen(&mut self, seconds: i64) {
        let looks = match self.slot.standing {
            Standing::Enrolled | Standing::Quarantined { .. } => true,
            Standing::Tombstoned { .. } | Standing::Fenced { .. } => false,
        };
        let possible = looks && self.server.answers() && !self.dead;
        self.unseen = if possible { self.unseen + seconds } else { 0 };
    }

    fn no_hot_loop(&mut self) {
        let (at, times) = self.here;
        self.here = if at == self.clock { (at, times + 1) } else { (self.clock, 0) };
        self.i13_liveness_is_bounded();
    }

    fn power_fails_while_storing(&mut self) -> bool {
        let Some(moment) = self.power_fails.take() else { return false };
        match moment {
            Moment::Written => self.write(),
            Moment::Synced => self.store(),
        }
        self.die();
        true
    }

    fn carry_out(&mut self, effect: Effect) {
        match &effect {
            Effect::Store => self.store(),
            Effect::Add => self.call_add(),
            Effect::List => self.call_list(),
            Effect::Probe(generation) => self.call_probe(*generation),
            Effect::Remove(name) => self.call_remove(name),
            Effect::Publish => self.published += 1,
            Effect::EndLeases => {
                self.i9_tombstone_first();
                self.leases.clear();
            }
            Effect::Alarm(alarm) => {
                self.alarms.insert(alarm.id, alarm.clone());
            }
            Effect::Clear(id) => {
                self.alarms.remove(id);
            }
            Effect::WakeAt(at) => self.wake = Some(*at),
        }
        if matches!(effect, Effect::Add | Effect::List | Effect::Probe(_) | Effect::Remove(_)) {
            self.calls.push((self.clock, effect));
        }
    }

    fn store(&mut self) {
        self.i8_generation_on_disk();
        self.write();
        self.disk.sync();
        self.memory_secrets = self.disk.secrets().clone();
        if matches!(self.slot.standing, Standing::Tombstoned { .. }) {
            self.promoted.clear();
            self.revoked = true;
        }
        self.promoted.extend(self.slot.current().map(|held| held.name.clone()));
    }

    fn write(&mut self) {
        let secret_of = |name: &TokenName| {
            let known =
                self.memory_secrets.get(name).or_else(|| self.disk.secrets().get(name)).copied();
            known.unwrap_or_else(|| panic!("no secret at hand for {name}: {self:#?}"))
        };
        let secrets =
            self.slot.held().map(|held| (held.name.clone(), secret_of(&held.name))).collect();
        self.disk.write(&self.slot, secrets);
    }

    fn call_add(&mut self) {
        let intent = self.i4_intent_of_add();
        assert_eq!(self.on_disk().standing, Standing::Enrolled, "only an enrolled slot issues");
        self.i8_generation(intent.generation);
        self.i16_quota();
        self.announced = intent.generation;
        let (outcome, secret) = self.server.add(&intent, self.clock);
        self.await_answer(Event::Added(outcome), secret.map(|secret| (intent.name, secret)));
    }

    fn call_list(&mut self) {
        let answer = self.server.list();
        self.listed_live = self.server.live(&[Maker::Us, Maker::Clone, Maker::Stranger]);
        self.unseen = if answer.is_ok() { 0 } else { self.unseen };
        self.await_answer(Event::Listed(answer), None);
    }

    fn call_probe(&mut self, generation: Generation) {
        let disk = self.on_disk();
        let staged = disk
            .held()
            .find(|held| held.generation == generation)
            .expect("probed is sealed")
            .clone();
        let secret = *self.disk.secrets().get(&staged.name).expect("what is probed is sealed");
        let outcome = self.server.probe(secret);
        if outcome == ProbeOutcome::Proved {
            self.proven.insert(staged.name);
        }
        self.await_answer(Event::Probed(outcome), None);
    }

    fn call_remove(&mut self, name: &TokenName) {
        self.i6_foreign(name);
        self.i4_intent_of_remove(name);
        self.i15_clock(name);
        self.i5_successor(name);
        let outcome = self.server.remove(name);
        self.await_answer(Event::Removed { name: name.clone(), outcome }, None);
    }

    fn await_answer(&mut self, answer: Event, secret: Option<(TokenName, u64)>) {
        self.i14_one_call();
        self.answer = Some((answer, secret));
    }

    fn check(&self) {
        self.i2_bound();
        self.i9_tombstone();
        if !self.dead {
            self.i3_proven();
            self.i7_looked_at();
        }
    }
}
