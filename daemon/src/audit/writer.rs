//! The file behind the audit log: JSON lines, mode 0600, numbered without a gap, rotated by size.
//! A line is written by one write(2); a torn one is cut off or closed, and said.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::record::Event;

pub(super) struct Writer {
    folder: PathBuf,
    boot: String,
    file: File,
    size: u64,
    next_seq: u64,
    /// A write or an fsync failed: what the file holds is looked at again before the next record.
    distrusted: bool,
    unsynced: bool,
    /// How old the newest record was, in seconds, that was last thrown away to make room.
    pub(super) thrown_away: Option<i64>,
}

#[derive(Serialize)]
struct Line<'a> {
    seq: u64,
    at: String,
    boot: &'a str,
    #[serde(flatten)]
    event: &'a Event<'a>,
}

impl Writer {
    pub(super) fn open(folder: &Path, boot: &str, at: i64) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let (file, found) = open_end(&folder.join(CURRENT))?;
        let next_seq = match found.last_seq {
            Some(seq) => seq.saturating_add(1),
            None => {
                let before = end_of(&folder.join(rotated(1)))?;
                let last = before.and_then(|text| last_seq_in(&text));
                last.map_or(1, |seq| seq.saturating_add(1))
            }
        };
        let mut writer = Self {
            folder: folder.to_owned(),
            boot: boot.to_owned(),
            file,
            size: found.size,
            next_seq,
            distrusted: false,
            unsynced: false,
            thrown_away: None,
        };
        if found.was_torn {
            writer.append_now(at, &Event::Gap { what: TORN }, true)?;
        }
        Ok(writer)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn append(&mut self, at: i64, event: &Event<'_>, sync: bool) -> io::Result<()> {
        if self.distrusted {
            self.look_again(at)?;
        }
        if self.size >= ROTATE_AT {
            self.rotate(at)?;
        }
        self.append_now(at, event, sync)
    }

    fn append_now(&mut self, at: i64, event: &Event<'_>, sync: bool) -> io::Result<()> {
        let line = Line { seq: self.next_seq, at: written_time(at), boot: &self.boot, event };
        let mut text = serde_json::to_vec(&line)?;
        text.push(b'\n');
        if let Err(error) = self.put(&text, sync) {
            self.distrusted = true;
            // What was written of the line is taken back, so that the log stays whole.
            let _looked_at_again = self.file.set_len(self.size);
            return Err(error);
        }
        self.size = self.size.saturating_add(u64::try_from(text.len()).unwrap_or(u64::MAX));
        self.next_seq = self.next_seq.saturating_add(1);
        Ok(())
    }

    fn put(&mut self, text: &[u8], sync: bool) -> io::Result<()> {
        let written = self.file.write(text)?;
        if written != text.len() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        if sync {
            return self.file.sync_data();
        }
        self.unsynced = true;
        Ok(())
    }

    /// Returns the file if something in it may not be on the disk yet.
    pub(super) fn file_to_sync(&mut self) -> io::Result<Option<File>> {
        if !std::mem::take(&mut self.unsynced) {
            return Ok(None);
        }
        self.file.try_clone().map(Some)
    }

    /// Says that what was written may not be there.
    pub(super) fn distrust(&mut self) {
        self.distrusted = true;
    }

    fn look_again(&mut self, at: i64) -> io::Result<()> {
        let (file, found) = open_end(&self.folder.join(CURRENT))?;
        file.sync_data()?;
        self.file = file;
        self.size = found.size;
        self.append_now(at, &Event::Gap { what: FAILED }, true)?;
        self.distrusted = false;
        Ok(())
    }

    fn rotate(&mut self, at: i64) -> io::Result<()> {
        self.file.sync_data()?;
        let oldest = end_of(&self.folder.join(rotated(KEPT)))?;
        for number in (1..KEPT).rev() {
            let from = self.folder.join(rotated(number));
            match std::fs::rename(&from, self.folder.join(rotated(number.saturating_add(1)))) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        std::fs::rename(self.folder.join(CURRENT), self.folder.join(rotated(1)))?;
        let (file, found) = open_end(&self.folder.join(CURRENT))?;
        self.file = file;
        self.size = found.size;
        if let Some(text) = oldest {
            // Of a damaged one nobody knows how old it was: it counts as new.
            self.thrown_away = Some(at.saturating_sub(last_at_in(&text).unwrap_or(at)));
        }
        File::open(&self.folder)?.sync_all()
    }
}

/// Returns the last `limit` lines of the log, oldest first, across one rotation.
pub(super) fn newest(folder: &Path, limit: usize) -> io::Result<Vec<String>> {
    let mut lines = tail(&folder.join(CURRENT), limit)?;
    let missing = limit.saturating_sub(lines.len());
    if missing > 0 {
        let mut older = tail(&folder.join(rotated(1)), missing)?;
        older.append(&mut lines);
        lines = older;
    }
    Ok(lines)
}

struct End {
    size: u64,
    last_seq: Option<u64>,
    was_torn: bool,
}

/// Opens the log at its end; a last line without its newline is cut off.
fn open_end(path: &Path) -> io::Result<(File, End)> {
    let mut file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .mode(0o600)
        .custom_flags(nix::libc::O_NOFOLLOW)
        .open(path)?;
    let found = file.metadata()?;
    if !found.is_file() {
        return Err(io::Error::other("the audit log is not a regular file"));
    }
    let text = last_bytes(&mut file, found.len())?;
    let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at.saturating_add(1));
    let torn = text.len().saturating_sub(whole);
    let size = found.len().saturating_sub(u64::try_from(torn).unwrap_or(0));
    if torn > 0 {
        file.set_len(size)?;
    }
    let last_seq = text.get(..whole).and_then(last_seq_in);
    Ok((file, End { size, last_seq, was_torn: torn > 0 }))
}

fn last_bytes(file: &mut File, size: u64) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(size.saturating_sub(LONGEST_LINE)))?;
    let mut text = Vec::new();
    file.take(LONGEST_LINE).read_to_end(&mut text)?;
    Ok(text)
}

/// What is read of a record again.
#[derive(serde::Deserialize)]
struct Written {
    seq: u64,
    at: String,
}

fn last_in(text: &[u8]) -> Option<Written> {
    let line = text.split(|byte| *byte == b'\n').rfind(|line| !line.is_empty())?;
    serde_json::from_slice(line).ok()
}

fn last_seq_in(text: &[u8]) -> Option<u64> {
    last_in(text).map(|last| last.seq)
}

fn last_at_in(text: &[u8]) -> Option<i64> {
    let at: jiff::Timestamp = last_in(text)?.at.parse().ok()?;
    Some(at.as_second())
}

/// Returns the last bytes of a file, if there is such a file.
fn end_of(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let size = file.metadata()?.len();
    last_bytes(&mut file, size).map(Some)
}

fn tail(path: &Path, limit: usize) -> io::Result<Vec<String>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut newest = std::collections::VecDeque::with_capacity(limit.min(1_000));
    for line in BufReader::new(file).lines() {
        if newest.len() == limit {
            newest.pop_front();
        }
        newest.push_back(line?);
    }
    newest.truncate(limit);
    Ok(newest.into())
}

pub(super) fn written_time(at: i64) -> String {
    jiff::Timestamp::from_second(at).map_or_else(|_| at.to_string(), |at| at.to_string())
}

fn rotated(number: u32) -> String {
    format!("{CURRENT}.{number}")
}

const CURRENT: &str = "audit.jsonl";
const ROTATE_AT: u64 = 16 << 20;
/// Older files are the site's to ship away: 8 × 16 MiB stay.
const KEPT: u32 = 8;
/// Far above any record: all fields are bounded.
const LONGEST_LINE: u64 = 64 << 10;
const TORN: &str = "the last record was torn by a crash and cut off";
const FAILED: &str = "records could not be written for a while";

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn lines(folder: &Path) -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(folder.join(CURRENT)).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn records_are_numbered_on_across_a_restart_and_private() {
        let folder = tempfile::tempdir().unwrap();
        Writer::open(folder.path(), "b", 0).unwrap().append(0, &Event::Stop, false).unwrap();
        Writer::open(folder.path(), "b", 0).unwrap().append(1, &Event::Stop, false).unwrap();

        let lines = lines(folder.path());
        assert_eq!(lines[0]["seq"], 1);
        assert_eq!(lines[1]["seq"], 2);
        assert_eq!(lines[1]["at"], "1970-01-01T00:00:01Z");
        let mode = std::fs::metadata(folder.path().join(CURRENT)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_torn_last_record_is_cut_off_and_said() {
        let folder = tempfile::tempdir().unwrap();
        Writer::open(folder.path(), "b", 0).unwrap().append(0, &Event::Stop, false).unwrap();
        let mut file = OpenOptions::new().append(true).open(folder.path().join(CURRENT)).unwrap();
        file.write_all(b"{\"seq\":2,\"at").unwrap();

        Writer::open(folder.path(), "b", 0).unwrap();

        let lines = lines(folder.path());
        assert_eq!(lines.len(), 2);
        assert_eq!((&lines[1]["event"], &lines[1]["seq"]), (&"gap".into(), &2.into()));
    }

    #[test]
    fn a_full_disk_refuses_the_record_and_writing_goes_on_when_there_is_room() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = Writer::open(folder.path(), "b", 0).unwrap();
        writer.append(0, &Event::Stop, false).unwrap();
        writer.file = OpenOptions::new().append(true).open("/dev/full").unwrap();

        assert!(writer.append(1, &Event::Stop, false).is_err());
        writer.append(2, &Event::Stop, false).unwrap();

        let events: Vec<_> =
            lines(folder.path()).iter().map(|line| line["event"].clone()).collect();
        assert_eq!(events, ["stop", "gap", "stop"]);
    }

    #[test]
    fn a_large_log_is_rotated_and_numbering_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = Writer::open(folder.path(), "b", 0).unwrap();
        writer.append(0, &Event::Stop, false).unwrap();
        writer.size = ROTATE_AT;

        writer.append(1, &Event::Stop, false).unwrap();
        drop(writer);
        std::fs::remove_file(folder.path().join(CURRENT)).unwrap();
        let writer = Writer::open(folder.path(), "b", 0).unwrap();

        assert_eq!(writer.next_seq, 2, "continued from the rotated file");
        assert_eq!(newest(folder.path(), 10).unwrap().len(), 1);
    }

    #[test]
    fn what_a_rotation_throws_away_is_known_by_its_age() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = Writer::open(folder.path(), "b", 0).unwrap();
        let mut full_at = |at| {
            writer.size = ROTATE_AT;
            writer.append(at, &Event::Stop, false).unwrap();
            writer.thrown_away.take()
        };
        // The first makes room for itself in an empty log: nothing is in the file that goes last.
        for at in 0..i64::from(KEPT) {
            assert_eq!(full_at(at), None, "there was room for the file of {at}");
        }
        let _empty = full_at(100);

        assert_eq!(full_at(1_000), Some(1_000), "the record of second 0");
        assert_eq!(full_at(1_000), Some(999), "the record of second 1");
    }

    #[test]
    fn the_newest_records_come_oldest_first() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = Writer::open(folder.path(), "b", 0).unwrap();
        for at in 0..5 {
            writer.append(at, &Event::Stop, false).unwrap();
        }
        let newest = newest(folder.path(), 2).unwrap();
        assert!(newest[0].contains("\"seq\":4") && newest[1].contains("\"seq\":5"));
    }
}
