//! What a message may not show of what it is about.

use std::error::Error;

/// A text that stands for a secret in the corpus: no message may have it.
pub const CANARY: &str = "do-not-show-this";

/// Returns the first run of `length` characters that a message has in common with an input, other than by its own words.
pub fn quoted<'m>(message: &'m str, input: &str, own: &[String], length: usize) -> Option<&'m str> {
    let starts = message.char_indices().map(|(at, _)| at);
    let runs = starts.filter_map(|at| {
        let end =
            message[at..].char_indices().nth(length).map_or(message.len(), |(end, _)| at + end);
        Some(&message[at..end]).filter(|run| run.chars().count() == length)
    });
    let mut runs = runs.filter(|run| input.contains(run));
    runs.find(|run| !own.iter().any(|words| words.contains(run)))
}

/// Returns a message with `#` for each number, to compare it with what may be said.
pub fn without_numbers(message: &str) -> String {
    let mut shape = String::new();
    for c in message.chars() {
        if !c.is_ascii_digit() {
            shape.push(c);
        } else if !shape.ends_with('#') {
            shape.push('#');
        }
    }
    shape
}

/// Returns an error with everything behind it.
pub fn chain(error: &dyn Error) -> String {
    let mut said = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        said = format!("{said}: {cause}");
        source = cause.source();
    }
    said
}

/// Panics unless the text is one line that steers no terminal.
pub fn assert_plain(text: &str) {
    assert_eq!(pat_wire::text::plain(text), text, "a message steers the terminal: {text:?}");
}
