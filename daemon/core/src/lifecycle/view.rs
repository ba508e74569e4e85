//! What others may ask of a slot: which secrets to keep, which to hand out, its state in a word.

use crate::names::{Generation, HostId, TokenName};
use crate::pattern::verify::Id;
use crate::time::Timestamp;

use super::trouble::may_pass;
use super::{Flight, Held, Rules, Slot, Standing, Wishes, Work};

impl Slot {
    /// Every word that [`Slot::word`] says.
    pub const WORDS: [&'static str; 10] = [
        "empty",
        "issuing",
        "proving",
        "serving",
        "draining",
        "quarantined",
        "revoking",
        "revoked",
        "fenced",
        "unenrolled",
    ];

    /// Returns a slot that was never issued, for this host's lineage.
    pub fn new(host: HostId) -> Self {
        Self {
            host,
            last_generation: Generation(0),
            serving: None,
            draining: Vec::new(),
            work: Work::Idle,
            standing: Standing::Enrolled,
            due_at: None,
            due_by: None,
            trouble: None,
            taint: None,
            doubts: Vec::new(),
            base: Generation(0),
            drift: None,
            rotated: None,
            retired: false,
            rebuilt: false,
            flight: Flight::default(),
        }
    }

    /// Returns a slot of a store that was made in the place of a lost one. What that one knew of revocations is not
    /// known, so nothing is issued until a person enrols it. There is no token of this host's lineage yet.
    pub fn rebuilt(host: HostId, now: Timestamp) -> Self {
        let standing = Standing::Tombstoned { at: now, confirmed: true };
        Self { standing, rebuilt: true, ..Self::new(host) }
    }

    /// Returns every generation whose secret must be kept: serving, draining, staged. No other may be.
    pub fn held(&self) -> impl Iterator<Item = &Held> {
        let draining = self.draining.iter().map(|old| &old.held);
        self.serving.iter().chain(draining).chain(self.staged())
    }

    /// Returns the generation that is served, whether or not it may be handed out right now.
    pub fn current(&self) -> Option<&Held> {
        self.serving.as_ref()
    }

    /// Returns the generation whose secret may be handed out now.
    ///
    /// # Errors
    /// Says why there is none; each cause has its own next step.
    pub fn may_hand_out(&self, now: Timestamp, rules: &Rules) -> Result<&Held, Why> {
        if let Standing::Tombstoned { .. } = self.standing {
            return Err(self.why_empty());
        }
        let held = self.serving.as_ref().ok_or_else(|| self.why_empty())?;
        if held.role != rules.role {
            return Err(Why::RoleChanged);
        }
        self.may_thaw(rules)?;
        if now >= held.expires_at {
            return Err(Why::Expired { at: held.expires_at });
        }
        Ok(held)
    }

    /// Returns the checks of `freeze_on` that do not hold; none if it was never looked.
    pub fn held_back_by(&self, rules: &Rules) -> Vec<Id> {
        let failed = |id: &&Id| self.drift.as_ref().is_some_and(|ids| ids.contains(id.as_str()));
        rules.freeze_on.iter().filter(failed).copied().collect()
    }

    /// Returns whether a request that finds no secret makes the slot try at once: there is none, it would make one by
    /// itself, nothing is on its way, and no other request did so just before. A new secret thaws nothing. As long as
    /// Snowflake refuses the same thing under the same rules, what just before is grows: a caller in a loop must not use
    /// up the statements that others need.
    pub fn heeds_a_wish(&self, now: Timestamp, rules: &Rules) -> bool {
        let just_before =
            |wishes: &Wishes| (0..self.pause(wishes)).contains(&now.since(wishes.last));
        let last = self.flight.wishes.as_deref().filter(|wishes| wishes.rules == *rules);
        self.standing == Standing::Enrolled
            && self.flight.asked.is_none()
            && !last.is_some_and(just_before)
            && self.lacks_a_secret(now, rules)
    }

    /// Returns the wishes so far and one more.
    pub(super) fn with_another_wish(&self, now: Timestamp, rules: &Rules) -> Wishes {
        let refusal = self.refusal();
        let before = self.flight.wishes.as_deref().filter(|before| before.rules == *rules);
        let in_vain = match before {
            Some(before) if refusal.is_some() && before.refusal.as_deref() == refusal => {
                before.in_vain.saturating_add(1)
            }
            Some(_) | None => 0,
        };
        Wishes { last: now, refusal: refusal.map(str::to_owned), in_vain, rules: rules.clone() }
    }

    /// Returns how many seconds after the last wish another is heeded.
    fn pause(&self, wishes: &Wishes) -> i64 {
        let is_same = wishes.refusal.is_some() && wishes.refusal.as_deref() == self.refusal();
        let doubled = if is_same { wishes.in_vain.min(MOST_DOUBLED) } else { 0 };
        WISH_PAUSE << doubled
    }

    fn refusal(&self) -> Option<&str> {
        let trouble = self.trouble.as_ref().filter(|trouble| !may_pass(&trouble.id));
        trouble.map(|trouble| trouble.id.as_str())
    }

    /// Returns whether a person's wish to rotate can be carried out.
    ///
    /// # Errors
    /// Says what stands in the way.
    pub fn may_rotate(&self) -> Result<(), Why> {
        match &self.standing {
            Standing::Enrolled => Ok(()),
            Standing::Quarantined { .. }
            | Standing::Tombstoned { .. }
            | Standing::Fenced { .. } => Err(self.why_empty()),
        }
    }

    /// Returns the state in one word, as `patctl status` shows it.
    pub fn word(&self) -> &'static str {
        match (&self.standing, &self.work) {
            (Standing::Tombstoned { .. }, _) if self.rebuilt => "unenrolled",
            (Standing::Tombstoned { confirmed: true, .. }, _) => "revoked",
            (Standing::Tombstoned { .. }, _) => "revoking",
            (Standing::Fenced { .. }, _) => "fenced",
            (Standing::Quarantined { .. }, _) => "quarantined",
            (Standing::Enrolled, Work::Issuing(_)) => "issuing",
            (Standing::Enrolled, Work::Proving { .. }) => "proving",
            (Standing::Enrolled, Work::Idle | Work::Discarding { .. }) => self.resting_word(),
        }
    }

    /// Returns the secret that is sealed and not proven yet.
    pub(super) fn staged(&self) -> Option<&Held> {
        match &self.work {
            Work::Proving { staged, .. } => Some(staged),
            Work::Idle | Work::Issuing(_) | Work::Discarding { .. } => None,
        }
    }

    /// Returns every name this slot knows to be its own.
    pub(super) fn known_names(&self) -> impl Iterator<Item = &TokenName> {
        let at_work = match &self.work {
            Work::Issuing(intent) => Some(&intent.name),
            Work::Discarding { name, .. } => Some(name),
            Work::Idle | Work::Proving { .. } => None,
        };
        let doubted = self.doubts.iter().map(|doubt| &doubt.name);
        self.held().map(|held| &held.name).chain(doubted).chain(at_work)
    }

    fn resting_word(&self) -> &'static str {
        match (&self.serving, self.draining.is_empty()) {
            (None, _) => "empty",
            (Some(_), true) => "serving",
            (Some(_), false) => "draining",
        }
    }

    fn lacks_a_secret(&self, now: Timestamp, rules: &Rules) -> bool {
        match self.may_hand_out(now, rules) {
            Ok(_) | Err(Why::HeldBack | Why::NotLookedAt) => false,
            Err(
                Why::NotIssuedYet
                | Why::Expired { .. }
                | Why::RoleChanged
                | Why::Revoked
                | Why::Unenrolled
                | Why::Quarantined
                | Why::Fenced,
            ) => true,
        }
    }

    /// Only a look that found them right lifts the checks of `freeze_on`: a slot that was never looked at may be
    /// half secured.
    fn may_thaw(&self, rules: &Rules) -> Result<(), Why> {
        match (&self.drift, rules.freeze_on.is_empty()) {
            (_, true) => Ok(()),
            (None, false) => Err(Why::NotLookedAt),
            (Some(_), false) if self.held_back_by(rules).is_empty() => Ok(()),
            (Some(_), false) => Err(Why::HeldBack),
        }
    }

    fn why_empty(&self) -> Why {
        match &self.standing {
            // Enrolled as soon as the daemon looks at it.
            Standing::Tombstoned { .. } if self.retired => Why::NotIssuedYet,
            Standing::Tombstoned { .. } if self.rebuilt => Why::Unenrolled,
            Standing::Tombstoned { .. } => Why::Revoked,
            Standing::Quarantined { .. } => Why::Quarantined,
            Standing::Fenced { .. } => Why::Fenced,
            Standing::Enrolled => Why::NotIssuedYet,
        }
    }
}

/// Seconds between two tries that requests bring about.
pub const WISH_PAUSE: i64 = 10;
/// How often that is doubled at most, to 320 seconds: a dozen tries an hour are within a user's own part of the statements.
const MOST_DOUBLED: u32 = 5;

/// Why there is no secret to hand out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// The first secret is still being made; `Slot::trouble` says what stands in the way, if anything.
    #[error("no secret has been issued yet")]
    NotIssuedYet,
    /// The last secret is past Snowflake's own expiry.
    #[error("the last secret expired")]
    Expired {
        /// When.
        at: Timestamp,
    },
    /// Revoked until a person enrols the slot.
    #[error("revoked; enrol it to issue again")]
    Revoked,
    /// The store was lost and made anew; whether the slot was revoked before is not known.
    #[error("not enrolled since the store was rebuilt")]
    Unenrolled,
    /// The last new secret showed another user or role.
    #[error("quarantined: a new secret showed another user or role")]
    Quarantined,
    /// Someone else writes this host's lineage.
    #[error("fenced: someone else writes this host's tokens")]
    Fenced,
    /// The configured role is not the one the secret was issued for; a new one is being made.
    #[error("the configured role changed; a secret for it is being issued")]
    RoleChanged,
    /// A check of `freeze_on` does not hold.
    #[error("held back: the pattern does not hold at Snowflake for this user")]
    HeldBack,
    /// There is a `freeze_on`, and its checks were not made yet.
    #[error("held back until the pattern was looked at once")]
    NotLookedAt,
}
