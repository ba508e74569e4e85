//! The one adapter that prints an error with everything behind it.

use std::error::Error;

/// Returns the error's text followed by the text of each source, innermost last, without repetitions.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let layer = source.to_string();
        if !text.ends_with(&layer) {
            text.push_str(": ");
            text.push_str(&layer);
        }
        next = source.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::chain;
    use thiserror::Error;

    #[derive(Debug, Error)]
    #[error("outer")]
    struct Outer(#[source] Inner);

    #[derive(Debug, Error)]
    #[error("inner")]
    struct Inner;

    #[test]
    fn every_layer_is_printed_once() {
        assert_eq!(chain(&Outer(Inner)), "outer: inner");
        assert_eq!(chain(&std::io::Error::other(Inner)), "inner");
    }
}
