//! Writing keys and strings as TOML. Pushes onto a buffer of the caller's: what is written may be a secret.

/// Appends a key, quoted only if it must be.
pub(crate) fn push_key(text: &mut String, key: &str) {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !key.is_empty() && key.chars().all(is_bare) {
        text.push_str(key);
    } else {
        push_string(text, key);
    }
}

/// Appends a basic string, in at most [`LONGEST_ESCAPE`] bytes for each of the value's and two quotes.
pub(crate) fn push_string(text: &mut String, value: &str) {
    text.push('"');
    for c in value.chars() {
        match c {
            '"' | '\\' => {
                text.push('\\');
                text.push(c);
            }
            '\0'..='\u{1f}' | '\u{7f}' => {
                text.push_str("\\u00");
                let digit = |nibble: u32| char::from_digit(nibble, 16).unwrap_or('0');
                text.push(digit(u32::from(c) >> 4));
                text.push(digit(u32::from(c) & 0xf));
            }
            _ => text.push(c),
        }
    }
    text.push('"');
}

/// A control character is written as `\u0000`.
pub(crate) const LONGEST_ESCAPE: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_and_keys_are_escaped_as_the_reader_unescapes_them() {
        for value in ["plain", "a b", "q\"b\\s", "new\nline\ttab\u{7f}\0", "é😀", ""] {
            let mut text = String::new();
            push_key(&mut text, value);
            let line = format!("{text} = 1");

            let items = super::super::items(&line).unwrap();

            assert_eq!(items[0].path(), [value]);
        }
    }

    #[test]
    fn only_what_must_be_quoted_is_quoted() {
        let mut text = String::new();
        push_key(&mut text, "miguel_cli-2");
        push_key(&mut text, "a.b");

        assert_eq!(text, "miguel_cli-2\"a.b\"");
    }
}
