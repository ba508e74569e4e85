//! Names and texts as statements hold them. Nothing reaches a statement by any other way.

use crate::pattern::ours::FullName;
use crate::sql::{Ident, Literal, SqlError};

/// Returns a name in double quotes.
pub(super) fn name(what: &'static str, name: &str) -> Result<String, SqlError> {
    Ident::new(what, name).map(|name| name.to_string())
}

/// Returns the full name of an object in a schema, each part in double quotes.
pub(super) fn full(what: &'static str, name: &FullName) -> Result<String, SqlError> {
    parts(what, name)
}

/// Returns a name in parts, each in double quotes.
pub(super) fn parts(what: &'static str, parts: &[String]) -> Result<String, SqlError> {
    if parts.is_empty() {
        return Err(SqlError::Empty { what });
    }
    let quoted: Result<Vec<String>, SqlError> = parts.iter().map(|part| name(what, part)).collect();
    Ok(quoted?.join("."))
}

/// Returns a text in single quotes.
pub(super) fn text(what: &'static str, text: &str) -> Result<String, SqlError> {
    Literal::new(what, text).map(|text| text.to_string())
}

/// Returns `('a', 'b')`.
pub(super) fn texts<'t>(
    what: &'static str,
    items: impl IntoIterator<Item = &'t str>,
) -> Result<String, SqlError> {
    let quoted: Result<Vec<String>, SqlError> =
        items.into_iter().map(|one| text(what, one)).collect();
    Ok(format!("({})", quoted?.join(", ")))
}

/// Returns upper-case words as they are: what Snowflake's own vocabulary is made of.
pub(super) fn words<'t>(what: &'static str, text: &'t str) -> Result<&'t str, SqlError> {
    let word = |word: &str| {
        word.starts_with(|first: char| first.is_ascii_uppercase())
            && word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
    };
    if text.split(' ').all(word) { Ok(text) } else { Err(SqlError::Words { what }) }
}
