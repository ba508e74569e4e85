//! A small lexer for SQL that knows nothing of how statements are made: the second opinion on quoting
//! (snowflake docs: identifiers-syntax, data-types-text, "String constants").

/// A piece of SQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// A word or a number.
    Word(String),
    /// What double quotes hold.
    Name(String),
    /// What single quotes hold.
    Text(String),
    /// Anything else.
    Symbol(char),
    /// A comment.
    Comment(String),
}

/// Takes SQL apart; none for a quote or comment that does not end, and for `$$`.
pub(crate) fn tokens(sql: &str) -> Option<Vec<Token>> {
    let mut rest: Vec<char> = sql.chars().rev().collect();
    let mut found = Vec::new();
    while let Some(first) = rest.pop() {
        let second = rest.last().copied();
        found.push(match (first, second) {
            (c, _) if c.is_whitespace() => continue,
            ('-', Some('-')) | ('/', Some('/')) => Token::Comment(line(&mut rest)),
            ('/', Some('*')) => Token::Comment(block(&mut rest)?),
            ('$', Some('$')) => return None,
            ('"', _) => Token::Name(quoted(&mut rest, '"')?),
            ('\'', _) => Token::Text(quoted(&mut rest, '\'')?),
            (c, _) if c.is_alphanumeric() || c == '_' => Token::Word(word(c, &mut rest)),
            (c, _) => Token::Symbol(c),
        });
    }
    Some(found)
}

/// Returns the statements of a script, comments left out.
pub(crate) fn statements(sql: &str) -> Option<Vec<Vec<Token>>> {
    let mut all = vec![Vec::new()];
    for token in tokens(sql)? {
        match token {
            Token::Comment(_) => {}
            Token::Symbol(';') => all.push(Vec::new()),
            token @ (Token::Word(_) | Token::Name(_) | Token::Text(_) | Token::Symbol(_)) => {
                all.last_mut()?.push(token);
            }
        }
    }
    all.retain(|statement| !statement.is_empty());
    Some(all)
}

/// Returns the names in a text that holds a full name in quotes; the text itself if it is none.
pub(crate) fn inner_names(text: &str) -> Vec<String> {
    let names = |found: Vec<Token>| -> Option<Vec<String>> {
        let each = found.into_iter().enumerate().map(|(at, token)| match (at % 2, token) {
            (0, Token::Name(name)) => Some(Some(name)),
            (1, Token::Symbol('.')) => Some(None),
            _ => None,
        });
        Some(each.collect::<Option<Vec<_>>>()?.into_iter().flatten().collect())
    };
    match text.starts_with('"').then(|| tokens(text)).flatten().and_then(names) {
        Some(names) if !names.is_empty() => names,
        _ => vec![text.to_owned()],
    }
}

fn word(first: char, rest: &mut Vec<char>) -> String {
    let mut word = String::from(first);
    while let Some(&next) = rest.last()
        && (next.is_alphanumeric() || next == '_')
    {
        word.push(next);
        rest.pop();
    }
    word
}

fn line(rest: &mut Vec<char>) -> String {
    let mut text = String::new();
    while let Some(next) = rest.pop()
        && !matches!(next, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{b}' | '\u{c}')
    {
        text.push(next);
    }
    text
}

fn block(rest: &mut Vec<char>) -> Option<String> {
    let mut text = String::new();
    loop {
        match rest.pop()? {
            '*' if rest.last() == Some(&'/') => {
                rest.pop();
                return Some(text);
            }
            other => text.push(other),
        }
    }
}

/// Reads up to the closing quote; a doubled one is itself. Backslash escapes count in texts only.
fn quoted(rest: &mut Vec<char>, quote: char) -> Option<String> {
    let mut text = String::new();
    loop {
        match rest.pop()? {
            c if c == quote && rest.last() == Some(&quote) => {
                rest.pop();
                text.push(quote);
            }
            c if c == quote => return Some(text),
            '\\' if quote == '\'' => text.push(rest.pop()?),
            other => text.push(other),
        }
    }
}

#[test]
fn quotes_comments_and_statements_are_told_apart() {
    let script = "A \"b\"\"c; --\" = 'd''e\\\\f;' -- g;\n; /* h; */ I // j";

    assert_eq!(
        statements(script).unwrap(),
        [
            vec![
                Token::Word("A".into()),
                Token::Name("b\"c; --".into()),
                Token::Symbol('='),
                Token::Text("d'e\\f;".into()),
            ],
            vec![Token::Word("I".into())],
        ]
    );
    assert_eq!(tokens("'open"), None);
    assert_eq!(tokens("$$ body $$"), None);
    assert_eq!(inner_names("\"A\".\"b.c\""), ["A", "b.c"]);
    assert_eq!(inner_names("192.0.2.7"), ["192.0.2.7"]);
}
