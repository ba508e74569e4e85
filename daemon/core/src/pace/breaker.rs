//! Whether an account answers at all, as its last calls showed. While it does not, it is asked by one call at a time,
//! and ever more rarely; the first clear answer ends that.
//!
//! One user whose calls all fail says nothing about the account: then only that user's calls are held.

use std::time::Duration;

use crate::names::User;
use crate::schedule::{Jitter, backoff};

/// What a call showed about the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Showed {
    /// It answered, yes or no.
    Answer,
    /// No usable answer: no route, a timeout, 5xx, a body that cannot be read.
    Silence,
    /// It is asked too much (429).
    TooMuch,
    /// Nothing: the call broke off here.
    Nothing,
}

/// Calls in a row without an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Breaker {
    in_a_row: u32,
    struck: Struck,
    open: Option<Open>,
}

/// Whose calls these were.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Struck {
    #[default]
    Nobody,
    One(User),
    Everybody,
}

/// Since the account was found not to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Open {
    /// When that was.
    pub(super) since: Duration,
    /// Whether it said that it is asked too much.
    pub(super) is_throttling: bool,
    /// When it is asked again.
    pub(super) next: Duration,
    tried: Duration,
    tries: u32,
    is_probed: bool,
}

/// Whether a call may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lets {
    /// With all others.
    Go,
    /// As the one that finds out.
    GoAsProbe,
    /// Not before then.
    NotBefore(Duration),
    /// Not before the one that finds out has ended.
    NotNow,
}

impl Breaker {
    /// Returns whether a call for this user may go. `is_wished`: somebody waits for it, and it need not wait for the
    /// next try's time.
    pub(super) fn lets(&self, user: &User, is_wished: bool, now: Duration) -> Lets {
        let Some(open) = self.open.filter(|open| self.holds(open, user)) else { return Lets::Go };
        let next = match is_wished {
            true => open.next.min(open.tried.saturating_add(APART)),
            false => open.next,
        };
        match open {
            Open { is_probed: true, .. } => Lets::NotNow,
            _ if next <= now => Lets::GoAsProbe,
            _ => Lets::NotBefore(next),
        }
    }

    /// Takes note that the call that finds out goes.
    pub(super) fn probing(&mut self, now: Duration) {
        if let Some(open) = &mut self.open {
            (open.is_probed, open.tried) = (true, now);
        }
    }

    /// Takes note of how a call ended.
    pub(super) fn heard(
        &mut self,
        user: &User,
        showed: Showed,
        was_probe: bool,
        now: Duration,
        jitter: Jitter,
    ) {
        match showed {
            Showed::Answer => *self = Self::default(),
            Showed::Silence | Showed::TooMuch => {
                self.strike(user, showed == Showed::TooMuch, now, jitter);
                self.probed(was_probe, now, jitter);
            }
            Showed::Nothing => self.probed(was_probe, now, jitter),
        }
    }

    /// Lets the next call find out at once: something changed.
    pub(super) fn look_again(&mut self, now: Duration) {
        if let Some(open) = &mut self.open {
            open.next = now;
        }
    }

    /// Returns since when the account does not answer, if it is the account and not one user.
    pub(super) fn open(&self) -> Option<&Open> {
        self.open.as_ref()
    }

    /// Returns the one user whose calls are held, if it is one.
    pub(super) fn only(&self) -> Option<&User> {
        match (&self.struck, &self.open) {
            (Struck::One(user), Some(open)) if !open.is_throttling => Some(user),
            (Struck::Nobody | Struck::One(_) | Struck::Everybody, _) => None,
        }
    }

    fn holds(&self, open: &Open, user: &User) -> bool {
        match &self.struck {
            Struck::One(one) => open.is_throttling || one == user,
            Struck::Nobody | Struck::Everybody => true,
        }
    }

    fn strike(&mut self, user: &User, is_throttled: bool, now: Duration, jitter: Jitter) {
        self.in_a_row = self.in_a_row.saturating_add(1);
        self.struck = match &self.struck {
            Struck::Nobody => Struck::One(user.clone()),
            Struck::One(one) if one == user => Struck::One(user.clone()),
            Struck::One(_) | Struck::Everybody => Struck::Everybody,
        };
        match &mut self.open {
            Some(open) => open.is_throttling |= is_throttled,
            None if is_throttled || self.in_a_row >= OPENS_AT => {
                self.open = Some(Open {
                    since: now,
                    is_throttling: is_throttled,
                    next: now.saturating_add(pause(1, jitter)),
                    tried: now,
                    tries: 1,
                    is_probed: false,
                });
            }
            None => {}
        }
    }

    fn probed(&mut self, was_probe: bool, now: Duration, jitter: Jitter) {
        let Some(open) = self.open.as_mut().filter(|_| was_probe) else { return };
        open.is_probed = false;
        open.tries = open.tries.saturating_add(1);
        open.next = now.saturating_add(pause(open.tries, jitter));
    }
}

fn pause(tries: u32, jitter: Jitter) -> Duration {
    let seconds = backoff(tries, jitter).unsigned_abs().min(LONGEST_PAUSE);
    Duration::from_secs(seconds)
}

/// Calls in a row without an answer after which it is the account that is meant. Below that, each slot's own waiting
/// does.
const OPENS_AT: u32 = 3;
/// Seconds: shorter than the longest wait of a slot, so that the account is found again before most would ask.
const LONGEST_PAUSE: u64 = 60;
/// However much is wished for, probes are this far apart.
const APART: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(1_000 + seconds)
    }

    fn user(name: &str) -> User {
        User::new(name)
    }

    fn hear(breaker: &mut Breaker, name: &str, showed: Showed, was_probe: bool, now: Duration) {
        breaker.heard(&user(name), showed, was_probe, now, Jitter::from_hash(1 << 63));
    }

    fn silent() -> Breaker {
        let mut breaker = Breaker::default();
        for name in ["A", "B", "C"] {
            assert_eq!(breaker.lets(&user(name), false, at(0)), Lets::Go);
            hear(&mut breaker, name, Showed::Silence, false, at(0));
        }
        breaker
    }

    #[test]
    fn three_silences_in_a_row_leave_one_call_at_a_time_until_one_is_answered() {
        let mut breaker = silent();
        assert_eq!(breaker.lets(&user("D"), false, at(1)), Lets::NotBefore(at(2)));
        assert_eq!(breaker.lets(&user("D"), false, at(2)), Lets::GoAsProbe);
        breaker.probing(at(2));
        assert_eq!(breaker.lets(&user("E"), true, at(60)), Lets::NotNow);
        hear(&mut breaker, "D", Showed::Silence, true, at(62));
        assert_eq!(breaker.lets(&user("E"), false, at(62)), Lets::NotBefore(at(66)));
        breaker.probing(at(66));
        hear(&mut breaker, "E", Showed::Answer, true, at(66));
        assert_eq!(breaker.lets(&user("A"), false, at(66)), Lets::Go);
        assert!(breaker.open().is_none());
    }

    #[test]
    fn one_user_whose_calls_all_fail_holds_up_nobody_else() {
        let mut breaker = Breaker::default();
        for _ in 0..20 {
            hear(&mut breaker, "A", Showed::Silence, false, at(0));
        }
        assert_eq!(breaker.lets(&user("B"), false, at(0)), Lets::Go);
        assert_eq!(breaker.lets(&user("A"), false, at(0)), Lets::NotBefore(at(2)));
        hear(&mut breaker, "B", Showed::Silence, false, at(0));
        assert_eq!(breaker.lets(&user("C"), false, at(0)), Lets::NotBefore(at(2)));
    }

    #[test]
    fn an_account_that_says_it_is_asked_too_much_is_believed_at_once() {
        let mut breaker = Breaker::default();
        hear(&mut breaker, "A", Showed::TooMuch, false, at(0));
        assert_eq!(breaker.lets(&user("B"), false, at(0)), Lets::NotBefore(at(2)));
    }

    #[test]
    fn answers_between_silences_keep_it_closed() {
        let mut breaker = Breaker::default();
        for name in ["A", "B", "C", "D"] {
            hear(&mut breaker, name, Showed::Silence, false, at(0));
            hear(&mut breaker, name, Showed::Silence, false, at(0));
            hear(&mut breaker, name, Showed::Answer, false, at(0));
        }
        assert!(breaker.open().is_none());
    }

    #[test]
    fn whoever_waits_for_a_call_does_not_wait_for_the_long_pause() {
        let mut breaker = silent();
        for seconds in [10, 100, 1_000, 10_000] {
            breaker.probing(at(seconds));
            hear(&mut breaker, "A", Showed::Silence, true, at(seconds));
        }
        let ordinary = breaker.lets(&user("A"), false, at(10_000));
        assert_eq!(ordinary, Lets::NotBefore(at(10_032)));
        assert_eq!(breaker.lets(&user("A"), true, at(10_001)), Lets::NotBefore(at(10_002)));
        assert_eq!(breaker.lets(&user("A"), true, at(10_002)), Lets::GoAsProbe);
    }

    #[test]
    fn a_probe_that_broke_off_here_gives_its_place_to_the_next() {
        let mut breaker = silent();
        breaker.probing(at(2));
        hear(&mut breaker, "D", Showed::Nothing, true, at(3));
        assert_eq!(breaker.lets(&user("A"), false, at(7)), Lets::GoAsProbe);
    }

    #[test]
    fn the_pause_between_two_probes_never_exceeds_a_minute() {
        for hash in [0, 1 << 63, u64::MAX] {
            let longest = pause(u32::MAX, Jitter::from_hash(hash));
            assert_eq!(longest, Duration::from_secs(60));
        }
    }
}
