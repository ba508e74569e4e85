//! SHOW DATABASES, SCHEMAS and WAREHOUSES: what the session's roles hold anything on.

use super::common::ShowFilter;
use crate::engine::Engine;
use crate::engine::answer::{ColumnType, ResultTable, text, timestamp};
use crate::engine::api::Session;
use crate::engine::state::{Kind, Path, Securable};

impl Engine {
    pub(super) fn show_containers(
        &self,
        session: &Session,
        kind: Kind,
        within: Option<&str>,
        filter: &ShowFilter,
    ) -> ResultTable {
        let table = match kind {
            Kind::Database => self.show_databases(session, filter),
            Kind::Schema => self.show_schemas(session, within, filter),
            _ => self.show_warehouses(session, filter),
        };
        filter.cut(table)
    }

    fn listed(&self, session: &Session, on: &Securable) -> bool {
        self.state.seen(&self.state.acting(session), on) || self.manages_grants(session)
    }

    fn show_databases(&self, session: &Session, filter: &ShowFilter) -> ResultTable {
        let mut table = ResultTable::new(&DATABASE_COLUMNS);
        for (name, database) in self.state.databases.iter().filter(|(n, _)| filter.matches(n)) {
            let on = Securable::named(Kind::Database, name);
            if !self.listed(session, &on) {
                continue;
            }
            let current = session.database.as_ref() == Some(name);
            table.push(vec![
                timestamp(database.created_on),
                text(name),
                text("N"),
                text(if current { "Y" } else { "N" }),
                text(if database.built_in { "SNOWFLAKE.ACCOUNT_USAGE" } else { "" }),
                text(self.state.grants.owner_name(&on)),
                text(&database.comment),
                text(""),
                text("1"),
                text(if database.built_in { "APPLICATION" } else { "STANDARD" }),
            ]);
        }
        table
    }

    fn show_schemas(
        &self,
        session: &Session,
        within: Option<&str>,
        filter: &ShowFilter,
    ) -> ResultTable {
        let mut table = ResultTable::new(&SCHEMA_COLUMNS);
        let wanted = within.or(session.database.as_deref());
        for (database, held) in &self.state.databases {
            if wanted.is_some_and(|wanted| wanted != database) {
                continue;
            }
            for (name, schema) in held.schemas.iter().filter(|(name, _)| filter.matches(name)) {
                let on = Securable::new(Kind::Schema, Path::two(database, name));
                if !self.listed(session, &on) {
                    continue;
                }
                let current = session.database.as_ref() == Some(database)
                    && session.schema.as_ref() == Some(name);
                table.push(vec![
                    timestamp(schema.created_on),
                    text(name),
                    text("N"),
                    text(if current { "Y" } else { "N" }),
                    text(database),
                    text(self.state.grants.owner_name(&on)),
                    text(&schema.comment),
                    text(""),
                    text("1"),
                ]);
            }
        }
        table
    }

    fn show_warehouses(&self, session: &Session, filter: &ShowFilter) -> ResultTable {
        let mut table = ResultTable::new(&WAREHOUSE_COLUMNS);
        for (name, warehouse) in self.state.warehouses.iter().filter(|(n, _)| filter.matches(n)) {
            let on = Securable::named(Kind::Warehouse, name);
            if !self.listed(session, &on) {
                continue;
            }
            let current = session.warehouse.as_ref() == Some(name);
            table.push(vec![
                text(name),
                text("SUSPENDED"),
                text("STANDARD"),
                text(&warehouse.size),
                text("N"),
                text(if current { "Y" } else { "N" }),
                timestamp(warehouse.created_on),
                text(self.state.grants.owner_name(&on)),
                text(&warehouse.comment),
            ]);
        }
        table
    }
}

const DATABASE_COLUMNS: [(&str, ColumnType); 10] = [
    ("created_on", ColumnType::TimestampLtz),
    ("name", ColumnType::Text),
    ("is_default", ColumnType::Text),
    ("is_current", ColumnType::Text),
    ("origin", ColumnType::Text),
    ("owner", ColumnType::Text),
    ("comment", ColumnType::Text),
    ("options", ColumnType::Text),
    ("retention_time", ColumnType::Text),
    ("kind", ColumnType::Text),
];

const SCHEMA_COLUMNS: [(&str, ColumnType); 9] = [
    ("created_on", ColumnType::TimestampLtz),
    ("name", ColumnType::Text),
    ("is_default", ColumnType::Text),
    ("is_current", ColumnType::Text),
    ("database_name", ColumnType::Text),
    ("owner", ColumnType::Text),
    ("comment", ColumnType::Text),
    ("options", ColumnType::Text),
    ("retention_time", ColumnType::Text),
];

const WAREHOUSE_COLUMNS: [(&str, ColumnType); 9] = [
    ("name", ColumnType::Text),
    ("state", ColumnType::Text),
    ("type", ColumnType::Text),
    ("size", ColumnType::Text),
    ("is_default", ColumnType::Text),
    ("is_current", ColumnType::Text),
    ("created_on", ColumnType::TimestampLtz),
    ("owner", ColumnType::Text),
    ("comment", ColumnType::Text),
];
