//! Text from elsewhere (a peer, a file, a server) on its way to a person's terminal or log.

/// Returns the text without what steers a terminal or turns the direction of writing, on one line.
pub fn plain(text: &str) -> String {
    text.chars().map(|c| if steers(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// Returns whether a character steers a terminal or turns text: control characters (line ends too), and the line
/// separators and direction marks of Unicode.
pub fn steers(c: char) -> bool {
    let is_mark = matches!(
        c,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    c.is_control() || is_mark
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_stays_on_its_line_and_commands_no_terminal() {
        let shown = plain("a\u{1b}[2Jb\r\nc\u{9b}d\u{202e}e\u{2028}f\u{7f}");

        assert_eq!(shown, "a\u{fffd}[2Jb\u{fffd}\u{fffd}c\u{fffd}d\u{fffd}e\u{fffd}f\u{fffd}");
        assert_eq!(plain("Größe 漢字"), "Größe 漢字");
    }
}
