//! The tokenizer: words, quoted names, literals, numbers, symbols. Comments vanish here.

use crate::engine::errors::{SYNTAX, SqlError};

/// What a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::engine) enum Lexeme {
    /// An unquoted word, as written.
    Word(String),
    /// A double-quoted name, unescaped.
    Quoted(String),
    /// A string literal, unescaped.
    Text(String),
    /// An unsigned number, as written.
    Number(String),
    /// Punctuation.
    Symbol(&'static str),
}

/// A token and where it stands in the text (byte offsets).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::engine) struct Token {
    pub(in crate::engine) lexeme: Lexeme,
    pub(in crate::engine) start: usize,
    pub(in crate::engine) end: usize,
}

/// Returns the tokens of a text.
pub(in crate::engine) fn tokens(sql: &str) -> Result<Vec<Token>, SqlError> {
    let mut lexer = Lexer { sql, at: 0 };
    let mut found = Vec::new();
    while let Some(token) = lexer.token()? {
        found.push(token);
    }
    Ok(found)
}

struct Lexer<'a> {
    sql: &'a str,
    at: usize,
}

const SYMBOLS: [&str; 20] = [
    "=>", "<>", "!=", ">=", "<=", "::", "(", ")", ",", ";", ".", "=", "<", ">", "*", "+", "-", "/",
    ":", "?",
];

impl Lexer<'_> {
    fn token(&mut self) -> Result<Option<Token>, SqlError> {
        self.skip_blank()?;
        let start = self.at;
        let Some(first) = self.rest().chars().next() else { return Ok(None) };
        let lexeme = match first {
            '\'' => Lexeme::Text(self.literal(start)?),
            '"' => Lexeme::Quoted(self.quoted(start)?),
            '$' if self.rest().starts_with("$$") => Lexeme::Text(self.dollars(start)?),
            c if c.is_ascii_digit() => Lexeme::Number(self.take(|c| c.is_ascii_digit())),
            c if c.is_alphabetic() || c == '_' => {
                Lexeme::Word(self.take(|c| c.is_alphanumeric() || c == '_' || c == '$'))
            }
            c => Lexeme::Symbol(self.symbol(c)?),
        };
        Ok(Some(Token { lexeme, start, end: self.at }))
    }

    fn rest(&self) -> &str {
        self.sql.get(self.at..).unwrap_or_default()
    }

    fn skip_blank(&mut self) -> Result<(), SqlError> {
        loop {
            self.take(char::is_whitespace);
            if self.rest().starts_with("--") || self.rest().starts_with("//") {
                self.take(|c| c != '\n');
            } else if self.rest().starts_with("/*") {
                let length = self.rest().find("*/").ok_or_else(|| self.unfinished(self.at))?;
                self.at += length + 2;
            } else {
                return Ok(());
            }
        }
    }

    fn take(&mut self, wanted: impl Fn(char) -> bool) -> String {
        let rest = self.rest();
        let length = rest.find(|c| !wanted(c)).unwrap_or(rest.len());
        let taken = rest[..length].to_owned();
        self.at += length;
        taken
    }

    fn literal(&mut self, start: usize) -> Result<String, SqlError> {
        self.at += 1;
        let mut text = String::new();
        loop {
            text.push_str(&self.take(|c| c != '\'' && c != '\\'));
            if self.rest().starts_with("''") {
                text.push('\'');
                self.at += 2;
            } else if self.rest().starts_with('\'') {
                self.at += 1;
                return Ok(text);
            } else {
                text.push(self.escape(start)?);
            }
        }
    }

    fn escape(&mut self, start: usize) -> Result<char, SqlError> {
        let escaped = self.rest().chars().nth(1).ok_or_else(|| self.unfinished(start))?;
        self.at += 1 + escaped.len_utf8();
        Ok(match escaped {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            '0' => '\0',
            other => other,
        })
    }

    fn quoted(&mut self, start: usize) -> Result<String, SqlError> {
        self.at += 1;
        let mut name = String::new();
        loop {
            name.push_str(&self.take(|c| c != '"'));
            if self.rest().starts_with("\"\"") {
                name.push('"');
                self.at += 2;
            } else if self.rest().starts_with('"') {
                self.at += 1;
                return Ok(name);
            } else {
                return Err(self.unfinished(start));
            }
        }
    }

    fn dollars(&mut self, start: usize) -> Result<String, SqlError> {
        self.at += 2;
        let length = self.rest().find("$$").ok_or_else(|| self.unfinished(start))?;
        let text = self.rest()[..length].to_owned();
        self.at += length + 2;
        Ok(text)
    }

    fn symbol(&mut self, first: char) -> Result<&'static str, SqlError> {
        let found = SYMBOLS.iter().find(|s| self.rest().starts_with(**s));
        let symbol = found.ok_or_else(|| unexpected(self.sql, self.at, &first.to_string()))?;
        self.at += symbol.len();
        Ok(symbol)
    }

    fn unfinished(&self, start: usize) -> SqlError {
        let (line, column) = position(self.sql, start);
        SYNTAX.compilation(format!("parse error line {line} at position {column} near '<EOF>'."))
    }
}

/// Returns Snowflake's syntax error for a token that may not stand there.
pub(super) fn unexpected(sql: &str, at: usize, what: &str) -> SqlError {
    let (line, column) = position(sql, at);
    SYNTAX
        .compilation(format!("syntax error line {line} at position {column} unexpected '{what}'."))
}

fn position(sql: &str, at: usize) -> (usize, usize) {
    let before = sql.get(..at).unwrap_or(sql);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lexemes(sql: &str) -> Vec<Lexeme> {
        tokens(sql).unwrap().into_iter().map(|t| t.lexeme).collect()
    }

    #[test]
    fn quotes_escapes_and_dollar_literals_are_read() {
        let read = lexemes(r#"'it''s' 'a\'b\n' "My ""User""" $$raw 'x'$$"#);
        let wanted = [
            Lexeme::Text("it's".into()),
            Lexeme::Text("a'b\n".into()),
            Lexeme::Quoted("My \"User\"".into()),
            Lexeme::Text("raw 'x'".into()),
        ];
        assert_eq!(read, wanted);
    }

    #[test]
    fn comments_and_blanks_are_no_tokens() {
        let read = lexemes("a -- b\n/* c ; */ d // e\n;");
        let wanted = [Lexeme::Word("a".into()), Lexeme::Word("d".into()), Lexeme::Symbol(";")];
        assert_eq!(read, wanted);
    }

    #[test]
    fn an_unfinished_literal_is_a_syntax_error_that_says_where() {
        let error = tokens("select\n 'abc").unwrap_err();
        assert_eq!((error.code, error.sqlstate), ("001003", "42000"));
        assert!(error.message.contains("line 2 at position 1"), "{error}");
    }

    #[test]
    fn words_may_hold_a_dollar_sign() {
        assert_eq!(lexemes("SYSTEM$DECODE_PAT"), [Lexeme::Word("SYSTEM$DECODE_PAT".into())]);
    }

    #[test]
    fn a_character_outside_the_grammar_is_a_syntax_error() {
        assert_eq!(tokens("select #").unwrap_err().code, "001003");
    }
}
