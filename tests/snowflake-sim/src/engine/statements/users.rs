//! CREATE, ALTER and DROP USER. Tokens and key pairs have files of their own.

use super::Outcome;
use super::common::{
    CreateMode, NameText, already_there, created, done, dropped, no_or_alter, not_there,
};
use super::user_properties::{self as properties, check_type};
use crate::engine::Engine;
use crate::engine::api::Session;
use crate::engine::clock::Millis;
use crate::engine::errors::{SqlError, exists};
use crate::engine::state::{Securable, User};
use crate::engine::text::{Cursor, Property, properties as read_properties, spell};

/// The user an ALTER USER names; without a name it is the current user.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) if_exists: bool,
    pub(super) name: Option<String>,
}

/// CREATE, ALTER or DROP of a user.
pub(super) enum Command {
    Create { mode: CreateMode, if_not_exists: bool, name: String, properties: Vec<Property> },
    Drop { if_exists: bool, name: String },
    Alter { target: Target, change: Change },
}

/// What ALTER USER changes.
pub(super) enum Change {
    Rename(String),
    Set(Vec<Property>),
    Unset(Vec<String>),
    SetAuthPolicy { policy: NameText, force: bool },
    UnsetAuthPolicy,
}

pub(super) fn create(cursor: &mut Cursor, mode: CreateMode) -> Result<Command, SqlError> {
    no_or_alter(cursor, mode)?;
    let if_not_exists = cursor.take("IF NOT EXISTS");
    let name = cursor.identifier()?;
    let properties = read_properties(cursor)?;
    Ok(Command::Create { mode, if_not_exists, name, properties })
}

pub(super) fn drop_user(cursor: &mut Cursor) -> Result<Command, SqlError> {
    let if_exists = cursor.take("IF EXISTS");
    Ok(Command::Drop { if_exists, name: cursor.identifier()? })
}

/// Reads `[IF EXISTS] [name]` after ALTER USER. A user called like an action must be quoted.
pub(super) fn target(cursor: &mut Cursor) -> Result<Target, SqlError> {
    const ACTIONS: [&str; 7] = ["ADD", "MODIFY", "ROTATE", "REMOVE", "SET", "UNSET", "RENAME TO"];
    let if_exists = cursor.take("IF EXISTS");
    let unnamed = ACTIONS.iter().any(|action| cursor.sees(action));
    let name = if unnamed { None } else { Some(cursor.identifier()?) };
    Ok(Target { if_exists, name })
}

pub(super) fn alter(cursor: &mut Cursor, target: Target) -> Result<Command, SqlError> {
    let change = match cursor.take_any(&["RENAME TO", "SET", "UNSET"]) {
        Some("RENAME TO") => Change::Rename(cursor.identifier()?),
        Some("SET") => set(cursor)?,
        Some("UNSET") => unset(cursor)?,
        Some(_) | None => return Err(cursor.unexpected()),
    };
    Ok(Command::Alter { target, change })
}

fn set(cursor: &mut Cursor) -> Result<Change, SqlError> {
    if cursor.take("AUTHENTICATION POLICY") {
        let policy = NameText::read(cursor)?;
        return Ok(Change::SetAuthPolicy { policy, force: cursor.take("FORCE") });
    }
    let properties = read_properties(cursor)?;
    if properties.is_empty() { Err(cursor.unexpected()) } else { Ok(Change::Set(properties)) }
}

fn unset(cursor: &mut Cursor) -> Result<Change, SqlError> {
    if cursor.take("AUTHENTICATION POLICY") {
        return Ok(Change::UnsetAuthPolicy);
    }
    cursor.words().map(Change::Unset)
}

pub(super) fn run(
    engine: &mut Engine,
    session: &mut Session,
    command: Command,
    now: Millis,
) -> Outcome {
    match command {
        Command::Create { mode, if_not_exists, name, properties } => {
            engine.create_user(session, mode, if_not_exists, &name, &properties, now)
        }
        Command::Drop { if_exists, name } => engine.drop_user(session, if_exists, &name),
        Command::Alter { target, change } => match engine.user_named(session, &target)? {
            Some(name) => engine.alter_user(session, &name, change, now),
            None => done(),
        },
    }
}

impl Engine {
    /// Returns the name of an existing user; none when it is missing and IF EXISTS was said.
    pub(super) fn user_named(
        &self,
        session: &Session,
        target: &Target,
    ) -> Result<Option<String>, SqlError> {
        let name = target.name.clone().unwrap_or_else(|| session.user.clone());
        match self.demand_known(&Securable::user(&name)) {
            Ok(()) => Ok(Some(name)),
            Err(_) if target.if_exists => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn create_user(
        &mut self,
        session: &Session,
        mode: CreateMode,
        if_not_exists: bool,
        name: &str,
        properties: &[Property],
        now: Millis,
    ) -> Outcome {
        self.demand_to_create(session, "CREATE USER", &self.account_securable())?;
        let on = Securable::user(name);
        let old = self.state.users.get(name).cloned();
        match (&old, mode, if_not_exists) {
            (None, _, _) => {}
            (Some(_), _, true) => return already_there(&spell(name)),
            (Some(_), CreateMode::OrReplace, _) => self.demand_owner(session, &on)?,
            (Some(_), CreateMode::Plain | CreateMode::OrAlter, _) => return Err(exists(name)),
        }
        let mut user = User::new(self.state.next_id(), name, now);
        self.apply(session, &mut user, properties, now)?;
        if let Some(old) = old.filter(|_| self.switches.replace_user_keeps_tokens) {
            user.tokens = old.tokens;
        }
        self.demand_free_login_name(&user)?;
        self.state.release(&on, None);
        self.state.users.insert(name.to_owned(), user);
        self.state.grants.set_owner(&on, self.creator(session), now);
        created("User", &spell(name))
    }

    fn drop_user(&mut self, session: &Session, if_exists: bool, name: &str) -> Outcome {
        let on = Securable::user(name);
        if if_exists && !self.state.holds(&on) {
            return not_there();
        }
        self.demand_owner(session, &on)?;
        let heir = self.creator(session);
        self.state.users.remove(name);
        self.state.release(&on, Some(&heir));
        dropped(&spell(name))
    }

    fn alter_user(
        &mut self,
        session: &Session,
        name: &str,
        change: Change,
        now: Millis,
    ) -> Outcome {
        match change {
            Change::Rename(new) => self.rename_user(session, name, &new),
            Change::Set(properties) => self.set_user(session, name, &properties, now),
            Change::Unset(names) => self.unset_user(session, name, &names),
            Change::SetAuthPolicy { policy, force } => {
                self.attach_to_user(session, name, &policy, force)
            }
            Change::UnsetAuthPolicy => self.detach_from_user(session, name),
        }
    }

    fn rename_user(&mut self, session: &Session, name: &str, new: &str) -> Outcome {
        let on = Securable::user(name);
        self.demand_owner(session, &on)?;
        if self.state.users.contains_key(new) {
            return Err(exists(new));
        }
        if let Some(mut user) = self.state.users.remove(name) {
            new.clone_into(&mut user.name);
            self.state.users.insert(new.to_owned(), user);
        }
        self.state.grants.rename(&on, &Securable::user(new));
        done()
    }

    fn set_user(
        &mut self,
        session: &Session,
        name: &str,
        properties: &[Property],
        now: Millis,
    ) -> Outcome {
        for property in properties {
            self.demand_for_property(session, name, &property.name)?;
        }
        let Some(mut user) = self.state.users.get(name).cloned() else { return done() };
        self.apply(session, &mut user, properties, now)?;
        self.demand_free_login_name(&user)?;
        self.state.users.insert(name.to_owned(), user);
        done()
    }

    fn unset_user(&mut self, session: &Session, name: &str, names: &[String]) -> Outcome {
        for property in names {
            self.demand_for_property(session, name, property)?;
        }
        let Some(mut user) = self.state.users.get(name).cloned() else { return done() };
        for property in names {
            properties::unset(&mut user, property)?;
        }
        self.state.users.insert(name.to_owned(), user);
        done()
    }

    /// Keys need OWNERSHIP or the authentication-methods privilege, everything else OWNERSHIP.
    /// Source: snowflake docs, user-guide/key-pair-auth and sql-reference/sql/alter-user.
    fn demand_for_property(
        &self,
        session: &Session,
        user: &str,
        property: &str,
    ) -> Result<(), SqlError> {
        let key = matches!(property, "RSA_PUBLIC_KEY" | "RSA_PUBLIC_KEY_2");
        let enough: &[&str] = if key { &[super::pats::PRIVILEGE] } else { &[] };
        self.demand(session, enough, &Securable::user(user))
    }

    fn apply(
        &self,
        session: &Session,
        user: &mut User,
        properties: &[Property],
        now: Millis,
    ) -> Result<(), SqlError> {
        for property in properties {
            if property.name == "NETWORK_POLICY" {
                user.network_policy = Some(self.usable_network_policy(session, property)?);
            } else {
                properties::set(user, property, now)?;
            }
        }
        check_type(user)
    }

    fn demand_free_login_name(&self, user: &User) -> Result<(), SqlError> {
        match self.state.user_by_login(&user.login_name) {
            Some(other) if other.name != user.name => Err(exists(&user.login_name)),
            Some(_) | None => Ok(()),
        }
    }
}
