//! The leases on disk, so that a restarted daemon finds its holders again: an append-only file of JSON lines.
//! Not fsynced: it matters only within one boot, and the page cache outlives the daemon.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::table::{Ends, Holder, Lease, LeaseId, Leases, Terms};
use patd_core::names::{Account, Generation, SlotId, User};
use serde::{Deserialize, Serialize};

/// The journal cannot be kept, so that holders would be forgotten by a restart.
#[derive(Debug, thiserror::Error)]
#[error("the journal of leases {} cannot be {doing}; check the folder: namei -l {}", path.display(), path.display())]
pub struct JournalError {
    path: PathBuf,
    doing: &'static str,
    #[source]
    source: io::Error,
}

/// The open file, and how much of it is history.
pub(super) struct Journal {
    path: PathBuf,
    boot: String,
    file: File,
    lines: usize,
    /// A line is missing, and nothing in the file says so yet.
    is_short: bool,
}

/// An open lease as it is written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stored {
    id: LeaseId,
    account: Account,
    user: User,
    generation: Generation,
    uid: u32,
    pid: i32,
    start_time: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    terms: Option<Terms>,
}

/// What became of a holder of before.
enum Found {
    /// It lives, and this stands for its process; none if the kernel would not say.
    Lives(Stored, Option<OwnedFd>),
    Ended(Stored),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Line {
    /// The first, from format 2 on: a later one was refused at the start.
    Format(u32),
    Boot(String),
    Opened(Stored),
    Ended(LeaseId),
}

/// What a journal says about the time before a restart.
struct Before {
    open: HashMap<LeaseId, Stored>,
    /// No process outlives a boot.
    is_of_this_boot: bool,
    /// Lines of this boot that could not be understood: there may be holders nobody knows of.
    is_damaged: bool,
}

impl Leases {
    /// Opens the journal at `path` and finds the holders of before again. `alive` names the generations that
    /// exist: if the journal is damaged, each of them counts as held.
    ///
    /// # Errors
    /// If no journal can be kept.
    pub fn restore_from(
        path: &Path,
        boot: &str,
        alive: &[(SlotId, Generation)],
        most: usize,
    ) -> Result<(Arc<Self>, Ends), JournalError> {
        let before = read(path, boot).map_err(|source| JournalError {
            path: path.to_owned(),
            doing: "read",
            source,
        })?;
        let (mut kept, mut ended) = (Vec::new(), Vec::new());
        for stored in before.open.into_values() {
            match stored.looked_for(before.is_of_this_boot) {
                Found::Lives(stored, pidfd) => kept.push((stored, pidfd)),
                Found::Ended(stored) => ended.push(stored),
            }
        }
        let journal = Journal::write(path, boot, kept.iter().map(|(stored, _)| stored))
            .map_err(|source| JournalError { path: path.to_owned(), doing: "written", source })?;
        let (table, ends) = Self::over(journal, most);
        for (stored, pidfd) in kept {
            table.restore(stored.lease(), Some(stored.holder()), pidfd);
        }
        for stored in ended {
            table.ended_before(stored.lease());
        }
        if before.is_damaged {
            tracing::warn!(path = %path.display(), "Journal of leases damaged, every generation counts as held");
            hold_all(&table, alive);
        }
        Ok((table, ends))
    }
}

fn hold_all(table: &Arc<Leases>, alive: &[(SlotId, Generation)]) {
    for (slot, generation) in alive {
        let Some(id) = LeaseId::fresh() else { continue };
        let slot = Arc::new(slot.clone());
        table.restore(
            Lease { id, slot, generation: *generation, uid: NOBODYS, terms: None },
            None,
            None,
        );
    }
}

impl Stored {
    pub(super) fn of(lease: &Lease, holder: Holder) -> Self {
        let Holder { pid, start_time } = holder;
        Self {
            id: lease.id.clone(),
            account: lease.slot.account.clone(),
            user: lease.slot.user.clone(),
            generation: lease.generation,
            uid: lease.uid,
            pid,
            start_time,
            terms: lease.terms.clone(),
        }
    }

    fn holder(&self) -> Holder {
        Holder { pid: self.pid, start_time: self.start_time }
    }

    fn lease(&self) -> Lease {
        let slot = SlotId { account: self.account.clone(), user: self.user.clone() };
        Lease {
            id: self.id.clone(),
            slot: Arc::new(slot),
            generation: self.generation,
            uid: self.uid,
            terms: self.terms.clone(),
        }
    }

    /// Looks for its process. One that cannot be told from a later one with the same id counts as the holder until
    /// it ends.
    fn looked_for(self, is_of_this_boot: bool) -> Found {
        if !is_of_this_boot {
            return Found::Ended(self);
        }
        let pidfd = match crate::os::pidfd_open(self.pid) {
            Ok(pidfd) => pidfd,
            Err(error) if error.raw_os_error() == Some(nix::libc::ESRCH) => {
                return Found::Ended(self);
            }
            Err(_) => return Found::Lives(self, None),
        };
        // One that its parent has not waited for still has its number.
        if matches!(crate::os::has_ended(&pidfd), Ok(true)) {
            return Found::Ended(self);
        }
        match (self.start_time, crate::peer::start_time(self.pid)) {
            (Some(then), Some(now)) if then != now => Found::Ended(self),
            (_, _) => Found::Lives(self, Some(pidfd)),
        }
    }
}

impl Journal {
    pub(super) fn write<'a>(
        path: &Path,
        boot: &str,
        open: impl Iterator<Item = &'a Stored>,
    ) -> io::Result<Self> {
        let fresh = path.with_extension("new");
        let mut text = line(&Line::Boot(boot.to_owned()))?;
        let mut lines = 1_usize;
        for stored in open {
            text.extend(line(&Line::Opened(stored.clone()))?);
            lines = lines.saturating_add(1);
        }
        let mut options = OpenOptions::new();
        options.create(true).append(true).mode(0o600).custom_flags(nix::libc::O_NOFOLLOW);
        let mut file = options.open(&fresh)?;
        file.set_len(0)?;
        file.write_all(&text)?;
        std::fs::rename(&fresh, path)?;
        Ok(Self { path: path.to_owned(), boot: boot.to_owned(), file, lines, is_short: false })
    }

    pub(super) fn opened(&mut self, stored: &Stored) {
        self.append(&Line::Opened(stored.clone()));
    }

    /// Notes an end; `open` leases remain. History is dropped once it outweighs them.
    pub(super) fn ended(&mut self, id: &LeaseId, open: usize) {
        self.append(&Line::Ended(id.clone()));
        if self.lines > open.saturating_mul(8).saturating_add(4_096) {
            self.compact();
        }
    }

    fn compact(&mut self) {
        if self.is_short {
            return;
        }
        let Ok(before) = read(&self.path, &self.boot) else { return };
        if before.is_damaged {
            return;
        }
        if let Ok(shorter) = Self::write(&self.path, &self.boot, before.open.values()) {
            *self = shorter;
        }
    }

    /// A line that cannot be written damages the journal on purpose, as soon as anything can be written: after a restart
    /// all counts as held.
    fn append(&mut self, what: &Line) {
        self.own_up();
        let written = line(what).and_then(|text| self.file.write_all(&text));
        self.lines = self.lines.saturating_add(1);
        if let Err(error) = written {
            tracing::error!(path = %self.path.display(), error = %error, "Journal of leases not written");
            self.is_short = true;
            self.own_up();
        }
    }

    fn own_up(&mut self) {
        if self.is_short && self.file.write_all(b"\ndamaged\n").is_ok() {
            self.is_short = false;
        }
    }
}

fn read(path: &Path, boot: &str) -> io::Result<Before> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => "damaged".to_owned(),
        Err(error) => return Err(error),
    };
    let mut before = Before { open: HashMap::new(), is_of_this_boot: false, is_damaged: false };
    let mut is_of_this_boot = None;
    for text in text.lines() {
        match serde_json::from_str(text) {
            Ok(Line::Format(_)) => {}
            Ok(Line::Boot(id)) => is_of_this_boot = Some(id == boot),
            Ok(Line::Opened(stored)) => {
                before.open.insert(stored.id.clone(), stored);
            }
            Ok(Line::Ended(id)) => {
                before.open.remove(&id);
            }
            Err(_) => before.is_damaged = true,
        }
    }
    // A damaged one may have lost the line that says which boot it was. Where it is of another boot, damage (the end of
    // a crash) hides no holder.
    before.is_of_this_boot = is_of_this_boot.unwrap_or(before.is_damaged);
    before.is_damaged &= before.is_of_this_boot;
    Ok(before)
}

fn line(what: &Line) -> io::Result<Vec<u8>> {
    let mut text = serde_json::to_vec(what)?;
    text.push(b'\n');
    Ok(text)
}

/// The uid of a lease whose holder nobody knows: no peer has it, so no peer can end or watch it.
pub(super) const NOBODYS: u32 = u32::MAX;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_full_disk_kept_from_the_journal_damages_it_as_soon_as_there_is_room() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("leases.jsonl");
        let mut journal = Journal::write(&path, "boot", std::iter::empty()).unwrap();
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();

        let room = std::mem::replace(&mut journal.file, full);
        journal.ended(&LeaseId::claimed("one"), 0);
        journal.file = room;
        assert!(!read(&path, "boot").unwrap().is_damaged, "nothing could be written");
        journal.ended(&LeaseId::claimed("another"), 0);

        let before = read(&path, "boot").unwrap();
        assert!(before.is_damaged && before.is_of_this_boot);
    }
}
