//! ALTER USER … ROTATE PROGRAMMATIC ACCESS TOKEN. It verifies neither network policy, nor authentication
//! policy, nor that the role is still granted: a rotation can succeed and yield a token that cannot log in.
//! Source: snowflake docs, sql-reference/sql/alter-user-rotate-programmatic-access-token.

use super::Outcome;
use super::common::done;
use super::pats::{is_full, is_predecessor, limit_reached, not_found, secret_table};
use crate::engine::Engine;
use crate::engine::answer::text;
use crate::engine::api::Session;
use crate::engine::clock::Millis;
use crate::engine::errors::{HOURS_RANGE, SqlError};
use crate::engine::state::{Token, User, fingerprint};
use crate::engine::switches::{CredentialId, DefaultGrace, RotateAtLimit};

/// How long the old secret works when nothing else is said.
const DEFAULT_GRACE_HOURS: i64 = 24;

pub(super) fn rotate(
    engine: &mut Engine,
    session: &Session,
    user_name: &str,
    name: &str,
    if_exists: bool,
    grace_hours: Option<i64>,
    now: Millis,
) -> Outcome {
    engine.demand_no_pat_session(session, user_name)?;
    let Some(user) = engine.state.users.get(user_name) else { return done() };
    let Some(old) = user.token(name).cloned() else {
        return if if_exists { done() } else { Err(not_found(name)) };
    };
    if old.rotated_to.is_some() {
        return Err(is_predecessor(name));
    }
    let hours = engine.grace(&old, grace_hours, now)?;
    let refused = engine.switches.rotate_at_limit == RotateAtLimit::Refused;
    if refused && hours > 0 && is_full(user, now) {
        return Err(limit_reached(user_name));
    }
    let name = free_name(user, &old.name, now);
    let secret = engine.random.secret();
    let spare_id = engine.state.next_id();
    let predecessor = engine.predecessor(&old, name, hours, spare_id, now);
    let live = engine.successor(session, old, &secret, spare_id, now);
    let mut table = secret_table(&["token_name", "token_secret", "rotated_token_name"]);
    table.push(vec![text(&live.name), Some(secret), text(&predecessor.name)]);
    if let Some(user) = engine.state.users.get_mut(user_name) {
        user.tokens.retain(|token| token.name != live.name);
        user.tokens.extend([live, predecessor]);
    }
    Ok(table)
}

impl Engine {
    /// Returns the hours the old secret keeps working: 0 up to what it has left.
    fn grace(&self, old: &Token, asked: Option<i64>, now: Millis) -> Result<i64, SqlError> {
        let left = old.expires_at.hours_left(now);
        let clamped = self.switches.default_grace == DefaultGrace::Clamped;
        let hours = match asked {
            Some(hours) => hours,
            None if clamped => DEFAULT_GRACE_HOURS.min(left),
            None => DEFAULT_GRACE_HOURS,
        };
        if (0..=left).contains(&hours) {
            return Ok(hours);
        }
        Err(HOURS_RANGE.compilation(format!(
            "EXPIRE_ROTATED_TOKEN_AFTER_HOURS {hours} is out of range: 0 to {left}."
        )))
    }

    fn predecessor(
        &self,
        old: &Token,
        name: String,
        hours: i64,
        spare_id: u64,
        now: Millis,
    ) -> Token {
        let id = match self.switches.rotate_credential_id {
            CredentialId::StaysWithName => spare_id,
            CredentialId::MovesWithSecret => old.id,
        };
        Token {
            id,
            name,
            expires_at: now.plus_hours(hours).min(old.expires_at),
            rotated_to: Some(old.name.clone()),
            last_altered: now,
            ..old.clone()
        }
    }

    fn successor(
        &self,
        session: &Session,
        old: Token,
        secret: &str,
        spare_id: u64,
        now: Millis,
    ) -> Token {
        let carries = self.switches.rotate_carries_comment;
        let id = match self.switches.rotate_credential_id {
            CredentialId::StaysWithName => old.id,
            CredentialId::MovesWithSecret => spare_id,
        };
        let resets = self.switches.rotate_resets_created_on;
        Token {
            id,
            fingerprint: fingerprint(secret),
            created_on: if resets { now } else { old.created_on },
            expires_at: now.plus_days(old.days_to_expiry),
            comment: old.comment.clone().filter(|_| carries),
            bypass_until: old.bypass_until.filter(|_| carries),
            last_used_on: None,
            last_altered: now,
            last_altered_by: session.user_id,
            ..old
        }
    }
}

/// Returns `<NAME>_ROTATED_<epoch_ms>`, a millisecond on where two rotations meet.
fn free_name(user: &User, name: &str, now: Millis) -> String {
    let mut at = now.0;
    while user.token(&format!("{name}_ROTATED_{at}")).is_some() {
        at += 1;
    }
    format!("{name}_ROTATED_{at}")
}
