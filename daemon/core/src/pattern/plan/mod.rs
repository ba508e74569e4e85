//! From desired and observed to the statements between them: in order, each with why, what it needs, and whether
//! it can lock anyone out. The same input gives the same bytes.
//!
//! One file for each family of objects. An offline plan is the plan for an empty account, in statements that can be
//! run again; so the two cannot drift apart.

mod assumed;
mod attached;
mod authentication;
mod carried;
mod destroy;
mod draft;
mod grants;
mod home;
mod key;
mod lockout;
mod look;
mod network;
mod pat_policy;
mod privilege;
mod quote;
pub mod render;
mod roles;
mod scopes;
mod step;
mod token_life;
mod users;
mod value;

pub use destroy::{Doomed, destroy, remove_tokens, retire};
pub use grants::check_privilege;
pub use key::renew;
pub use step::{Confirmation, Danger, Held, LockedOut, Note, Plan, Sign, Step};

use self::draft::{Draft, Manner};
use super::desired::Desired;
use super::observed::Observed;
use crate::sql::SqlError;

/// Returns the statements that lead from what was observed to what is wanted. Whatever is ours is asserted whole;
/// whatever is the site's is used and never changed; whatever could not be seen is a note, and never taken for absent.
///
/// # Errors
/// When a name cannot be quoted, a number is out of range, or no address is allowed.
pub fn plan(desired: &Desired, observed: &Observed, fingerprint: String) -> Result<Plan, SqlError> {
    let mut draft = Draft::new(desired, observed, Manner::Exact);
    draft.all()?;
    Ok(draft.plan(fingerprint))
}

/// Returns the plan for an account that has nothing of it: what there is to be, and why. Not to be run: who would be
/// locked out is known by a live account only.
///
/// # Errors
/// As [`plan`].
pub fn of_nothing(desired: &Desired) -> Result<Plan, SqlError> {
    plan(desired, &assumed::empty(desired), String::new())
}

/// Returns statements that lead from an empty account to what is wanted and can be run again.
///
/// # Errors
/// As [`plan`]; also where only a live account can tell the one address.
pub fn offline(desired: &Desired) -> Result<Plan, SqlError> {
    let observed = assumed::empty(desired);
    let mut draft = Draft::new(desired, &observed, Manner::Rerunnable);
    draft.all()?;
    Ok(draft.plan(String::new()))
}

/// Returns the statement that makes the token policy say all of what is wanted of tokens, whatever it says now.
///
/// # Errors
/// As [`plan`].
fn token_policy_whole(desired: &Desired) -> Result<String, SqlError> {
    let observed = assumed::empty(desired);
    Draft::new(desired, &observed, Manner::Rerunnable).token_policy_whole()
}

impl Draft<'_> {
    /// The policies of the whole account come last: they are the most dangerous, and nothing waits for them. Where one
    /// must be forced over another they come before those of users, which FORCE may take off (snowflake docs:
    /// alter-account), so that ours are put on afterwards.
    fn all(&mut self) -> Result<(), SqlError> {
        self.roles()?;
        self.home()?;
        self.network()?;
        self.policies_of_users()?;
        if self.forces() {
            self.scopes()?;
            self.users()
        } else {
            self.users()?;
            self.scopes()
        }
    }
}
