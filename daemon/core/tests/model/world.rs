//! Two hosts, one user, one list of tokens, one true time.

use patd_core::lifecycle::{Intent, TokenRow, TokenStatus};
use patd_core::names::TokenName;
use patd_core::time::Timestamp;

use crate::host::Host;

/// How far the search goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) hosts: usize,
    /// Rotations a person asks of each host.
    pub(crate) rotations: u8,
    /// Crashes, lost, late, doubled and refused answers, and clocks that are set; together.
    pub(crate) faults: u8,
    pub(crate) revocations: u8,
}

#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) clock: Timestamp,
    pub(crate) tokens: Vec<TokenRow>,
    /// ADDs that got no answer and are carried out later.
    pub(crate) late: Vec<(Timestamp, Intent)>,
    pub(crate) hosts: Vec<Host>,
    pub(crate) faults: u8,
    pub(crate) revocations: u8,
}

impl World {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self {
            clock: START,
            tokens: Vec::new(),
            late: Vec::new(),
            hosts: (0..bounds.hosts).map(|n| Host::new(n, bounds.rotations)).collect(),
            faults: bounds.faults,
            revocations: bounds.revocations,
        }
    }

    /// Time passes to the next tick of any host, at most to the end.
    pub(crate) fn next_moment(&self) -> Option<Timestamp> {
        let next = self.hosts.iter().filter_map(|host| host.wakes_at(self.clock)).min()?;
        (next <= START.plus(LENGTH)).then_some(next)
    }

    pub(crate) fn pass_to(&mut self, at: Timestamp) {
        self.clock = at;
        while self.late.first().is_some_and(|(until, _)| *until <= at) {
            self.land();
        }
    }

    /// Snowflake carries out an ADD whose caller gave up.
    pub(crate) fn land(&mut self) {
        let (_, intent) = self.late.remove(0);
        self.mint(&intent);
    }

    /// Returns whether it was made: a name is made once.
    pub(crate) fn mint(&mut self, intent: &Intent) -> bool {
        let is_new = !self.lists(&intent.name);
        if is_new {
            self.tokens.push(TokenRow {
                name: intent.name.clone(),
                role: Some(intent.role.clone()),
                expires_at: Some(self.clock.plus(7 * 86_400)),
                status: TokenStatus::Active,
            });
        }
        is_new
    }

    pub(crate) fn remove(&mut self, name: &TokenName) -> bool {
        let before = self.tokens.len();
        self.tokens.retain(|token| token.name != *name);
        self.tokens.len() < before
    }

    pub(crate) fn lists(&self, name: &TokenName) -> bool {
        self.tokens.iter().any(|token| token.name == *name)
    }
}

pub(crate) const START: Timestamp = Timestamp(1_800_000_000);
/// From then on nobody asks for anything and nothing goes wrong: after the first look at the list that was not asked for.
pub(crate) const CALM: Timestamp = Timestamp(START.0 + 4_000);
/// Long enough for every wait after that and for one more look, too short for a rotation by itself.
const LENGTH: i64 = 8_600;
