//! How long a token may live, in a policy that other hosts share. One host knows the entries of its own: it raises what is
//! too short for them, and shortens only to a limit that somebody wrote, in a step of its own.

use super::authentication::Policy;
use super::draft::Draft;
use super::look::{Look, fact, look};
use super::step::{Confirmation, Danger, Sign};
use super::value::Value;
use crate::pattern::ours::dotted;
use crate::sql::SqlError;

/// The two numbers of a PAT_POLICY, in days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Life {
    /// Of a token that says nothing.
    pub(super) default: u32,
    /// The longest.
    pub(super) longest: u32,
}

/// What a policy says of it now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Now {
    /// The policy is not there, or could not be seen.
    Nothing,
    /// This.
    Says(Life),
    /// Something that cannot be read.
    Unreadable,
}

impl Life {
    /// Returns what is asserted together with the rest of the policy: never less than what is there.
    pub(super) fn beside(self, now: Now, is_limit: bool) -> Self {
        match now {
            Now::Says(now) if now.longest > self.longest => now,
            Now::Says(now) if !is_limit => Self { default: now.default, ..self },
            Now::Says(_) | Now::Nothing | Now::Unreadable => self,
        }
    }

    /// Returns whether a step has to shorten what is there.
    pub(super) fn shortens(self, now: Now, is_limit: bool) -> bool {
        is_limit && matches!(now, Now::Says(now) if now.longest > self.longest)
    }
}

impl Draft<'_> {
    /// Returns what one of our policies says of it now.
    pub(super) fn life_now(&self, policy: &str) -> Now {
        let Look::There(policy) = look(self.observed.authentication_policies.get(policy)) else {
            return Now::Nothing;
        };
        let value = policy.properties.get("PAT_POLICY").and_then(|text| Value::read(text));
        let fields = value.as_ref().and_then(Value::fields);
        let days = |name| fields?.get(name)?.as_word()?.parse().ok();
        match (days(DEFAULT), days(LONGEST)) {
            (Some(default), Some(longest)) => Now::Says(Life { default, longest }),
            (Some(_), None) | (None, _) => Now::Unreadable,
        }
    }

    /// Shortens the life to the limit: by itself, for it is confirmed by itself.
    pub(super) fn shorten(&mut self, policy: &Policy, now: Now) -> Result<(), SqlError> {
        let Now::Says(now) = now else { return Ok(()) };
        let why = format!("{LONGEST} is {}, above the limit of this host", now.longest);
        let change = policy.saying("PAT_POLICY", &why)?;
        let danger = self.shorter(&dotted(&policy.name));
        self.step(Sign::Change, change, Some(danger));
        Ok(())
    }

    /// Returns the danger of a shorter life: whom else the policy governs.
    pub(super) fn shorter(&self, policy: &str) -> Danger {
        let unseen = match fact(&self.observed.other_services) {
            Err(needs) => vec![format!("which other service users it governs; it needs {needs}")],
            Ok(others) => {
                let of_others =
                    others.iter().filter_map(|(user, other)| match fact(&other.policy) {
                        Ok(now) if now.policy.as_deref() != Some(policy) => None,
                        Ok(_) => Some(format!("how long tokens of {user} live, which it governs")),
                        Err(needs) => Some(format!("whether it governs {user}; it needs {needs}")),
                    });
                of_others.collect()
            }
        };
        Danger { confirm: Confirmation::ShorterLife, locked_out: Vec::new(), unseen }
    }
}

/// The property of a token that says nothing.
pub(super) const DEFAULT: &str = "DEFAULT_EXPIRY_IN_DAYS";
/// The property of the longest life.
pub(super) const LONGEST: &str = "MAX_EXPIRY_IN_DAYS";
