//! TABLE(INFORMATION_SCHEMA.POLICY_REFERENCES(…)): which policy is attached where, directly.
//! Source: snowflake docs, sql-reference/functions/policy_references.

use super::Outcome;
use crate::engine::Engine;
use crate::engine::answer::{ColumnType, ResultTable, text};
use crate::engine::api::Session;
use crate::engine::errors::{SqlError, UNKNOWN_FUNCTION, invalid_property, invalid_value};
use crate::engine::state::{Kind, Path, Securable};
use crate::engine::text::{Cursor, dotted, resolve_identifier};

/// The named arguments, and the database whose INFORMATION_SCHEMA was asked.
#[derive(Default)]
pub(super) struct Arguments {
    database: Option<String>,
    policy_name: Option<String>,
    policy_kind: Option<String>,
    entity_name: Option<String>,
    entity_domain: Option<String>,
}

pub(super) fn call(cursor: &mut Cursor) -> Result<Arguments, SqlError> {
    let mut name = cursor.object_name()?;
    let function = name.pop().unwrap_or_default();
    if function != "POLICY_REFERENCES" || name.pop().as_deref() != Some("INFORMATION_SCHEMA") {
        return Err(UNKNOWN_FUNCTION.compilation(format!("Unknown table function {function}")));
    }
    let mut arguments = Arguments { database: name.pop(), ..Arguments::default() };
    cursor.expect_symbol("(")?;
    loop {
        let argument = cursor.word()?;
        cursor.expect_symbol("=>")?;
        let value = Some(cursor.literal()?);
        match argument.as_str() {
            "POLICY_NAME" => arguments.policy_name = value,
            "POLICY_KIND" => arguments.policy_kind = value,
            "REF_ENTITY_NAME" => arguments.entity_name = value,
            "REF_ENTITY_DOMAIN" => arguments.entity_domain = value,
            other => return Err(invalid_property(other, "POLICY_REFERENCES")),
        }
        if !cursor.symbol(",") {
            break;
        }
    }
    cursor.expect_symbol(")")?;
    Ok(arguments)
}

/// One attachment.
struct Reference {
    policy: Securable,
    entity: String,
    domain: &'static str,
}

pub(super) fn rows(engine: &Engine, session: &Session, arguments: &Arguments) -> Outcome {
    engine.demand_information_schema(session, arguments.database.as_ref())?;
    let references = match (&arguments.policy_name, &arguments.entity_name) {
        (Some(name), None) => {
            engine.references_of(session, name, arguments.policy_kind.as_ref())?
        }
        (None, Some(name)) => {
            engine.references_on(session, name, arguments.entity_domain.as_deref())?
        }
        _ => return Err(invalid_value("arguments", "POLICY_REFERENCES")),
    };
    let mut table = ResultTable::new(&COLUMNS);
    for reference in references {
        table.push(row(&reference));
    }
    Ok(table)
}

impl Engine {
    /// INFORMATION_SCHEMA belongs to a database; without one there is nothing to ask.
    fn demand_information_schema(
        &self,
        session: &Session,
        database: Option<&String>,
    ) -> Result<(), SqlError> {
        let parts = match database.or(session.database.as_ref()) {
            Some(database) => vec![database.clone(), "INFORMATION_SCHEMA".into()],
            None => vec!["INFORMATION_SCHEMA".into()],
        };
        let path = self.in_database(session, parts, "SELECT")?;
        let on = Securable::named(Kind::Database, path.database());
        self.demand(session, &["USAGE", "IMPORTED PRIVILEGES"], &on)
    }

    fn attachments(&self) -> Vec<Reference> {
        let network = |name: &String| Securable::named(Kind::NetworkPolicy, name);
        let auth = |path: &Path| Securable::new(Kind::AuthenticationPolicy, path.clone());
        let mut found = Vec::new();
        for user in self.state.users.values() {
            let policies = user.network_policy.iter().map(network);
            for policy in policies.chain(user.auth_policy.iter().map(auth)) {
                found.push(Reference { policy, entity: user.name.clone(), domain: "USER" });
            }
        }
        let on_account = self.state.network_policy.iter().map(network);
        for policy in on_account.chain(self.state.account_auth_policies.values().map(auth)) {
            let entity = self.state.account.name.clone();
            found.push(Reference { policy, entity, domain: "ACCOUNT" });
        }
        found
    }

    fn references_of(
        &self,
        session: &Session,
        name: &str,
        kind: Option<&String>,
    ) -> Result<Vec<Reference>, SqlError> {
        let policy = match kind.map(|kind| kind.to_uppercase()).as_deref() {
            Some("NETWORK_POLICY") => {
                Securable::named(Kind::NetworkPolicy, &resolve_identifier(name))
            }
            _ => {
                let path = self.in_schema(session, dotted(name)?, "POLICY_REFERENCES")?;
                Securable::new(Kind::AuthenticationPolicy, path)
            }
        };
        self.demand_known(&policy)?;
        if !self.sees_references(session, &policy) {
            return Err(self.refusal(session, &policy));
        }
        Ok(self.attachments().into_iter().filter(|found| found.policy == policy).collect())
    }

    fn references_on(
        &self,
        session: &Session,
        name: &str,
        domain: Option<&str>,
    ) -> Result<Vec<Reference>, SqlError> {
        let domain = domain.unwrap_or_default().to_uppercase();
        let entity = resolve_identifier(name);
        if !["USER", "ACCOUNT"].contains(&domain.as_str()) {
            return Err(invalid_value(&domain, "REF_ENTITY_DOMAIN"));
        }
        if domain == "USER" {
            self.demand_known(&Securable::user(&entity))?;
        }
        let wanted = |found: &Reference| found.domain == domain && found.entity == entity;
        let visible = |found: &Reference| self.sees_references(session, &found.policy);
        Ok(self.attachments().into_iter().filter(|f| wanted(f) && visible(f)).collect())
    }

    fn sees_references(&self, session: &Session, policy: &Securable) -> bool {
        let account = self.account_securable();
        let on_account = match policy.kind {
            Kind::AuthenticationPolicy => "APPLY AUTHENTICATION POLICY",
            _ => "ATTACH POLICY",
        };
        self.may(session, &["APPLY"], policy)
            || self.may(session, &[on_account], &account)
            || self.manages_grants(session)
    }
}

fn row(reference: &Reference) -> Vec<Option<String>> {
    let path = &reference.policy.path;
    let in_schema = reference.policy.kind == Kind::AuthenticationPolicy;
    let mut row = vec![
        text(path.database()).filter(|_| in_schema),
        text(path.schema()).filter(|_| in_schema),
        text(path.leaf()),
        text(reference.policy.kind.column()),
        None,
        None,
        text(&reference.entity),
        text(reference.domain),
    ];
    row.resize(COLUMNS.len() - 1, None);
    row.push(text("ACTIVE"));
    row
}

const COLUMNS: [(&str, ColumnType); 14] = [
    ("POLICY_DB", ColumnType::Text),
    ("POLICY_SCHEMA", ColumnType::Text),
    ("POLICY_NAME", ColumnType::Text),
    ("POLICY_KIND", ColumnType::Text),
    ("REF_DATABASE_NAME", ColumnType::Text),
    ("REF_SCHEMA_NAME", ColumnType::Text),
    ("REF_ENTITY_NAME", ColumnType::Text),
    ("REF_ENTITY_DOMAIN", ColumnType::Text),
    ("REF_COLUMN_NAME", ColumnType::Text),
    ("REF_ARG_COLUMN_NAMES", ColumnType::Text),
    ("TAG_DATABASE", ColumnType::Text),
    ("TAG_SCHEMA", ColumnType::Text),
    ("TAG_NAME", ColumnType::Text),
    ("POLICY_STATUS", ColumnType::Text),
];
