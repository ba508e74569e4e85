//! Statements the SQL API accepted: who may ask for them, how far they are, what they returned.

use std::collections::BTreeMap;

use crate::engine::{Millis, ResultTable, SqlError};

/// A statement accepted under a handle.
#[derive(Clone, Debug)]
pub(crate) struct Statement {
    pub(crate) handle: String,
    pub(crate) owner: String,
    pub(crate) request_id: String,
    pub(crate) created: Millis,
    /// Whether NULL is sent as null; otherwise as the text `null`.
    pub(crate) nullable: bool,
    pub(crate) progress: Progress,
    pub(crate) outcome: Outcome,
}

/// How far a statement is, as far as clients can see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    Done,
    /// Done after so many more looks.
    Looks(u32),
    /// Done at this time.
    Until(Millis),
    /// Never done.
    Never,
    Cancelled,
}

/// What a statement came to.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    Rows(ResultTable),
    /// A multi-statement request: the handles of its statements.
    Many(Vec<String>),
    Failed(SqlError),
}

/// Every statement of the last day, by handle.
#[derive(Clone, Debug, Default)]
pub(crate) struct Statements {
    accepted: BTreeMap<String, Statement>,
}

impl Statements {
    pub(crate) fn accept(&mut self, statement: Statement, now: Millis) {
        self.accepted.retain(|_, old| now.0 - old.created.0 < KEPT_MILLIS);
        self.accepted.insert(statement.handle.clone(), statement);
    }

    pub(crate) fn find(&mut self, handle: &str) -> Option<&mut Statement> {
        self.accepted.get_mut(handle)
    }

    /// The statement that succeeded under this request id before, for a retry to be answered from.
    pub(crate) fn succeeded(&self, owner: &str, request_id: &str) -> Option<&Statement> {
        self.accepted.values().find(|statement| {
            statement.owner == owner
                && statement.request_id == request_id
                && !statement.request_id.is_empty()
                && !matches!(statement.outcome, Outcome::Failed(_))
                && !matches!(statement.progress, Progress::Never | Progress::Cancelled)
        })
    }
}

impl Statement {
    /// Whether the statement is still running when looked at now; a look may bring it forward.
    pub(crate) fn is_running(&mut self, now: Millis) -> bool {
        match self.progress {
            Progress::Done | Progress::Cancelled => false,
            Progress::Never => true,
            Progress::Until(end) => now < end,
            Progress::Looks(0) => {
                self.progress = Progress::Done;
                false
            }
            Progress::Looks(left) => {
                self.progress = Progress::Looks(left - 1);
                true
            }
        }
    }
}

const KEPT_MILLIS: i64 = 24 * 3_600_000;
