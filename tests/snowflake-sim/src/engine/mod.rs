//! The Snowflake engine: users, roles, policies, tokens and the closed set of statements over them.
//! Synchronous and deterministic: no I/O, no clock (callers pass the time), chance only from a seed.
//! Transport (HTTP, JWT signatures, session tokens, faults) lives beside this module, not in it.

mod access;
mod address;
mod answer;
mod api;
mod clock;
mod effective;
mod errors;
mod history;
mod login;
mod login_role;
mod random;
pub mod rules;
mod seed;
mod sessions;
mod snapshot;
mod state;
mod statements;
mod switches;
#[cfg(test)]
mod tests;
mod text;

pub use answer::{Column, ColumnType, ResultTable};
pub use api::{
    AccountIdentity, Credential, KeySlot, LoginAttempt, LoginMethod, SecondaryRoles, Session, Via,
};
pub use clock::Millis;
pub use errors::{LoginFailure, SqlError};
pub use history::{LoginRecord, QueryRecord};
pub use snapshot::{Snapshot, TokenView};
pub use statements::StatementKind;
pub use switches::{
    CredentialId, CrossRoleMint, DefaultGrace, LiteralNames, MissingPolicyCode, PatSessionRule,
    RestrictedDefault, RotateAtLimit, Switches, TokenStatusWhenBoth, UnseenObject,
};

use history::History;
use random::Random;
use state::State;
use text::Cursor;

/// The simulated account. Everything it knows changes only through the methods below.
#[derive(Clone)]
pub struct Engine {
    state: State,
    switches: Switches,
    random: Random,
    history: History,
}

impl Engine {
    /// Returns a fresh account with its built-in roles, the SNOWFLAKE database and the user ADMIN.
    pub fn new(seed: u64, account: AccountIdentity, switches: Switches) -> Self {
        Self {
            state: seed::account(account),
            switches,
            random: Random::new(seed),
            history: History::default(),
        }
    }

    /// Returns the account's names.
    pub fn account(&self) -> &AccountIdentity {
        &self.state.account
    }

    /// Returns the undocumented behaviours in force.
    pub fn switches(&self) -> &Switches {
        &self.switches
    }

    /// Returns the undocumented behaviours, to be changed by a test.
    pub fn switches_mut(&mut self) -> &mut Switches {
        &mut self.switches
    }

    /// Runs exactly one statement and records it in the query history, failed or not.
    ///
    /// # Errors
    /// Whatever Snowflake would answer; a statement outside the simulated set is a syntax error.
    pub fn execute(
        &mut self,
        session: &mut Session,
        sql: &str,
        now: Millis,
    ) -> Result<ResultTable, SqlError> {
        self.forget_old_tokens(now);
        let query_id = self.random.uuid();
        let before = session.clone();
        let kind = Self::kind(sql);
        let outcome = statements::execute(self, session, sql, now);
        self.history.record_query(&query_id, &before, sql, kind, &outcome, now);
        match outcome {
            Ok(answer) => Ok(ResultTable { query_id, ..answer }),
            Err(error) => Err(SqlError { query_id, ..error }),
        }
    }

    /// Returns the statements of a script, each without its semicolon, comments kept.
    ///
    /// # Errors
    /// A syntax error when a literal, quoted name or comment does not end.
    pub fn split_script(sql: &str) -> Result<Vec<String>, SqlError> {
        text::split_script(sql)
    }

    /// Returns which statement this is, judged by the grammar, or by its first words if it does not parse.
    pub fn kind(sql: &str) -> StatementKind {
        statements::kind(sql)
    }
}
