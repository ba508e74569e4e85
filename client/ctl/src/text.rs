//! Pieces of text: what came from elsewhere made harmless for a terminal, colours, counted words.

pub(crate) use pat_wire::text::{plain, steers};

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
    fn colours_appear_only_where_they_are_wanted() {
        assert_eq!(Colour::Bad.paint("x", false), "x");
        assert_eq!(Colour::Bad.paint("x", true), "\u{1b}[31mx\u{1b}[0m");
    }
}
