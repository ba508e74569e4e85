//! One host: what its daemon has in memory, what is on its disk, what it waits for.

use std::collections::BTreeSet;

use patd_core::lifecycle::{Event, Rules, Slot, Strategy, lineage};
use patd_core::names::{Generation, HostId, IntentId, Role, TokenName, User};
use patd_core::schedule::Jitter;
use patd_core::time::Timestamp;

#[derive(Clone, Debug)]
pub(crate) struct Host {
    pub(crate) slot: Slot,
    pub(crate) disk: Slot,
    /// The generations whose secrets are on disk.
    pub(crate) kept: BTreeSet<Generation>,
    /// The generation whose secret came back and is not on disk yet.
    pub(crate) minted: Option<Generation>,
    pub(crate) answer: Option<Event>,
    /// An answer that arrives once more.
    pub(crate) echo: Option<Event>,
    pub(crate) is_down: bool,
    wake: Option<Timestamp>,
    pub(crate) skew: i64,
    pub(crate) rotations: u8,
    pub(crate) proven: BTreeSet<Generation>,
    pub(crate) promoted: BTreeSet<Generation>,
    pub(crate) announced: Generation,
    ids: u32,
}

impl Host {
    pub(crate) fn new(number: usize, rotations: u8) -> Self {
        let slot = Slot::new(HostId::new(format!("0000000{number}")));
        Self {
            disk: slot.clone(),
            slot,
            kept: BTreeSet::new(),
            minted: None,
            answer: None,
            echo: None,
            is_down: true,
            wake: None,
            skew: 0,
            rotations,
            proven: BTreeSet::new(),
            promoted: BTreeSet::new(),
            announced: Generation(0),
            ids: 0,
        }
    }

    /// What this host takes for the time.
    pub(crate) fn now(&self, clock: Timestamp) -> Timestamp {
        clock.plus(self.skew)
    }

    pub(crate) fn wake_at(&mut self, wake: Option<Timestamp>) {
        self.wake = wake;
    }

    /// The true time of the next tick.
    pub(crate) fn wakes_at(&self, clock: Timestamp) -> Option<Timestamp> {
        self.wake.map(|at| at.plus(-self.skew).max(clock))
    }

    pub(crate) fn fresh(&mut self) -> IntentId {
        self.ids += 1;
        IntentId::new(format!("{:06X}", self.ids))
    }

    /// What was stored is there; the rest is gone.
    pub(crate) fn crash(&mut self) {
        self.slot = self.disk.clone();
        (self.minted, self.answer, self.echo, self.wake) = (None, None, None, None);
        self.is_down = true;
    }

    /// Returns whether the call that is on its way gets an answer of this kind. The daemon takes no other for it.
    pub(crate) fn awaits_such(&self, answer: &Event) -> bool {
        let same = |other: &Event| std::mem::discriminant(other) == std::mem::discriminant(answer);
        self.answer.as_ref().is_some_and(same)
    }

    pub(crate) fn owns(&self, name: &TokenName) -> bool {
        lineage::carries(&self.slot.host, name)
    }
}

pub(crate) fn rules(strategy: Strategy) -> Rules {
    Rules {
        user: User::new("USER"),
        role: Role::new("ROLE"),
        days_to_expiry: 7,
        drain_min: 120,
        drain_max: 86_400,
        settle: 60,
        window: None,
        strategy,
        freeze_on: Vec::new(),
        jitter: Jitter::from_hash(1 << 63),
    }
}
