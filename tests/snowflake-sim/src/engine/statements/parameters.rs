//! SHOW PARAMETERS: the network policy of a user or the account, and what a session set.

use super::Outcome;
use super::common::ShowFilter;
use super::session::PARAMETERS;
use crate::engine::Engine;
use crate::engine::answer::{ColumnType, ResultTable, text};
use crate::engine::api::Session;
use crate::engine::errors::SqlError;
use crate::engine::state::Securable;
use crate::engine::text::Cursor;

/// SHOW PARAMETERS.
pub(super) struct Command {
    filter: ShowFilter,
    of: Of,
}

enum Of {
    Session,
    Account,
    User(Option<String>),
}

pub(super) fn show(cursor: &mut Cursor) -> Result<Command, SqlError> {
    let filter = ShowFilter::like(cursor)?;
    let word = cursor.take_any(&["IN", "FOR"]);
    let of = match cursor.take_any(&["SESSION", "ACCOUNT", "USER"]) {
        Some("ACCOUNT") => Of::Account,
        Some("USER") => Of::User(if cursor.is_done() { None } else { Some(cursor.identifier()?) }),
        None if word.is_some() => return Err(cursor.unexpected()),
        Some(_) | None => Of::Session,
    };
    Ok(Command { filter, of })
}

pub(super) fn run(engine: &Engine, session: &Session, command: &Command) -> Outcome {
    let rows = match &command.of {
        Of::Session => session_rows(session),
        Of::Account => vec![engine.account_policy_row()],
        Of::User(name) => {
            let name = name.as_ref().unwrap_or(&session.user);
            vec![engine.user_policy_row(session, name)?]
        }
    };
    let mut table = ResultTable::new(&COLUMNS);
    for row in rows.into_iter().filter(|row| command.filter.matches(row.key)) {
        let default = row.default;
        table.push(vec![
            text(row.key),
            text(row.value),
            text(default),
            text(row.level),
            text(row.description),
            text("STRING"),
        ]);
    }
    Ok(table)
}

struct Row {
    key: &'static str,
    value: String,
    default: &'static str,
    level: &'static str,
    description: &'static str,
}

fn session_rows(session: &Session) -> Vec<Row> {
    let row = |key: &'static str| {
        let set = session.parameters.get(key);
        let default = default_of(key);
        Row {
            key,
            value: set.cloned().unwrap_or_else(|| default.to_owned()),
            default,
            level: if set.is_some() { "SESSION" } else { "" },
            description: "",
        }
    };
    PARAMETERS.iter().copied().map(row).collect()
}

fn default_of(parameter: &str) -> &'static str {
    match parameter {
        "AUTOCOMMIT" | "USE_CACHED_RESULT" => "true",
        "CLIENT_SESSION_KEEP_ALIVE" => "false",
        "BINARY_OUTPUT_FORMAT" => "HEX",
        "DATE_OUTPUT_FORMAT" => "YYYY-MM-DD",
        "MULTI_STATEMENT_COUNT" => "1",
        "ROWS_PER_RESULTSET" => "0",
        "STATEMENT_TIMEOUT_IN_SECONDS" => "172800",
        "TIMEZONE" => "UTC",
        "TIMESTAMP_OUTPUT_FORMAT" => "YYYY-MM-DD HH24:MI:SS.FF3 TZHTZM",
        "TIME_OUTPUT_FORMAT" => "HH24:MI:SS",
        _ => "",
    }
}

impl Engine {
    fn account_policy_row(&self) -> Row {
        let policy = self.state.network_policy.clone();
        let level = if policy.is_some() { "ACCOUNT" } else { "" };
        network_policy(policy, level)
    }

    /// The value in force for the user, and the level it is set at.
    fn user_policy_row(&self, session: &Session, name: &str) -> Result<Row, SqlError> {
        let on = Securable::user(name);
        self.demand_known(&on)?;
        if session.user != name && !self.manages_grants(session) {
            self.demand(session, &["MONITOR", super::pats::PRIVILEGE], &on)?;
        }
        let own = self.state.users.get(name).and_then(|user| user.network_policy.clone());
        Ok(match own {
            Some(policy) => network_policy(Some(policy), "USER"),
            None => self.account_policy_row(),
        })
    }
}

fn network_policy(policy: Option<String>, level: &'static str) -> Row {
    Row {
        key: "NETWORK_POLICY",
        value: policy.unwrap_or_default(),
        default: "",
        level,
        description: "Network policy assigned for the given target.",
    }
}

const COLUMNS: [(&str, ColumnType); 6] = [
    ("key", ColumnType::Text),
    ("value", ColumnType::Text),
    ("default", ColumnType::Text),
    ("level", ColumnType::Text),
    ("description", ColumnType::Text),
    ("type", ColumnType::Text),
];
