//! Network rules. Type and mode are fixed for life; a rule in use cannot be dropped.
//! Source: snowflake docs, sql-reference/sql/create-network-rule.

use super::Outcome;
use super::common::{CreateMode, ShowFilter, created, done, dropped, not_there};
use crate::engine::Engine;
use crate::engine::address::is_ipv4;
use crate::engine::answer::{ColumnType, ResultTable, number, text, timestamp};
use crate::engine::api::Session;
use crate::engine::clock::Millis;
use crate::engine::errors::{
    RULE_IN_USE, RULE_VALUE, SqlError, exists, invalid_property, invalid_value,
};
use crate::engine::state::{Kind, NetworkRule, Path, Securable};
use crate::engine::text::{Cursor, Property, properties};

/// A statement about network rules.
pub(super) enum Command {
    Create { mode: CreateMode, name: Vec<String>, properties: Vec<Property> },
    Set { if_exists: bool, name: Vec<String>, properties: Vec<Property> },
    Unset { if_exists: bool, name: Vec<String>, names: Vec<String> },
    Drop { if_exists: bool, name: Vec<String> },
    Describe(Vec<String>),
    Show { within: Option<Vec<String>>, filter: ShowFilter },
}

const TYPES: [&str; 8] = [
    "IPV4",
    "IPV6",
    "AWSVPCEID",
    "AZURELINKID",
    "GCPPSCID",
    "HOST_PORT",
    "PRIVATE_HOST_PORT",
    "COMPUTE_POOL",
];
const MODES: [&str; 4] =
    ["INGRESS", "INTERNAL_STAGE", "SNOWFLAKE_MANAGED_STORAGE_VOLUME", "EGRESS"];

/// There is no IF NOT EXISTS in this grammar.
pub(super) fn create(cursor: &mut Cursor, mode: CreateMode) -> Result<Command, SqlError> {
    Ok(Command::Create { mode, name: cursor.object_name()?, properties: properties(cursor)? })
}

pub(super) fn alter(cursor: &mut Cursor) -> Result<Command, SqlError> {
    let if_exists = cursor.take("IF EXISTS");
    let name = cursor.object_name()?;
    if cursor.take("SET") {
        return Ok(Command::Set { if_exists, name, properties: properties(cursor)? });
    }
    cursor.expect("UNSET")?;
    Ok(Command::Unset { if_exists, name, names: cursor.words()? })
}

pub(super) fn drop_rule(cursor: &mut Cursor) -> Result<Command, SqlError> {
    let if_exists = cursor.take("IF EXISTS");
    Ok(Command::Drop { if_exists, name: cursor.object_name()? })
}

pub(super) fn describe(cursor: &mut Cursor) -> Result<Command, SqlError> {
    cursor.object_name().map(Command::Describe)
}

pub(super) fn show(cursor: &mut Cursor) -> Result<Command, SqlError> {
    let filter = ShowFilter::like(cursor)?;
    let mut within = None;
    if !cursor.take("IN ACCOUNT") && cursor.take("IN") {
        cursor.take_any(&["DATABASE", "SCHEMA"]);
        within = Some(cursor.object_name()?);
    }
    Ok(Command::Show { within, filter: filter.tail(cursor)? })
}

pub(super) fn run(
    engine: &mut Engine,
    session: &mut Session,
    command: Command,
    now: Millis,
) -> Outcome {
    match command {
        Command::Create { mode, name, properties } => {
            let path = engine.in_schema(session, name, "CREATE NETWORK RULE")?;
            engine.create_rule(session, mode, &path, &properties, now)
        }
        Command::Set { if_exists, name, properties } => {
            engine.change_rule(session, if_exists, name, |rule| set(rule, &properties))
        }
        Command::Unset { if_exists, name, names } => {
            engine.change_rule(session, if_exists, name, |rule| unset(rule, &names))
        }
        Command::Drop { if_exists, name } => engine.drop_rule(session, if_exists, name),
        Command::Describe(name) => engine.describe_rule(session, name),
        Command::Show { within, filter } => engine.show_rules(session, within.as_deref(), &filter),
    }
}

impl Engine {
    fn create_rule(
        &mut self,
        session: &Session,
        mode: CreateMode,
        path: &Path,
        properties: &[Property],
        now: Millis,
    ) -> Outcome {
        self.demand_reach(session, path)?;
        let schema = Securable::new(Kind::Schema, path.container());
        self.demand_to_create(session, "CREATE NETWORK RULE", &schema)?;
        let on = Securable::new(Kind::NetworkRule, path.clone());
        let rule = new_rule(properties, now)?;
        match (self.state.network_rules.get(path), mode) {
            (None, _) => {
                let owner = self.creator(session);
                self.state.grants.set_owner(&on, owner, now);
            }
            (Some(_), CreateMode::Plain) => return Err(exists(path.leaf())),
            (Some(held), CreateMode::OrAlter | CreateMode::OrReplace) => {
                let fixed = held.kind == rule.kind && held.mode == rule.mode;
                self.demand_owner(session, &on)?;
                if mode == CreateMode::OrAlter && !fixed {
                    return Err(RULE_VALUE.compilation("TYPE and MODE cannot be changed."));
                }
            }
        }
        self.state.network_rules.insert(path.clone(), rule);
        created("Network rule", path.leaf())
    }

    fn rule_path(&self, session: &Session, name: Vec<String>) -> Result<Path, SqlError> {
        let path = self.in_schema(session, name, "NETWORK RULE")?;
        self.demand_known(&Securable::new(Kind::NetworkRule, path.clone()))?;
        self.demand_reach(session, &path)?;
        Ok(path)
    }

    fn change_rule(
        &mut self,
        session: &Session,
        if_exists: bool,
        name: Vec<String>,
        change: impl Fn(&mut NetworkRule) -> Result<(), SqlError>,
    ) -> Outcome {
        let path = self.in_schema(session, name.clone(), "ALTER NETWORK RULE")?;
        if if_exists && !self.state.network_rules.contains_key(&path) {
            return done();
        }
        let path = self.rule_path(session, name)?;
        self.demand_owner(session, &Securable::new(Kind::NetworkRule, path.clone()))?;
        if let Some(mut rule) = self.state.network_rules.get(&path).cloned() {
            change(&mut rule)?;
            self.state.network_rules.insert(path, rule);
        }
        done()
    }

    fn drop_rule(&mut self, session: &Session, if_exists: bool, name: Vec<String>) -> Outcome {
        let path = self.in_schema(session, name, "DROP NETWORK RULE")?;
        let on = Securable::new(Kind::NetworkRule, path.clone());
        if if_exists && !self.state.holds(&on) {
            return not_there();
        }
        self.demand_owner(session, &on)?;
        if self.rule_is_used(&path) {
            return Err(RULE_IN_USE
                .compilation(format!("Network rule {path} is used by a network policy.")));
        }
        self.state.network_rules.remove(&path);
        self.state.release(&on, None);
        dropped(path.leaf())
    }

    /// Returns whether a network policy names the rule.
    pub(super) fn rule_is_used(&self, path: &Path) -> bool {
        let names = |policy: &crate::engine::state::NetworkPolicy| {
            policy.allowed_rules.contains(path) || policy.blocked_rules.contains(path)
        };
        self.state.network_policies.values().any(names)
    }

    fn describe_rule(&self, session: &Session, name: Vec<String>) -> Outcome {
        let path = self.rule_path(session, name)?;
        let on = Securable::new(Kind::NetworkRule, path.clone());
        self.demand(session, &["USAGE"], &on)?;
        let mut table = ResultTable::new(&DESCRIBE_COLUMNS);
        if let Some(rule) = self.state.network_rules.get(&path) {
            let mut row = self.rule_row(&path, rule, &on);
            row.push(text(rule.values.join(",")));
            table.push(row);
        }
        Ok(table)
    }

    /// The columns that DESCRIBE and SHOW share.
    fn rule_row(&self, path: &Path, rule: &NetworkRule, on: &Securable) -> Vec<Option<String>> {
        vec![
            timestamp(rule.created_on),
            text(path.leaf()),
            text(path.database()),
            text(path.schema()),
            text(self.state.grants.owner_name(on)),
            text(&rule.comment),
            text(&rule.kind),
            text(&rule.mode),
        ]
    }

    /// Counts values, never shows them; the built-in rules are listed for everybody.
    fn show_rules(
        &self,
        session: &Session,
        within: Option<&[String]>,
        filter: &ShowFilter,
    ) -> Outcome {
        let within = within.map(|parts| self.place(session, parts)).transpose()?;
        let mut table = ResultTable::new(&SHOW_COLUMNS);
        let acting = self.state.acting(session);
        for (path, rule) in &self.state.network_rules {
            let on = Securable::new(Kind::NetworkRule, path.clone());
            let inside = within.as_ref().is_none_or(|outer| path.within(outer));
            let visible = path.database() == "SNOWFLAKE"
                || self.state.seen(&acting, &on)
                || self.manages_grants(session);
            if !inside || !visible || !filter.matches(path.leaf()) {
                continue;
            }
            let mut row = self.rule_row(path, rule, &on);
            row.extend([number(rule.values.len()), text("ROLE")]);
            table.push(row);
        }
        Ok(filter.cut(table))
    }

    /// Returns the database or schema an IN clause names.
    pub(super) fn place(&self, session: &Session, parts: &[String]) -> Result<Path, SqlError> {
        let (kind, path) = match parts {
            [name] if self.state.databases.contains_key(name) => (Kind::Database, Path::one(name)),
            _ => (Kind::Schema, self.in_database(session, parts.to_vec(), "SHOW")?),
        };
        self.demand_known(&Securable::new(kind, path.clone()))?;
        Ok(path)
    }
}

fn new_rule(properties: &[Property], now: Millis) -> Result<NetworkRule, SqlError> {
    let mut rule = NetworkRule {
        kind: String::new(),
        mode: "INGRESS".into(),
        values: Vec::new(),
        comment: String::new(),
        created_on: now,
    };
    for property in properties {
        match property.name.as_str() {
            "TYPE" => rule.kind = one_of(property, &TYPES)?,
            "MODE" => rule.mode = one_of(property, &MODES)?,
            _ => set(&mut rule, std::slice::from_ref(property))?,
        }
    }
    let listed = properties.iter().any(|property| property.name == "VALUE_LIST");
    if rule.kind.is_empty() || !listed {
        return Err(RULE_VALUE.compilation("A network rule needs TYPE and VALUE_LIST."));
    }
    check_values(&rule)?;
    Ok(rule)
}

fn one_of(property: &Property, allowed: &[&str]) -> Result<String, SqlError> {
    let value = property.text()?.to_uppercase();
    if allowed.contains(&value.as_str()) {
        Ok(value)
    } else {
        Err(invalid_value(&value, &property.name))
    }
}

fn set(rule: &mut NetworkRule, properties: &[Property]) -> Result<(), SqlError> {
    for property in properties {
        match property.name.as_str() {
            "VALUE_LIST" => rule.values = property.texts()?,
            "COMMENT" => rule.comment = property.literal()?,
            other => return Err(invalid_property(other, "NETWORK_RULE")),
        }
    }
    if rule.kind.is_empty() { Ok(()) } else { check_values(rule) }
}

fn unset(rule: &mut NetworkRule, names: &[String]) -> Result<(), SqlError> {
    for name in names {
        match name.as_str() {
            "VALUE_LIST" => rule.values.clear(),
            "COMMENT" => rule.comment.clear(),
            other => return Err(invalid_property(other, "NETWORK_RULE")),
        }
    }
    Ok(())
}

fn check_values(rule: &NetworkRule) -> Result<(), SqlError> {
    match rule.values.iter().find(|value| rule.kind == "IPV4" && !is_ipv4(value)) {
        Some(value) => {
            Err(RULE_VALUE.compilation(format!("'{value}' is no IPv4 address or CIDR.")))
        }
        None => Ok(()),
    }
}

const DESCRIBE_COLUMNS: [(&str, ColumnType); 9] = [
    ("created_on", ColumnType::TimestampLtz),
    ("name", ColumnType::Text),
    ("database_name", ColumnType::Text),
    ("schema_name", ColumnType::Text),
    ("owner", ColumnType::Text),
    ("comment", ColumnType::Text),
    ("type", ColumnType::Text),
    ("mode", ColumnType::Text),
    ("value_list", ColumnType::Text),
];

const SHOW_COLUMNS: [(&str, ColumnType); 10] = [
    ("created_on", ColumnType::TimestampLtz),
    ("name", ColumnType::Text),
    ("database_name", ColumnType::Text),
    ("schema_name", ColumnType::Text),
    ("owner", ColumnType::Text),
    ("comment", ColumnType::Text),
    ("type", ColumnType::Text),
    ("mode", ColumnType::Text),
    ("entries_in_valuelist", ColumnType::Fixed),
    ("owner_role_type", ColumnType::Text),
];
