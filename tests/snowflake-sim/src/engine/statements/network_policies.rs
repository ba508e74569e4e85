//! Network policies: account objects that name rules. Attached ones can be altered, not replaced or dropped.
//! Source: snowflake docs, sql-reference/sql/create-network-policy and user-guide/network-policies.

use serde_json::json;

use super::Outcome;
use super::common::{
    CreateMode, NameText, ShowFilter, already_there, created, done, dropped, not_there,
};
use crate::engine::Engine;
use crate::engine::address::is_ipv4;
use crate::engine::answer::{ColumnType, ResultTable, number, text, timestamp};
use crate::engine::api::Session;
use crate::engine::clock::Millis;
use crate::engine::errors::{
    POLICY_IN_USE, RULE_VALUE, SqlError, exists, invalid_property, unknown,
};
use crate::engine::state::{Kind, NetworkPolicy, Path, Securable};
use crate::engine::text::{Cursor, Property, Value, properties, property};

/// A statement about network policies.
pub(super) enum Command {
    Create { mode: CreateMode, if_not_exists: bool, name: String, properties: Vec<Property> },
    Alter { if_exists: bool, name: String, change: Change },
    Drop { if_exists: bool, name: String },
    Describe(String),
    Show(ShowFilter),
}

/// What ALTER NETWORK POLICY changes.
pub(super) enum Change {
    Rename(String),
    Set(Vec<Property>),
    Unset(Vec<String>),
    Add(Property),
    Remove(Property),
}

pub(super) fn create(cursor: &mut Cursor, mode: CreateMode) -> Result<Command, SqlError> {
    let if_not_exists = cursor.take("IF NOT EXISTS");
    let name = cursor.identifier()?;
    Ok(Command::Create { mode, if_not_exists, name, properties: properties(cursor)? })
}

pub(super) fn alter(cursor: &mut Cursor) -> Result<Command, SqlError> {
    let if_exists = cursor.take("IF EXISTS");
    let name = cursor.identifier()?;
    let change = match cursor.take_any(&["RENAME TO", "SET", "UNSET", "ADD", "REMOVE"]) {
        Some("RENAME TO") => Change::Rename(cursor.identifier()?),
        Some("SET") => Change::Set(properties(cursor)?),
        Some("ADD") => Change::Add(property(cursor)?),
        Some("REMOVE") => Change::Remove(property(cursor)?),
        Some(_) => Change::Unset(cursor.words()?),
        None => return Err(cursor.unexpected()),
    };
    Ok(Command::Alter { if_exists, name, change })
}

pub(super) fn drop_policy(cursor: &mut Cursor) -> Result<Command, SqlError> {
    let if_exists = cursor.take("IF EXISTS");
    Ok(Command::Drop { if_exists, name: cursor.identifier()? })
}

pub(super) fn describe(cursor: &mut Cursor) -> Result<Command, SqlError> {
    cursor.identifier().map(Command::Describe)
}

pub(super) fn show(cursor: &mut Cursor) -> Result<Command, SqlError> {
    ShowFilter::of_account(cursor).map(Command::Show)
}

pub(super) fn run(
    engine: &mut Engine,
    session: &mut Session,
    command: Command,
    now: Millis,
) -> Outcome {
    match command {
        Command::Create { mode, if_not_exists, name, properties } => {
            engine.create_network_policy(session, mode, if_not_exists, &name, &properties, now)
        }
        Command::Alter { if_exists, name, change } => {
            if if_exists && !engine.state.network_policies.contains_key(&name) {
                return done();
            }
            engine.alter_network_policy(session, &name, change)
        }
        Command::Drop { if_exists, name } => engine.drop_network_policy(session, if_exists, &name),
        Command::Describe(name) => engine.describe_network_policy(session, &name),
        Command::Show(filter) => Ok(engine.show_network_policies(session, &filter)),
    }
}

impl Engine {
    fn create_network_policy(
        &mut self,
        session: &Session,
        mode: CreateMode,
        if_not_exists: bool,
        name: &str,
        properties: &[Property],
        now: Millis,
    ) -> Outcome {
        self.demand_to_create(session, "CREATE NETWORK POLICY", &self.account_securable())?;
        let on = Securable::named(Kind::NetworkPolicy, name);
        let known = self.state.holds(&on);
        if known && if_not_exists {
            return already_there(name);
        }
        if known && mode == CreateMode::Plain {
            return Err(exists(name));
        }
        if known {
            self.demand_owner(session, &on)?;
            self.demand_unattached(name)?;
        }
        let mut policy = NetworkPolicy {
            allowed_rules: Vec::new(),
            blocked_rules: Vec::new(),
            allowed_ips: Vec::new(),
            blocked_ips: Vec::new(),
            comment: String::new(),
            created_on: now,
        };
        self.set_network_policy(session, &mut policy, properties)?;
        self.state.network_policies.insert(name.to_owned(), policy);
        if !known {
            self.state.grants.set_owner(&on, self.creator(session), now);
        }
        created("Network policy", name)
    }

    fn set_network_policy(
        &self,
        session: &Session,
        policy: &mut NetworkPolicy,
        properties: &[Property],
    ) -> Result<(), SqlError> {
        for property in properties {
            match property.name.as_str() {
                "ALLOWED_NETWORK_RULE_LIST" => {
                    policy.allowed_rules = self.rules_in(session, property)?;
                }
                "BLOCKED_NETWORK_RULE_LIST" => {
                    policy.blocked_rules = self.rules_in(session, property)?;
                }
                "ALLOWED_IP_LIST" => policy.allowed_ips = addresses(property)?,
                "BLOCKED_IP_LIST" => policy.blocked_ips = addresses(property)?,
                "COMMENT" => policy.comment = property.literal()?,
                other => return Err(invalid_property(other, "NETWORK_POLICY")),
            }
        }
        Ok(())
    }

    /// Returns the rules a list names; each must exist.
    fn rules_in(&self, session: &Session, property: &Property) -> Result<Vec<Path>, SqlError> {
        let one;
        let items = match &property.value {
            Value::List(items) => items.as_slice(),
            single => {
                one = [single.clone()];
                &one
            }
        };
        let rule = |value: &Value| {
            let name = match value {
                Value::Name(parts) => NameText::Identifier(parts.clone()),
                Value::Text(text) => NameText::Literal(text.clone()),
                Value::Number(_) | Value::List(_) | Value::Nested(_) => {
                    return Err(unknown("Network rule", &value.printed()));
                }
            };
            let path = self.schema_object(session, &name, "NETWORK POLICY")?;
            self.demand_known(&Securable::new(Kind::NetworkRule, path.clone()))?;
            Ok(path)
        };
        items.iter().map(rule).collect()
    }

    fn alter_network_policy(&mut self, session: &Session, name: &str, change: Change) -> Outcome {
        let on = Securable::named(Kind::NetworkPolicy, name);
        self.demand_owner(session, &on)?;
        let Some(mut policy) = self.state.network_policies.get(name).cloned() else {
            return done();
        };
        match change {
            Change::Rename(new) => return self.rename_network_policy(name, &new),
            Change::Set(properties) => {
                self.set_network_policy(session, &mut policy, &properties)?;
            }
            Change::Unset(names) => unset(&mut policy, &names)?,
            Change::Add(property) => {
                let rules = self.rules_in(session, &property)?;
                let list = rule_list(&mut policy, &property)?;
                for rule in rules {
                    if !list.contains(&rule) {
                        list.push(rule);
                    }
                }
            }
            Change::Remove(property) => {
                let rules = self.rules_in(session, &property)?;
                rule_list(&mut policy, &property)?.retain(|rule| !rules.contains(rule));
            }
        }
        self.state.network_policies.insert(name.to_owned(), policy);
        done()
    }

    fn rename_network_policy(&mut self, name: &str, new: &str) -> Outcome {
        if self.state.network_policies.contains_key(new) {
            return Err(exists(new));
        }
        if let Some(policy) = self.state.network_policies.remove(name) {
            self.state.network_policies.insert(new.to_owned(), policy);
        }
        let attached = self.state.users.values_mut().map(|user| &mut user.network_policy);
        for place in attached.chain([&mut self.state.network_policy]) {
            if place.as_deref() == Some(name) {
                *place = Some(new.to_owned());
            }
        }
        let (from, to) = (
            Securable::named(Kind::NetworkPolicy, name),
            Securable::named(Kind::NetworkPolicy, new),
        );
        self.state.grants.rename(&from, &to);
        done()
    }

    fn drop_network_policy(&mut self, session: &Session, if_exists: bool, name: &str) -> Outcome {
        let on = Securable::named(Kind::NetworkPolicy, name);
        if if_exists && !self.state.holds(&on) {
            return not_there();
        }
        self.demand_owner(session, &on)?;
        self.demand_unattached(name)?;
        self.state.network_policies.remove(name);
        self.state.release(&on, None);
        dropped(name)
    }

    fn demand_unattached(&self, name: &str) -> Result<(), SqlError> {
        let on_user = self.state.users.values().any(|u| u.network_policy.as_deref() == Some(name));
        if on_user || self.state.network_policy.as_deref() == Some(name) {
            return Err(POLICY_IN_USE.compilation(format!(
                "Network policy {name} is attached and cannot be dropped or replaced."
            )));
        }
        Ok(())
    }

    fn describe_network_policy(&self, session: &Session, name: &str) -> Outcome {
        let on = Securable::named(Kind::NetworkPolicy, name);
        self.demand(session, &["USAGE"], &on)?;
        let mut table =
            ResultTable::new(&[("name", ColumnType::Text), ("value", ColumnType::Text)]);
        let Some(policy) = self.state.network_policies.get(name) else { return Ok(table) };
        let rows = [
            ("ALLOWED_NETWORK_RULE_LIST", printed_rules(&policy.allowed_rules)),
            ("BLOCKED_NETWORK_RULE_LIST", printed_rules(&policy.blocked_rules)),
            ("ALLOWED_IP_LIST", policy.allowed_ips.join(",")),
            ("BLOCKED_IP_LIST", policy.blocked_ips.join(",")),
        ];
        for (name, value) in rows.into_iter().filter(|(_, value)| !value.is_empty()) {
            table.push(vec![text(name), text(value)]);
        }
        Ok(table)
    }

    fn show_network_policies(&self, session: &Session, filter: &ShowFilter) -> ResultTable {
        let acting = self.state.acting(session);
        let manages = self.manages_grants(session);
        let mut table = ResultTable::new(&SHOW_COLUMNS);
        for (name, policy) in self.state.network_policies.iter().filter(|(n, _)| filter.matches(n))
        {
            let on = Securable::named(Kind::NetworkPolicy, name);
            if !manages && !self.state.seen(&acting, &on) {
                continue;
            }
            table.push(vec![
                timestamp(policy.created_on),
                text(name),
                text(&policy.comment),
                number(policy.allowed_ips.len()),
                number(policy.blocked_ips.len()),
                number(policy.allowed_rules.len()),
                number(policy.blocked_rules.len()),
            ]);
        }
        filter.cut(table)
    }

    /// Returns the network policy a property names, which the session must be allowed to use.
    pub(super) fn usable_network_policy(
        &self,
        session: &Session,
        property: &Property,
    ) -> Result<String, SqlError> {
        let name = self.network_policy_in(property)?;
        self.demand(session, &["USAGE"], &Securable::named(Kind::NetworkPolicy, &name))?;
        Ok(name)
    }

    /// Returns the network policy a property names.
    pub(super) fn network_policy_in(&self, property: &Property) -> Result<String, SqlError> {
        let name = match &property.value {
            Value::Text(text) => {
                self.literal_name(text, |name| self.state.network_policies.contains_key(name))
            }
            Value::Name(_) | Value::Number(_) | Value::List(_) | Value::Nested(_) => {
                property.text()?
            }
        };
        self.demand_known(&Securable::named(Kind::NetworkPolicy, &name))?;
        Ok(name)
    }
}

fn rule_list<'p>(
    policy: &'p mut NetworkPolicy,
    property: &Property,
) -> Result<&'p mut Vec<Path>, SqlError> {
    match property.name.as_str() {
        "ALLOWED_NETWORK_RULE_LIST" => Ok(&mut policy.allowed_rules),
        "BLOCKED_NETWORK_RULE_LIST" => Ok(&mut policy.blocked_rules),
        other => Err(invalid_property(other, "NETWORK_POLICY")),
    }
}

fn unset(policy: &mut NetworkPolicy, names: &[String]) -> Result<(), SqlError> {
    for name in names {
        match name.as_str() {
            "ALLOWED_NETWORK_RULE_LIST" => policy.allowed_rules.clear(),
            "BLOCKED_NETWORK_RULE_LIST" => policy.blocked_rules.clear(),
            "ALLOWED_IP_LIST" => policy.allowed_ips.clear(),
            "BLOCKED_IP_LIST" => policy.blocked_ips.clear(),
            "COMMENT" => policy.comment.clear(),
            other => return Err(invalid_property(other, "NETWORK_POLICY")),
        }
    }
    Ok(())
}

/// The older lists hold IPv4 only, 100,000 characters at most.
fn addresses(property: &Property) -> Result<Vec<String>, SqlError> {
    let found = property.texts()?;
    if found.join(",").len() > 100_000 {
        return Err(RULE_VALUE.compilation(format!("{} is too long.", property.name)));
    }
    match found.iter().find(|address| !is_ipv4(address)) {
        Some(wrong) => {
            Err(RULE_VALUE.compilation(format!("'{wrong}' is no IPv4 address or CIDR.")))
        }
        None => Ok(found),
    }
}

/// Rules are printed as JSON. Source: snowflakedb/terraform-provider-snowflake pkg/resources/network_policy.go, which reads it.
fn printed_rules(rules: &[Path]) -> String {
    if rules.is_empty() {
        return String::new();
    }
    let printed = rules.iter().map(|rule| json!({ "fullyQualifiedRuleName": rule.to_string() }));
    printed.collect::<serde_json::Value>().to_string()
}

const SHOW_COLUMNS: [(&str, ColumnType); 7] = [
    ("created_on", ColumnType::TimestampLtz),
    ("name", ColumnType::Text),
    ("comment", ColumnType::Text),
    ("entries_in_allowed_ip_list", ColumnType::Fixed),
    ("entries_in_blocked_ip_list", ColumnType::Fixed),
    ("entries_in_allowed_network_rules", ColumnType::Fixed),
    ("entries_in_blocked_network_rules", ColumnType::Fixed),
];
