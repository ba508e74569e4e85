//! A skipped test says why, on standard error and in the file the test runner reads.

use std::fs::OpenOptions;
use std::io::Write;

/// Records that a test did not run. With CI=true the runner fails if `tests/skips.txt` does not list `name`.
pub fn skip(name: &str, reason: &str) {
    eprintln!("SKIPPED {name}: {reason}");
    if let Some(path) = std::env::var_os("PAT_BROKER_SKIPS") {
        let mut file =
            OpenOptions::new().append(true).create(true).open(path).expect("the skip file opens");
        writeln!(file, "{name}: {reason}").expect("the skip is recorded");
    }
}
