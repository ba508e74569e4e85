//! How many statements an account is sent in an hour: a bucket of tokens that fills as time passes. Time is an argument.

use std::time::Duration;

/// Statements of one kind that may still be sent. Half of an hour's share can be used at once, the other half comes
/// back within the hour: so in no hour are there more than the share, and a share that is used up never stays so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Budget {
    per_hour: u32,
    /// What is left, in parts of a statement: see [`COST`].
    credit: u64,
    /// Up to when the credit is reckoned.
    at: Duration,
}

/// What a call may use of a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Share {
    /// All of it.
    All,
    /// All but the last part, which is left to the calls that may use it.
    NotTheLast,
}

impl Budget {
    /// Returns a full budget.
    pub(super) fn new(per_hour: u32, now: Duration) -> Self {
        let mut budget = Self { per_hour, credit: 0, at: now };
        budget.credit = budget.most();
        budget
    }

    /// Takes one statement. False: there is none left now.
    pub(super) fn take(&mut self, share: Share, now: Duration) -> bool {
        self.fill(now);
        let is_there = self.credit >= self.needed(share);
        if is_there {
            self.credit = self.credit.saturating_sub(COST);
        }
        is_there
    }

    /// Returns when the next statement may be sent at the earliest.
    pub(super) fn next(&self, share: Share) -> Duration {
        let missing = self.needed(share).saturating_sub(self.credit);
        let wait = missing.div_ceil(u64::from(self.per_hour).max(1));
        self.at.saturating_add(Duration::from_millis(wait))
    }

    /// Returns whether a good part of it is left.
    pub(super) fn is_at_ease(&mut self, now: Duration) -> bool {
        self.fill(now);
        self.credit >= self.most() / 2
    }

    /// Changes the share; what was used stays used.
    pub(super) fn become_of(&mut self, per_hour: u32, now: Duration) {
        self.fill(now);
        let used = self.most().saturating_sub(self.credit);
        self.per_hour = per_hour;
        self.credit = self.most().saturating_sub(used);
    }

    /// Returns the share of an hour.
    pub(super) fn per_hour(&self) -> u32 {
        self.per_hour
    }

    /// Never more than is full, and nothing for a clock that went back.
    fn fill(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.at).as_millis();
        let passed = u64::try_from(passed).unwrap_or(u64::MAX);
        let more = passed.saturating_mul(u64::from(self.per_hour));
        self.credit = self.credit.saturating_add(more).min(self.most());
        self.at = self.at.saturating_add(Duration::from_millis(passed));
    }

    /// What must be there for one statement. The last quarter is not there for everybody, unless it is all there is.
    fn needed(&self, share: Share) -> u64 {
        match share {
            Share::All => COST,
            Share::NotTheLast => COST.saturating_add(self.most() / 4).min(self.most()),
        }
    }

    /// Half of the share, and one statement at least.
    fn most(&self) -> u64 {
        (u64::from(self.per_hour).saturating_mul(COST) / 2).max(COST)
    }
}

/// A statement in the parts that come back: as many for each millisecond as there are statements in an hour's share.
/// With this number half a share comes back in an hour.
const COST: u64 = 2 * 3_600_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(1_000 + seconds)
    }

    fn taken(budget: &mut Budget, now: Duration) -> usize {
        taken_of(budget, Share::All, now)
    }

    fn taken_of(budget: &mut Budget, share: Share, now: Duration) -> usize {
        std::iter::repeat_with(|| budget.take(share, now)).take_while(|taken| *taken).count()
    }

    #[test]
    fn half_of_the_share_goes_at_once_and_the_rest_comes_back_within_the_hour() {
        let mut budget = Budget::new(100, at(0));
        assert_eq!(taken(&mut budget, at(0)), 50);
        assert_eq!(taken(&mut budget, at(1_800)), 25);
        assert_eq!(taken(&mut budget, at(3_600)), 25);
    }

    #[test]
    fn a_budget_that_is_used_up_says_when_the_next_statement_may_go() {
        let mut budget = Budget::new(100, at(0));
        taken(&mut budget, at(0));
        let next = budget.next(Share::All);
        assert_eq!(next, at(72));
        assert!(!budget.take(Share::All, next - Duration::from_millis(1)));
        assert!(budget.take(Share::All, next));
    }

    #[test]
    fn another_share_forgives_nothing() {
        let mut budget = Budget::new(100, at(0));
        taken(&mut budget, at(0));
        budget.become_of(100, at(0));
        assert!(!budget.take(Share::All, at(0)));
        budget.become_of(120, at(0));
        assert_eq!(taken(&mut budget, at(0)), 10);
        budget.become_of(60, at(0));
        assert!(!budget.take(Share::All, at(0)));
    }

    #[test]
    fn who_may_not_take_the_last_part_leaves_it_and_gets_what_comes_back_above_it() {
        let mut budget = Budget::new(100, at(0));
        assert_eq!(taken_of(&mut budget, Share::NotTheLast, at(0)), 37);
        assert_eq!(taken(&mut budget, at(0)), 13);
        let next = budget.next(Share::NotTheLast);
        assert_eq!(next, at(72 * 27 / 2));
        assert!(!budget.take(Share::NotTheLast, next - Duration::from_millis(1)));
        assert!(budget.take(Share::NotTheLast, next));

        let mut least = Budget::new(1, at(0));
        assert!(least.take(Share::NotTheLast, at(0)), "one statement is no part that can be left");
    }
}
