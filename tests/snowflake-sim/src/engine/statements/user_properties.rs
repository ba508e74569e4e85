//! The properties of a user, and which types may have them.

use crate::engine::clock::Millis;
use crate::engine::errors::{
    KEY_INVALID, PROPERTY_FOR_TYPE, SqlError, invalid_property, invalid_value,
};
use crate::engine::state::{PublicKey, User, UserType};
use crate::engine::text::{Property, Value};

/// Properties that are text and nothing more.
const TEXTS: [&str; 6] =
    ["DISPLAY_NAME", "FIRST_NAME", "MIDDLE_NAME", "LAST_NAME", "EMAIL", "COMMENT"];

/// Sets one property. Disabling a user disables its tokens; enabling it does not enable them.
/// Source: snowflake docs, user-guide/programmatic-access-tokens.
pub(super) fn set(user: &mut User, property: &Property, now: Millis) -> Result<(), SqlError> {
    match property.name.as_str() {
        "TYPE" => user.kind = Some(kind(property)?),
        "LOGIN_NAME" => user.login_name = property.text()?.to_uppercase(),
        "PASSWORD" => user.password = Some(property.literal()?),
        "MUST_CHANGE_PASSWORD" => user.must_change_password = property.boolean()?,
        "DISABLED" => disable(user, property.boolean()?),
        "DEFAULT_ROLE" => user.default_role = Some(identifier(property)?),
        "DEFAULT_WAREHOUSE" => user.default_warehouse = Some(identifier(property)?),
        "DEFAULT_NAMESPACE" => user.default_namespace = Some(identifier(property)?),
        "DEFAULT_SECONDARY_ROLES" => user.all_secondary_roles = secondary(property)?,
        "RSA_PUBLIC_KEY" => user.rsa_keys[0] = Some(key(property, now)?),
        "RSA_PUBLIC_KEY_2" => user.rsa_keys[1] = Some(key(property, now)?),
        "DAYS_TO_EXPIRY" => user.expires_at = Some(now.plus_days(property.integer()?)),
        "MINS_TO_UNLOCK" => user.locked_until = unlock(property.integer()?, now),
        "MINS_TO_BYPASS_MFA" => {
            user.texts.insert(property.name.clone(), property.integer()?.to_string());
        }
        name if TEXTS.contains(&name) => {
            user.texts.insert(property.name.clone(), property.literal()?);
        }
        name => return Err(invalid_property(name, "USER")),
    }
    Ok(())
}

/// Puts one property back to its default.
pub(super) fn unset(user: &mut User, name: &str) -> Result<(), SqlError> {
    match name {
        "TYPE" => user.kind = None,
        "LOGIN_NAME" => user.login_name.clone_from(&user.name),
        "PASSWORD" => user.password = None,
        "MUST_CHANGE_PASSWORD" => user.must_change_password = false,
        "DISABLED" => user.disabled = false,
        "DEFAULT_ROLE" => user.default_role = None,
        "DEFAULT_WAREHOUSE" => user.default_warehouse = None,
        "DEFAULT_NAMESPACE" => user.default_namespace = None,
        "DEFAULT_SECONDARY_ROLES" => user.all_secondary_roles = true,
        "RSA_PUBLIC_KEY" => user.rsa_keys[0] = None,
        "RSA_PUBLIC_KEY_2" => user.rsa_keys[1] = None,
        "NETWORK_POLICY" => user.network_policy = None,
        "DAYS_TO_EXPIRY" => user.expires_at = None,
        "MINS_TO_UNLOCK" => user.locked_until = None,
        "MINS_TO_BYPASS_MFA" => {
            user.texts.remove(name);
        }
        name if TEXTS.contains(&name) => {
            user.texts.remove(name);
        }
        name => return Err(invalid_property(name, "USER")),
    }
    Ok(())
}

/// Refuses properties the user's type cannot have.
/// Source: snowflake docs, user-guide/admin-user-management.
pub(super) fn check_type(user: &User) -> Result<(), SqlError> {
    let kind = user.effective_kind();
    let passwordless = matches!(kind, UserType::Service | UserType::ServiceAgent);
    let present = [
        ("FIRST_NAME", user.texts.contains_key("FIRST_NAME")),
        ("MIDDLE_NAME", user.texts.contains_key("MIDDLE_NAME")),
        ("LAST_NAME", user.texts.contains_key("LAST_NAME")),
        ("MINS_TO_BYPASS_MFA", user.texts.contains_key("MINS_TO_BYPASS_MFA")),
        ("PASSWORD", passwordless && user.password.is_some()),
        ("MUST_CHANGE_PASSWORD", passwordless && user.must_change_password),
    ];
    match present.into_iter().find(|(_, set)| *set && kind != UserType::Person) {
        Some((property, _)) => Err(PROPERTY_FOR_TYPE
            .compilation(format!("Cannot set {property} on users with TYPE={}.", kind.name()))),
        None => Ok(()),
    }
}

fn disable(user: &mut User, disabled: bool) {
    user.disabled = disabled;
    if disabled {
        user.tokens.iter_mut().for_each(|token| token.disabled = true);
    }
}

fn kind(property: &Property) -> Result<UserType, SqlError> {
    let name = property.text()?;
    UserType::named(&name).ok_or_else(|| invalid_value(&name, "TYPE"))
}

/// A default is stored unchecked; a literal without quotes inside is an identifier too.
/// Source: snowflake docs, sql-reference/sql/create-user (DEFAULT_ROLE is not validated).
fn identifier(property: &Property) -> Result<String, SqlError> {
    match &property.value {
        Value::Text(text) if text.starts_with('"') => Ok(text.replace('"', "")),
        Value::Text(text) => Ok(text.to_uppercase()),
        Value::Name(_) | Value::Number(_) | Value::List(_) | Value::Nested(_) => property.text(),
    }
}

fn secondary(property: &Property) -> Result<bool, SqlError> {
    match property.texts()?.as_slice() {
        [] => Ok(false),
        [all] if all.eq_ignore_ascii_case("ALL") => Ok(true),
        _ => Err(invalid_value(&property.value.printed(), &property.name)),
    }
}

fn key(property: &Property, now: Millis) -> Result<PublicKey, SqlError> {
    PublicKey::read(&property.literal()?, false, now).ok_or_else(|| {
        KEY_INVALID.compilation(format!(
            "New public key rejected by current policy. Reason: '{} is not an RSA public key of \
             2048 bits or more'",
            property.name
        ))
    })
}

fn unlock(minutes: i64, now: Millis) -> Option<Millis> {
    (minutes > 0).then(|| now.plus_minutes(minutes))
}
