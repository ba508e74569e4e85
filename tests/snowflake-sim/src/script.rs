//! How many statements a text holds, and the errors when it is not the number agreed on.

use crate::engine::{Engine, SqlError};

/// The only statement of a text.
pub(crate) fn single_statement(sql: &str) -> Result<String, SqlError> {
    let mut statements = counted(sql, 1)?;
    statements.pop().ok_or_else(empty)
}

/// The statements of a text, which must be as many as asked for; zero asks for any number.
pub(crate) fn counted(sql: &str, desired: usize) -> Result<Vec<String>, SqlError> {
    let statements = Engine::split_script(sql)?;
    if statements.is_empty() {
        return Err(empty());
    }
    if desired != 0 && statements.len() != desired {
        let actual = statements.len();
        return Err(error(
            "000008",
            "0A000",
            format!(
                "Actual statement count {actual} did not match the desired statement count {desired}."
            ),
        ));
    }
    Ok(statements)
}

/// An SQL error of the front's own making.
pub(crate) fn error(
    code: &'static str,
    sqlstate: &'static str,
    message: impl Into<String>,
) -> SqlError {
    SqlError { code, sqlstate, message: message.into(), query_id: String::new() }
}

fn empty() -> SqlError {
    error("000900", "42601", "SQL compilation error:\nEmpty SQL statement.")
}
