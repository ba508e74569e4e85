//! Text that came from elsewhere, on one line: names of users and policies may hold line breaks and worse.

use crate::sql::is_invisible;

/// Returns a text in which nothing breaks the line, commands the terminal or hides.
pub(super) fn said(text: &str) -> String {
    let shown = |character: char| match character {
        c if c.is_control() || is_invisible(c) => '\u{fffd}',
        c => c,
    };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_breaks_the_line_or_turns_it_around() {
        assert_eq!(
            said("A\nB\r\u{85}\u{2028}\u{202e}C\u{1b}[2J"),
            "A\u{fffd}B\u{fffd}\u{fffd}\u{fffd}\u{fffd}C\u{fffd}[2J"
        );
        assert_eq!(said("naïve 名"), "naïve 名");
    }
}
