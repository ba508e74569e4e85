//! The reading head of the recognisers: takes what is expected or says what was unexpected.

use super::lexer::{Lexeme, Token, tokens, unexpected};
use crate::engine::errors::SqlError;

/// Tokens of one statement and how far they have been read.
#[derive(Clone)]
pub(in crate::engine) struct Cursor {
    sql: String,
    tokens: Vec<Token>,
    at: usize,
}

impl Cursor {
    /// Returns a cursor at the first token; one trailing semicolon is dropped.
    pub(in crate::engine) fn over(sql: &str) -> Result<Self, SqlError> {
        let mut tokens = tokens(sql)?;
        if tokens.last().is_some_and(|t| t.lexeme == Lexeme::Symbol(";")) {
            tokens.pop();
        }
        Ok(Self { sql: sql.to_owned(), tokens, at: 0 })
    }

    pub(in crate::engine) fn peek(&self) -> Option<&Lexeme> {
        self.tokens.get(self.at).map(|t| &t.lexeme)
    }

    fn peek_after(&self, count: usize) -> Option<&Lexeme> {
        self.tokens.get(self.at + count).map(|t| &t.lexeme)
    }

    /// Returns whether the next words are these, without taking them.
    pub(in crate::engine) fn sees(&self, words: &str) -> bool {
        words.split(' ').enumerate().all(|(i, word)| is_word(self.peek_after(i), word))
    }

    /// Takes the next words if they are these.
    pub(in crate::engine) fn take(&mut self, words: &str) -> bool {
        let seen = self.sees(words);
        if seen {
            self.at += words.split(' ').count();
        }
        seen
    }

    /// Takes the first of these phrases that comes next.
    pub(in crate::engine) fn take_any<'w>(&mut self, phrases: &[&'w str]) -> Option<&'w str> {
        phrases.iter().copied().find(|words| self.take(words))
    }

    pub(in crate::engine) fn expect(&mut self, words: &str) -> Result<(), SqlError> {
        words.split(' ').try_for_each(
            |word| {
                if self.take(word) { Ok(()) } else { Err(self.unexpected()) }
            },
        )
    }

    pub(in crate::engine) fn sees_symbol(&self, symbol: &str) -> bool {
        matches!(self.peek(), Some(Lexeme::Symbol(s)) if *s == symbol)
    }

    pub(in crate::engine) fn symbol(&mut self, symbol: &str) -> bool {
        let seen = self.sees_symbol(symbol);
        if seen {
            self.at += 1;
        }
        seen
    }

    pub(in crate::engine) fn expect_symbol(&mut self, symbol: &str) -> Result<(), SqlError> {
        if self.symbol(symbol) { Ok(()) } else { Err(self.unexpected()) }
    }

    /// Returns the next identifier, resolved: upper case unless quoted.
    pub(in crate::engine) fn identifier(&mut self) -> Result<String, SqlError> {
        let name = match self.peek() {
            Some(Lexeme::Word(word)) => word.to_uppercase(),
            Some(Lexeme::Quoted(name)) if !name.is_empty() => name.clone(),
            _ => return Err(self.unexpected()),
        };
        self.at += 1;
        Ok(name)
    }

    /// Returns the next unquoted word in upper case.
    pub(in crate::engine) fn word(&mut self) -> Result<String, SqlError> {
        match self.peek() {
            Some(Lexeme::Word(_)) => self.identifier(),
            _ => Err(self.unexpected()),
        }
    }

    /// Returns one or more words between commas.
    pub(in crate::engine) fn words(&mut self) -> Result<Vec<String>, SqlError> {
        let mut words = vec![self.word()?];
        while self.symbol(",") {
            words.push(self.word()?);
        }
        Ok(words)
    }

    /// Returns the parts of a name with up to three parts.
    pub(in crate::engine) fn object_name(&mut self) -> Result<Vec<String>, SqlError> {
        let mut parts = vec![self.identifier()?];
        while self.symbol(".") {
            if parts.len() == 3 {
                return Err(self.unexpected());
            }
            parts.push(self.identifier()?);
        }
        Ok(parts)
    }

    pub(in crate::engine) fn literal(&mut self) -> Result<String, SqlError> {
        let Some(Lexeme::Text(text)) = self.peek().cloned() else { return Err(self.unexpected()) };
        self.at += 1;
        Ok(text)
    }

    /// Returns the next whole number, with its sign.
    pub(in crate::engine) fn integer(&mut self) -> Result<i64, SqlError> {
        let sign = if self.symbol("-") { -1 } else { 1 };
        let Some(Lexeme::Number(digits)) = self.peek().cloned() else {
            return Err(self.unexpected());
        };
        let value: i64 = digits.parse().map_err(|_| self.unexpected())?;
        self.at += 1;
        Ok(sign * value)
    }

    /// Demands that everything has been read.
    pub(in crate::engine) fn end(&self) -> Result<(), SqlError> {
        if self.is_done() { Ok(()) } else { Err(self.unexpected()) }
    }

    pub(in crate::engine) fn is_done(&self) -> bool {
        self.at >= self.tokens.len()
    }

    /// Returns whether the next token is a name followed by `=`.
    pub(in crate::engine) fn sees_assignment(&self) -> bool {
        matches!(self.peek(), Some(Lexeme::Word(_)))
            && matches!(self.peek_after(1), Some(Lexeme::Symbol("=")))
    }

    /// Returns whether the next token is a word followed by this symbol.
    pub(in crate::engine) fn sees_word_then(&self, symbol: &str) -> bool {
        matches!(self.peek(), Some(Lexeme::Word(_)))
            && matches!(self.peek_after(1), Some(Lexeme::Symbol(s)) if *s == symbol)
    }

    /// Returns where the next token begins.
    pub(in crate::engine) fn offset(&self) -> usize {
        self.tokens.get(self.at).map_or(self.sql.len(), |t| t.start)
    }

    /// Returns the source text from an offset up to the last token taken.
    pub(in crate::engine) fn source_since(&self, offset: usize) -> &str {
        let end = self.at.checked_sub(1).and_then(|i| self.tokens.get(i)).map_or(0, |t| t.end);
        self.sql.get(offset..end).unwrap_or_default()
    }

    /// Returns the syntax error for the next token.
    pub(in crate::engine) fn unexpected(&self) -> SqlError {
        let what = self.tokens.get(self.at).map_or("<EOF>", |t| &self.sql[t.start..t.end]);
        unexpected(&self.sql, self.offset(), what)
    }
}

fn is_word(lexeme: Option<&Lexeme>, word: &str) -> bool {
    matches!(lexeme, Some(Lexeme::Word(w)) if w.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phrase_is_taken_whole_or_not_at_all() {
        let mut cursor = Cursor::over("if not exists x").unwrap();
        assert!(!cursor.take("IF EXISTS"));
        assert!(cursor.take("IF NOT EXISTS"));
        assert_eq!(cursor.identifier().unwrap(), "X");
        cursor.end().unwrap();
    }

    #[test]
    fn a_name_is_upper_case_unless_quoted() {
        let mut cursor = Cursor::over("db.\"My Schema\".rule").unwrap();
        assert_eq!(cursor.object_name().unwrap(), ["DB", "My Schema", "RULE"]);
    }

    #[test]
    fn a_quoted_word_is_no_keyword() {
        assert!(!Cursor::over("\"ADD\"").unwrap().take("ADD"));
    }

    #[test]
    fn what_is_left_over_is_named() {
        let error = Cursor::over("select extra").unwrap().end().unwrap_err();
        assert!(error.message.contains("unexpected 'select'"), "{error}");
    }

    #[test]
    fn a_fourth_part_of_a_name_is_an_error() {
        assert!(Cursor::over("a.b.c.d").unwrap().object_name().is_err());
    }
}
