//! The place in a TOML text, with the steps over its smallest parts. `None` always means: not TOML here,
//! and the place is where the fault is.

/// How deep arrays and inline tables may be nested.
pub(super) const DEEPEST: usize = 64;

pub(super) struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Returns the text from there to here, without spaces around it.
    pub(super) fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or_default().trim()
    }

    pub(super) fn line(&self) -> usize {
        let before = self.text.get(..self.at).unwrap_or(self.text);
        before.matches('\n').count().saturating_add(1)
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn take(&mut self, wanted: char) -> Option<()> {
        (self.peek()? == wanted).then(|| self.forward(wanted.len_utf8()))
    }

    pub(super) fn skip_mark(&mut self) {
        let _ = self.take('\u{feff}');
    }

    pub(super) fn skip_spaces(&mut self) {
        self.skip_while(|c| c == ' ' || c == '\t');
    }

    /// Skips spaces, line ends and comments.
    pub(super) fn skip_blank_lines(&mut self) {
        loop {
            self.skip_while(|c| matches!(c, ' ' | '\t' | '\r' | '\n'));
            if self.peek() != Some('#') {
                return;
            }
            self.skip_while(|c| c != '\n');
        }
    }

    /// Demands that nothing but a comment follows on this line.
    pub(super) fn end_of_line(&mut self) -> Option<()> {
        self.skip_spaces();
        if self.peek() == Some('#') {
            self.skip_while(|c| c != '\n');
        }
        let _ = self.take('\r');
        if self.peek().is_none() { Some(()) } else { self.take('\n') }
    }

    pub(super) fn key(&mut self) -> Option<String> {
        match self.peek()? {
            '"' => self.quoted_key(),
            '\'' => {
                let start = self.at;
                self.skip_line_string('\'')?;
                let quoted = self.text.get(start..self.at)?;
                quoted.strip_prefix('\'')?.strip_suffix('\'').map(str::to_owned)
            }
            _ => {
                let start = self.at;
                self.skip_while(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
                self.text.get(start..self.at).filter(|key| !key.is_empty()).map(str::to_owned)
            }
        }
    }

    /// Skips any value but an inline table at the top, which its reader tells key by key.
    pub(super) fn skip_value(&mut self, depth: usize) -> Option<()> {
        if depth > DEEPEST {
            return None;
        }
        match self.peek()? {
            '"' => self.skip_string('"', "\"\"\""),
            '\'' => self.skip_string('\'', "'''"),
            '[' => self.skip_nested('[', ']', depth),
            '{' => self.skip_nested('{', '}', depth),
            _ => {
                let start = self.at;
                self.skip_while(|c| !matches!(c, ',' | ']' | '}' | '#' | '\r' | '\n' | '='));
                (!self.since(start).is_empty()).then_some(())
            }
        }
    }

    /// What is between the brackets is only stepped over, string by string: `a = 1` in an inline table of
    /// an array included.
    fn skip_nested(&mut self, open: char, close: char, depth: usize) -> Option<()> {
        self.take(open)?;
        loop {
            self.skip_blank_lines();
            if self.take(close).is_some() {
                return Some(());
            }
            if self.take(',').is_some() || self.take('=').is_some() {
                continue;
            }
            self.skip_value(depth.checked_add(1)?)?;
        }
    }

    fn skip_string(&mut self, quote: char, long: &str) -> Option<()> {
        if self.rest().starts_with(long) {
            self.skip_long_string(quote, long)
        } else {
            self.skip_line_string(quote)
        }
    }

    fn skip_line_string(&mut self, quote: char) -> Option<()> {
        let start = self.at;
        self.take(quote)?;
        loop {
            let c = self.peek().filter(|c| *c != '\n');
            let Some(c) = c else {
                // The fault is where the string starts.
                self.at = start;
                return None;
            };
            self.forward(c.len_utf8());
            if c == quote {
                return Some(());
            }
            if c == '\\' && quote == '"' {
                self.forward(self.peek()?.len_utf8());
            }
        }
    }

    fn skip_long_string(&mut self, quote: char, long: &str) -> Option<()> {
        self.forward(long.len());
        loop {
            if self.rest().starts_with(long) {
                self.forward(long.len());
                // Up to two quotes right before the closing ones belong to the text.
                let _ = self.take(quote).and_then(|()| self.take(quote));
                return Some(());
            }
            let c = self.peek()?;
            self.forward(c.len_utf8());
            if c == '\\' && quote == '"' {
                self.forward(self.peek()?.len_utf8());
            }
        }
    }

    fn quoted_key(&mut self) -> Option<String> {
        let start = self.at;
        self.skip_line_string('"')?;
        let quoted = self.text.get(start..self.at)?;
        let mut rest = quoted.strip_prefix('"')?.strip_suffix('"')?.chars();
        let mut key = String::new();
        while let Some(c) = rest.next() {
            key.push(if c == '\\' { escaped(&mut rest)? } else { c });
        }
        Some(key)
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn forward(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes).min(self.text.len());
    }

    fn skip_while(&mut self, wanted: impl Fn(char) -> bool) {
        let rest = self.rest();
        let end = rest.find(|c| !wanted(c)).unwrap_or(rest.len());
        self.forward(end);
    }
}

pub(super) fn escaped(rest: &mut std::str::Chars<'_>) -> Option<char> {
    Some(match rest.next()? {
        'b' => '\u{8}',
        't' => '\t',
        'n' => '\n',
        'f' => '\u{c}',
        'r' => '\r',
        'e' => '\u{1b}',
        c @ ('"' | '\\') => c,
        'x' => return coded(rest, 2),
        'u' => return coded(rest, 4),
        'U' => return coded(rest, 8),
        _ => return None,
    })
}

fn coded(rest: &mut std::str::Chars<'_>, digits: usize) -> Option<char> {
    let mut sum: u32 = 0;
    for _ in 0..digits {
        sum = sum.checked_mul(16)?.checked_add(rest.next()?.to_digit(16)?)?;
    }
    char::from_u32(sum)
}
