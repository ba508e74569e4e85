//! Bind variables: each `?` outside literals, names and comments becomes a literal of its value.

use std::collections::BTreeMap;

use super::body::Binding;
use crate::engine::SqlError;
use crate::script::error;

/// Writes the values into the statement.
pub(crate) fn bind(sql: &str, bindings: &BTreeMap<String, Binding>) -> Result<String, SqlError> {
    let mut bound = String::with_capacity(sql.len());
    let mut used = 0;
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let (piece, after) = rest.split_at(opaque_length(rest).unwrap_or(first.len_utf8()));
        rest = after;
        if piece == "?" {
            used += 1;
            bound.push_str(&literal(used, bindings.get(&used.to_string()))?);
        } else {
            bound.push_str(piece);
        }
    }
    Ok(bound)
}

/// Bytes of the literal, quoted name or comment that the text begins with. A doubled quote inside a
/// literal ends one piece and begins the next, which comes to the same.
fn opaque_length(text: &str) -> Option<usize> {
    let closed_by = |opening: &str, closing: &str| {
        let inner = text.strip_prefix(opening)?;
        let end = inner.find(closing).map(|at| opening.len() + at + closing.len());
        Some(end.unwrap_or(text.len()))
    };
    closed_by("'", "'")
        .or_else(|| closed_by("\"", "\""))
        .or_else(|| closed_by("--", "\n"))
        .or_else(|| closed_by("/*", "*/"))
}

fn literal(number: usize, binding: Option<&Binding>) -> Result<String, SqlError> {
    let Some(binding) = binding else {
        let message = format!("SQL compilation error:\nBind variable {number} not set.");
        return Err(error("002049", "42601", message));
    };
    let Some(value) = binding.value.as_deref() else { return Ok("NULL".to_owned()) };
    match binding.kind.as_str() {
        "TEXT" => Ok(format!("'{}'", value.replace('\\', "\\\\").replace('\'', "''"))),
        "FIXED" if value.parse::<i64>().is_ok() => Ok(value.to_owned()),
        "BOOLEAN" if matches!(value, "true" | "false") => Ok(value.to_owned()),
        kind => Err(error("100037", "22018", format!("{kind} value '{value}' is not recognized"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(sql: &str) -> Result<String, SqlError> {
        let text = |value: &str| Binding { kind: "TEXT".to_owned(), value: Some(value.to_owned()) };
        let number = Binding { kind: "FIXED".to_owned(), value: Some("x".to_owned()) };
        let bindings = [("1".to_owned(), text("o'clock")), ("2".to_owned(), number)].into();
        bind(sql, &bindings)
    }

    #[test]
    fn a_bound_text_becomes_one_literal() {
        assert_eq!(bound("select ?").unwrap(), "select 'o''clock'");
    }

    #[test]
    fn a_question_mark_in_a_literal_name_or_comment_is_no_variable() {
        let sql = "select 'a?''?', \"b?\" -- ?\n /* ? */";
        assert_eq!(bound(sql).unwrap(), sql);
    }

    #[test]
    fn a_value_that_is_not_of_its_type_is_refused_with_100037() {
        let refused = bound("select ?, ?").unwrap_err();
        assert_eq!(refused.code, "100037");
        assert_eq!(refused.message, "FIXED value 'x' is not recognized");
    }

    #[test]
    fn a_variable_without_a_value_is_refused() {
        assert_eq!(bound("select ?, ?, ?").unwrap_err().code, "100037");
        assert_eq!(bind("select ?", &BTreeMap::new()).unwrap_err().code, "002049");
    }
}
