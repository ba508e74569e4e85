//! ALTER USER … ADD, MODIFY, REMOVE PROGRAMMATIC ACCESS TOKEN: grammar and rules. Rotation and SHOW
//! have files of their own. Sources: snowflake docs, sql-reference/sql/alter-user-add-programmatic-access-token,
//! …-modify-…, …-remove-…, user-guide/programmatic-access-tokens.

use super::common::done;
use super::users::Target;
use super::{Outcome, StatementKind, pat_rotate, pat_show};
use crate::engine::Engine;
use crate::engine::answer::{ColumnType, ResultTable, text};
use crate::engine::api::{Credential, Session};
use crate::engine::clock::Millis;
use crate::engine::errors::{
    BYPASS_FOR_AGENT, BYPASS_RANGE, CROSS_ROLE, EXPIRY_RANGE, METHOD_NOT_ALLOWED,
    NETWORK_POLICY_REQUIRED, PAT_SESSION, PREDECESSOR, RESTRICTION_REQUIRED, ROLE_BLOCKED,
    ROLE_NOT_GRANTED, SqlError, TOKEN_EXISTS, TOKEN_LIMIT, TOKEN_NAME, TOKEN_NOT_FOUND,
    invalid_property,
};
use crate::engine::login::restriction_required;
use crate::engine::state::{AuthPolicy, Evaluation, Securable, Token, User, UserType, fingerprint};
use crate::engine::switches::{CrossRoleMint, PatSessionRule};
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
        Some("UNSET") => Change::Unset(names(cursor)?),
        Some(_) | None => return Err(cursor.unexpected()),
    };
    Ok(Action::Modify { if_exists, name, change })
}

fn some_properties(cursor: &mut Cursor) -> Result<Vec<Property>, SqlError> {
    let found = properties(cursor)?;
    if found.is_empty() { Err(cursor.unexpected()) } else { Ok(found) }
}

fn names(cursor: &mut Cursor) -> Result<Vec<String>, SqlError> {
    let mut names = vec![cursor.word()?];
    while cursor.symbol(",") {
        names.push(cursor.word()?);
    }
    Ok(names)
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

/// The options of ADD.
#[derive(Default)]
struct Wanted {
    role: Option<String>,
    days: Option<i64>,
    bypass_minutes: Option<i64>,
    comment: Option<String>,
}

impl Wanted {
    fn read(engine: &Engine, properties: &[Property]) -> Result<Self, SqlError> {
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

const BYPASS: &str = "MINS_TO_BYPASS_NETWORK_POLICY_REQUIREMENT";

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

    fn add_token(
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
        if user.live_tokens(now) >= LIMIT {
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

    fn remove_token(
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

    fn modify_token(
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

    /// Drops the rows of tokens that expired long ago: the docs say after 7 and after 30 days.
    pub(in crate::engine) fn forget_old_tokens(&mut self, now: Millis) {
        let days = self.switches.expired_rows_days;
        for user in self.state.users.values_mut() {
            user.tokens.retain(|token| token.expires_at.plus_days(days) > now);
        }
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

fn check_name(name: &str) -> Result<(), SqlError> {
    if (1..=255).contains(&name.chars().count()) {
        Ok(())
    } else {
        Err(TOKEN_NAME.compilation("A token name has 1 to 255 characters."))
    }
}

fn check_bypass(user: &User, minutes: Option<i64>) -> Result<(), SqlError> {
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

/// The answer of ADD IF NOT EXISTS on an existing name: success without a secret.
fn no_new_token(name: &str) -> Outcome {
    Ok(ResultTable::status(format!(
        "Programmatic access token {name} already exists, statement succeeded."
    )))
}

pub(super) fn secret_table(names: &[&str]) -> ResultTable {
    let columns: Vec<_> = names.iter().map(|name| (*name, ColumnType::Text)).collect();
    ResultTable::new(&columns)
}

pub(super) fn not_found(name: &str) -> SqlError {
    TOKEN_NOT_FOUND.compilation(format!("Programmatic access token {name} not found."))
}

fn token_exists(name: &str) -> SqlError {
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
