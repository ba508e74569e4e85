//! Pieces of text: what came from elsewhere made harmless for a terminal, colours, counted words.

/// Returns the text without control characters: a server's message must not steer a terminal.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect()
}

/// A colour of the terminal, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Colour {
    Plain,
    Good,
    Moving,
    Bad,
    Faint,
}

impl Colour {
    /// Returns the text in this colour.
    pub(crate) fn paint(self, text: &str, in_colour: bool) -> String {
        let code = match self {
            Self::Plain => return text.to_owned(),
            Self::Good => "32",
            Self::Moving => "33",
            Self::Bad => "31",
            Self::Faint => "2",
        };
        if in_colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// Returns `1 slot`, `2 slots`.
pub(crate) fn counted(count: usize, one: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {one}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_never_reach_the_terminal() {
        assert_eq!(plain("a\u{1b}[2Jb\r\nc\u{9b}d"), "a\u{fffd}[2Jb\u{fffd}\u{fffd}c\u{fffd}d");
    }

    #[test]
    fn colours_appear_only_where_they_are_wanted() {
        assert_eq!(Colour::Bad.paint("x", false), "x");
        assert_eq!(Colour::Bad.paint("x", true), "\u{1b}[31mx\u{1b}[0m");
    }
}
