//! The broker's public key: set where it is not, renewed on request.

use super::assumed;
use super::draft::{Change, Draft, Manner};
use super::grants::MANAGE_TOKENS;
use super::privilege::Need;
use super::quote;
use super::step::Plan;
use crate::pattern::desired::{Broker, Desired};
use crate::pattern::observed::UserProperties;
use crate::sql::SqlError;

/// The public key a broker's user should have.
pub(super) struct Key<'a> {
    body: &'a str,
    fingerprint: Option<&'a str>,
}

impl<'a> Key<'a> {
    /// Returns the key, where it is ours to set.
    pub(super) fn of(broker: &'a Broker) -> Option<Self> {
        let body = broker.public_key.as_deref()?;
        Some(Self { body, fingerprint: broker.key_fingerprint.as_deref() })
    }

    /// Returns the property that sets it.
    pub(super) fn sql(&self) -> Result<String, SqlError> {
        if self.body.is_empty() {
            return Err(SqlError::Empty { what: "public key" });
        }
        Ok(format!("RSA_PUBLIC_KEY = {}", quote::text("public key", self.body)?))
    }

    /// Returns whether the user has it, in either slot. Without a fingerprint any key will do.
    pub(super) fn is_set(&self, user: &UserProperties) -> bool {
        user.key_fingerprints
            .iter()
            .flatten()
            .any(|set| self.fingerprint.is_none_or(|own| own == set))
    }
}

/// Returns the statement that gives the broker's user its new public key. The old one ends with it.
///
/// # Errors
/// When the key or a name is missing or cannot be quoted.
pub fn renew(desired: &Desired) -> Result<Plan, SqlError> {
    let key = Key::of(&desired.broker).ok_or(SqlError::Empty { what: "public key" })?;
    let observed = assumed::empty(desired);
    let mut draft = Draft::new(desired, &observed, Manner::Rerunnable);
    let user = desired.broker.user.as_str();
    draft.change(Change {
        statement: format!("ALTER USER {} SET {}", quote::name("user", user)?, key.sql()?),
        object: format!("user {user}"),
        why: "the broker's new key; the old one ends with this".to_owned(),
        need: Need::any([
            format!("OWNERSHIP ON USER {user}"),
            format!("{MANAGE_TOKENS} ON USER {user}"),
        ]),
    });
    Ok(draft.plan(String::new()))
}
