//! The broker's user at Snowflake, as one of its keys: a question and two statements about its keys.

use std::sync::Arc;

use patd_config::AccountConfig;
use patd_core::sql::{self, KeySlot, SqlError, Statement};
use patd_snowflake::key::SigningKey;
use patd_snowflake::sql_api::{AdminLogin, SqlApi, Table};
use tokio::runtime::{Builder, Runtime};

use crate::answer::{Exit, Failure};
use crate::public_key::PublicKey;
use crate::runner::{Undone, client};

/// Logged in as the broker's user, with one key.
pub(super) struct Login {
    runtime: Runtime,
    api: SqlApi,
    user: patd_core::names::User,
    role: String,
}

impl Login {
    /// Asks nobody yet.
    pub(super) fn new(account: &AccountConfig, key: SigningKey) -> Result<Self, Failure> {
        let admin = &account.admin;
        let login =
            AdminLogin { user: admin.user.clone(), role: admin.role.clone(), key: Arc::new(key) };
        let runtime = Builder::new_current_thread().enable_all().build().map_err(|error| {
            Failure::new(Exit::Failed, format!("cannot start a client ({error})"), "try again")
        })?;
        let api = SqlApi::new(client(account)?, login);
        Ok(Self { runtime, api, user: admin.user.clone(), role: admin.role.to_string() })
    }

    /// Returns the fingerprints in the two slots of the user. Whoever gets an answer has logged in.
    pub(super) fn keys(&self) -> Result<[Option<String>; 2], Failure> {
        let table = self.run(sql::describe_user(&self.user))?;
        let found = |slot| fingerprint(&table, slot);
        match KeySlot::ALL.map(found) {
            [Ok(first), Ok(second)] => Ok([first, second]),
            [Err(failure), _] | [_, Err(failure)] => Err(failure),
        }
    }

    pub(super) fn set(&self, slot: KeySlot, key: &PublicKey) -> Result<(), Failure> {
        self.run(sql::set_key(&self.user, slot, key.body())).map(drop)
    }

    pub(super) fn unset(&self, slot: KeySlot) -> Result<(), Failure> {
        self.run(sql::unset_key(&self.user, slot)).map(drop)
    }

    fn run(&self, statement: Result<Statement, SqlError>) -> Result<Table, Failure> {
        let statement = statement.map_err(|error| {
            Failure::new(Exit::BadConfig, error.to_string(), "correct [admin] user")
        })?;
        let run = self.runtime.block_on(self.api.table(&statement));
        run.map_err(|failure| self.failed(&Undone::from(failure)))
    }

    fn failed(&self, undone: &Undone) -> Failure {
        let next_step = match undone {
            Undone::Unclear(_) => {
                "run it again in two minutes: it looks first what became of it".to_owned()
            }
            Undone::Refused { .. } => format!(
                "see that {} may log in from here, and that {} holds MODIFY PROGRAMMATIC AUTHENTICATION METHODS on it (patctl bootstrap), then run it again",
                self.user, self.role
            ),
        };
        Failure::new(Exit::Failed, format!("as {}: {}", self.user, undone.said()), next_step)
    }
}

fn fingerprint(table: &Table, slot: KeySlot) -> Result<Option<String>, Failure> {
    let column = |name| table.column(name).map_err(|failure| Failure::from(Undone::from(failure)));
    let (properties, values) = (column("property")?, column("value")?);
    let mut rows = properties.into_iter().zip(values);
    let value = rows.find(|(property, _)| *property == Some(slot.fingerprint_property()));
    match value {
        // A property that is not set reads "null".
        Some((_, value)) => {
            Ok(value.filter(|text| !matches!(*text, "" | "null")).map(str::to_owned))
        }
        None => {
            let what = format!("Snowflake did not show {}", slot.fingerprint_property());
            Err(Failure::new(Exit::Failed, what, "try again; report it if it stays"))
        }
    }
}
