//! Account roles and database roles.

use super::Outcome;
use super::common::{
    CreateMode, ShowFilter, already_there, created, done, dropped, no_or_alter, not_there,
};
use crate::engine::Engine;
use crate::engine::answer::{ColumnType, ResultTable, number, text, timestamp};
use crate::engine::api::Session;
use crate::engine::clock::Millis;
use crate::engine::errors::{SYSTEM_OBJECT, SqlError, exists, invalid_property};
use crate::engine::state::{Grantee, Kind, Path, Role, RoleRef, Securable};
use crate::engine::text::{Cursor, Property, properties};

/// A statement about roles; the flag says whether the name is a database role's.
pub(super) enum Command {
    Create {
        mode: CreateMode,
        if_not_exists: bool,
        name: Vec<String>,
        in_database: bool,
        properties: Vec<Property>,
    },
    Alter {
        if_exists: bool,
        name: Vec<String>,
        in_database: bool,
        change: Change,
    },
    Drop {
        if_exists: bool,
        name: Vec<String>,
        in_database: bool,
    },
    Show(ShowFilter),
    ShowDatabaseRoles {
        database: String,
        filter: ShowFilter,
    },
}

/// What ALTER ROLE changes.
pub(super) enum Change {
    Rename(Vec<String>),
    Set(Vec<Property>),
    UnsetComment,
}

pub(super) fn create(
    cursor: &mut Cursor,
    mode: CreateMode,
    in_database: bool,
) -> Result<Command, SqlError> {
    no_or_alter(cursor, mode)?;
    let if_not_exists = cursor.take("IF NOT EXISTS");
    let name = role_name(cursor, in_database)?;
    let properties = properties(cursor)?;
    Ok(Command::Create { mode, if_not_exists, name, in_database, properties })
}

pub(super) fn alter(cursor: &mut Cursor, in_database: bool) -> Result<Command, SqlError> {
    let if_exists = cursor.take("IF EXISTS");
    let name = role_name(cursor, in_database)?;
    let change = match cursor.take_any(&["RENAME TO", "SET", "UNSET COMMENT"]) {
        Some("RENAME TO") => Change::Rename(role_name(cursor, in_database)?),
        Some("SET") => Change::Set(properties(cursor)?),
        Some("UNSET COMMENT") => Change::UnsetComment,
        Some(_) | None => return Err(cursor.unexpected()),
    };
    Ok(Command::Alter { if_exists, name, in_database, change })
}

pub(super) fn drop_role(cursor: &mut Cursor, in_database: bool) -> Result<Command, SqlError> {
    let if_exists = cursor.take("IF EXISTS");
    Ok(Command::Drop { if_exists, name: role_name(cursor, in_database)?, in_database })
}

pub(super) fn show(cursor: &mut Cursor) -> Result<Command, SqlError> {
    ShowFilter::of_account(cursor).map(Command::Show)
}

pub(super) fn show_database_roles(cursor: &mut Cursor) -> Result<Command, SqlError> {
    let filter = ShowFilter::like(cursor)?;
    cursor.expect("IN DATABASE")?;
    let database = cursor.identifier()?;
    Ok(Command::ShowDatabaseRoles { database, filter: filter.tail(cursor)? })
}

fn role_name(cursor: &mut Cursor, in_database: bool) -> Result<Vec<String>, SqlError> {
    if in_database { cursor.object_name() } else { Ok(vec![cursor.identifier()?]) }
}

pub(super) fn run(
    engine: &mut Engine,
    session: &mut Session,
    command: Command,
    now: Millis,
) -> Outcome {
    match command {
        Command::Create { mode, if_not_exists, name, in_database, properties } => {
            let role = engine.role_ref(session, name, in_database)?;
            let comment = comment_of(&properties)?;
            engine.create_role(session, mode, if_not_exists, &role, comment, now)
        }
        Command::Alter { if_exists, name, in_database, change } => {
            let role = engine.role_ref(session, name, in_database)?;
            engine.alter_role(session, if_exists, &role, in_database, change)
        }
        Command::Drop { if_exists, name, in_database } => {
            let role = engine.role_ref(session, name, in_database)?;
            engine.drop_role(session, if_exists, &role)
        }
        Command::Show(filter) => Ok(engine.show_roles(session, &filter)),
        Command::ShowDatabaseRoles { database, filter } => {
            engine.show_database_roles(session, &database, &filter)
        }
    }
}

fn comment_of(properties: &[Property]) -> Result<String, SqlError> {
    let mut comment = String::new();
    for property in properties {
        match property.name.as_str() {
            "COMMENT" => comment = property.literal()?,
            other => return Err(invalid_property(other, "ROLE")),
        }
    }
    Ok(comment)
}

impl Engine {
    /// Returns the role a name means.
    pub(super) fn role_ref(
        &self,
        session: &Session,
        name: Vec<String>,
        in_database: bool,
    ) -> Result<RoleRef, SqlError> {
        if in_database {
            return self.in_database(session, name, "DATABASE ROLE").map(RoleRef::Database);
        }
        Ok(RoleRef::Account(name.concat()))
    }

    fn role(&self, role: &RoleRef) -> Option<&Role> {
        match role {
            RoleRef::Account(name) => self.state.roles.get(name),
            RoleRef::Database(path) => self.state.database_role(path),
        }
    }

    fn put_role(&mut self, role: &RoleRef, value: Role) {
        match role {
            RoleRef::Account(name) => {
                self.state.roles.insert(name.clone(), value);
            }
            RoleRef::Database(path) => {
                if let Some(database) = self.state.databases.get_mut(path.database()) {
                    database.roles.insert(path.leaf().to_owned(), value);
                }
            }
        }
    }

    fn take_role(&mut self, role: &RoleRef) -> Option<Role> {
        match role {
            RoleRef::Account(name) => self.state.roles.remove(name),
            RoleRef::Database(path) => {
                self.state.databases.get_mut(path.database())?.roles.remove(path.leaf())
            }
        }
    }

    fn create_role(
        &mut self,
        session: &Session,
        mode: CreateMode,
        if_not_exists: bool,
        role: &RoleRef,
        comment: String,
        now: Millis,
    ) -> Outcome {
        self.demand_to_create_role(session, role)?;
        let on = role.securable();
        match (self.role(role), mode, if_not_exists) {
            (None, _, _) => {}
            (Some(_), _, true) => return already_there(&on.path.to_string()),
            (Some(_), CreateMode::OrReplace, _) => self.demand_changeable(session, role)?,
            (Some(_), CreateMode::Plain | CreateMode::OrAlter, _) => {
                return Err(exists(&on.path.to_string()));
            }
        }
        self.state.release(&on, Some(&self.creator(session)));
        self.put_role(role, Role { comment, created_on: now, built_in: false });
        self.state.grants.set_owner(&on, self.creator(session), now);
        created("Role", &on.path.to_string())
    }

    fn demand_to_create_role(&self, session: &Session, role: &RoleRef) -> Result<(), SqlError> {
        match role {
            RoleRef::Account(_) => {
                self.demand_to_create(session, "CREATE ROLE", &self.account_securable())
            }
            RoleRef::Database(path) => {
                let database = Securable::named(Kind::Database, path.database());
                self.demand_to_create(session, "CREATE DATABASE ROLE", &database)
            }
        }
    }

    /// Demands ownership of a role that is not built in.
    fn demand_changeable(&self, session: &Session, role: &RoleRef) -> Result<(), SqlError> {
        self.demand_owner(session, &role.securable())?;
        if self.role(role).is_some_and(|found| found.built_in) {
            return Err(SYSTEM_OBJECT
                .compilation(format!("Role '{role}' is built in and cannot be changed.")));
        }
        Ok(())
    }

    fn drop_role(&mut self, session: &Session, if_exists: bool, role: &RoleRef) -> Outcome {
        let on = role.securable();
        if if_exists && !self.state.holds(&on) {
            return not_there();
        }
        self.demand_changeable(session, role)?;
        self.take_role(role);
        let heir = self.creator(session);
        self.state.release(&on, Some(&heir));
        dropped(&on.path.to_string())
    }

    fn alter_role(
        &mut self,
        session: &Session,
        if_exists: bool,
        role: &RoleRef,
        in_database: bool,
        change: Change,
    ) -> Outcome {
        if if_exists && !self.state.holds(&role.securable()) {
            return done();
        }
        self.demand_changeable(session, role)?;
        let Some(mut value) = self.role(role).cloned() else { return done() };
        match change {
            Change::Rename(name) => {
                let new = self.role_ref(session, name, in_database)?;
                return self.rename_role(role, &new);
            }
            Change::Set(properties) => value.comment = comment_of(&properties)?,
            Change::UnsetComment => value.comment.clear(),
        }
        self.put_role(role, value);
        done()
    }

    fn rename_role(&mut self, role: &RoleRef, new: &RoleRef) -> Outcome {
        if self.role(new).is_some() {
            return Err(exists(&new.to_string()));
        }
        if let Some(value) = self.take_role(role) {
            self.put_role(new, value);
        }
        self.state.grants.rename(&role.securable(), &new.securable());
        done()
    }

    fn show_roles(&self, session: &Session, filter: &ShowFilter) -> ResultTable {
        let mut table = ResultTable::new(&COLUMNS);
        let user = self.state.users.get(&session.user);
        let inherited = user.map(|user| self.state.available_roles(user)).unwrap_or_default();
        for (name, role) in self.state.roles.iter().filter(|(name, _)| filter.matches(name)) {
            let flag = |yes: bool| text(if yes { "Y" } else { "N" });
            let default = user.and_then(|u| u.default_role.as_ref()) == Some(name);
            let current = session.role.as_ref() == Some(name);
            table.push(vec![
                timestamp(role.created_on),
                text(name),
                flag(default),
                flag(current),
                flag(!current && inherited.contains(name)),
                number(self.holders(name, "USER")),
                number(self.holders(name, "ROLE")),
                number(self.roles_of(name)),
                text(self.state.grants.owner_name(&Securable::named(Kind::Role, name))),
                text(&role.comment),
            ]);
        }
        filter.cut(table)
    }

    fn holders(&self, role: &str, word: &str) -> usize {
        let role = RoleRef::Account(role.to_owned());
        let grants = self.state.grants.roles.iter();
        grants.filter(|grant| grant.role == role && grant.to.word() == word).count()
    }

    fn roles_of(&self, role: &str) -> usize {
        let holder = Grantee::role(role);
        self.state.grants.roles.iter().filter(|grant| grant.to == holder).count()
    }

    fn show_database_roles(
        &self,
        session: &Session,
        database: &str,
        filter: &ShowFilter,
    ) -> Outcome {
        let on = Securable::named(Kind::Database, database);
        self.demand(session, &["USAGE", "IMPORTED PRIVILEGES"], &on)?;
        let mut table = ResultTable::new(&DATABASE_ROLE_COLUMNS);
        let roles = self.state.databases.get(database).map(|found| &found.roles);
        for (name, role) in roles.into_iter().flatten().filter(|(name, _)| filter.matches(name)) {
            let path = Securable::new(Kind::DatabaseRole, Path::two(database, name));
            table.push(vec![
                timestamp(role.created_on),
                text(name),
                text(self.state.grants.owner_name(&path)),
                text(&role.comment),
            ]);
        }
        Ok(filter.cut(table))
    }
}

const COLUMNS: [(&str, ColumnType); 10] = [
    ("created_on", ColumnType::TimestampLtz),
    ("name", ColumnType::Text),
    ("is_default", ColumnType::Text),
    ("is_current", ColumnType::Text),
    ("is_inherited", ColumnType::Text),
    ("assigned_to_users", ColumnType::Fixed),
    ("granted_to_roles", ColumnType::Fixed),
    ("granted_roles", ColumnType::Fixed),
    ("owner", ColumnType::Text),
    ("comment", ColumnType::Text),
];

const DATABASE_ROLE_COLUMNS: [(&str, ColumnType); 4] = [
    ("created_on", ColumnType::TimestampLtz),
    ("name", ColumnType::Text),
    ("owner", ColumnType::Text),
    ("comment", ColumnType::Text),
];
