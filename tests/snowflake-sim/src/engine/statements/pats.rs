//! ALTER USER … ADD, MODIFY, REMOVE PROGRAMMATIC ACCESS TOKEN: grammar and rules. Rotation and SHOW
//! have files of their own. Sources: snowflake docs, sql-reference/sql/alter-user-add-programmatic-access-token,
//! …-modify-…, …-remove-…, user-guide/programmatic-access-tokens.

use super::common::done;
use super::pat_add::Wanted;
use super::users::Target;
use super::{Outcome, StatementKind, pat_rotate, pat_show};
use crate::engine::Engine;
use crate::engine::answer::{ColumnType, ResultTable};
use crate::engine::api::{Credential, Session};
use crate::engine::clock::Millis;
use crate::engine::errors::{
    BYPASS_FOR_AGENT, BYPASS_RANGE, PAT_SESSION, PREDECESSOR, SqlError, TOKEN_EXISTS, TOKEN_LIMIT,
    TOKEN_NAME, TOKEN_NOT_FOUND,
};
use crate::engine::state::{Securable, User, UserType};
use crate::engine::switches::PatSessionRule;
use crate::engine::text::{Cursor, Property, Value, properties};

/// The privilege that lets a role handle a user's tokens and keys.
pub(super) const PRIVILEGE: &str = "MODIFY PROGRAMMATIC AUTHENTICATION METHODS";

/// How many live tokens a user may have.
const LIMIT: usize = 15;

/// A statement about tokens.
pub(super) enum Command {
    Alter { target: Target, action: Action },
    Show { user: Option<String> },
}

/// What ALTER USER does with a token.
pub(super) enum Action {
    Add { if_not_exists: bool, name: String, properties: Vec<Property> },
    Rotate { if_exists: bool, name: String, grace_hours: Option<i64> },
    Remove { if_exists: bool, name: String },
    Modify { if_exists: bool, name: String, change: Change },
}

/// What MODIFY changes.
pub(super) enum Change {
    Rename(String),
    Set(Vec<Property>),
    Unset(Vec<String>),
}

const VERBS: [(&str, &str, StatementKind); 4] = [
    ("ADD PROGRAMMATIC ACCESS TOKEN", "ADD PAT", StatementKind::AddPat),
    ("ROTATE PROGRAMMATIC ACCESS TOKEN", "ROTATE PAT", StatementKind::RotatePat),
    ("REMOVE PROGRAMMATIC ACCESS TOKEN", "REMOVE PAT", StatementKind::RemovePat),
    ("MODIFY PROGRAMMATIC ACCESS TOKEN", "MODIFY PAT", StatementKind::ModifyPat),
];

/// Returns whether the cursor stands before an action on a token.
pub(super) fn begins(cursor: &Cursor) -> bool {
    VERBS.iter().any(|(long, short, _)| cursor.sees(long) || cursor.sees(short))
}

/// Takes the action's words and returns which it is.
pub(super) fn verb(cursor: &mut Cursor) -> Option<StatementKind> {
    let found = VERBS.iter().find(|(long, short, _)| cursor.take(long) || cursor.take(short));
    found.map(|(_, _, kind)| *kind)
}

pub(super) fn alter(cursor: &mut Cursor, target: Target) -> Result<Command, SqlError> {
    let action = match verb(cursor) {
        Some(StatementKind::AddPat) => add(cursor)?,
        Some(StatementKind::RotatePat) => rotate(cursor)?,
        Some(StatementKind::RemovePat) => {
            let if_exists = cursor.take("IF EXISTS");
            Action::Remove { if_exists, name: cursor.identifier()? }
        }
        Some(_) => modify(cursor)?,
        None => return Err(cursor.unexpected()),
    };
    Ok(Command::Alter { target, action })
}

fn add(cursor: &mut Cursor) -> Result<Action, SqlError> {
    let if_not_exists = cursor.take("IF NOT EXISTS");
    let name = cursor.identifier()?;
    Ok(Action::Add { if_not_exists, name, properties: properties(cursor)? })
}

fn rotate(cursor: &mut Cursor) -> Result<Action, SqlError> {
    let if_exists = cursor.take("IF EXISTS");
    let name = cursor.identifier()?;
    let mut grace_hours = None;
    if cursor.take("EXPIRE_ROTATED_TOKEN_AFTER_HOURS") {
        cursor.expect_symbol("=")?;
        grace_hours = Some(cursor.integer()?);
    }
    Ok(Action::Rotate { if_exists, name, grace_hours })
}

fn modify(cursor: &mut Cursor) -> Result<Action, SqlError> {
    let if_exists = cursor.take("IF EXISTS");
    let name = cursor.identifier()?;
    let change = match cursor.take_any(&["RENAME TO", "SET", "UNSET"]) {
        Some("RENAME TO") => Change::Rename(cursor.identifier()?),
        Some("SET") => Change::Set(some_properties(cursor)?),
        Some("UNSET") => Change::Unset(cursor.words()?),
        Some(_) | None => return Err(cursor.unexpected()),
    };
    Ok(Action::Modify { if_exists, name, change })
}

fn some_properties(cursor: &mut Cursor) -> Result<Vec<Property>, SqlError> {
    let found = properties(cursor)?;
    if found.is_empty() { Err(cursor.unexpected()) } else { Ok(found) }
}

pub(super) fn show(cursor: &mut Cursor) -> Result<Command, SqlError> {
    let user = if cursor.take("FOR USER") { Some(cursor.identifier()?) } else { None };
    Ok(Command::Show { user })
}

pub(super) fn run(
    engine: &mut Engine,
    session: &mut Session,
    command: Command,
    now: Millis,
) -> Outcome {
    let (target, action) = match command {
        Command::Show { user } => return pat_show::show(engine, session, user, now),
        Command::Alter { target, action } => (target, action),
    };
    let Some(user) = engine.user_named(session, &target)? else { return done() };
    engine.demand_for_tokens(session, &user)?;
    match action {
        Action::Add { if_not_exists, name, properties } => {
            let wanted = Wanted::read(engine, &properties)?;
            engine.add_token(session, &user, &name, if_not_exists, wanted, now)
        }
        Action::Rotate { if_exists, name, grace_hours } => {
            pat_rotate::rotate(engine, session, &user, &name, if_exists, grace_hours, now)
        }
        Action::Remove { if_exists, name } => engine.remove_token(session, &user, &name, if_exists),
        Action::Modify { if_exists, name, change } => {
            engine.modify_token(session, &user, &name, if_exists, change, now)
        }
    }
}

impl Engine {
    /// Returns the role a ROLE_RESTRICTION names: a literal, or an identifier.
    pub(super) fn role_in(&self, property: &Property) -> Result<String, SqlError> {
        match &property.value {
            Value::Text(text) => {
                Ok(self.literal_name(text, |name| self.state.roles.contains_key(name)))
            }
            Value::Name(_) | Value::Number(_) | Value::List(_) | Value::Nested(_) => {
                property.text()
            }
        }
    }

    /// A person handles their own tokens; everything else needs the privilege or ownership.
    pub(super) fn demand_for_tokens(&self, session: &Session, user: &str) -> Result<(), SqlError> {
        let own = self.state.users.get(user).is_some_and(|found| found.id == session.user_id);
        let person = self.state.users.get(user).is_some_and(User::is_person);
        if own && person {
            return Ok(());
        }
        self.demand(session, &[PRIVILEGE], &Securable::user(user))
    }

    /// Returns whose tokens or keys a SHOW lists. Without FOR USER they are the caller's own, and that needs no
    /// privilege.
    pub(super) fn user_to_show(
        &self,
        session: &Session,
        named: Option<String>,
    ) -> Result<String, SqlError> {
        let Some(user) = named else { return Ok(session.user.clone()) };
        self.demand_known(&Securable::user(&user))?;
        self.demand_for_tokens(session, &user)?;
        Ok(user)
    }

    /// A session opened with a token may not change tokens; current docs mean those of the same user.
    pub(super) fn demand_no_pat_session(
        &self,
        session: &Session,
        user: &str,
    ) -> Result<(), SqlError> {
        let by_pat = matches!(session.credential, Credential::Pat { .. });
        let same = self.state.users.get(user).is_some_and(|found| found.id == session.user_id);
        let any = self.switches.pat_session_rule == PatSessionRule::AnyUser;
        if by_pat && (same || any) {
            return Err(PAT_SESSION.error(
                "Programmatic access tokens cannot be modified, rotated or removed in a session \
                 that was authenticated with a programmatic access token.",
            ));
        }
        Ok(())
    }

    /// Drops the rows of tokens that expired long ago: the docs say after 7 and after 30 days.
    pub(in crate::engine) fn forget_old_tokens(&mut self, now: Millis) {
        let days = self.switches.expired_rows_days;
        for user in self.state.users.values_mut() {
            user.tokens.retain(|token| token.expires_at.plus_days(days) > now);
        }
    }
}

/// The property that waives the need for a network policy for a while.
pub(super) const BYPASS: &str = "MINS_TO_BYPASS_NETWORK_POLICY_REQUIREMENT";

pub(super) fn check_name(name: &str) -> Result<(), SqlError> {
    if (1..=255).contains(&name.chars().count()) {
        Ok(())
    } else {
        Err(TOKEN_NAME.compilation("A token name has 1 to 255 characters."))
    }
}

pub(super) fn check_bypass(user: &User, minutes: Option<i64>) -> Result<(), SqlError> {
    let Some(minutes) = minutes else { return Ok(()) };
    if user.effective_kind() == UserType::ServiceAgent {
        return Err(BYPASS_FOR_AGENT
            .compilation(format!("Cannot set {BYPASS} for users with TYPE=SERVICE_AGENT.")));
    }
    if (1..=1440).contains(&minutes) {
        return Ok(());
    }
    Err(BYPASS_RANGE.compilation(format!("{BYPASS} {minutes} is out of range: 1 to 1440.")))
}

pub(super) fn secret_table(names: &[&str]) -> ResultTable {
    let columns: Vec<_> = names.iter().map(|name| (*name, ColumnType::Text)).collect();
    ResultTable::new(&columns)
}

pub(super) fn not_found(name: &str) -> SqlError {
    TOKEN_NOT_FOUND.compilation(format!("Programmatic access token {name} not found."))
}

pub(super) fn token_exists(name: &str) -> SqlError {
    TOKEN_EXISTS.compilation(format!("Programmatic access token {name} already exists."))
}

pub(super) fn is_predecessor(name: &str) -> SqlError {
    PREDECESSOR.compilation(format!(
        "Programmatic access token {name} was rotated; it can only be removed."
    ))
}

pub(super) fn limit_reached(user: &str) -> SqlError {
    TOKEN_LIMIT.compilation(format!(
        "User '{user}' already has the maximum number of {LIMIT} programmatic access tokens."
    ))
}

/// Returns whether one more live token would be too many.
pub(super) fn is_full(user: &User, now: Millis) -> bool {
    user.live_tokens(now) >= LIMIT
}
