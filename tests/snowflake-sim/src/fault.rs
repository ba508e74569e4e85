//! Faults a test plants: what to break, the how-manieth time, and how.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::engine::{Column, ColumnType, ResultTable, StatementKind};
use crate::http::reply::{Fate, Reply};
use crate::http::status;

/// A planted fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What it waits for.
    pub on: On,
    /// How many matches pass unharmed first.
    #[serde(default)]
    pub after: u32,
    /// How many matches it then harms.
    #[serde(default = "once")]
    pub times: u32,
    /// The harm.
    pub act: Act,
}

fn once() -> u32 {
    1
}

impl Fault {
    /// Harms the next match, once.
    pub fn next(on: On, act: Act) -> Fault {
        Fault { on, after: 0, times: 1, act }
    }

    /// Harms every match until the faults are cleared.
    pub fn always(on: On, act: Act) -> Fault {
        Fault { on, after: 0, times: u32::MAX, act }
    }
}

/// What a fault waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum On {
    /// A statement of this kind, on either protocol.
    Statement(StatementKind),
    /// A statement that changes something, on either protocol.
    Change,
    /// A driver login.
    Login,
    /// A statement on the driver protocol.
    Query,
    /// A statement on the SQL API.
    SqlApi,
    /// A look at a statement of the SQL API: its status, or a partition of its result.
    Status,
    /// Any request of the two protocols at which the harm has a meaning.
    Any,
}

/// The harm a fault does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// This HTTP status with its usual body; nothing is done.
    Status(u16),
    /// This SQL (or login) error; nothing is done.
    SqlError {
        /// Snowflake's code, for example `002003`.
        code: String,
        /// The message after the code.
        message: String,
    },
    /// Done at once, answered this much later. On the SQL API a delay beyond the request's `timeout`
    /// is a 408 with nothing done, and one of 45 s or more is a 202 that ends that much later on the
    /// simulator's clock.
    Delay(Duration),
    /// The connection breaks; nothing is done.
    DropBeforeCommit,
    /// Done, then the connection breaks without an answer.
    DropAfterCommit,
    /// Done, then the connection breaks after this many bytes of the answer's body.
    TruncateAt(usize),
    /// Done, and answered under column names nobody expects.
    WrongColumns,
    /// Done, and answered with the first two columns in each other's place.
    SwapColumns,
    /// Done, and answered without any row.
    NoRows,
    /// Done, and answered with a column more, in front.
    ExtraColumn,
    /// Done, and answered under another token's name.
    OtherTokenName,
    /// Done, and answered with the first row twice.
    DuplicateRow,
    /// Accepted by the SQL API and never finished: every status is a 202; nothing is done.
    NeverEnding202,
    /// Nothing is done and nothing is answered; the connection stays open.
    Hang,
}

impl Act {
    /// The answer given instead of doing anything, for the acts that prevent the doing.
    pub(crate) fn instead(&self) -> Option<Reply> {
        match self {
            Act::Status(code) => Some(status::reply(*code)),
            Act::DropBeforeCommit => Some(Reply::lost(Fate::Lose)),
            Act::Hang => Some(Reply::lost(Fate::Hang)),
            Act::SqlError { .. }
            | Act::Delay(_)
            | Act::DropAfterCommit
            | Act::TruncateAt(_)
            | Act::WrongColumns
            | Act::SwapColumns
            | Act::NoRows
            | Act::ExtraColumn
            | Act::OtherTokenName
            | Act::DuplicateRow
            | Act::NeverEnding202 => None,
        }
    }

    /// What becomes of the answer once the thing is done.
    pub(crate) fn fate(&self) -> Fate {
        match self {
            Act::Delay(by) => Fate::Late(*by),
            Act::DropAfterCommit => Fate::Lose,
            Act::TruncateAt(at) => Fate::Truncate(*at),
            Act::Status(_)
            | Act::SqlError { .. }
            | Act::DropBeforeCommit
            | Act::WrongColumns
            | Act::SwapColumns
            | Act::NoRows
            | Act::ExtraColumn
            | Act::OtherTokenName
            | Act::DuplicateRow
            | Act::NeverEnding202
            | Act::Hang => Fate::Arrive,
        }
    }

    /// Spoils a result table.
    pub(crate) fn mangle(&self, table: &mut ResultTable) {
        match self {
            Act::WrongColumns => {
                for (at, column) in table.columns.iter_mut().enumerate() {
                    column.name = format!("unexpected_{at}");
                }
            }
            Act::SwapColumns if table.columns.len() > 1 => {
                table.columns.swap(0, 1);
                table.rows.iter_mut().for_each(|row| row.swap(0, 1));
            }
            Act::NoRows => table.rows.clear(),
            Act::ExtraColumn => {
                let name = "surprise".to_owned();
                table.columns.insert(0, Column { name, kind: ColumnType::Text });
                table.rows.iter_mut().for_each(|row| row.insert(0, Some("surprise".to_owned())));
            }
            Act::OtherTokenName => rename_token(table),
            Act::DuplicateRow => {
                if let Some(row) = table.rows.first().cloned() {
                    table.rows.insert(0, row);
                }
            }
            Act::SwapColumns
            | Act::Status(_)
            | Act::SqlError { .. }
            | Act::Delay(_)
            | Act::DropBeforeCommit
            | Act::DropAfterCommit
            | Act::TruncateAt(_)
            | Act::NeverEnding202
            | Act::Hang => {}
        }
    }
}

/// Replaces the token's name: `token_name` of ADD and ROTATE, `name` of SHOW.
fn rename_token(table: &mut ResultTable) {
    let is_name = |column: &Column| matches!(column.name.as_str(), "token_name" | "name");
    let Some(at) = table.columns.iter().position(is_name) else { return };
    for row in &mut table.rows {
        if let Some(cell) = row.get_mut(at) {
            *cell = Some("ANOTHER_TOKEN".to_owned());
        }
    }
}

/// Where in the protocols the simulator is, when it asks whether a fault is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Point {
    Login,
    Query(StatementKind),
    SqlApi(StatementKind),
    Status,
    /// Everything else of the two protocols: cancel, heartbeat, renewal, …
    Other,
}

impl Fault {
    fn waits_for(&self, point: Point) -> bool {
        self.on.matches(point) && self.act.has_a_meaning_at(point)
    }
}

impl Act {
    /// Whether this harm can be done there: a login has no columns, a heartbeat no SQL error.
    fn has_a_meaning_at(&self, point: Point) -> bool {
        match self {
            Act::Status(_)
            | Act::Delay(_)
            | Act::DropBeforeCommit
            | Act::DropAfterCommit
            | Act::TruncateAt(_)
            | Act::Hang => true,
            Act::SqlError { .. } => !matches!(point, Point::Status | Point::Other),
            Act::WrongColumns
            | Act::SwapColumns
            | Act::NoRows
            | Act::ExtraColumn
            | Act::OtherTokenName
            | Act::DuplicateRow
            | Act::NeverEnding202 => matches!(point, Point::Query(_) | Point::SqlApi(_)),
        }
    }
}

impl On {
    fn matches(self, point: Point) -> bool {
        match (self, point) {
            (On::Any, _) => true,
            (On::Login, Point::Login) => true,
            (On::Query, Point::Query(_)) => true,
            (On::SqlApi, Point::SqlApi(_)) => true,
            (On::Status, Point::Status) => true,
            (On::Statement(wanted), Point::Query(kind) | Point::SqlApi(kind)) => wanted == kind,
            (On::Change, Point::Query(kind) | Point::SqlApi(kind)) => !kind.only_reads(),
            (
                On::Statement(_) | On::Change | On::Login | On::Query | On::SqlApi | On::Status,
                _,
            ) => false,
        }
    }
}

/// The faults planted and not used up.
#[derive(Clone, Debug, Default)]
pub(crate) struct FaultBook {
    planted: Vec<Fault>,
}

impl FaultBook {
    pub(crate) fn plant(&mut self, fault: Fault) {
        self.planted.push(fault);
    }

    pub(crate) fn clear(&mut self) {
        self.planted.clear();
    }

    pub(crate) fn left(&self) -> &[Fault] {
        &self.planted
    }

    /// The harm due at this point. A harm without a meaning there waits on. Every matching fault counts the match; the first due one acts.
    pub(crate) fn due(&mut self, point: Point) -> Option<Act> {
        let mut due = None;
        for fault in self.planted.iter_mut().filter(|fault| fault.waits_for(point)) {
            if fault.after > 0 {
                fault.after -= 1;
            } else if due.is_none() && fault.times > 0 {
                if fault.times != u32::MAX {
                    fault.times -= 1;
                }
                due = Some(fault.act.clone());
            }
        }
        self.planted.retain(|fault| fault.times > 0);
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_lets_its_first_matches_pass_and_acts_as_often_as_it_says() {
        let mut book = FaultBook::default();
        book.plant(Fault { on: On::Login, after: 1, times: 2, act: Act::Hang });
        let seen: Vec<bool> = (0..5).map(|_| book.due(Point::Login).is_some()).collect();
        assert_eq!(seen, [false, true, true, false, false]);
        assert!(book.left().is_empty());
    }

    #[test]
    fn a_fault_for_changes_lets_every_look_pass() {
        let mut book = FaultBook::default();
        book.plant(Fault::next(On::Change, Act::Hang));
        assert_eq!(book.due(Point::SqlApi(StatementKind::Show)), None);
        assert_eq!(book.due(Point::Query(StatementKind::Select)), None);
        assert_eq!(book.due(Point::SqlApi(StatementKind::Grant)), Some(Act::Hang));
    }

    #[test]
    fn a_fault_for_one_thing_leaves_every_other_alone() {
        let mut book = FaultBook::default();
        book.plant(Fault::next(On::Login, Act::Hang));
        assert_eq!(book.due(Point::Other), None);
        assert_eq!(book.left().len(), 1);
        book.plant(Fault::next(On::Status, Act::Hang));
        assert_eq!(book.due(Point::SqlApi(StatementKind::Show)), None);
        assert_eq!(book.due(Point::Status), Some(Act::Hang));
    }

    #[test]
    fn a_harm_waits_for_a_point_where_it_means_something() {
        let mut book = FaultBook::default();
        book.plant(Fault::next(On::Any, Act::NoRows));
        assert_eq!(book.due(Point::Other), None);
        assert_eq!(book.due(Point::Login), None);
        assert_eq!(book.due(Point::Query(StatementKind::Select)), Some(Act::NoRows));
    }

    #[test]
    fn a_fault_for_always_never_runs_out() {
        let mut book = FaultBook::default();
        book.plant(Fault::always(On::Any, Act::Status(503)));
        assert!((0..1000).all(|_| book.due(Point::Other).is_some()));
    }
}
