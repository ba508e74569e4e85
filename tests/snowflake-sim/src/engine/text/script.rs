//! Scripts: several statements in one text.

use super::lexer::{Lexeme, tokens};
use crate::engine::errors::SqlError;

/// Returns the statements of a script without their semicolons; empty ones are left out.
pub(in crate::engine) fn split_script(sql: &str) -> Result<Vec<String>, SqlError> {
    let mut statements = Vec::new();
    let (mut start, mut holds_token) = (0, false);
    for token in tokens(sql)? {
        if token.lexeme != Lexeme::Symbol(";") {
            holds_token = true;
        } else {
            push(&mut statements, &sql[start..token.start], holds_token);
            (start, holds_token) = (token.end, false);
        }
    }
    push(&mut statements, &sql[start..], holds_token);
    Ok(statements)
}

fn push(statements: &mut Vec<String>, text: &str, holds_token: bool) {
    if holds_token {
        statements.push(text.trim().to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_semicolon_in_a_literal_or_comment_parts_nothing() {
        let script = "select ';'; -- a;b\nuse role \"x;y\";;\n-- the end";
        assert_eq!(split_script(script).unwrap(), ["select ';'", "-- a;b\nuse role \"x;y\""]);
    }
}
