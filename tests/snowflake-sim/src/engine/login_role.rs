//! Which role a login gets.

use super::Engine;
use super::access::PUBLIC;
use super::api::{LoginAttempt, Via};
use super::errors::{LoginFailure, login as failure};
use super::state::{AuthPolicy, Token, User};
use super::switches::RestrictedDefault;
use super::text::resolve_identifier;

impl Engine {
    pub(super) fn token_role(
        &self,
        user: &User,
        token: &Token,
        policy: &AuthPolicy,
        attempt: &LoginAttempt,
    ) -> Result<String, LoginFailure> {
        let Some(restriction) = &token.role_restriction else {
            return self.free_role(user, attempt);
        };
        let revived = self.switches.regrant_revives_token || !token.role_was_revoked;
        if !self.state.roles.contains_key(restriction)
            || !self.state.user_has_role(user, restriction)
            || !revived
        {
            return Err(failure::pat_invalid("the token's role is gone"));
        }
        if policy.pat.blocked_roles.contains(restriction) {
            return Err(failure::pat_invalid("the token's role is blocked"));
        }
        match self.role_asked_of_restriction(user, attempt) {
            Some(_) if self.switches.restricted_logins_may_choose => self.free_role(user, attempt),
            Some(asked) if asked != *restriction => {
                Err(failure::pat_invalid("another role than the token's was requested"))
            }
            Some(_) | None => Ok(restriction.clone()),
        }
    }

    fn role_asked_of_restriction(&self, user: &User, attempt: &LoginAttempt) -> Option<String> {
        let default = match self.switches.restricted_default {
            RestrictedDefault::Restriction => None,
            RestrictedDefault::DefaultRoleOrFailure => user.default_role.clone(),
        };
        asked(attempt, attempt.role.as_ref()).or(default)
    }

    /// Returns the role of a session that is not bound to one: as asked, else the default, else PUBLIC.
    pub(super) fn free_role(
        &self,
        user: &User,
        attempt: &LoginAttempt,
    ) -> Result<String, LoginFailure> {
        if let Some(role) = asked(attempt, attempt.role.as_ref()) {
            let available =
                self.state.roles.contains_key(&role) && self.state.user_has_role(user, &role);
            return if available { Ok(role) } else { Err(failure::role_refused(&role)) };
        }
        let default = user.default_role.clone();
        Ok(default
            .filter(|role| self.state.user_has_role(user, role))
            .unwrap_or_else(|| PUBLIC.to_owned()))
    }

    pub(super) fn key_role(
        &self,
        user: &User,
        restriction: Option<&str>,
        attempt: &LoginAttempt,
    ) -> Result<String, LoginFailure> {
        let Some(restriction) = restriction else { return self.free_role(user, attempt) };
        if !self.state.user_has_role(user, restriction) {
            return Err(failure::jwt_invalid("the key's role is gone"));
        }
        match asked(attempt, attempt.role.as_ref()) {
            Some(role) if role == restriction => Ok(role),
            None if !self.switches.restricted_key_needs_role => Ok(restriction.to_owned()),
            Some(_) | None => Err(failure::jwt_invalid("the key is bound to another role")),
        }
    }
}

/// Returns a name the client asked for: an identifier in drivers, exact on the SQL API.
/// Source: snowflake docs, developer-guide/sql-api/reference (context fields are case-sensitive).
pub(super) fn asked(attempt: &LoginAttempt, name: Option<&String>) -> Option<String> {
    let name = name.filter(|name| !name.is_empty())?;
    Some(match attempt.via {
        Via::Driver => resolve_identifier(name),
        Via::SqlApi => name.clone(),
    })
}
