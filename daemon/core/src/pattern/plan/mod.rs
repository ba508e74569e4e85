//! From desired and observed to the statements between them: in order, each with why, what it needs, and whether
//! it can lock anyone out. The same input gives the same bytes.

pub mod render;
mod step;

pub use step::{Confirmation, Danger, Held, LockedOut, Note, Plan, Sign, Step};

use super::desired::Desired;
use super::observed::Observed;
use crate::names::{TokenName, User};
use crate::sql::SqlError;

/// What a destruction takes.
#[derive(Clone, Copy, Debug)]
pub enum Doomed<'a> {
    /// These service users with their tokens and, where nobody else wanted has it, their role. What users share stays.
    Users(&'a [User]),
    /// Every object of ours.
    Everything,
}

/// Returns the statements that lead from what was observed to what is wanted.
///
/// # Errors
/// When a name cannot be quoted, a number is out of range, or no address is allowed.
pub fn plan(desired: &Desired, observed: &Observed, fingerprint: String) -> Result<Plan, SqlError> {
    let _ = (desired, observed, fingerprint);
    Err(SqlError::Empty { what: "plan" })
}

/// Returns statements that lead from an empty account to what is wanted and can be run again.
///
/// # Errors
/// As [`plan`]; also for an address that only a live account can tell.
pub fn offline(desired: &Desired) -> Result<Plan, SqlError> {
    let _ = desired;
    Err(SqlError::Empty { what: "plan" })
}

/// Returns the statement that gives the broker's user its new public key.
///
/// # Errors
/// As [`plan`]; also without a public key.
pub fn renew(desired: &Desired) -> Result<Plan, SqlError> {
    let _ = desired;
    Err(SqlError::Empty { what: "plan" })
}

/// Returns the statements that end this host's broker: its user and its role.
///
/// # Errors
/// As [`plan`].
pub fn retire(desired: &Desired) -> Result<Plan, SqlError> {
    let _ = desired;
    Err(SqlError::Empty { what: "plan" })
}

/// Returns the statements that take down what is ours, in an order in which no user is ever less bound than before.
///
/// # Errors
/// As [`plan`].
pub fn destroy(
    desired: &Desired,
    observed: &Observed,
    fingerprint: String,
    doomed: Doomed<'_>,
) -> Result<Plan, SqlError> {
    let _ = (desired, observed, fingerprint, doomed);
    Err(SqlError::Empty { what: "plan" })
}

/// Returns the statements that remove these tokens of a user, whoever made them.
///
/// # Errors
/// As [`plan`].
pub fn remove_tokens(
    desired: &Desired,
    observed: &Observed,
    fingerprint: String,
    user: &User,
    names: &[TokenName],
) -> Result<Plan, SqlError> {
    let _ = (desired, observed, fingerprint, user, names);
    Err(SqlError::Empty { what: "plan" })
}
