//! A test that cannot run here says so, aloud and in the list that the test runner keeps.

use std::io::Write as _;

/// Notes that a test was not run, and why.
#[allow(clippy::print_stderr, reason = "a skip says why; in unit tests the lint is off")]
pub(crate) fn skip(name: &str, reason: &str) {
    eprintln!("SKIPPED {name}: {reason}");
    if let Some(list) = std::env::var_os("PAT_BROKER_SKIPS") {
        let list = std::fs::OpenOptions::new().append(true).create(true).open(list);
        list.and_then(|mut list| writeln!(list, "{name}: {reason}")).unwrap();
    }
}
