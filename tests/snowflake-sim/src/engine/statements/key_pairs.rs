//! Named key pairs of users.
//! Source: snowflake docs, sql-reference/sql/alter-user-add-key-pair and its siblings, show-user-key-pairs.

use super::Outcome;
use super::common::done;
use super::users::Target;
use crate::engine::Engine;
use crate::engine::answer::{ColumnType, ResultTable, text, timestamp};
use crate::engine::api::Session;
use crate::engine::clock::Millis;
use crate::engine::errors::{
    EXPIRY_RANGE, HOURS_RANGE, KEY_INVALID, KEY_NOT_UNIQUE, KEY_PAIR_EXISTS, KEY_PAIR_LIMIT,
    KEY_PAIR_NAME, KEY_PAIR_NOT_FOUND, PREDECESSOR, ROLE_NOT_GRANTED, SqlError, invalid_property,
};
use crate::engine::state::{KeyPair, PublicKey, User};
use crate::engine::text::{Cursor, Property, properties};

/// How many unexpired key pairs a user may have.
const LIMIT: usize = 10;
/// How long the old key works after ROTATE when nothing else is said.
const DEFAULT_GRACE_HOURS: i64 = 24;
/// The names of the two RSA properties.
const RESERVED: [&str; 2] = ["PUBLIC_KEY_1", "PUBLIC_KEY_2"];

/// A statement about named key pairs.
pub(super) enum Command {
    Alter { target: Target, name: String, action: Action },
    Show { user: Option<String> },
}

/// What ALTER USER does with a key pair.
pub(super) enum Action {
    Add(Vec<Property>),
    Rotate(Vec<Property>),
    Rename(String),
    Set(Vec<Property>),
    Unset(Vec<String>),
    Remove,
}

const VERBS: [&str; 4] = ["ADD KEY PAIR", "ROTATE KEY PAIR", "MODIFY KEY PAIR", "REMOVE KEY PAIR"];

/// Returns whether the cursor stands before an action on a key pair.
pub(super) fn begins(cursor: &Cursor) -> bool {
    VERBS.iter().any(|verb| cursor.sees(verb))
}

pub(super) fn alter(cursor: &mut Cursor, target: Target) -> Result<Command, SqlError> {
    let verb = cursor.take_any(&VERBS).ok_or_else(|| cursor.unexpected())?;
    let name = cursor.identifier()?;
    let action = match verb {
        "ADD KEY PAIR" => Action::Add(properties(cursor)?),
        "ROTATE KEY PAIR" => Action::Rotate(properties(cursor)?),
        "REMOVE KEY PAIR" => Action::Remove,
        _ => modify(cursor)?,
    };
    Ok(Command::Alter { target, name, action })
}

fn modify(cursor: &mut Cursor) -> Result<Action, SqlError> {
    match cursor.take_any(&["RENAME TO", "SET", "UNSET"]) {
        Some("RENAME TO") => cursor.identifier().map(Action::Rename),
        Some("SET") => properties(cursor).map(Action::Set),
        Some("UNSET") => cursor.words().map(Action::Unset),
        Some(_) | None => Err(cursor.unexpected()),
    }
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
    let (target, name, action) = match command {
        Command::Show { user } => return show_pairs(engine, session, user, now),
        Command::Alter { target, name, action } => (target, name, action),
    };
    let Some(user) = engine.user_named(session, &target)? else { return done() };
    engine.demand_for_tokens(session, &user)?;
    match action {
        Action::Add(properties) => engine.add_key_pair(session, &user, &name, &properties, now),
        Action::Rotate(properties) => {
            engine.rotate_key_pair(session, &user, &name, &properties, now)
        }
        Action::Remove => engine.remove_key_pair(&user, &name),
        Action::Rename(new) => engine.rename_key_pair(&user, &name, &new),
        Action::Set(properties) => engine.set_key_pair(&user, &name, &properties),
        Action::Unset(names) => engine.unset_key_pair(&user, &name, &names),
    }
}

/// The options of ADD and ROTATE.
#[derive(Default)]
struct Wanted {
    key: Option<String>,
    role: Option<String>,
    days: Option<i64>,
    comment: Option<String>,
    grace_hours: Option<i64>,
}

impl Engine {
    fn key_pair_options(
        &self,
        properties: &[Property],
        allowed: &[&str],
    ) -> Result<Wanted, SqlError> {
        let mut wanted = Wanted::default();
        for property in properties {
            match property.name.as_str() {
                name if !allowed.contains(&name) => return Err(invalid_property(name, "KEY PAIR")),
                "PUBLIC_KEY" => wanted.key = Some(property.literal()?),
                "ROLE_RESTRICTION" => wanted.role = Some(self.role_in(property)?),
                "DAYS_TO_EXPIRY" => wanted.days = Some(property.integer()?),
                "EXPIRE_ROTATED_KEY_PAIR_AFTER_HOURS" => {
                    wanted.grace_hours = Some(property.integer()?);
                }
                _ => wanted.comment = Some(property.literal()?),
            }
        }
        Ok(wanted)
    }

    fn add_key_pair(
        &mut self,
        session: &Session,
        user_name: &str,
        name: &str,
        properties: &[Property],
        now: Millis,
    ) -> Outcome {
        const OPTIONS: [&str; 4] = ["PUBLIC_KEY", "ROLE_RESTRICTION", "DAYS_TO_EXPIRY", "COMMENT"];
        let wanted = self.key_pair_options(properties, &OPTIONS)?;
        let Some(user) = self.state.users.get(user_name) else { return done() };
        check_name(user, name)?;
        let key = new_key(user, wanted.key.as_deref(), now)?;
        self.check_key_role(user, wanted.role.as_deref())?;
        if wanted.days.is_some_and(|days| days < 1) {
            return Err(EXPIRY_RANGE.compilation("DAYS_TO_EXPIRY must be 1 or more."));
        }
        check_room(user, now)?;
        let pair = KeyPair {
            id: self.state.next_id(),
            name: name.to_owned(),
            key,
            role_restriction: wanted.role,
            days_to_expiry: wanted.days,
            expires_at: wanted.days.map(|days| now.plus_days(days)),
            disabled: false,
            comment: wanted.comment,
            created_on: now,
            created_by: session.user_id,
            last_used_on: None,
            rotated_to: None,
        };
        if let Some(user) = self.state.users.get_mut(user_name) {
            user.key_pairs.push(pair);
        }
        done()
    }

    fn check_key_role(&self, user: &User, role: Option<&str>) -> Result<(), SqlError> {
        let known = |role: &str| {
            self.state.roles.contains_key(role) && self.state.user_has_role(user, role)
        };
        match role.filter(|role| !known(role)) {
            Some(role) => Err(ROLE_NOT_GRANTED.compilation(format!(
                "Role '{role}' does not exist or is not granted to user '{}'.",
                user.name
            ))),
            None => Ok(()),
        }
    }

    /// The name keeps the new key; the old one moves to `<NAME>_ROTATED_<epoch_ms>`.
    fn rotate_key_pair(
        &mut self,
        session: &Session,
        user_name: &str,
        name: &str,
        properties: &[Property],
        now: Millis,
    ) -> Outcome {
        const OPTIONS: [&str; 2] = ["PUBLIC_KEY", "EXPIRE_ROTATED_KEY_PAIR_AFTER_HOURS"];
        let wanted = self.key_pair_options(properties, &OPTIONS)?;
        let spare_id = self.state.next_id();
        let Some(user) = self.state.users.get_mut(user_name) else { return done() };
        let old = pair_named(user, name)?.clone();
        if old.rotated_to.is_some() {
            return Err(PREDECESSOR.compilation(format!("Key pair {name} was rotated already.")));
        }
        let hours = grace(wanted.grace_hours)?;
        let key = new_key(user, wanted.key.as_deref(), now)?;
        check_room(user, now)?;
        let live = KeyPair {
            key,
            expires_at: old.days_to_expiry.map(|days| now.plus_days(days)),
            created_on: now,
            created_by: session.user_id,
            last_used_on: None,
            ..old.clone()
        };
        let until = now.plus_hours(hours);
        let predecessor = KeyPair {
            id: spare_id,
            name: format!("{name}_ROTATED_{}", now.0),
            expires_at: Some(old.expires_at.map_or(until, |at| at.min(until))),
            disabled: old.disabled || hours == 0,
            rotated_to: Some(name.to_owned()),
            ..old
        };
        user.key_pairs.retain(|pair| pair.name != name);
        user.key_pairs.extend([live, predecessor]);
        done()
    }

    fn remove_key_pair(&mut self, user: &str, name: &str) -> Outcome {
        let Some(user) = self.state.users.get_mut(user) else { return done() };
        pair_named(user, name)?;
        user.key_pairs.retain(|pair| pair.name != name);
        done()
    }

    fn rename_key_pair(&mut self, user: &str, name: &str, new: &str) -> Outcome {
        let Some(user) = self.state.users.get_mut(user) else { return done() };
        check_name(user, new)?;
        pair_named(user, name)?;
        for pair in &mut user.key_pairs {
            if pair.name == name {
                new.clone_into(&mut pair.name);
            } else if pair.rotated_to.as_deref() == Some(name) {
                pair.rotated_to = Some(new.to_owned());
            }
        }
        done()
    }

    fn set_key_pair(&mut self, user: &str, name: &str, properties: &[Property]) -> Outcome {
        let Some(user) = self.state.users.get_mut(user) else { return done() };
        let mut pair = pair_named(user, name)?.clone();
        for property in properties {
            match property.name.as_str() {
                "DISABLED" => pair.disabled = property.boolean()?,
                "COMMENT" => pair.comment = Some(property.literal()?),
                other => return Err(invalid_property(other, "KEY PAIR")),
            }
        }
        replace(user, pair);
        done()
    }

    fn unset_key_pair(&mut self, user: &str, name: &str, names: &[String]) -> Outcome {
        let Some(user) = self.state.users.get_mut(user) else { return done() };
        let mut pair = pair_named(user, name)?.clone();
        for property in names {
            match property.as_str() {
                "DISABLED" => pair.disabled = false,
                "COMMENT" => pair.comment = None,
                other => return Err(invalid_property(other, "KEY PAIR")),
            }
        }
        replace(user, pair);
        done()
    }
}

fn show_pairs(engine: &Engine, session: &Session, user: Option<String>, now: Millis) -> Outcome {
    let name = engine.user_to_show(session, user)?;
    let mut table = ResultTable::new(&COLUMNS);
    let Some(user) = engine.state.users.get(&name) else { return Ok(table) };
    for (name, key) in RESERVED.iter().zip(&user.rsa_keys) {
        if let Some(key) = key {
            table.push(legacy_row(user, name, key));
        }
    }
    for pair in &user.key_pairs {
        table.push(vec![
            text(&pair.name),
            text(&user.name),
            text(&pair.key.fingerprint),
            pair.role_restriction.clone(),
            text(pair.status(now)),
            pair.comment.clone(),
            timestamp(pair.created_on),
            text(engine.user_or_id(pair.created_by)),
            pair.last_used_on.and_then(timestamp),
            pair.expires_at.and_then(timestamp),
            pair.rotated_to.clone(),
        ]);
    }
    Ok(table)
}

fn legacy_row(user: &User, name: &str, key: &PublicKey) -> Vec<Option<String>> {
    let mut row = vec![
        text(name),
        text(&user.name),
        text(&key.fingerprint),
        None,
        text("ACTIVE"),
        None,
        timestamp(key.set_on),
    ];
    row.resize(COLUMNS.len(), None);
    row
}

const COLUMNS: [(&str, ColumnType); 11] = [
    ("name", ColumnType::Text),
    ("user_name", ColumnType::Text),
    ("fingerprint", ColumnType::Text),
    ("role_scope", ColumnType::Text),
    ("status", ColumnType::Text),
    ("comment", ColumnType::Text),
    ("created_on", ColumnType::TimestampLtz),
    ("created_by", ColumnType::Text),
    ("last_used_on", ColumnType::TimestampLtz),
    ("expires_at", ColumnType::TimestampLtz),
    ("rotated_to", ColumnType::Text),
];

fn pair_named<'u>(user: &'u User, name: &str) -> Result<&'u KeyPair, SqlError> {
    user.key_pairs
        .iter()
        .find(|pair| pair.name == name)
        .ok_or_else(|| KEY_PAIR_NOT_FOUND.compilation(format!("Key pair {name} not found.")))
}

fn replace(user: &mut User, pair: KeyPair) {
    if let Some(place) = user.key_pairs.iter_mut().find(|held| held.name == pair.name) {
        *place = pair;
    }
}

fn check_name(user: &User, name: &str) -> Result<(), SqlError> {
    if RESERVED.contains(&name) {
        return Err(KEY_PAIR_NAME.compilation(format!("The name {name} is reserved.")));
    }
    if user.key_pairs.iter().any(|pair| pair.name == name) {
        return Err(KEY_PAIR_EXISTS.compilation(format!("Key pair {name} already exists.")));
    }
    Ok(())
}

fn new_key(user: &User, text: Option<&str>, now: Millis) -> Result<PublicKey, SqlError> {
    let key = text.and_then(|text| PublicKey::read(text, true, now));
    let key = key.ok_or_else(|| {
        KEY_INVALID.compilation(
            "PUBLIC_KEY is not an RSA public key of 2048 bits or more, nor an EC key on P-256, \
             P-384 or P-521.",
        )
    })?;
    let same = |held: &PublicKey| held.fingerprint == key.fingerprint;
    let named = user.key_pairs.iter().filter(|pair| pair.is_active(now)).map(|pair| &pair.key);
    if user.rsa_keys.iter().flatten().chain(named).any(same) {
        return Err(KEY_NOT_UNIQUE.compilation("The user already has this public key."));
    }
    Ok(key)
}

fn check_room(user: &User, now: Millis) -> Result<(), SqlError> {
    let live = user.key_pairs.iter().filter(|pair| !pair.is_expired(now)).count();
    if live < LIMIT {
        return Ok(());
    }
    Err(KEY_PAIR_LIMIT.compilation(format!(
        "User '{}' already has the maximum number of {LIMIT} key pairs.",
        user.name
    )))
}

fn grace(hours: Option<i64>) -> Result<i64, SqlError> {
    let hours = hours.unwrap_or(DEFAULT_GRACE_HOURS);
    if hours >= 0 {
        return Ok(hours);
    }
    Err(HOURS_RANGE.compilation("EXPIRE_ROTATED_KEY_PAIR_AFTER_HOURS must be 0 or more."))
}
