//! The files of a log, in a folder of the daemon's or in a copy of one: found, opened safely, read line by line.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use nix::libc;
use pat_wire::admin::LogFilter;

use crate::LONGEST_LINE;
use crate::hash::Head;
use crate::pick::is_picked;
use crate::proof::{Proof, Prover};

/// The file that is written to.
pub const CURRENT: &str = "audit.jsonl";
/// How many older ones stay beside it.
pub const OLDER: u32 = 8;

/// Returns the name of an older file: 1 is the last before the current one.
pub fn rotated(number: u32) -> String {
    format!("{CURRENT}.{number}")
}

/// The open files of a log, the newest first.
pub struct Log {
    files: Vec<(String, File)>,
}

impl Log {
    /// Opens the files that are there. Newest first: one that is renamed meanwhile is met again under its next name,
    /// and known by its inode.
    ///
    /// # Errors
    /// If one is there and cannot be read, or is no regular file: who owns the folder may have put anything there.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let mut log = Self { files: Vec::new() };
        let mut seen = Vec::new();
        let names = std::iter::once(CURRENT.to_owned()).chain((1..=OLDER).map(rotated));
        for name in names {
            let file = match opened(&folder.join(&name)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                opened => opened?,
            };
            let found = file.metadata()?;
            let identity = (found.dev(), found.ino());
            if !seen.contains(&identity) {
                seen.push(identity);
                log.files.push((name, file));
            }
        }
        Ok(log)
    }

    /// Returns whether there is no file.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Proves the log, and that these heads are in it.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn prove(self, heads: &[Head]) -> io::Result<Proof> {
        let mut prover = Prover::new(heads);
        for (name, file) in self.files.into_iter().rev() {
            prover.begin(&name);
            each_line(file, |line| prover.line(line))?;
        }
        Ok(prover.finish())
    }

    /// Returns the newest `limit` records that the filter picks, oldest first.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn newest(self, filter: &LogFilter, limit: usize) -> io::Result<Vec<String>> {
        let mut picked: VecDeque<String> = VecDeque::new();
        for (_, file) in self.files {
            let missing = limit.saturating_sub(picked.len());
            if missing == 0 {
                break;
            }
            let mut older = VecDeque::new();
            each_line(file, |line| {
                let line = line.trim_ascii_end();
                if is_picked(filter, line) {
                    if older.len() == missing {
                        older.pop_front();
                    }
                    older.push_back(String::from_utf8_lossy(line).into_owned());
                }
            })?;
            older.append(&mut picked);
            picked = older;
        }
        Ok(picked.into())
    }
}

/// Never a symlink's target, and never waiting for a pipe's other end.
fn opened(path: &Path) -> io::Result<File> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if !file.metadata()?.is_file() {
        let message = format!("{} is no regular file", path.display());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    Ok(file)
}

/// Takes each line with its end. Of a line that is too long the first part is taken, which is no record. A last line
/// without an end may be one that is being written just now: it is waited for, for a moment.
fn each_line(file: File, mut take: impl FnMut(&[u8])) -> io::Result<()> {
    let mut reader = BufReader::with_capacity(LONGEST_LINE, file);
    let mut line = Vec::new();
    let mut attempts = 0;
    loop {
        let most = LONGEST_LINE.saturating_add(2).saturating_sub(line.len());
        let read = reader
            .by_ref()
            .take(u64::try_from(most).unwrap_or(u64::MAX))
            .read_until(b'\n', &mut line)?;
        let is_whole = line.last() == Some(&b'\n');
        if read == 0 && !is_whole && !line.is_empty() && attempts < ATTEMPTS {
            attempts = attempts.saturating_add(1);
            std::thread::yield_now();
            continue;
        }
        if line.is_empty() {
            return Ok(());
        }
        if is_whole || read == 0 {
            take(&line);
            line.clear();
        } else if line.len() > LONGEST_LINE {
            line.push(b'\n');
            take(&line);
            line.clear();
            skip_line(&mut reader)?;
        }
    }
}

fn skip_line(reader: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffer = reader.fill_buf()?;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let used = end.map_or(buffer.len(), |end| end.saturating_add(1));
        reader.consume(used);
        if end.is_some() || used == 0 {
            return Ok(());
        }
    }
}

const ATTEMPTS: u32 = 100;

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;

    use super::*;
    use crate::chain::Chain;
    use crate::proof::What;

    /// Writes so many records into each file, the oldest first.
    fn written(folder: &Path, files: &[&str], records: usize) {
        let mut chain = Chain::new();
        for name in files {
            let mut text = Vec::new();
            for _ in 0..records {
                let linked =
                    chain.link("2026-11-22T10:00:00Z", "b", &json!({ "event": "stop" })).unwrap();
                chain.took(&linked);
                text.extend(linked.text);
            }
            fs::write(folder.join(name), text).unwrap();
        }
    }

    fn seqs(lines: &[String]) -> Vec<u64> {
        let seq = |line: &String| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["seq"].as_u64()
        };
        lines.iter().map(|line| seq(line).unwrap()).collect()
    }

    #[test]
    fn the_newest_records_come_oldest_first_across_files() {
        let folder = tempfile::tempdir().unwrap();
        written(folder.path(), &["audit.jsonl.2", "audit.jsonl.1", "audit.jsonl"], 2);
        let newest = |limit| {
            seqs(&Log::open(folder.path()).unwrap().newest(&LogFilter::default(), limit).unwrap())
        };
        assert_eq!(newest(1), [6]);
        assert_eq!(newest(5), [2, 3, 4, 5, 6]);
        assert_eq!(newest(100), [1, 2, 3, 4, 5, 6]);
        assert_eq!(newest(0), Vec::<u64>::new());
    }

    #[test]
    fn a_folder_is_proven_over_all_its_files() {
        let folder = tempfile::tempdir().unwrap();
        let files = ["audit.jsonl.10", "audit.jsonl.2", "audit.jsonl.1", "audit.jsonl"];
        written(folder.path(), &files, 3);
        let proof = Log::open(folder.path()).unwrap().prove(&[]).unwrap();
        assert_eq!((proof.first, proof.records, proof.fault), (Some(4), 9, None));

        fs::remove_file(folder.path().join("audit.jsonl.1")).unwrap();
        let fault = Log::open(folder.path()).unwrap().prove(&[]).unwrap().fault.unwrap();
        assert_eq!((fault.file.as_str(), fault.line), ("audit.jsonl", 1));
    }

    #[test]
    fn a_file_that_is_met_again_under_its_next_name_is_read_once() {
        let folder = tempfile::tempdir().unwrap();
        written(folder.path(), &["audit.jsonl"], 3);
        fs::hard_link(folder.path().join("audit.jsonl"), folder.path().join("audit.jsonl.1"))
            .unwrap();
        let proof = Log::open(folder.path()).unwrap().prove(&[]).unwrap();
        assert_eq!((proof.records, proof.fault), (3, None));
    }

    #[test]
    fn neither_a_link_nor_a_pipe_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        std::os::unix::fs::symlink("/etc/passwd", &path).unwrap();
        assert!(Log::open(folder.path()).is_err());
        fs::remove_file(&path).unwrap();
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert!(Log::open(folder.path()).is_err());
    }

    #[test]
    fn a_line_without_an_end_takes_no_memory_and_is_a_fault() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        File::create(&path).unwrap().set_len(32 << 20).unwrap();
        let fault = Log::open(folder.path()).unwrap().prove(&[]).unwrap().fault.unwrap();
        assert_eq!((fault.line, fault.what), (1, What::Unreadable));

        written(folder.path(), &["audit.jsonl"], 2);
        let mut text = fs::read(&path).unwrap();
        let long = [&[b'x'; 3 * LONGEST_LINE][..], b"\n"].concat();
        text.splice(0..0, long);
        fs::write(&path, text).unwrap();
        let proof = Log::open(folder.path()).unwrap().prove(&[]).unwrap();
        assert_eq!((proof.records, proof.last.unwrap().seq), (3, 2), "read on after it");
    }
}
