//! Core, disk and server together, as the daemon runs them: effects in order, stop at the first that fails, one call
//! at a time. `check` holds every invariant after every effect.

use std::collections::{BTreeMap, BTreeSet};

use patd_core::lifecycle::{
    Alarm, Draining, Effect, Event, MOST_OF_OURS, NO_ADD_FROM, ProbeOutcome, Rules, Slot, Standing,
    TokenStatus, Work, lineage, step,
};
use patd_core::names::{Generation, HostId, IntentId, Role, TokenName, User};
use patd_core::schedule::Jitter;
use patd_core::time::Timestamp;

use crate::server::{Fault, Maker, Server, Token};

pub(crate) const HOST: &str = "0A1B2C3D";
pub(crate) const HOUR: i64 = 3_600;
pub(crate) const DAY: i64 = 86_400;

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
    pub(crate) store_fails: bool,
    pub(crate) dead: bool,
    disk: Option<String>,
    disk_secrets: BTreeMap<TokenName, u64>,
    memory_secrets: BTreeMap<TokenName, u64>,
    answer: Option<(Event, Option<(TokenName, u64)>)>,
    wake: Option<Timestamp>,
    proven: BTreeSet<TokenName>,
    promoted: BTreeSet<TokenName>,
    announced: Generation,
    listed_live: usize,
    ids: u32,
    here: (Timestamp, u32),
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
            store_fails: false,
            dead: false,
            disk: None,
            disk_secrets: BTreeMap::new(),
            memory_secrets: BTreeMap::new(),
            answer: None,
            wake: None,
            proven: BTreeSet::new(),
            promoted: BTreeSet::new(),
            announced: Generation(0),
            listed_live: 0,
            ids: 0,
            here: (clock, 0),
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

    pub(crate) fn rotate(&mut self, taint: Option<&str>) {
        let fresh = self.fresh();
        self.take(&Event::Rotate { taint: taint.map(str::to_owned), fresh });
    }

    pub(crate) fn enrol(&mut self) {
        let fresh = self.fresh();
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
        self.disk.as_ref().map_or_else(
            || Slot::new(HostId::new(HOST)),
            |text| serde_json::from_str(text).expect("the disk holds what was stored"),
        )
    }

    pub(crate) fn ours(&self) -> usize {
        self.server.live(&[Maker::Us])
    }

    /// The slot serves a secret that the server accepts, nothing is pending, nobody is needed.
    pub(crate) fn is_healthy(&self) -> bool {
        let Ok(held) = self.slot.may_hand_out(self.now(), &self.rules) else { return false };
        let accepted =
            self.disk_secrets.get(&held.name).is_some_and(|secret| self.server.accepts(*secret));
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
        if call && self.dies_after == Some(self.effects + 1) && self.server.fate.is_some() {
            self.server.next = self.server.fate;
        }
    }

    /// The old state is in force. If its call is still on its way, the answer will come; if not, it starts over.
    fn after_failed_store(&mut self) {
        self.memory_secrets = self.disk_secrets.clone();
        if self.answer.is_none() {
            self.take(&Event::Started);
        }
    }

    fn die(&mut self) {
        self.dead = true;
        self.memory_secrets = self.disk_secrets.clone();
        self.answer = None;
        self.wake = None;
        self.alarms.clear();
    }

    fn pass_to(&mut self, at: Timestamp) {
        self.clock = self.clock.max(at);
        self.server.pass(self.clock);
        self.check();
    }

    fn no_hot_loop(&mut self) {
        let (at, times) = self.here;
        self.here = if at == self.clock { (at, times + 1) } else { (self.clock, 0) };
        assert!(self.here.1 < 200, "too many events at one moment: {:?}", self.slot);
    }

    fn carry_out(&mut self, effect: Effect) {
        match &effect {
            Effect::Store => self.store(),
            Effect::Add => self.call_add(),
            Effect::List => self.call_list(),
            Effect::Probe(generation) => self.call_probe(*generation),
            Effect::Remove(name) => self.call_remove(name),
            Effect::Publish => self.published += 1,
            Effect::EndLeases => self.leases.clear(),
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
        let secret_of = |name: &TokenName| {
            let known = self.memory_secrets.get(name).or_else(|| self.disk_secrets.get(name));
            *known.unwrap_or_else(|| panic!("no secret at hand for {name}"))
        };
        let secrets: BTreeMap<TokenName, u64> =
            self.slot.held().map(|held| (held.name.clone(), secret_of(&held.name))).collect();
        let old = self.on_disk();
        let now_tombstoned = matches!(self.slot.standing, Standing::Tombstoned { .. });
        assert!(self.slot.last_generation >= old.last_generation, "I8: generations never go back");
        assert!(!now_tombstoned || secrets.is_empty(), "I9: nothing is kept of a revoked slot");
        if now_tombstoned {
            self.promoted.clear();
        }
        self.promoted.extend(self.slot.current().map(|held| held.name.clone()));
        self.disk = Some(serde_json::to_string(&self.slot).expect("a slot is data"));
        self.disk_secrets = secrets.clone();
        self.memory_secrets = secrets;
    }

    fn call_add(&mut self) {
        let disk = self.on_disk();
        let Work::Issuing(intent) = &disk.work else {
            panic!("I4: an ADD without a durable intent")
        };
        assert_eq!(disk.standing, Standing::Enrolled, "only an enrolled slot issues");
        assert!(intent.generation > self.announced, "I8: each intent has a generation of its own");
        assert!(self.listed_live < NO_ADD_FROM, "I16: no ADD from {NO_ADD_FROM} live tokens on");
        self.announced = intent.generation;
        let intent = intent.clone();
        let (outcome, secret) = self.server.add(&intent, self.clock);
        self.await_answer(Event::Added(outcome), secret.map(|secret| (intent.name, secret)));
    }

    fn call_list(&mut self) {
        let answer = self.server.list();
        self.listed_live = self.server.live(&[Maker::Us, Maker::Clone, Maker::Stranger]);
        self.await_answer(Event::Listed(answer), None);
    }

    fn call_probe(&mut self, generation: Generation) {
        let disk = self.on_disk();
        let staged = disk
            .held()
            .find(|held| held.generation == generation)
            .expect("probed is sealed")
            .clone();
        let outcome = self
            .server
            .probe(*self.disk_secrets.get(&staged.name).expect("what is probed is sealed"));
        if outcome == ProbeOutcome::Proved {
            self.proven.insert(staged.name);
        }
        self.await_answer(Event::Probed(outcome), None);
    }

    fn call_remove(&mut self, name: &TokenName) {
        let disk = self.on_disk();
        let tombstoned = matches!(disk.standing, Standing::Tombstoned { .. });
        let drains = |old: &Draining| old.held.name == *name;
        let discarded = matches!(&disk.work, Work::Discarding { name: going, .. } if going == name);
        assert!(lineage::carries(&HostId::new(HOST), name), "I6: {name} is not ours");
        assert!(
            tombstoned || discarded || disk.draining.iter().any(drains),
            "I4: {name} is removed without a durable record"
        );
        if let (Some(token), false) = (self.server.find(name), tombstoned) {
            assert_eq!(token.maker, Maker::Us, "I6: {name} was made by another");
        }
        if self.promoted.contains(name) && !tombstoned {
            let serving = disk.current().expect("I5: nothing served goes without a successor");
            assert!(
                serving.name != *name && self.proven.contains(&serving.name),
                "I5: {name} goes too early"
            );
        }
        let outcome = self.server.remove(name);
        self.await_answer(Event::Removed { name: name.clone(), outcome }, None);
    }

    fn await_answer(&mut self, answer: Event, secret: Option<(TokenName, u64)>) {
        assert!(self.answer.is_none(), "I14: two calls at once");
        self.answer = Some((answer, secret));
    }

    fn check(&self) {
        assert!(
            self.ours() <= MOST_OF_OURS,
            "P3: {} live tokens of ours: {:#?}",
            self.ours(),
            self.slot
        );
        if self.dead {
            return;
        }
        if let Ok(held) = self.slot.may_hand_out(self.now(), &self.rules) {
            let disk = self.on_disk();
            assert!(self.proven.contains(&held.name), "I3: {} is handed out unproven", held.name);
            assert_eq!(
                disk.current().map(|held| &held.name),
                Some(&held.name),
                "I3: not promoted on disk"
            );
            assert!(!matches!(disk.standing, Standing::Tombstoned { .. }), "I3: revoked on disk");
            assert!(self.disk_secrets.contains_key(&held.name), "I1: its secret is on disk");
        }
    }
}
