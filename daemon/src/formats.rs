//! Formats of what is in the state folder: a file of a later one is refused before anything is written. The store's files
//! say theirs in their headers ([`crate::store`]); journal of leases and audit log say theirs where it is above 1.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use patd_audit::{CURRENT, LONGEST_LINE, rotated};
use serde::Deserialize;

/// A later version wrote it.
#[derive(Debug, thiserror::Error)]
#[error(
    "{} has format {format}, and this patd knows none above {known}; install a patd that is at least as new as \
     the one that wrote it{} (nothing was changed)", path.display(), other_way(*is_store)
)]
pub struct LaterFormat {
    /// Which file.
    pub path: PathBuf,
    /// Its format.
    pub format: u32,
    /// The highest known here.
    pub known: u32,
    /// Whether it is part of the store, which can be set aside. Nothing is gained by that for the other files.
    pub is_store: bool,
}

fn other_way(is_store: bool) -> &'static str {
    if is_store { ", or give the store up: patctl rebuild" } else { "" }
}

/// Looks at the files that are no part of the store. What cannot be read, or says nothing, is for those who open it.
///
/// # Errors
/// The first that is of a later format.
pub fn check(state: &Path) -> Result<(), LaterFormat> {
    let leases = state.join("leases.jsonl");
    let of_leases = first_line(&leases).ok();
    known(leases, of_leases.as_deref(), LEASES)?;
    let folder = state.join("audit");
    let files = [CURRENT.to_owned(), rotated(1)].map(|name| folder.join(name));
    // A file that was begun and holds no record yet goes on from the one before it.
    match files.into_iter().find_map(|path| Some((last_record(&path).ok()??, path))) {
        Some((line, path)) => known(path, Some(&line), patd_audit::FORMAT),
        None => Ok(()),
    }
}

#[derive(Deserialize)]
struct Said {
    format: Option<u32>,
}

fn known(path: PathBuf, line: Option<&[u8]>, known: u32) -> Result<(), LaterFormat> {
    let said = line.and_then(|line| serde_json::from_slice::<Said>(line).ok());
    match said.and_then(|said| said.format) {
        Some(format) if format > known => Err(LaterFormat { path, format, known, is_store: false }),
        Some(_) | None => Ok(()),
    }
}

fn first_line(path: &Path) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    BufReader::new(File::open(path)?).take(LONGEST).read_until(b'\n', &mut line)?;
    Ok(line)
}

/// Returns the last line that is whole; what follows it was cut off by a crash, and says nothing.
fn last_record(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let most = LONGEST.saturating_add(1).saturating_mul(2);
    let mut file = File::open(path)?;
    let len = file.metadata()?.len();
    file.seek(SeekFrom::Start(len.saturating_sub(most)))?;
    let mut end = Vec::new();
    file.take(most).read_to_end(&mut end)?;
    let mut lines = end.rsplit(|byte| *byte == b'\n');
    let _torn = lines.next();
    Ok(lines.find(|line| !line.is_empty()).map(<[u8]>::to_vec))
}

/// The format of `leases.jsonl`. From 2 on its first line is `{"format":2}`.
const LEASES: u32 = 1;
/// No line is longer.
const LONGEST: u64 = LONGEST_LINE as u64;

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    #[test]
    fn a_file_that_says_nothing_is_of_the_first_format() {
        let state = TempDir::new().unwrap();
        check(state.path()).unwrap();
        write(&state, "{\"boot\":\"b\"}\n", "{\"seq\":1}\n{\"seq\":2}\n");
        check(state.path()).unwrap();
        write(&state, "{\"format\":1}\n", "{\"seq\":1,\"format\":1}\n");
        check(state.path()).unwrap();
        write(&state, "", "no json\n");
        check(state.path()).unwrap();
    }

    #[test]
    fn a_later_format_is_refused_with_file_and_number() {
        let state = TempDir::new().unwrap();
        write(&state, "{\"format\":2}\n{\"boot\":\"b\"}\n", "");
        let of_leases = check(state.path()).unwrap_err();
        write(&state, "", "{\"seq\":1}\n{\"seq\":2,\"format\":3}\n");
        let of_audit = check(state.path()).unwrap_err();

        assert_eq!(
            (of_leases.path.file_name().unwrap(), of_leases.format),
            ("leases.jsonl".as_ref(), 2)
        );
        assert_eq!(
            (of_audit.path.file_name().unwrap(), of_audit.format),
            ("audit.jsonl".as_ref(), 3)
        );
        assert!(
            of_audit
                .to_string()
                .contains("has format 3, and this patd knows none above 1; install")
        );
        assert!(!of_audit.to_string().contains("rebuild"), "a new store would not help");
    }

    #[test]
    fn the_format_of_the_log_is_that_of_its_last_whole_record_wherever_that_is() {
        let state = TempDir::new().unwrap();
        let later = "{\"seq\":2,\"format\":2}\n";
        write(&state, "", &format!("{later}{{\"seq\":3,\"for"));
        check(state.path()).unwrap_err();
        let longest = "x".repeat(LONGEST_LINE);
        write(&state, "", &format!("{later}{longest}"));
        check(state.path()).unwrap_err();
        write(&state, "", &format!("{later}{{\"seq\":3}}\n"));
        check(state.path()).unwrap();

        fs::write(state.path().join("audit/audit.jsonl.1"), later).unwrap();
        check(state.path()).unwrap();
        for begun in ["", "{\"seq\":3,"] {
            write(&state, "", begun);
            let refused = check(state.path()).unwrap_err();
            assert_eq!(refused.path.file_name().unwrap(), "audit.jsonl.1");
        }
    }

    fn write(state: &TempDir, leases: &str, audit: &str) {
        fs::create_dir_all(state.path().join("audit")).unwrap();
        fs::write(state.path().join("leases.jsonl"), leases).unwrap();
        fs::write(state.path().join("audit/audit.jsonl"), audit).unwrap();
    }
}
