//! When an account is asked: how many calls at once, how many in an hour, and how it is found again when it does not
//! answer. Decides on the boot clock, which nobody sets; the calls themselves wait and go elsewhere.
//!
//! ```text
//!                          place free · budget left
//!   closed ── every call ──────────────────────────────────► goes
//!     │ three silences in a row, or one 429
//!     ▼
//!   open ──── one call at a time, after 2, 4, 8 … 60 s ────► goes as probe ── any answer ──► closed
//!
//!   a call that ends a token for good (revoked) waits for neither, and has places and a budget of its own
//! ```

mod breaker;
mod budget;
mod held_up;

use std::time::Duration;

use crate::names::User;
use crate::schedule::Jitter;

use self::breaker::{Breaker, Lets};
use self::budget::{Budget, Share};

pub use breaker::Showed;
pub use held_up::{HeldUp, IDS};

/// The pace of one account.
#[derive(Clone, Debug)]
pub struct Pace {
    breaker: Breaker,
    ordinary: Budget,
    reserve: Budget,
    running: u32,
    /// Whether a call had to wait for the budget, and there is not much of it again yet.
    is_spent: bool,
    jitter: Jitter,
}

/// Statements an account is sent in an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// By calls that issue, prove, look and drain.
    pub ordinary: u32,
    /// By calls that revoke, besides.
    pub reserve: u32,
}

/// Who waits for a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// Nobody.
    Ordinary,
    /// A person, or a request that found no secret.
    Wished,
    /// A revocation.
    Emergency,
}

/// Whether a call goes.
#[derive(Debug, PartialEq, Eq)]
pub enum Turn {
    /// Now. The pass is given back when it has ended.
    Go(Pass),
    /// Not now.
    Wait {
        /// When it is worth asking again at the latest; none: when another call has ended.
        until: Option<Duration>,
        /// Whether that is so for every call of this urgency.
        is_for_all: bool,
    },
}

/// The place of a call on its way.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a place that is not given back is lost"]
pub struct Pass {
    user: User,
    is_probe: bool,
}

impl Limits {
    /// Returns the limits of an account with so many service users. The reserve is never below what they need.
    pub fn new(statements_per_hour: Option<u32>, users: usize) -> Self {
        let users = u32::try_from(users).unwrap_or(u32::MAX);
        let enough = BASE.saturating_add(users.saturating_mul(PER_USER));
        let ordinary = statements_per_hour.unwrap_or(enough);
        Self { ordinary, reserve: ordinary.max(enough) }
    }

    /// Returns the fewest statements an hour that so many service users can live with.
    pub fn least(users: usize) -> u32 {
        u32::try_from(users).unwrap_or(u32::MAX).saturating_mul(LEAST_PER_USER).max(LEAST)
    }
}

impl Pace {
    /// Returns the pace of an account that was not asked yet. The jitter is the host's and the account's.
    pub fn new(limits: Limits, jitter: Jitter, now: Duration) -> Self {
        Self {
            breaker: Breaker::default(),
            ordinary: Budget::new(limits.ordinary, now),
            reserve: Budget::new(limits.reserve, now),
            running: 0,
            is_spent: false,
            jitter,
        }
    }

    /// Takes over other limits: the configuration changed, and with it perhaps what kept the account from answering.
    pub fn reconfigure(&mut self, limits: Limits, now: Duration) {
        self.ordinary.become_of(limits.ordinary, now);
        self.reserve.become_of(limits.reserve, now);
        self.breaker.look_again(now);
    }

    /// Lets a call go, or says what it waits for.
    pub fn admit(&mut self, user: &User, urgency: Urgency, now: Duration) -> Turn {
        let most = if urgency == Urgency::Emergency { AT_ONCE + EMERGENCIES } else { AT_ONCE };
        if self.running >= most {
            return Turn::Wait { until: None, is_for_all: true };
        }
        match urgency {
            Urgency::Emergency => self.admit_emergency(user, now),
            Urgency::Ordinary | Urgency::Wished => {
                self.admit_ordinary(user, urgency == Urgency::Wished, now)
            }
        }
    }

    /// Takes note that a call has ended, and what it showed.
    pub fn ended(&mut self, pass: Pass, showed: Showed, now: Duration) {
        let Pass { user, is_probe } = pass;
        self.running = self.running.saturating_sub(1);
        self.breaker.heard(&user, showed, is_probe, now, self.jitter);
    }

    /// Returns what keeps calls from going, if it is more than that others go first.
    pub fn held_up(&mut self, now: Duration) -> Option<HeldUp> {
        self.is_spent = self.is_spent && !self.ordinary.is_at_ease(now);
        match self.breaker.open() {
            Some(open) => Some(HeldUp::Unanswered {
                for_seconds: now.saturating_sub(open.since).as_secs(),
                again_in: open.next.saturating_sub(now).as_secs(),
                is_throttling: open.is_throttling,
                only: self.breaker.only().cloned(),
            }),
            None if self.is_spent => Some(HeldUp::Spent { per_hour: self.ordinary.per_hour() }),
            None => None,
        }
    }

    /// A person waits for a revocation, and Snowflake may be half up: only its own budget holds it.
    fn admit_emergency(&mut self, user: &User, now: Duration) -> Turn {
        match self.reserve.take(Share::All, now) {
            true => self.go(user, false),
            false => Turn::Wait { until: Some(self.reserve.next(Share::All)), is_for_all: true },
        }
    }

    fn admit_ordinary(&mut self, user: &User, is_wished: bool, now: Duration) -> Turn {
        let is_probe = match self.breaker.lets(user, is_wished, now) {
            Lets::Go => false,
            Lets::GoAsProbe => true,
            Lets::NotBefore(then) => return self.held(Some(then)),
            Lets::NotNow => return self.held(None),
        };
        // What is wished for goes first; without end it would leave no rotation anything.
        let share = if is_wished { Share::NotTheLast } else { Share::All };
        if !self.ordinary.take(share, now) {
            self.is_spent = true;
            return Turn::Wait { until: Some(self.ordinary.next(share)), is_for_all: true };
        }
        if is_probe {
            self.breaker.probing(now);
        }
        self.go(user, is_probe)
    }

    fn go(&mut self, user: &User, is_probe: bool) -> Turn {
        self.running = self.running.saturating_add(1);
        Turn::Go(Pass { user: user.clone(), is_probe })
    }

    fn held(&self, until: Option<Duration>) -> Turn {
        Turn::Wait { until, is_for_all: self.breaker.only().is_none() }
    }
}

/// Calls of one account at once: a storm of slots must not look like an attack.
pub const AT_ONCE: u32 = 8;
/// And so many more that revoke.
const EMERGENCIES: u32 = 4;

/// Statements an hour by default: for each service user twice what it takes to issue, prove, promote and drain, and to
/// try again a dozen times; and as much again for a few users as a person may ask for.
const BASE: u32 = 500;
const PER_USER: u32 = 25;
/// Below this a rotation and the hourly look do not fit into an hour.
const LEAST_PER_USER: u32 = 10;
const LEAST: u32 = 60;

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1_000);

    fn pace(ordinary: u32) -> Pace {
        let limits = Limits { ordinary, reserve: 500 };
        Pace::new(limits, Jitter::from_hash(1 << 63), NOW)
    }

    fn user() -> User {
        User::new("A")
    }

    fn go(pace: &mut Pace, urgency: Urgency) -> Option<Pass> {
        match pace.admit(&user(), urgency, NOW) {
            Turn::Go(pass) => Some(pass),
            Turn::Wait { .. } => None,
        }
    }

    #[test]
    fn eight_calls_go_at_once_and_the_next_when_one_has_ended() {
        let mut pace = pace(500);
        let mut passes: Vec<Pass> =
            std::iter::from_fn(|| go(&mut pace, Urgency::Ordinary)).collect();
        assert_eq!(passes.len(), 8);
        pace.ended(passes.pop().unwrap(), Showed::Answer, NOW);
        assert!(go(&mut pace, Urgency::Wished).is_some());
    }

    #[test]
    fn a_revocation_goes_though_every_place_is_taken_and_the_budget_spent_and_nobody_answers() {
        let mut pace = pace(2);
        let spent = go(&mut pace, Urgency::Ordinary).unwrap();
        pace.ended(spent, Showed::TooMuch, NOW);
        assert!(go(&mut pace, Urgency::Wished).is_none());
        assert!(go(&mut pace, Urgency::Emergency).is_some());

        let mut pace = self::pace(500);
        let _taken: Vec<Pass> = std::iter::from_fn(|| go(&mut pace, Urgency::Ordinary)).collect();
        let more = std::iter::from_fn(|| go(&mut pace, Urgency::Emergency)).count();
        assert_eq!(more, 4);
    }

    #[test]
    fn a_spent_budget_is_said_until_there_is_some_again() {
        let mut pace = pace(100);
        while let Some(pass) = go(&mut pace, Urgency::Ordinary) {
            pace.ended(pass, Showed::Answer, NOW);
        }
        assert_eq!(pace.held_up(NOW), Some(HeldUp::Spent { per_hour: 100 }));
        assert_eq!(pace.held_up(NOW + Duration::from_secs(3_600)), None);
    }

    #[test]
    fn what_is_wished_for_without_end_leaves_the_rotations_of_others_their_part() {
        let mut pace = pace(100);
        let mut went = |urgency| {
            let one = || go(&mut pace, urgency).map(|pass| pace.ended(pass, Showed::Answer, NOW));
            std::iter::from_fn(one).count()
        };
        assert_eq!((went(Urgency::Wished), went(Urgency::Ordinary)), (37, 13));
    }

    #[test]
    fn the_default_is_enough_for_everybody_at_once_and_the_reserve_is_never_cut() {
        let limits = Limits::new(None, 1_000);
        let everybody_at_once = 1_000 * 6;
        assert!(limits.ordinary / 2 > everybody_at_once * 2);
        assert_eq!(Limits::new(Some(60), 1_000).reserve, limits.reserve);
        assert_eq!((Limits::least(1), Limits::least(1_000)), (60, 10_000));
    }
}
