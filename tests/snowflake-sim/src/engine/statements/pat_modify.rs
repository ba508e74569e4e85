//! ALTER USER … MODIFY and REMOVE PROGRAMMATIC ACCESS TOKEN. Role and expiry are fixed for life.
//! Source: snowflake docs, sql-reference/sql/alter-user-modify-programmatic-access-token and …-remove-….

use super::Outcome;
use super::common::done;
use super::pats::{
    BYPASS, Change, check_bypass, check_name, is_predecessor, not_found, token_exists,
};
use crate::engine::Engine;
use crate::engine::answer::ResultTable;
use crate::engine::api::Session;
use crate::engine::clock::Millis;
use crate::engine::errors::{SqlError, invalid_property};
use crate::engine::state::{Token, User};
use crate::engine::text::Property;

impl Engine {
    pub(super) fn remove_token(
        &mut self,
        session: &Session,
        user: &str,
        name: &str,
        if_exists: bool,
    ) -> Outcome {
        self.demand_no_pat_session(session, user)?;
        let Some(user) = self.state.users.get_mut(user) else { return done() };
        let before = user.tokens.len();
        user.tokens.retain(|token| token.name != name);
        if user.tokens.len() == before {
            return if if_exists { done() } else { Err(not_found(name)) };
        }
        Ok(ResultTable::status(format!("Programmatic access token {name} successfully removed.")))
    }

    pub(super) fn modify_token(
        &mut self,
        session: &Session,
        user_name: &str,
        name: &str,
        if_exists: bool,
        change: Change,
        now: Millis,
    ) -> Outcome {
        self.demand_no_pat_session(session, user_name)?;
        let moves = self.switches.rename_moves_rotated_to;
        let Some(user) = self.state.users.get_mut(user_name) else { return done() };
        match user.token(name) {
            None if if_exists => return done(),
            None => return Err(not_found(name)),
            Some(token) if token.rotated_to.is_some() => return Err(is_predecessor(name)),
            Some(_) => {}
        }
        let name = match change {
            Change::Rename(new) => {
                rename(user, name, &new, moves)?;
                new
            }
            Change::Set(properties) => {
                set(user, name, &properties, now)?;
                name.to_owned()
            }
            Change::Unset(names) => {
                unset(user, name, &names)?;
                name.to_owned()
            }
        };
        if let Some(token) = user.token_mut(&name) {
            token.altered(session.user_id, now);
        }
        done()
    }
}

fn rename(user: &mut User, name: &str, new: &str, moves: bool) -> Result<(), SqlError> {
    check_name(new)?;
    if user.token(new).is_some() {
        return Err(token_exists(new));
    }
    for token in &mut user.tokens {
        if token.name == name {
            new.clone_into(&mut token.name);
        } else if moves && token.rotated_to.as_deref() == Some(name) {
            token.rotated_to = Some(new.to_owned());
        }
    }
    Ok(())
}

fn set(user: &mut User, name: &str, properties: &[Property], now: Millis) -> Result<(), SqlError> {
    let Some(mut token) = user.token(name).cloned() else { return Err(not_found(name)) };
    for property in properties {
        match property.name.as_str() {
            "DISABLED" => token.disabled = property.boolean()?,
            BYPASS => {
                let minutes = property.integer()?;
                check_bypass(user, Some(minutes))?;
                token.bypass_until = Some(now.plus_minutes(minutes));
            }
            "COMMENT" => token.comment = Some(property.literal()?),
            other => return Err(invalid_property(other, "PROGRAMMATIC ACCESS TOKEN")),
        }
    }
    replace(user, token);
    Ok(())
}

fn unset(user: &mut User, name: &str, names: &[String]) -> Result<(), SqlError> {
    let Some(mut token) = user.token(name).cloned() else { return Err(not_found(name)) };
    for property in names {
        match property.as_str() {
            "DISABLED" => token.disabled = false,
            BYPASS => token.bypass_until = None,
            "COMMENT" => token.comment = None,
            other => return Err(invalid_property(other, "PROGRAMMATIC ACCESS TOKEN")),
        }
    }
    replace(user, token);
    Ok(())
}

fn replace(user: &mut User, token: Token) {
    if let Some(place) = user.token_mut(&token.name) {
        *place = token;
    }
}
