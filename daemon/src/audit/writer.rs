//! The file behind the audit log: chained JSON lines, mode 0600, numbered without a gap, rotated by size.
//! A line is written by one write(2); a torn one is cut off or closed, and said.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use patd_audit::{CURRENT, Chain, Head, LONGEST_LINE, Linked, OLDER, rotated};

use super::record::Event;

pub(super) struct Writer {
    folder: PathBuf,
    boot: String,
    file: File,
    size: u64,
    chain: Chain,
    /// Why what the file holds is looked at again before the next record.
    doubt: Option<Doubt>,
    unsynced: bool,
    /// Records that could not be written since the last that could.
    lost: u64,
    /// How old the newest record was, in seconds, that was last thrown away to make room.
    pub(super) thrown_away: Option<i64>,
    /// What somebody else did to the file, if anything was seen.
    pub(super) meddling: Option<&'static str>,
}

/// What may be wrong with the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doubt {
    /// A write or an fsync failed.
    Failed,
    /// Another file, or none, has its name.
    Moved,
    /// It is shorter than what was written.
    Cut,
}

impl Doubt {
    fn said(self) -> &'static str {
        match self {
            Self::Failed => "records could not be written for a while",
            Self::Moved => "the log was moved away while the daemon ran",
            Self::Cut => "the log was cut while the daemon ran",
        }
    }
}

impl Writer {
    pub(super) fn open(folder: &Path, boot: &str, at: i64) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let (file, found) = open_end(&folder.join(CURRENT))?;
        let (chain, is_good) = match Chain::after(&found.text) {
            Some(goes_on) => goes_on,
            None => before(folder, &found)?,
        };
        let mut writer = Self {
            folder: folder.to_owned(),
            boot: boot.to_owned(),
            file,
            size: found.size,
            chain,
            doubt: None,
            unsynced: false,
            lost: 0,
            thrown_away: None,
            meddling: None,
        };
        if found.was_torn {
            writer.append_now(at, &Event::Gap { what: TORN, lost: 0 }, true)?;
        }
        if !is_good {
            writer.meddling = Some(NOT_AS_WRITTEN);
            writer.append_now(at, &Event::Gap { what: NOT_AS_WRITTEN, lost: 0 }, true)?;
        }
        Ok(writer)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn append(&mut self, at: i64, event: &Event<'_>, sync: bool) -> io::Result<()> {
        let appended = self.prepare(at).and_then(|()| self.append_now(at, event, sync));
        if appended.is_err() {
            self.lost = self.lost.saturating_add(1);
        }
        appended
    }

    fn prepare(&mut self, at: i64) -> io::Result<()> {
        if let Some(doubt) = self.doubt {
            self.look_again(at, doubt)?;
        }
        if self.size >= ROTATE_AT {
            // What is half done is found out by the look again.
            self.rotate(at).inspect_err(|_| self.doubt = Some(Doubt::Failed))?;
        }
        Ok(())
    }

    fn append_now(&mut self, at: i64, event: &Event<'_>, sync: bool) -> io::Result<()> {
        let linked = self.chain.link(&written_time(at), &self.boot, event)?;
        if let Err(error) = self.put(&linked, sync) {
            self.doubt = Some(Doubt::Failed);
            // What was written of the line is taken back, so that the log stays whole.
            let _looked_at_again = self.file.set_len(self.size);
            return Err(error);
        }
        self.size = self.size.saturating_add(length(&linked.text));
        self.chain.took(&linked);
        Ok(())
    }

    fn put(&mut self, linked: &Linked, sync: bool) -> io::Result<()> {
        let written = self.file.write(&linked.text)?;
        if written != linked.text.len() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        if sync {
            return self.file.sync_data();
        }
        self.unsynced = true;
        Ok(())
    }

    /// Returns the file if something in it may not be on the disk yet, and what the last record of it is.
    pub(super) fn file_to_sync(&mut self) -> io::Result<(Option<File>, Option<Head>)> {
        let head = self.chain.head();
        if !std::mem::take(&mut self.unsynced) {
            return Ok((None, head));
        }
        self.file.try_clone().map(|file| (Some(file), head))
    }

    /// Says that what was written may not be there.
    pub(super) fn distrust(&mut self) {
        self.doubt = Some(Doubt::Failed);
    }

    /// Looks whether the file still has its name, and all that was written.
    pub(super) fn look(&mut self) {
        let named = std::fs::symlink_metadata(self.folder.join(CURRENT)).ok();
        let Ok(own) = self.file.metadata() else { return self.distrust() };
        let identity = |found: &std::fs::Metadata| (found.dev(), found.ino());
        let doubt = if named.as_ref().map(identity) != Some(identity(&own)) {
            Doubt::Moved
        } else if own.len() < self.size {
            Doubt::Cut
        } else {
            return;
        };
        if self.doubt.is_none() {
            tracing::error!(folder = %self.folder.display(), what = doubt.said(), "Audit log changed by somebody else");
            self.meddling = Some(doubt.said());
            self.doubt = Some(doubt);
        }
    }

    fn look_again(&mut self, at: i64, doubt: Doubt) -> io::Result<()> {
        let (file, found) = open_end(&self.folder.join(CURRENT))?;
        file.sync_data()?;
        self.file = file;
        self.size = found.size;
        // A record may be there of which it was not known whether it is.
        if let Some((chain, true)) = Chain::after(&found.text)
            && chain.next_seq() > self.chain.next_seq()
        {
            self.chain = chain;
        }
        self.append_now(at, &Event::Gap { what: doubt.said(), lost: self.lost }, true)?;
        (self.doubt, self.lost) = (None, 0);
        Ok(())
    }

    /// The new file is there before anything is moved, and nothing older than the first free number: trying again
    /// and again throws nothing away.
    fn rotate(&mut self, at: i64) -> io::Result<()> {
        self.file.sync_data()?;
        let next = self.folder.join(NEXT);
        let (file, _) = open_end(&next)?;
        file.set_len(0)?;
        let free = (1..=OLDER).find(|number| !self.folder.join(rotated(*number)).exists());
        let oldest = if free.is_none() { end_of(&self.folder.join(rotated(OLDER)))? } else { None };
        for number in (1..free.unwrap_or(OLDER)).rev() {
            let (from, to) = (rotated(number), rotated(number.saturating_add(1)));
            std::fs::rename(self.folder.join(from), self.folder.join(to))?;
        }
        std::fs::rename(self.folder.join(CURRENT), self.folder.join(rotated(1)))?;
        std::fs::rename(next, self.folder.join(CURRENT))?;
        self.file = file;
        self.size = 0;
        if let Some(text) = oldest {
            // Of a damaged one nobody knows how old it was: it counts as new.
            self.thrown_away = Some(at.saturating_sub(last_at_in(&text).unwrap_or(at)));
        }
        File::open(&self.folder)?.sync_all()
    }
}

/// Returns how the chain goes on where the current file has no record: after the file before it.
fn before(folder: &Path, found: &End) -> io::Result<(Chain, bool)> {
    let older = end_of(&folder.join(rotated(1)))?.unwrap_or_default();
    let (chain, is_good) = Chain::after(&older).unwrap_or((Chain::new(), older.is_empty()));
    Ok((chain, is_good && found.text.is_empty()))
}

struct End {
    size: u64,
    /// The last whole lines.
    text: Vec<u8>,
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
    let mut text = last_bytes(&mut file, found.len())?;
    let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at.saturating_add(1));
    let torn = text.len().saturating_sub(whole);
    let size = found.len().saturating_sub(u64::try_from(torn).unwrap_or(0));
    if torn > 0 {
        file.set_len(size)?;
    }
    text.truncate(whole);
    Ok((file, End { size, text, was_torn: torn > 0 }))
}

fn last_bytes(file: &mut File, size: u64) -> io::Result<Vec<u8>> {
    let most = u64::try_from(LONGEST_LINE).unwrap_or(u64::MAX);
    file.seek(SeekFrom::Start(size.saturating_sub(most)))?;
    let mut text = Vec::new();
    file.take(most).read_to_end(&mut text)?;
    Ok(text)
}

fn last_at_in(text: &[u8]) -> Option<i64> {
    /// What is read of a record again.
    #[derive(serde::Deserialize)]
    struct Written {
        at: jiff::Timestamp,
    }
    let line = text.split(|byte| *byte == b'\n').rfind(|line| !line.is_empty())?;
    let last: Written = serde_json::from_slice(line).ok()?;
    Some(last.at.as_second())
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

pub(super) fn written_time(at: i64) -> String {
    jiff::Timestamp::from_second(at).map_or_else(|_| at.to_string(), |at| at.to_string())
}

fn length(text: &[u8]) -> u64 {
    u64::try_from(text.len()).unwrap_or(u64::MAX)
}

const ROTATE_AT: u64 = 16 << 20;
/// Where the file is made that will be written to.
const NEXT: &str = "audit.jsonl.next";
const TORN: &str = "the last record was torn by a crash and cut off";
const NOT_AS_WRITTEN: &str = "the last record is not as it was written";

#[cfg(test)]
mod tests;
