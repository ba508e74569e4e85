//! Which questions show what is there, and what the answers mean. A conversation: whoever holds a session asks
//! [`Reading::next`], runs the statement, and hands the outcome to [`Reading::answer`], until there is no more.

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
