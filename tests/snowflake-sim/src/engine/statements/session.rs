//! USE and ALTER SESSION: what a session changes about itself.

use super::Outcome;
use super::common::done;
use crate::engine::Engine;
use crate::engine::access::PUBLIC;
use crate::engine::api::{SecondaryRoles, Session};
use crate::engine::errors::{
    RESTRICTED_SESSION, ROLE_NOT_GRANTED, SqlError, invalid_property, unknown,
};
use crate::engine::state::{Kind, Path, Securable};
use crate::engine::text::{Cursor, Property, properties};

/// USE or ALTER SESSION.
pub(super) enum Command {
    Role(String),
    SecondaryRoles(SecondaryRoles),
    Warehouse(String),
    Database(String),
    Schema(Vec<String>),
    Set(Vec<Property>),
    Unset(Vec<String>),
}

/// Session parameters that may be set; they change nothing here but are remembered.
pub(super) const PARAMETERS: [&str; 13] = [
    "AUTOCOMMIT",
    "BINARY_OUTPUT_FORMAT",
    "CLIENT_SESSION_KEEP_ALIVE",
    "DATE_OUTPUT_FORMAT",
    "MULTI_STATEMENT_COUNT",
    "QUERY_TAG",
    "ROWS_PER_RESULTSET",
    "STATEMENT_TIMEOUT_IN_SECONDS",
    "TIMESTAMP_LTZ_OUTPUT_FORMAT",
    "TIMESTAMP_OUTPUT_FORMAT",
    "TIMEZONE",
    "TIME_OUTPUT_FORMAT",
    "USE_CACHED_RESULT",
];

pub(super) fn use_place(cursor: &mut Cursor) -> Result<Command, SqlError> {
    const NOUNS: [&str; 5] = ["SECONDARY ROLES", "ROLE", "WAREHOUSE", "DATABASE", "SCHEMA"];
    match cursor.take_any(&NOUNS) {
        Some("SECONDARY ROLES") => match cursor.take_any(&["ALL", "NONE"]) {
            Some("ALL") => Ok(Command::SecondaryRoles(SecondaryRoles::All)),
            Some(_) => Ok(Command::SecondaryRoles(SecondaryRoles::None)),
            None => Err(cursor.unexpected()),
        },
        Some("ROLE") => cursor.identifier().map(Command::Role),
        Some("WAREHOUSE") => cursor.identifier().map(Command::Warehouse),
        Some("DATABASE") => cursor.identifier().map(Command::Database),
        Some("SCHEMA") => cursor.object_name().map(Command::Schema),
        Some(_) | None => Err(cursor.unexpected()),
    }
}

pub(super) fn alter(cursor: &mut Cursor) -> Result<Command, SqlError> {
    if cursor.take("SET") {
        return properties(cursor).map(Command::Set);
    }
    cursor.expect("UNSET")?;
    cursor.words().map(Command::Unset)
}

pub(super) fn run(engine: &mut Engine, session: &mut Session, command: Command) -> Outcome {
    match command {
        Command::Role(name) => engine.use_role(session, &name)?,
        Command::SecondaryRoles(wanted) => engine.use_secondary_roles(session, wanted)?,
        Command::Warehouse(name) => {
            engine.demand(session, &["USAGE"], &Securable::named(Kind::Warehouse, &name))?;
            session.warehouse = Some(name);
        }
        Command::Database(name) => {
            let on = Securable::named(Kind::Database, &name);
            engine.demand(session, &["USAGE", "IMPORTED PRIVILEGES"], &on)?;
            session.database = Some(name);
            let public = engine.may_use_schema(session, PUBLIC);
            session.schema = public.then(|| PUBLIC.to_owned());
        }
        Command::Schema(parts) => {
            let path = engine.in_database(session, parts, "USE SCHEMA")?;
            engine.demand_known(&Securable::new(Kind::Schema, path.clone()))?;
            let inside = Path::new([path.parts(), &["-".to_owned()]].concat());
            engine.demand_reach(session, &inside)?;
            session.database = Some(path.database().to_owned());
            session.schema = Some(path.leaf().to_owned());
        }
        Command::Set(properties) => set(session, &properties)?,
        Command::Unset(names) => unset(session, &names)?,
    }
    done()
}

impl Engine {
    /// A session bound to one role cannot leave it.
    fn use_role(&self, session: &mut Session, name: &str) -> Result<(), SqlError> {
        if let Some(own) = self.bound_to(session).filter(|own| *own != name) {
            return Err(restricted(own));
        }
        let on = Securable::named(Kind::Role, name);
        self.demand_known(&on)?;
        let user = self.state.users.get(&session.user);
        if !user.is_some_and(|user| self.state.user_has_role(user, name)) {
            return Err(ROLE_NOT_GRANTED.error(format!(
                "Requested role '{name}' is not assigned to the executing user. Specify another \
                 role to activate."
            )));
        }
        session.role = Some(name.to_owned());
        Ok(())
    }

    /// Returns the role a session cannot leave.
    fn bound_to<'a>(&self, session: &'a Session) -> Option<&'a str> {
        let free = self.switches.restricted_sessions_may_switch;
        session.credential.role_restriction().filter(|_| !free)
    }

    fn use_secondary_roles(
        &self,
        session: &mut Session,
        wanted: SecondaryRoles,
    ) -> Result<(), SqlError> {
        let refused = wanted == SecondaryRoles::All
            || self.switches.restricted_session_refuses_secondary_none;
        match self.bound_to(session) {
            Some(own) if refused => return Err(restricted(own)),
            Some(_) | None => session.secondary_roles = wanted,
        }
        Ok(())
    }
}

fn restricted(role: &str) -> SqlError {
    RESTRICTED_SESSION.error(format!(
        "The current session is restricted to role '{role}'; its role cannot be changed."
    ))
}

fn set(session: &mut Session, properties: &[Property]) -> Result<(), SqlError> {
    for property in properties {
        if !PARAMETERS.contains(&property.name.as_str()) {
            return Err(invalid_property(&property.name, "SESSION"));
        }
    }
    for property in properties {
        let value = property.integer().map(|number| number.to_string());
        let value = value.or_else(|_| property.text())?;
        session.parameters.insert(property.name.clone(), value);
    }
    Ok(())
}

fn unset(session: &mut Session, names: &[String]) -> Result<(), SqlError> {
    for name in names {
        if !PARAMETERS.contains(&name.as_str()) {
            return Err(unknown("Parameter", name));
        }
        session.parameters.remove(name);
    }
    Ok(())
}
