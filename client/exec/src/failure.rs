//! How the wrapper ends when it cannot become the child: an exit code that scripts know and one line on
//! stderr that says what happened and what to do next.

use std::fmt::Display;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use pat_wire::text::plain;

/// A fault of the wrapper itself, or a program that cannot be run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    code: u8,
    text: String,
}

impl Failure {
    /// The wrapper's own fault: exit code 125.
    pub(crate) fn own(text: impl Into<String>) -> Self {
        Self { code: 125, text: text.into() }
    }

    /// The wrapper's own fault, with what the system said: exit code 125.
    pub(crate) fn system(doing: impl Display, error: impl Display) -> Self {
        Self::own(format!("{doing}: {error}"))
    }

    /// The program exists and cannot be run: exit code 126, as in the shell.
    pub(crate) fn not_executable(text: impl Into<String>) -> Self {
        Self { code: 126, text: text.into() }
    }

    /// There is no such program: exit code 127, as in the shell.
    pub(crate) fn not_found(text: impl Into<String>) -> Self {
        Self { code: 127, text: text.into() }
    }

    /// Adds a sentence.
    pub(crate) fn and(mut self, text: &str) -> Self {
        self.text.push_str("; ");
        self.text.push_str(text);
        self
    }

    /// Says it on stderr and returns the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        say(&self.text);
        ExitCode::from(self.code)
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

/// Writes one line to stderr, whatever the names in it are: they come from files, arguments and brokers.
pub(crate) fn say(text: &str) {
    // A closed stderr is no reason to stop.
    let _ = std::io::stderr().write_all(format!("pat-exec: {}\n", plain(text)).as_bytes());
}

/// Returns a path as it is said: without the middle, if it is long.
pub(crate) fn shown(path: &Path) -> String {
    let text = path.to_string_lossy();
    let start = text.floor_char_boundary(HALF);
    let end = text.ceil_char_boundary(text.len().saturating_sub(HALF));
    match (text.get(..start), text.get(end..)) {
        (Some(first), Some(last)) if start < end => [first, "...", last].concat(),
        _ => text.into_owned(),
    }
}

const HALF: usize = 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_path_is_said_without_its_middle() {
        let (first, last) = ("é".repeat(HALF / 2), "x".repeat(HALF));
        let long = format!("{first}é{last}");

        assert_eq!(shown(Path::new(&long)), format!("{first}...{last}"));
        assert_eq!(shown(Path::new(&long[2..])), &long[2..]);
    }
}
