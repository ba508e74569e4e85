//! What keeps the calls of an account from going, in words with a next step.

use crate::lifecycle::Alarm;
use crate::names::User;

/// Why calls wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeldUp {
    /// The account does not answer, or says that it is asked too much.
    Unanswered {
        /// Since when.
        for_seconds: u64,
        /// When it is asked again.
        again_in: u64,
        /// Whether it said that it is asked too much.
        is_throttling: bool,
        /// The one user whose calls are meant, if the others' are not.
        only: Option<User>,
    },
    /// The statements of this hour are used up.
    Spent {
        /// How many there are.
        per_hour: u32,
    },
}

impl HeldUp {
    /// Returns the id, what happens right now, and what to do.
    pub fn told(&self) -> Alarm {
        match self {
            Self::Unanswered { for_seconds, again_in, .. } => {
                let again = match again_in {
                    0 => "one call finds out".to_owned(),
                    seconds => format!("one call tries again in {seconds} s"),
                };
                self.unanswered(&format!("for {}; {again}, the others wait", span(*for_seconds)))
            }
            Self::Spent { per_hour } => spent(*per_hour),
        }
    }

    /// Returns the same as an alarm, in words that stay the same, if a person must act. An account that is away for a
    /// while comes back by itself; the statements of an hour are never used up in order.
    pub fn alarm(&self) -> Option<Alarm> {
        match self {
            Self::Unanswered { for_seconds, .. } => (*for_seconds >= LONG)
                .then(|| self.unanswered("for half an hour or more; tokens are not replaced")),
            Self::Spent { per_hour } => Some(spent(*per_hour)),
        }
    }

    fn unanswered(&self, how_long: &str) -> Alarm {
        let (id, what, next_step) = match self {
            Self::Unanswered { is_throttling: true, .. } => (
                THROTTLED,
                "Snowflake says that it is asked too much (429)".to_owned(),
                "it passes by itself; if it stays, see who else asks this account: QUERY_HISTORY",
            ),
            Self::Unanswered { only: Some(user), .. } => (
                UNANSWERED,
                format!("no usable answer about {user}, the only one asked about,"),
                LOOK,
            ),
            Self::Unanswered { .. } | Self::Spent { .. } => {
                (UNANSWERED, "no usable answer".to_owned(), LOOK)
            }
        };
        Alarm { id, message: format!("{what} {how_long}"), next_step: next_step.to_owned() }
    }
}

fn spent(per_hour: u32) -> Alarm {
    Alarm {
        id: SPENT,
        message: format!(
            "the {per_hour} statements of an hour are used up: rotations wait, revocations do not"
        ),
        next_step:
            "see what asks so much: patctl log; if it is right so, raise statements_per_hour in [account]"
                .to_owned(),
    }
}

/// The ids an account may have in status and alarms.
pub const IDS: [&str; 3] = [UNANSWERED, THROTTLED, SPENT];

fn span(seconds: u64) -> String {
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} minutes", seconds / 60),
        _ => format!("{} hours", seconds / 3_600),
    }
}

const UNANSWERED: &str = "account-unanswered";
const THROTTLED: &str = "account-throttled";
const SPENT: &str = "statements-spent";
const LOOK: &str = "check the way to Snowflake (network, proxy, status.snowflake.com); it is found again by itself";
/// Seconds without an answer that somebody should know of.
const LONG: u64 = 30 * 60;

#[cfg(test)]
mod tests {
    use super::*;

    fn unanswered(for_seconds: u64, is_throttling: bool) -> HeldUp {
        HeldUp::Unanswered { for_seconds, again_in: 8, is_throttling, only: None }
    }

    #[test]
    fn an_account_that_is_away_is_shown_at_once_and_an_alarm_when_it_stays_away() {
        assert_eq!(unanswered(60, false).alarm(), None);
        assert_eq!(unanswered(1_800, false).alarm(), unanswered(9_000, false).alarm());
        let told = unanswered(60, false).told();
        assert_eq!(
            told.message,
            "no usable answer for 60 s; one call tries again in 8 s, the others wait"
        );
    }

    #[test]
    fn every_cause_has_an_id_of_its_own() {
        let ids = [unanswered(1, false), unanswered(1, true), HeldUp::Spent { per_hour: 60 }]
            .map(|held_up| held_up.told().id);
        assert_eq!(ids, IDS);
    }
}
