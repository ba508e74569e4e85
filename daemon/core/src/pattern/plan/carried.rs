//! What a policy of ours for the whole account takes over from the policy it stands in for: everything, or nothing is
//! planned at all.

use std::collections::BTreeMap;

use super::value::Value;
use crate::pattern::observed::AuthenticationPolicy;

/// Returns what a policy says, besides what Snowflake takes for granted; or the properties nobody here knows how to
/// carry over.
pub(super) fn carried(
    policy: &AuthenticationPolicy,
) -> Result<BTreeMap<String, Value>, Vec<String>> {
    let mut said = BTreeMap::new();
    let mut unknown = Vec::new();
    for (name, text) in &policy.properties {
        match Value::read(text).map(|value| taken(name, value)) {
            Some(Some(value)) if fits(name, &value) => {
                said.insert(name.clone(), value);
            }
            Some(None) => {}
            Some(Some(_)) | None => unknown.push(name.clone()),
        }
    }
    if unknown.is_empty() { Ok(said) } else { Err(unknown) }
}

/// Methods and enrollment are always said: what Snowflake takes for granted there has changed before.
fn taken(name: &str, value: Value) -> Option<Value> {
    match name {
        "AUTHENTICATION_METHODS" | "MFA_ENROLLMENT" | "PAT_POLICY" => Some(value),
        _ => value.said(name),
    }
}

/// Returns whether a property is known, with a value of this form that can be written.
fn fits(name: &str, value: &Value) -> bool {
    let form = match name {
        "AUTHENTICATION_METHODS" | "CLIENT_TYPES" | "SECURITY_INTEGRATIONS" => {
            value.items().is_some()
        }
        "MFA_AUTHENTICATION_METHODS" => value.items().is_some(),
        "MFA_ENROLLMENT" => matches!(value, Value::Word(_)),
        "CLIENT_POLICY" | "MFA_POLICY" | "PAT_POLICY" | "WORKLOAD_IDENTITY_POLICY" => {
            value.fields().is_some()
        }
        _ => false,
    };
    form && value.sql(name).is_ok()
}

/// The properties there are, in the order statements name them.
pub(super) const PROPERTIES: [&str; 9] = [
    "AUTHENTICATION_METHODS",
    "CLIENT_TYPES",
    "CLIENT_POLICY",
    "SECURITY_INTEGRATIONS",
    "MFA_AUTHENTICATION_METHODS",
    "MFA_ENROLLMENT",
    "MFA_POLICY",
    "PAT_POLICY",
    "WORKLOAD_IDENTITY_POLICY",
];
