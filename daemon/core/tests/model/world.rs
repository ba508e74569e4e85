//! Two hosts, one user, one list of tokens, one true time.

use patd_core::lifecycle::{Intent, Strategy, TokenRow, TokenStatus};
use patd_core::names::{Generation, TokenName};
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
    pub(crate) strategy: Strategy,
}

#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) clock: Timestamp,
    pub(crate) tokens: Vec<Token>,
    /// ADDs and ROTATEs that got no answer and are carried out later.
    pub(crate) late: Vec<(Timestamp, Intent)>,
    pub(crate) hosts: Vec<Host>,
    pub(crate) faults: u8,
    pub(crate) revocations: u8,
    pub(crate) strategy: Strategy,
    /// How often a token got another secret: no two of these have the same name.
    turns: i64,
}

/// A token as SHOW lists it, with the generation of its secret; none if nobody has that.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) row: TokenRow,
    pub(crate) generation: Option<Generation>,
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
            strategy: bounds.strategy,
            turns: 0,
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

    /// Snowflake carries out what its caller gave up.
    pub(crate) fn land(&mut self) {
        let (_, intent) = self.late.remove(0);
        self.carry_out_unheard(&intent);
    }

    /// Nobody hears the answer.
    pub(crate) fn carry_out_unheard(&mut self, intent: &Intent) {
        match intent.overlap {
            Some(_) => {
                self.turn_over(intent, None);
            }
            None => {
                self.mint(intent, None);
            }
        }
    }

    /// Returns the name that the secret before it has now; none if the token is gone, or has not that many hours left.
    pub(crate) fn turn_over(
        &mut self,
        intent: &Intent,
        generation: Option<Generation>,
    ) -> Option<TokenName> {
        let hours = i64::from(intent.overlap.expect("a ROTATE"));
        let end = self.clock.plus(hours * 3_600);
        let left = TokenName::new(format!("{}_ROTATED_{}", intent.name, START.0 + self.turns));
        let token = self.tokens.iter_mut().find(|token| token.row.name == intent.name)?;
        let mut old = token.clone();
        if old.row.expires_at.is_some_and(|at| hours > 0 && end > at) {
            return None;
        }
        old.row.name = left.clone();
        old.row.expires_at = old.row.expires_at.min(Some(end));
        if hours == 0 {
            old.row.status = TokenStatus::Expired;
        }
        token.row.expires_at = Some(self.clock.plus(7 * 86_400));
        token.generation = generation;
        self.turns += 1;
        self.tokens.push(old);
        Some(left)
    }

    /// Returns whether it was made: a name is made once.
    pub(crate) fn mint(&mut self, intent: &Intent, generation: Option<Generation>) -> bool {
        let is_new = !self.lists(&intent.name);
        if is_new {
            let row = TokenRow {
                name: intent.name.clone(),
                role: Some(intent.role.clone()),
                expires_at: Some(self.clock.plus(7 * 86_400)),
                status: TokenStatus::Active,
            };
            self.tokens.push(Token { row, generation });
        }
        is_new
    }

    pub(crate) fn remove(&mut self, name: &TokenName) -> bool {
        let before = self.tokens.len();
        self.tokens.retain(|token| token.row.name != *name);
        self.tokens.len() < before
    }

    pub(crate) fn lists(&self, name: &TokenName) -> bool {
        self.tokens.iter().any(|token| token.row.name == *name)
    }

    /// Returns whether a host's secret logs in.
    pub(crate) fn accepts(&self, host: &Host, generation: Generation) -> bool {
        let live = |token: &&Token| token.row.status == TokenStatus::Active;
        let own = self.tokens.iter().filter(live).filter(|token| host.owns(&token.row.name));
        own.into_iter().any(|token| token.generation == Some(generation))
    }

    /// Returns how many tokens of a host live.
    pub(crate) fn live(&self, host: &Host) -> usize {
        let own = self.tokens.iter().filter(|token| host.owns(&token.row.name));
        own.filter(|token| token.row.status != TokenStatus::Expired).count()
    }
}

pub(crate) const START: Timestamp = Timestamp(1_800_000_000);
/// From then on nobody asks for anything and nothing goes wrong: after the first look at the list that was not asked for.
pub(crate) const CALM: Timestamp = Timestamp(START.0 + 4_000);
/// Long enough for every wait after that and for one more look, too short for a rotation by itself.
const LENGTH: i64 = 8_600;
