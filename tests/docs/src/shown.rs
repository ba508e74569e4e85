//! Whether what was printed is what a document shows. Pure.

/// Whether these lines are what was printed: `…` alone stands for lines that were left out, inside a line for a part of it.
/// Empty lines count nowhere, and blanks at the end of a line neither.
pub fn is_shown_by(printed: &str, shown: &str) -> bool {
    let (printed, shown) = (lines(printed), lines(shown));
    lines_match(&printed, &shown)
}

fn lines(text: &str) -> Vec<&str> {
    text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect()
}

fn lines_match(printed: &[&str], shown: &[&str]) -> bool {
    match shown.split_first() {
        None => printed.is_empty(),
        Some((first, rest)) if first.trim() == "…" => {
            (0..=printed.len()).any(|left_out| lines_match(&printed[left_out..], rest))
        }
        Some((first, rest)) => match printed.split_first() {
            Some((line, others)) => line_matches(line, first) && lines_match(others, rest),
            None => false,
        },
    }
}

fn line_matches(printed: &str, shown: &str) -> bool {
    match shown.split_once('…') {
        None => printed == shown,
        Some((before, after)) => match printed.strip_prefix(before) {
            None => false,
            Some(rest) => {
                let mut places = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
                places.any(|at| line_matches(&rest[at..], after))
            }
        },
    }
}
