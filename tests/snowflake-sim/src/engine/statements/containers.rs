//! Databases, schemas and warehouses: names to hold policies and to put sessions in.

use super::Outcome;
use super::common::{
    CreateMode, ShowFilter, already_there, created, dropped, no_or_alter, not_there,
};
use crate::engine::Engine;
use crate::engine::api::Session;
use crate::engine::clock::Millis;
use crate::engine::errors::{POLICY_IN_USE, SYSTEM_OBJECT, SqlError, exists, invalid_property};
use crate::engine::state::{Database, Grantee, Kind, Path, Schema, Securable, Warehouse};
use crate::engine::text::{Cursor, Property, properties};

/// A statement about containers.
pub(super) enum Command {
    Create {
        mode: CreateMode,
        if_not_exists: bool,
        kind: Kind,
        name: Vec<String>,
        properties: Vec<Property>,
    },
    Drop {
        if_exists: bool,
        kind: Kind,
        name: Vec<String>,
    },
    Show {
        kind: Kind,
        within: Option<String>,
        filter: ShowFilter,
    },
}

pub(super) fn create_database(cursor: &mut Cursor, mode: CreateMode) -> Result<Command, SqlError> {
    create(cursor, mode, Kind::Database)
}

pub(super) fn create_schema(cursor: &mut Cursor, mode: CreateMode) -> Result<Command, SqlError> {
    create(cursor, mode, Kind::Schema)
}

pub(super) fn create_warehouse(cursor: &mut Cursor, mode: CreateMode) -> Result<Command, SqlError> {
    create(cursor, mode, Kind::Warehouse)
}

fn create(cursor: &mut Cursor, mode: CreateMode, kind: Kind) -> Result<Command, SqlError> {
    no_or_alter(cursor, mode)?;
    let if_not_exists = cursor.take("IF NOT EXISTS");
    let name = cursor.object_name()?;
    if name.len() > kind.depth() {
        return Err(cursor.unexpected());
    }
    if kind == Kind::Warehouse {
        cursor.take("WITH");
    }
    Ok(Command::Create { mode, if_not_exists, kind, name, properties: properties(cursor)? })
}

pub(super) fn drop_container(cursor: &mut Cursor, noun: &str) -> Result<Command, SqlError> {
    let if_exists = cursor.take("IF EXISTS");
    let name = cursor.object_name()?;
    cursor.take_any(&["CASCADE", "RESTRICT"]);
    Ok(Command::Drop { if_exists, kind: kind_of(noun), name })
}

pub(super) fn show(cursor: &mut Cursor, noun: &str) -> Result<Command, SqlError> {
    let filter = ShowFilter::like(cursor)?;
    let kind = kind_of(noun.trim_end_matches('S'));
    let mut within = None;
    if !cursor.take("IN ACCOUNT") && cursor.take("IN") {
        cursor.take("DATABASE");
        within = Some(cursor.identifier()?);
    }
    Ok(Command::Show { kind, within, filter: filter.tail(cursor)? })
}

fn kind_of(noun: &str) -> Kind {
    match noun {
        "DATABASE" => Kind::Database,
        "SCHEMA" => Kind::Schema,
        _ => Kind::Warehouse,
    }
}

pub(super) fn run(
    engine: &mut Engine,
    session: &mut Session,
    command: Command,
    now: Millis,
) -> Outcome {
    match command {
        Command::Create { mode, if_not_exists, kind, name, properties } => {
            let on = engine.container(session, kind, name)?;
            engine.create_container(session, mode, if_not_exists, &on, &properties, now)
        }
        Command::Drop { if_exists, kind, name } => {
            let on = engine.container(session, kind, name)?;
            engine.drop_container(session, if_exists, &on)
        }
        Command::Show { kind, within, filter } => {
            Ok(engine.show_containers(session, kind, within.as_deref(), &filter))
        }
    }
}

impl Engine {
    pub(super) fn container(
        &self,
        session: &Session,
        kind: Kind,
        name: Vec<String>,
    ) -> Result<Securable, SqlError> {
        let path = match kind {
            Kind::Schema => self.in_database(session, name, "SCHEMA")?,
            _ => Path::new(name),
        };
        Ok(Securable::new(kind, path))
    }

    fn create_container(
        &mut self,
        session: &Session,
        mode: CreateMode,
        if_not_exists: bool,
        on: &Securable,
        properties: &[Property],
        now: Millis,
    ) -> Outcome {
        self.demand_to_create_container(session, on)?;
        let (comment, size) = settings(on.kind, properties)?;
        if self.state.holds(on) {
            match (if_not_exists, mode) {
                (true, _) => return already_there(&on.path.to_string()),
                (false, CreateMode::OrReplace) => self.remove_container(session, on)?,
                (false, _) => return Err(exists(&on.path.to_string())),
            }
        }
        self.put_container(on, comment, size, now);
        let owner = self.creator(session);
        self.state.grants.set_owner(on, owner.clone(), now);
        if on.kind == Kind::Database {
            self.add_default_schemas(on.path.leaf(), &owner, now);
        }
        created(on.kind.title(), &on.path.to_string())
    }

    fn demand_to_create_container(
        &self,
        session: &Session,
        on: &Securable,
    ) -> Result<(), SqlError> {
        let account = self.account_securable();
        match on.kind {
            Kind::Schema => {
                let database = Securable::named(Kind::Database, on.path.database());
                self.demand(session, &["USAGE"], &database)?;
                self.demand_to_create(session, "CREATE SCHEMA", &database)
            }
            Kind::Database => self.demand_to_create(session, "CREATE DATABASE", &account),
            _ => self.demand_to_create(session, "CREATE WAREHOUSE", &account),
        }
    }

    fn put_container(&mut self, on: &Securable, comment: String, size: String, created_on: Millis) {
        let name = on.path.leaf().to_owned();
        match on.kind {
            Kind::Database => {
                let database = Database {
                    comment,
                    created_on,
                    built_in: false,
                    schemas: std::collections::BTreeMap::new(),
                    roles: std::collections::BTreeMap::new(),
                };
                self.state.databases.insert(name, database);
            }
            Kind::Schema => {
                if let Some(database) = self.state.databases.get_mut(on.path.database()) {
                    database.schemas.insert(name, Schema { comment, created_on });
                }
            }
            _ => {
                self.state.warehouses.insert(name, Warehouse { comment, created_on, size });
            }
        }
    }

    /// Every database begins with PUBLIC and INFORMATION_SCHEMA.
    fn add_default_schemas(&mut self, database: &str, owner: &Grantee, now: Millis) {
        for schema in ["PUBLIC", "INFORMATION_SCHEMA"] {
            let on = Securable::new(Kind::Schema, Path::two(database, schema));
            self.put_container(&on, String::new(), String::new(), now);
            self.state.grants.set_owner(&on, owner.clone(), now);
        }
    }

    fn drop_container(&mut self, session: &Session, if_exists: bool, on: &Securable) -> Outcome {
        if if_exists && !self.state.holds(on) {
            return not_there();
        }
        self.remove_container(session, on)?;
        dropped(&on.path.to_string())
    }

    fn remove_container(&mut self, session: &Session, on: &Securable) -> Result<(), SqlError> {
        self.demand_owner(session, on)?;
        let built_in = self.state.databases.get(on.path.database()).is_some_and(|d| d.built_in);
        if built_in && on.kind != Kind::Warehouse {
            return Err(SYSTEM_OBJECT.compilation(format!("{} is built in.", on.path)));
        }
        if on.kind != Kind::Warehouse {
            self.demand_nothing_attached(on)?;
            self.remove_contents(session, on);
        }
        match on.kind {
            Kind::Database => {
                self.state.databases.remove(on.path.leaf());
            }
            Kind::Schema => {
                if let Some(database) = self.state.databases.get_mut(on.path.database()) {
                    database.schemas.remove(on.path.leaf());
                }
            }
            _ => {
                self.state.warehouses.remove(on.path.leaf());
            }
        }
        self.state.release(on, None);
        Ok(())
    }

    fn demand_nothing_attached(&self, on: &Securable) -> Result<(), SqlError> {
        let inside = |path: &&Path| path.within(&on.path);
        let rule = self.state.network_rules.keys().filter(inside).find(|p| self.rule_is_used(p));
        let policy =
            self.state.auth_policies.keys().filter(inside).find(|p| self.auth_policy_is_used(p));
        match rule.or(policy) {
            Some(path) => Err(POLICY_IN_USE
                .compilation(format!("Cannot drop {}: {path} inside it is in use.", on.path))),
            None => Ok(()),
        }
    }

    fn remove_contents(&mut self, session: &Session, on: &Securable) {
        let inside = |path: &Path| path.within(&on.path) && *path != on.path;
        let heir = self.creator(session);
        self.state.network_rules.retain(|path, _| !inside(path));
        self.state.auth_policies.retain(|path, _| !inside(path));
        let gone: Vec<Securable> = self
            .state
            .grants
            .privileges
            .iter()
            .map(|grant| &grant.on)
            .filter(|held| held.kind.depth() > 1 && inside(&held.path))
            .cloned()
            .collect();
        for object in gone {
            self.state.release(&object, Some(&heir));
        }
    }

    /// Returns whether the session's role may use the warehouse.
    pub(in crate::engine) fn may_use_warehouse(&self, session: &Session, name: &str) -> bool {
        let on = Securable::named(Kind::Warehouse, name);
        self.state.holds(&on) && self.may(session, &["USAGE", "OPERATE"], &on)
    }

    /// Returns whether the session's role may use the database.
    pub(in crate::engine) fn may_use_database(&self, session: &Session, name: &str) -> bool {
        let on = Securable::named(Kind::Database, name);
        self.state.holds(&on) && self.may(session, &["USAGE", "IMPORTED PRIVILEGES"], &on)
    }

    /// Returns whether the session's role may use the schema of the session's database.
    pub(in crate::engine) fn may_use_schema(&self, session: &Session, name: &str) -> bool {
        let Some(database) = &session.database else { return false };
        let on = Securable::new(Kind::Schema, Path::two(database, name));
        self.state.holds(&on) && self.may(session, &["USAGE"], &on)
    }
}

/// Returns comment and warehouse size; settings that compute nothing here are checked and dropped.
fn settings(kind: Kind, properties: &[Property]) -> Result<(String, String), SqlError> {
    let (mut comment, mut size) = (String::new(), "X-Small".to_owned());
    for property in properties {
        match (property.name.as_str(), kind) {
            ("COMMENT", _) => comment = property.literal()?,
            ("WAREHOUSE_SIZE", Kind::Warehouse) => size = property.text()?,
            ("AUTO_SUSPEND", Kind::Warehouse) => {
                property.integer()?;
            }
            ("AUTO_RESUME" | "INITIALLY_SUSPENDED", Kind::Warehouse) => {
                property.boolean()?;
            }
            ("DATA_RETENTION_TIME_IN_DAYS", Kind::Database | Kind::Schema) => {
                property.integer()?;
            }
            (other, _) => return Err(invalid_property(other, kind.words())),
        }
    }
    Ok((comment, size))
}
