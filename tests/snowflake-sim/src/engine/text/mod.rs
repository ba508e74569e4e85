//! SQL text: tokens, the cursor the recognisers read with, names, property lists, scripts.

mod cursor;
mod lexer;
mod property;
mod script;

pub(super) use cursor::Cursor;
pub(super) use lexer::Lexeme;
pub(super) use property::{Property, Value, properties, property};
pub(super) use script::split_script;

/// Returns the name an unquoted or double-quoted identifier in text stands for.
pub(super) fn resolve_identifier(text: &str) -> String {
    let quoted = text.len() >= 2 && text.starts_with('"') && text.ends_with('"');
    if quoted { text[1..text.len() - 1].replace("\"\"", "\"") } else { text.to_uppercase() }
}

/// Returns the parts of a dotted name held in a string literal, each resolved as an identifier.
pub(super) fn dotted(text: &str) -> Result<Vec<String>, super::SqlError> {
    let mut cursor = Cursor::over(text)?;
    let parts = cursor.object_name()?;
    cursor.end()?;
    Ok(parts)
}

/// Returns a name as SQL would have to spell it: quoted unless it is a plain upper-case identifier.
pub(super) fn spell(name: &str) -> String {
    let plain = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_' || c == '$';
    let starts = name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_');
    if starts && name.chars().all(plain) {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}
