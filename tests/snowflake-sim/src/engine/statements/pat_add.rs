//! ALTER USER … ADD PROGRAMMATIC ACCESS TOKEN: what makes a token mintable, and the row with its secret.
//! Source: snowflake docs, sql-reference/sql/alter-user-add-programmatic-access-token and
//! user-guide/programmatic-access-tokens.

use super::Outcome;
use super::common::done;
use super::pats::{
    BYPASS, check_bypass, check_name, is_full, limit_reached, secret_table, token_exists,
};
use crate::engine::Engine;
use crate::engine::answer::{ResultTable, text};
use crate::engine::api::{Credential, Session};
use crate::engine::clock::Millis;
use crate::engine::errors::{
    CROSS_ROLE, EXPIRY_RANGE, METHOD_NOT_ALLOWED, NETWORK_POLICY_REQUIRED, RESTRICTION_REQUIRED,
    ROLE_BLOCKED, ROLE_NOT_GRANTED, SqlError, invalid_property,
};
use crate::engine::login::restriction_required;
use crate::engine::state::{AuthPolicy, Evaluation, Token, User, UserType, fingerprint};
use crate::engine::switches::CrossRoleMint;
use crate::engine::text::Property;

/// The options of ADD.
#[derive(Default)]
pub(super) struct Wanted {
    role: Option<String>,
    days: Option<i64>,
    bypass_minutes: Option<i64>,
    comment: Option<String>,
}

impl Wanted {
    pub(super) fn read(engine: &Engine, properties: &[Property]) -> Result<Self, SqlError> {
        let mut wanted = Self::default();
        for property in properties {
            match property.name.as_str() {
                "ROLE_RESTRICTION" => wanted.role = Some(engine.role_in(property)?),
                "DAYS_TO_EXPIRY" => wanted.days = Some(property.integer()?),
                BYPASS => wanted.bypass_minutes = Some(property.integer()?),
                "COMMENT" => wanted.comment = Some(property.literal()?),
                other => return Err(invalid_property(other, "PROGRAMMATIC ACCESS TOKEN")),
            }
        }
        Ok(wanted)
    }
}

impl Engine {
    pub(super) fn add_token(
        &mut self,
        session: &Session,
        user_name: &str,
        name: &str,
        if_not_exists: bool,
        wanted: Wanted,
        now: Millis,
    ) -> Outcome {
        let Some(user) = self.state.users.get(user_name) else { return done() };
        if user.token(name).is_some() {
            return if if_not_exists { no_new_token(name) } else { Err(token_exists(name)) };
        }
        check_name(name)?;
        let policy = self.state.effective_auth_policy(user, &self.switches).policy;
        let days = wanted.days.unwrap_or(policy.pat.default_days);
        self.check_mintable(session, user, &policy, &wanted, days)?;
        if is_full(user, now) {
            return Err(limit_reached(user_name));
        }
        let secret = self.random.secret();
        let token = self.fresh_token(session, name, &secret, wanted, days, now);
        if let Some(user) = self.state.users.get_mut(user_name) {
            user.tokens.push(token);
        }
        let mut table = secret_table(&["token_name", "token_secret"]);
        table.push(vec![text(name), Some(secret)]);
        Ok(table)
    }

    fn check_mintable(
        &self,
        session: &Session,
        user: &User,
        policy: &AuthPolicy,
        wanted: &Wanted,
        days: i64,
    ) -> Result<(), SqlError> {
        if !policy.allows_method("PROGRAMMATIC_ACCESS_TOKEN") {
            return Err(METHOD_NOT_ALLOWED.compilation(
                "Programmatic access tokens are not allowed by the authentication policy.",
            ));
        }
        self.check_restriction(session, user, policy, wanted.role.as_deref())?;
        if !(1..=policy.pat.max_days).contains(&days) {
            return Err(EXPIRY_RANGE.compilation(format!(
                "DAYS_TO_EXPIRY {days} is out of range: 1 to {}.",
                policy.pat.max_days
            )));
        }
        check_bypass(user, wanted.bypass_minutes)?;
        self.check_network_policy_to_mint(user, policy)
    }

    fn check_restriction(
        &self,
        session: &Session,
        user: &User,
        policy: &AuthPolicy,
        role: Option<&str>,
    ) -> Result<(), SqlError> {
        if let Some(own) = session.credential.role_restriction() {
            let by_pat = matches!(session.credential, Credential::Pat { .. });
            let refused = self.switches.cross_role_mint == CrossRoleMint::Refused;
            if by_pat && refused && role != Some(own) {
                return Err(CROSS_ROLE.error(format!(
                    "A session restricted to role '{own}' can only create tokens for that role."
                )));
            }
        }
        match role {
            None if restriction_required(user, policy) => Err(RESTRICTION_REQUIRED
                .compilation(format!("ROLE_RESTRICTION is required for user '{}'.", user.name))),
            None => Ok(()),
            Some(role) => self.check_restriction_role(user, policy, role),
        }
    }

    fn check_restriction_role(
        &self,
        user: &User,
        policy: &AuthPolicy,
        role: &str,
    ) -> Result<(), SqlError> {
        if !self.state.roles.contains_key(role) || !self.state.user_has_role(user, role) {
            return Err(ROLE_NOT_GRANTED.compilation(format!(
                "Role '{role}' does not exist or is not granted to user '{}'.",
                user.name
            )));
        }
        if policy.pat.blocked_roles.iter().any(|blocked| blocked == role) {
            return Err(ROLE_BLOCKED
                .compilation(format!("Role '{role}' is blocked by the authentication policy.")));
        }
        Ok(())
    }

    /// A network policy is needed to create, for SERVICE and LEGACY_SERVICE; not for SERVICE_AGENT and PERSON.
    fn check_network_policy_to_mint(
        &self,
        user: &User,
        policy: &AuthPolicy,
    ) -> Result<(), SqlError> {
        let service = matches!(user.effective_kind(), UserType::Service | UserType::LegacyService);
        let required = policy.pat.evaluation == Evaluation::EnforcedRequired;
        if service && required && !self.has_network_policy(user) {
            return Err(NETWORK_POLICY_REQUIRED.compilation(format!(
                "User '{}' must be subject to a network policy to have programmatic access tokens.",
                user.name
            )));
        }
        Ok(())
    }

    fn fresh_token(
        &mut self,
        session: &Session,
        name: &str,
        secret: &str,
        wanted: Wanted,
        days: i64,
        now: Millis,
    ) -> Token {
        Token {
            id: self.state.next_id(),
            name: name.to_owned(),
            fingerprint: fingerprint(secret),
            role_restriction: wanted.role,
            days_to_expiry: days,
            created_on: now,
            created_by: session.user_id,
            expires_at: now.plus_days(days),
            disabled: false,
            comment: wanted.comment,
            bypass_until: wanted.bypass_minutes.map(|minutes| now.plus_minutes(minutes)),
            rotated_to: None,
            role_was_revoked: false,
            last_used_on: None,
            last_altered: now,
            last_altered_by: session.user_id,
        }
    }
}

/// The answer of ADD IF NOT EXISTS on an existing name: success without a secret.
fn no_new_token(name: &str) -> Outcome {
    Ok(ResultTable::status(format!(
        "Programmatic access token {name} already exists, statement succeeded."
    )))
}
