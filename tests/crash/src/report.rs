//! What the tests print: the recorded calls, and counts in words.

/// Returns the calls in their order, one line each; a call that repeats at once has its count.
pub fn calls(calls: &[String]) -> String {
    let mut lines: Vec<(&str, usize)> = Vec::new();
    for call in calls {
        match lines.last_mut() {
            Some((last, count)) if last == call => *count += 1,
            _ => lines.push((call, 1)),
        }
    }
    let line = |(call, count): &(&str, usize)| match count {
        1 => format!("  {call}\n"),
        _ => format!("  {call}  × {count}\n"),
    };
    lines.iter().map(line).collect()
}
