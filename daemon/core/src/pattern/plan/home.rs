//! The database and schema that hold rules and policies. Containers: made where they are missing, never changed,
//! since other things may live there.

use super::draft::{Change, Draft};
use super::look::{Look, look};
use super::privilege::Need;
use super::quote;
use crate::pattern::desired::Management;
use crate::pattern::observed::{Owned, Seen};
use crate::pattern::ours::OUR_COMMENT;
use crate::sql::SqlError;

impl Draft<'_> {
    /// Makes the home where something of ours lives in it.
    pub(super) fn home(&mut self) -> Result<(), SqlError> {
        if !self.desired.needs_home() {
            return Ok(());
        }
        let (observed, home) = (self.observed, &self.desired.home);
        let database = Container {
            kind: "DATABASE",
            name: home.database.clone(),
            quoted: quote::name("database", &home.database)?,
            need: Need::one("CREATE DATABASE ON ACCOUNT"),
        };
        let in_database =
            ["CREATE SCHEMA", "OWNERSHIP"].map(|p| format!("{p} ON DATABASE {}", home.database));
        let schema = Container {
            kind: "SCHEMA",
            name: format!("{}.{}", home.database, home.schema),
            quoted: format!("{}.{}", database.quoted, quote::name("schema", &home.schema)?),
            need: Need::any(in_database),
        };
        self.container(database, &observed.database)?;
        self.container(schema, &observed.schema)
    }

    fn container(
        &mut self,
        container: Container,
        seen: &Seen<Option<Owned>>,
    ) -> Result<(), SqlError> {
        let Container { kind, name, quoted, need } = container;
        let object = format!("{} {name}", kind.to_lowercase());
        match (look(Some(seen)), self.desired.home.management) {
            (Look::There(_), _) => {}
            (Look::Hidden(needs), _) => self.hidden(&object, "whether it is there", needs),
            (Look::Absent, Management::Existing) => self.missing(&object),
            (Look::Absent, Management::Ours) => {
                let comment = quote::text("comment", OUR_COMMENT)?;
                self.add(Change {
                    statement: format!("{} {quoted} COMMENT = {comment}", self.create(kind)),
                    object,
                    why: "a place for rules and policies; no data lives here".to_owned(),
                    need,
                });
                self.rights.make(kind, &name);
            }
        }
        Ok(())
    }

    /// Returns what creating an object in the home schema needs.
    pub(super) fn need_in_home(&self, privilege: &str) -> Need {
        let home = &self.desired.home;
        let on = format!("SCHEMA {}.{}", home.database, home.schema);
        Need::any([format!("{privilege} ON {on}"), format!("OWNERSHIP ON {on}")])
    }
}

struct Container {
    kind: &'static str,
    name: String,
    quoted: String,
    need: Need,
}
