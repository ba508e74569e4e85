//! Reads the files of a configuration, each found trusted first: its owner, its mode, every directory above.

use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pat_wire::secret::Zeroizing;
use pat_wire::trust::{self, Directory, Untrusted};

use crate::at::Place;
use crate::fault::{ConfigErrors, Faults, Wrong};
use crate::table::Text;
use crate::{Config, Owner, check};

/// The main file, in the directory of the configuration.
pub const MAIN_FILE: &str = "patd.toml";
/// Where a host with several accounts keeps one file each.
pub const ACCOUNTS_DIR: &str = "accounts.d";
/// Where each entry has its file.
pub const USERS_DIR: &str = "users.d";

/// The files of a configuration, read and not yet checked. An entry can be added or left out, to see what
/// the configuration would be.
#[derive(Clone, Debug)]
pub struct Sources {
    pub(crate) main: Option<Text>,
    pub(crate) accounts: Vec<Text>,
    pub(crate) users: Vec<Text>,
    pub(crate) owner: Owner,
    pub(crate) trusted_uids: Vec<u32>,
    pub(crate) faults: Faults,
    dir: PathBuf,
}

impl Sources {
    /// Reads the files of `dir` that are root's or the caller's own. Faults wait for [`Self::check`].
    pub fn read(dir: &Path) -> Self {
        Self::read_trusting(dir, &[nix::unistd::geteuid().as_raw()])
    }

    /// Reads the files of `dir` that are root's or belong to one of `trusted_uids`.
    pub fn read_trusting(dir: &Path, trusted_uids: &[u32]) -> Self {
        let mut sources = Self::none(dir, trusted_uids);
        if let Some(top) = sources.open(dir) {
            sources.main = sources.text(&top, OsStr::new(MAIN_FILE), dir);
            sources.accounts = sources.texts(ACCOUNTS_DIR);
            sources.users = sources.texts(USERS_DIR);
        }
        sources
    }

    /// Returns the sources of a directory that has nothing but this main file, which need not be written yet.
    pub fn of_main(dir: &Path, text: &str) -> Self {
        let main = Text {
            file: Arc::from(dir.join(MAIN_FILE)),
            text: Arc::new(Zeroizing::new(text.to_owned())),
            readable_by_others: true,
        };
        Self { main: Some(main), ..Self::none(dir, &[nix::unistd::geteuid().as_raw()]) }
    }

    /// Returns the sources of a directory with these texts, which need not be written yet: those that are there, in the
    /// places of `patd.toml`, `accounts.d` and `users.d`. Nobody but the owner reads them.
    #[cfg(feature = "fuzzing")]
    #[doc(hidden)]
    pub fn of_texts(dir: &Path, texts: &[(&str, &str)]) -> Self {
        let mut sources = Self::none(dir, &[]);
        for (name, text) in texts {
            let (file, text) = (Arc::from(dir.join(name)), Zeroizing::new((*text).to_owned()));
            let text = Text { file, text: Arc::new(text), readable_by_others: false };
            match name.split_once('/') {
                Some((ACCOUNTS_DIR, _)) => sources.accounts.push(text),
                Some((USERS_DIR, _)) => sources.users.push(text),
                Some(_) | None => sources.main = Some(text),
            }
        }
        sources
    }

    /// Returns the path of the file that `patctl add` writes for a connection.
    pub fn entry_path(&self, connection: &str) -> PathBuf {
        self.dir.join(USERS_DIR).join(format!("{connection}.toml"))
    }

    /// Returns the sources as they would be with one more entry.
    #[must_use]
    pub fn with_entry(mut self, path: &Path, text: &str) -> Self {
        let (file, text) = (Arc::from(path), Arc::new(Zeroizing::new(text.to_owned())));
        self.users.push(Text { file, text, readable_by_others: true });
        self
    }

    /// Returns the sources as they would be without the entry in this file.
    #[must_use]
    pub fn without_entry(mut self, path: &Path) -> Self {
        self.users.retain(|text| *text.file != *path);
        self
    }

    /// Returns the file that holds the entry of a connection, if one does.
    pub fn entry_of(&self, connection: &str) -> Option<PathBuf> {
        check::file_of(&self.users, connection)
    }

    /// Returns the checked configuration.
    ///
    /// # Errors
    /// All faults of all files.
    pub fn check(&self) -> Result<Config, ConfigErrors> {
        check::check(self)
    }

    fn none(dir: &Path, trusted_uids: &[u32]) -> Self {
        Self {
            main: None,
            accounts: Vec::new(),
            users: Vec::new(),
            owner: Owner::Root,
            trusted_uids: trusted_uids.to_vec(),
            faults: Faults::default(),
            dir: dir.to_owned(),
        }
    }

    fn open(&mut self, dir: &Path) -> Option<Directory> {
        match Directory::open(dir, &self.trusted_uids) {
            Ok(directory) => Some(directory),
            Err(untrusted) => {
                self.report(untrusted);
                None
            }
        }
    }

    /// Returns the texts of a sub-directory, in order of name; without the directory, none.
    fn texts(&mut self, name: &str) -> Vec<Text> {
        let dir = self.dir.join(name);
        if std::fs::symlink_metadata(&dir).is_err_and(|error| is_missing(&error)) {
            return Vec::new();
        }
        let Some(directory) = self.open(&dir) else { return Vec::new() };
        let names = directory.names().unwrap_or_else(|untrusted| {
            self.report(untrusted);
            Vec::new()
        });
        let names = names.iter().filter(|name| is_configuration(name));
        names.filter_map(|name| self.text(&directory, name, &dir)).collect()
    }

    fn text(&mut self, directory: &Directory, name: &OsStr, dir: &Path) -> Option<Text> {
        match directory.open_file(name) {
            Ok((file, metadata)) => self.content(file, &metadata, dir.join(name)),
            Err(untrusted) => {
                self.report(untrusted);
                None
            }
        }
    }

    fn content(&mut self, file: File, metadata: &Metadata, path: PathBuf) -> Option<Text> {
        if metadata.uid() != ROOT {
            self.owner = Owner::OwnUid;
        }
        // Sized once: a buffer that grows leaves copies of what it held.
        let size = metadata.len().min(MAX_BYTES).saturating_add(READ_AHEAD);
        let mut text = Zeroizing::new(String::with_capacity(usize::try_from(size).unwrap_or(0)));
        let read = file.take(MAX_BYTES.saturating_add(1)).read_to_string(&mut text);
        let place = Place { file: Arc::from(path), line: None };
        let wrong = match read {
            Err(error) => Wrong::new(format!("cannot be read ({error})"), "save it as UTF-8 text"),
            Ok(_) if text.len() as u64 > MAX_BYTES => {
                Wrong::new("is larger than 1 MiB", "is this the right file?")
            }
            Ok(_) => {
                let readable_by_others = is_readable_by_others(metadata.uid(), metadata.mode());
                let (file, text) = (place.file, Arc::new(text));
                return Some(Text { file, text, readable_by_others });
            }
        };
        self.faults.add(&place, wrong);
        None
    }

    fn report(&mut self, untrusted: Untrusted) {
        let is_new = untrusted.fault == trust::Fault::Missing;
        let next_step = if is_new {
            "make a configuration: patctl init".to_owned()
        } else {
            untrusted.next_step
        };
        let place = Place { file: untrusted.path.into(), line: None };
        self.faults.add(&place, Wrong::new(untrusted.fault.to_string(), next_step));
    }
}

/// `*.toml`; what package managers and editors leave beside it (`.toml.dpkg-old`, `.x.toml.swp`) is not read.
fn is_configuration(name: &OsStr) -> bool {
    let name = name.as_bytes();
    name.ends_with(b".toml") && !name.starts_with(b".")
}

fn is_missing(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::NotFound
}

/// The group of a file of root's is root's choice: the daemon's own, where root writes and the daemon reads.
fn is_readable_by_others(owner: u32, mode: u32) -> bool {
    let is_shut = if owner == ROOT { OTHERS } else { GROUP_AND_OTHERS };
    mode & is_shut != 0
}

const ROOT: u32 = 0;
const OTHERS: u32 = 0o004;
const GROUP_AND_OTHERS: u32 = 0o044;
/// Room for a read to find the end of a file in.
const READ_AHEAD: u64 = 64;
const MAX_BYTES: u64 = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_root_may_choose_a_group_that_reads() {
        for (owner, mode, is_readable) in [
            (0, 0o600, false),
            (0, 0o640, false),
            (0, 0o604, true),
            (0, 0o644, true),
            (1001, 0o600, false),
            (1001, 0o640, true),
            (1001, 0o604, true),
        ] {
            assert_eq!(is_readable_by_others(owner, mode), is_readable, "{owner} {mode:o}");
        }
    }
}
