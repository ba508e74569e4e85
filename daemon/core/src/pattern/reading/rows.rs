//! Results by column name, without secrets; and what makes one unusable.

use serde::{Deserialize, Serialize};

/// A result without secrets: texts or nulls, by column name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rows {
    /// Column names, as Snowflake spells them.
    pub columns: Vec<String>,
    /// Rows, each as long as `columns`.
    pub rows: Vec<Vec<Option<String>>>,
}

/// A definite no of Snowflake's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denied {
    /// Its code, e.g. `003001`.
    pub code: String,
    /// Its message, masked.
    pub message: String,
}

/// An answer nothing can be concluded from. The whole observation ends with it: half of one would be a guess.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// To this statement.
    #[error("no fact can be read from the answer to {statement}")]
    Answer {
        /// The statement.
        statement: String,
        /// Why.
        source: Fault,
    },
    /// The session is in another account than the one that is meant.
    #[error("this session is of account {found}, and the configured account is {wanted}")]
    AnotherAccount {
        /// What the session says.
        found: String,
        /// What is configured.
        wanted: String,
    },
    /// There are questions left.
    #[error("{0} questions about the account are still open")]
    Unfinished(usize),
}

/// Why no fact can be read from an answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A column is missing.
    #[error("the result has no column {0}")]
    NoColumn(&'static str),
    /// A column is there twice.
    #[error("the result has more than one column {0}")]
    TwoColumns(&'static str),
    /// A row has not as many values as there are columns.
    #[error("a row has not as many values as there are columns")]
    Ragged,
    /// A property is missing.
    #[error("the result has no property {0}")]
    NoProperty(&'static str),
    /// A value is missing or of a form that is not known.
    #[error("the value of {0} is not of a form that is known")]
    Value(&'static str),
    /// Not as many rows as there must be.
    #[error("the result has {found} rows where there must be {wanted}")]
    Count {
        /// How many there are.
        found: usize,
        /// How many there must be.
        wanted: &'static str,
    },
    /// Rows about something that was not asked for.
    #[error("the result is about another {0}")]
    Other(&'static str),
    /// The same thing twice.
    #[error("the result has the same {0} twice")]
    Twice(&'static str),
    /// A no that says neither "hidden" nor "not there".
    #[error("refused: {code} {message}")]
    Refused {
        /// Snowflake's code.
        code: String,
        /// Its message, masked.
        message: String,
    },
}

/// One row: the columns that were asked for.
pub(in crate::pattern) type Row<'r, const N: usize> = [Option<&'r str>; N];

impl Rows {
    /// Returns these columns of each row, whatever their order in the result. Snowflake's CLI shows the columns of an
    /// empty result no more than its rows: then there is nothing to read, and nothing is missing.
    ///
    /// # Errors
    /// If one of them is missing or there twice, or a row does not fit.
    pub(in crate::pattern) fn read<const N: usize>(
        &self,
        columns: [&'static str; N],
    ) -> Result<Vec<Row<'_, N>>, Fault> {
        if self.columns.is_empty() && self.rows.is_empty() {
            return Ok(Vec::new());
        }
        let mut places = [0; N];
        for (place, column) in places.iter_mut().zip(columns) {
            *place = self.place(column)?;
        }
        self.rows.iter().map(|row| self.row(row, places)).collect()
    }

    /// Returns these columns of each row, null where there is no such column.
    ///
    /// # Errors
    /// If one of them is there twice, or a row does not fit.
    pub(super) fn read_where_there<const N: usize>(
        &self,
        columns: [&'static str; N],
    ) -> Result<Vec<Row<'_, N>>, Fault> {
        let mut read = vec![[None; N]; self.rows.len()];
        for (at, column) in columns.into_iter().enumerate().filter(|(_, c)| self.has(c)) {
            for (row, [value]) in read.iter_mut().zip(self.read([column])?) {
                if let Some(cell) = row.get_mut(at) {
                    *cell = value;
                }
            }
        }
        Ok(read)
    }

    /// Returns whether there is such a column.
    pub(super) fn has(&self, column: &str) -> bool {
        self.columns.iter().any(|found| found.eq_ignore_ascii_case(column))
    }

    fn place(&self, column: &'static str) -> Result<usize, Fault> {
        let found = self.columns.iter().enumerate();
        let mut found = found.filter(|(_, name)| name.eq_ignore_ascii_case(column));
        match (found.next(), found.next()) {
            (Some((place, _)), None) => Ok(place),
            (None, _) => Err(Fault::NoColumn(column)),
            (Some(_), Some(_)) => Err(Fault::TwoColumns(column)),
        }
    }

    fn row<'r, const N: usize>(
        &self,
        row: &'r [Option<String>],
        places: [usize; N],
    ) -> Result<Row<'r, N>, Fault> {
        if row.len() != self.columns.len() {
            return Err(Fault::Ragged);
        }
        Ok(places.map(|place| row.get(place).and_then(Option::as_deref)))
    }
}

/// Returns the one row there must be.
pub(super) fn only<const N: usize>(rows: Vec<Row<'_, N>>) -> Result<Row<'_, N>, Fault> {
    let found = rows.len();
    match <[Row<'_, N>; 1]>::try_from(rows) {
        Ok([row]) => Ok(row),
        Err(_) => Err(Fault::Count { found, wanted: "1" }),
    }
}

/// Returns a value that must be there.
pub(super) fn given<'r>(column: &'static str, value: Option<&'r str>) -> Result<&'r str, Fault> {
    value.filter(|value| !value.is_empty()).ok_or(Fault::Value(column))
}

/// Returns a yes or no in one of the spellings of SHOW and DESCRIBE.
pub(super) fn yes(column: &'static str, value: &str) -> Result<bool, Fault> {
    match value.to_ascii_lowercase().as_str() {
        "true" | "y" | "yes" => Ok(true),
        "false" | "n" | "no" => Ok(false),
        _ => Err(Fault::Value(column)),
    }
}

#[cfg(test)]
impl Rows {
    /// Returns a result for a test.
    pub(super) fn of(columns: &[&str], rows: &[&[Option<&str>]]) -> Self {
        let owned = |row: &&[Option<&str>]| row.iter().map(|c| c.map(str::to_owned)).collect();
        Self {
            columns: columns.iter().map(|&name| name.to_owned()).collect(),
            rows: rows.iter().map(owned).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_read_by_name_in_whatever_order_they_come() {
        let rows = Rows::of(&["b", "other", "A"], &[&[Some("2"), None, Some("1")]]);

        assert_eq!(rows.read(["a", "b"]).unwrap(), [[Some("1"), Some("2")]]);
    }

    #[test]
    fn a_column_that_is_missing_or_there_twice_is_named() {
        let twice = Rows::of(&["a", "A"], &[&[Some("1"), Some("2")]]);

        assert_eq!(
            twice.read(["a"]).unwrap_err().to_string(),
            "the result has more than one column a"
        );
        assert_eq!(twice.read(["b"]).unwrap_err().to_string(), "the result has no column b");
    }

    #[test]
    fn a_column_that_may_be_missing_is_null_then_and_still_not_there_twice() {
        let rows = Rows::of(&["b"], &[&[Some("1")], &[None]]);
        assert_eq!(rows.read_where_there(["a", "b"]).unwrap(), [[None, Some("1")], [None, None]]);
        let twice = Rows::of(&["a", "A"], &[&[Some("1"), Some("2")]]);
        assert_eq!(twice.read_where_there(["a"]), Err(Fault::TwoColumns("a")));
    }

    #[test]
    fn an_empty_result_may_hide_its_columns_and_no_other_may() {
        assert_eq!(Rows::default().read(["a"]), Ok(Vec::new()));
        assert_eq!(Rows::of(&["b"], &[]).read(["a"]), Err(Fault::NoColumn("a")));
        assert_eq!(Rows::of(&[], &[&[]]).read(["a"]), Err(Fault::NoColumn("a")));
    }

    #[test]
    fn a_row_that_does_not_fit_is_no_row() {
        let short = Rows::of(&["a", "b"], &[&[Some("1")]]);

        assert_eq!(short.read(["a"]), Err(Fault::Ragged));
    }

    #[test]
    fn one_row_means_one() {
        for (count, ok) in [(0, false), (1, true), (2, false)] {
            let rows = Rows { columns: vec!["a".into()], rows: vec![vec![None]; count] };
            assert_eq!(only(rows.read(["a"]).unwrap()).is_ok(), ok);
        }
    }
}
