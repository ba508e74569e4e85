//! Result tables: typed columns and rows in wire text, as both transports print them.

use super::clock::Millis;

/// The type of a result column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// VARCHAR.
    Text,
    /// NUMBER(38,0), decimal text.
    Fixed,
    /// BOOLEAN, `true` or `false`.
    Boolean,
    /// TIMESTAMP_LTZ, seconds with nine decimals.
    TimestampLtz,
}

/// One column of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Name as the client sees it.
    pub name: String,
    /// Type.
    pub kind: ColumnType,
}

/// What a statement returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultTable {
    /// QUERY_ID of the statement.
    pub query_id: String,
    /// Columns in order.
    pub columns: Vec<Column>,
    /// Rows, each as long as `columns`; `None` is NULL.
    pub rows: Vec<Vec<Option<String>>>,
}

impl ResultTable {
    pub(super) fn new(columns: &[(&str, ColumnType)]) -> Self {
        let columns = columns
            .iter()
            .map(|(name, kind)| Column { name: (*name).to_owned(), kind: *kind })
            .collect();
        Self { query_id: String::new(), columns, rows: Vec::new() }
    }

    /// Returns the one-row answer of a statement that only reports what it did.
    pub(super) fn status(text: impl Into<String>) -> Self {
        let mut table = Self::new(&[("status", ColumnType::Text)]);
        table.rows.push(vec![Some(text.into())]);
        table
    }

    pub(super) fn push(&mut self, row: Vec<Option<String>>) {
        debug_assert_eq!(row.len(), self.columns.len(), "a row has one cell per column");
        self.rows.push(row);
    }

    /// Takes every column away whose name is such a one.
    pub(super) fn without_columns(mut self, is_one: impl Fn(&str) -> bool) -> Self {
        let kept: Vec<bool> = self.columns.iter().map(|column| !is_one(&column.name)).collect();
        let mut keep = kept.iter();
        self.columns.retain(|_| keep.next().copied().unwrap_or(true));
        for row in &mut self.rows {
            let mut keep = kept.iter();
            row.retain(|_| keep.next().copied().unwrap_or(true));
        }
        self
    }

    /// Returns the cell of a row by column name, if the row and the column exist and it is not NULL.
    pub fn cell(&self, row: usize, column: &str) -> Option<&str> {
        let at = self.columns.iter().position(|c| c.name.eq_ignore_ascii_case(column))?;
        self.rows.get(row)?.get(at)?.as_deref()
    }

    /// Returns every non-NULL value of a column.
    pub fn column(&self, name: &str) -> Vec<&str> {
        (0..self.rows.len()).filter_map(|row| self.cell(row, name)).collect()
    }
}

/// Returns a text cell.
pub(super) fn text(value: impl Into<String>) -> Option<String> {
    Some(value.into())
}

/// Returns a number cell.
pub(super) fn number(value: impl std::fmt::Display) -> Option<String> {
    Some(value.to_string())
}

/// Returns a boolean cell.
pub(super) fn boolean(value: bool) -> Option<String> {
    Some(value.to_string())
}

/// Returns a timestamp cell.
pub(super) fn timestamp(at: Millis) -> Option<String> {
    Some(at.wire())
}
