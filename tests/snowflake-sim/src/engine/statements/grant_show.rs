//! SHOW GRANTS: of a grantee, of a role's holders, on an object.

use super::Outcome;
use crate::engine::Engine;
use crate::engine::answer::{ColumnType, ResultTable, boolean, text, timestamp};
use crate::engine::api::Session;
use crate::engine::errors::{SqlError, insufficient};
use crate::engine::state::{Grantee, Kind, Path, PrivilegeGrant, RoleGrant, RoleRef, Securable};
use crate::engine::text::Cursor;

/// SHOW GRANTS.
pub(super) enum Command {
    ToUser(Option<String>),
    ToRole { name: Vec<String>, in_database: bool },
    OfRole { name: Vec<String>, in_database: bool },
    On { kind: Kind, name: Vec<String> },
}

pub(super) fn show(cursor: &mut Cursor) -> Result<Command, SqlError> {
    match cursor.take_any(&["TO", "OF", "ON"]) {
        Some("TO") => to(cursor),
        Some("OF") => of(cursor),
        Some("ON") => on(cursor),
        Some(_) | None => Ok(Command::ToUser(None)),
    }
}

fn to(cursor: &mut Cursor) -> Result<Command, SqlError> {
    match cursor.take_any(&["USER", "ROLE", "DATABASE ROLE"]) {
        Some("USER") => Ok(Command::ToUser(Some(cursor.identifier()?))),
        Some(word) => {
            let in_database = word == "DATABASE ROLE";
            Ok(Command::ToRole { name: cursor.object_name()?, in_database })
        }
        None => Err(cursor.unexpected()),
    }
}

fn of(cursor: &mut Cursor) -> Result<Command, SqlError> {
    let word = cursor.take_any(&["ROLE", "DATABASE ROLE"]).ok_or_else(|| cursor.unexpected())?;
    Ok(Command::OfRole { name: cursor.object_name()?, in_database: word == "DATABASE ROLE" })
}

fn on(cursor: &mut Cursor) -> Result<Command, SqlError> {
    if cursor.take("ACCOUNT") {
        return Ok(Command::On { kind: Kind::Account, name: Vec::new() });
    }
    let kind = Kind::NAMED.into_iter().find(|kind| cursor.take(kind.words()));
    let kind = kind.ok_or_else(|| cursor.unexpected())?;
    Ok(Command::On { kind, name: cursor.object_name()? })
}

pub(super) fn run(engine: &Engine, session: &Session, command: &Command) -> Outcome {
    match command {
        Command::ToUser(name) => {
            let name = name.as_ref().unwrap_or(&session.user);
            engine.grants_to_user(session, name)
        }
        Command::ToRole { name, in_database } => {
            let role = engine.role_ref(session, name.clone(), *in_database)?;
            engine.grants_to_role(session, role)
        }
        Command::OfRole { name, in_database } => {
            let role = engine.role_ref(session, name.clone(), *in_database)?;
            engine.grants_of_role(&role)
        }
        Command::On { kind, name } => engine.grants_on(session, *kind, name),
    }
}

impl Engine {
    fn grants_to_user(&self, session: &Session, name: &str) -> Outcome {
        let on = Securable::user(name);
        self.demand_known(&on)?;
        let visible = session.user == name
            || self.manages_grants(session)
            || self.may(session, &["MONITOR"], &on);
        if !visible {
            return Err(insufficient("user", name));
        }
        let holder = Grantee::User(name.to_owned());
        let mut table = ResultTable::new(&TO_USER);
        for grant in self.state.grants.roles.iter().filter(|grant| grant.to == holder) {
            table.push(vec![
                timestamp(grant.created_on),
                text(grant.role.to_string()),
                text("USER"),
                text(name),
                text(&grant.granted_by),
                text("USAGE"),
                text(grant.role.securable().kind.column()),
                text(grant.role.to_string()),
                boolean(false),
            ]);
        }
        for grant in self.state.grants.privileges.iter().filter(|grant| grant.to == holder) {
            let mut row = vec![
                timestamp(grant.created_on),
                None,
                text("USER"),
                text(name),
                text(&grant.granted_by),
            ];
            row.extend([
                text(&grant.privilege),
                text(grant.on.kind.column()),
                text(grant.on.path.to_string()),
                boolean(grant.with_grant_option),
            ]);
            table.push(row);
        }
        Ok(table)
    }

    fn grants_to_role(&self, session: &Session, role: RoleRef) -> Outcome {
        let on = role.securable();
        self.demand_known(&on)?;
        let holder = Grantee::Role(role);
        let visible = self.state.acting(session).contains(&holder)
            || self.manages_grants(session)
            || self.may(session, &[], &on);
        if !visible {
            return Err(self.refusal(session, &on));
        }
        let mut table = ResultTable::new(&GENERIC);
        for grant in self.state.grants.roles.iter().filter(|grant| grant.to == holder) {
            table.push(role_row(grant));
        }
        for grant in self.state.grants.privileges.iter().filter(|grant| grant.to == holder) {
            table.push(privilege_row(grant));
        }
        Ok(table)
    }

    /// Anybody may ask who has a role.
    fn grants_of_role(&self, role: &RoleRef) -> Outcome {
        self.demand_known(&role.securable())?;
        let mut table = ResultTable::new(&OF_ROLE);
        for grant in self.state.grants.roles.iter().filter(|grant| grant.role == *role) {
            table.push(vec![
                timestamp(grant.created_on),
                text(role.to_string()),
                text(grant.to.word()),
                text(grant.to.name()),
                text(&grant.granted_by),
            ]);
        }
        Ok(table)
    }

    fn grants_on(&self, session: &Session, kind: Kind, name: &[String]) -> Outcome {
        let path = match kind.depth() {
            _ if kind == Kind::Account => Path::one(&self.state.account.name),
            1 => Path::new(name.to_vec()),
            2 => self.in_database(session, name.to_vec(), "SHOW GRANTS")?,
            _ => self.in_schema(session, name.to_vec(), "SHOW GRANTS")?,
        };
        let on = Securable::new(kind, path);
        self.demand_known(&on)?;
        let acting = self.state.acting(session);
        if !self.state.seen(&acting, &on) && !self.manages_grants(session) {
            return Err(self.refusal(session, &on));
        }
        let mut table = ResultTable::new(&GENERIC);
        for grant in self.state.grants.privileges.iter().filter(|grant| grant.on == on) {
            table.push(privilege_row(grant));
        }
        Ok(table)
    }
}

fn privilege_row(grant: &PrivilegeGrant) -> Vec<Option<String>> {
    vec![
        timestamp(grant.created_on),
        text(&grant.privilege),
        text(grant.on.kind.column()),
        text(grant.on.path.to_string()),
        text(grant.to.word()),
        text(grant.to.name()),
        boolean(grant.with_grant_option),
        text(&grant.granted_by),
    ]
}

fn role_row(grant: &RoleGrant) -> Vec<Option<String>> {
    vec![
        timestamp(grant.created_on),
        text("USAGE"),
        text(grant.role.securable().kind.column()),
        text(grant.role.to_string()),
        text(grant.to.word()),
        text(grant.to.name()),
        boolean(false),
        text(&grant.granted_by),
    ]
}

const GENERIC: [(&str, ColumnType); 8] = [
    ("created_on", ColumnType::TimestampLtz),
    ("privilege", ColumnType::Text),
    ("granted_on", ColumnType::Text),
    ("name", ColumnType::Text),
    ("granted_to", ColumnType::Text),
    ("grantee_name", ColumnType::Text),
    ("grant_option", ColumnType::Boolean),
    ("granted_by", ColumnType::Text),
];

const OF_ROLE: [(&str, ColumnType); 5] = [
    ("created_on", ColumnType::TimestampLtz),
    ("role", ColumnType::Text),
    ("granted_to", ColumnType::Text),
    ("grantee_name", ColumnType::Text),
    ("granted_by", ColumnType::Text),
];

const TO_USER: [(&str, ColumnType); 9] = [
    ("created_on", ColumnType::TimestampLtz),
    ("role", ColumnType::Text),
    ("granted_to", ColumnType::Text),
    ("grantee_name", ColumnType::Text),
    ("granted_by", ColumnType::Text),
    ("privilege", ColumnType::Text),
    ("granted_on", ColumnType::Text),
    ("name", ColumnType::Text),
    ("grant_option", ColumnType::Boolean),
];
