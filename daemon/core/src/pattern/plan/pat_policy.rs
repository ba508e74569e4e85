//! PAT_POLICY: written whole each time, since SET may reset what is left out
//! (snowflake docs: alter-authentication-policy).

use std::collections::BTreeMap;

use super::quote;
use super::token_life::{DEFAULT, LONGEST, Life};
use super::value::Value;
use crate::names::Role;
use crate::pattern::desired::Evaluation;
use crate::pattern::observed::{Observed, Seen};
use crate::sql::SqlError;

/// The fields of a PAT_POLICY.
pub(super) type Fields = BTreeMap<String, Value>;

/// Returns the PAT_POLICY of our own token policy.
///
/// # Errors
/// When days are out of range.
pub(super) fn of_tokens(life: Life, evaluation: Evaluation) -> Result<Fields, SqlError> {
    days("max_days_to_expiry", life.longest, 365, "1 to 365")?;
    days("default days to expiry", life.default, life.longest, "1 to max_days_to_expiry")?;
    Ok(Fields::from(
        [
            (DEFAULT, life.default.to_string()),
            (LONGEST, life.longest.to_string()),
            ("NETWORK_POLICY_EVALUATION", evaluation.as_sql().to_owned()),
            (FOR_SERVICES, "TRUE".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), Value::Word(value))),
    ))
}

/// Returns the PAT_POLICY of Snowflake's built-in policy (snowflake docs: create-authentication-policy).
pub(super) fn built_in() -> Fields {
    let life = Life { default: 15, longest: 365 };
    of_tokens(life, Evaluation::EnforcedRequired).unwrap_or_default()
}

fn days(what: &'static str, value: u32, most: u32, range: &'static str) -> Result<(), SqlError> {
    if (1..=most).contains(&value) {
        return Ok(());
    }
    Err(SqlError::Range { what, value: i64::from(value), range })
}

/// Demands a role of each token of a person, unless the account is seen not to know that.
pub(super) fn restrict_persons(fields: &mut Fields, observed: &Observed) {
    if knows(observed, FOR_PERSONS) != Some(false) {
        fields.insert(FOR_PERSONS.to_owned(), Value::word("TRUE"));
    }
}

/// Blocks roles besides those that are blocked already, unless the account is seen not to know that.
///
/// # Errors
/// When a role cannot be named.
pub(super) fn block(
    fields: &mut Fields,
    roles: &[Role],
    observed: &Observed,
) -> Result<(), SqlError> {
    for role in roles {
        quote::name("blocked role", role.as_str())?;
    }
    if roles.is_empty() || knows(observed, BLOCKED) == Some(false) {
        return Ok(());
    }
    let mut all = fields.get(BLOCKED).and_then(Value::items).cloned().unwrap_or_default();
    all.extend(roles.iter().map(|role| role.as_str().to_owned()));
    fields.insert(BLOCKED.to_owned(), Value::List(all));
    Ok(())
}

/// Returns whether the account knows a property of PAT_POLICY, as any policy that was seen shows it. None: no policy
/// was seen. Then it is taken to: both properties are everywhere since May 2026 (snowflake docs: release-notes/2026/10_15),
/// and leaving them out would make the next plan, which sees a policy, put them in.
pub(super) fn knows(observed: &Observed, property: &str) -> Option<bool> {
    let shown = observed.authentication_policies.values().filter_map(|policy| match policy {
        Seen::Known(Some(policy)) => policy.properties.get("PAT_POLICY"),
        Seen::Known(None) | Seen::Hidden { .. } => None,
    });
    let says = |text: &String| {
        let fields = Value::read(text)?;
        fields.fields().map(|fields| fields.contains_key(property))
    };
    shown.filter_map(says).reduce(|one, other| one || other)
}

/// The list of roles no token may be bound to.
pub(super) const BLOCKED: &str = "BLOCKED_ROLES_LIST";
const FOR_PERSONS: &str = "REQUIRE_ROLE_RESTRICTION_FOR_PERSON_USERS";
const FOR_SERVICES: &str = "REQUIRE_ROLE_RESTRICTION_FOR_SERVICE_USERS";
