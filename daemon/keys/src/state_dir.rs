//! The state folder as both programs know it: who may look, the lock, the mark of a first start, and how a
//! lost store is set aside. What is inside the store is the daemon's business.

use std::fs::File;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg, renameat};
use nix::unistd::geteuid;
use pat_wire::trust::{self, Owners, Untrusted};

use crate::durable;

/// Why the state folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateDirError {
    /// Others could look or write there.
    #[error(transparent)]
    Untrusted(#[from] Untrusted),
    /// Another process has it.
    #[error("{} is in use by another patd; stop that one first: systemctl stop patd", .0.display())]
    InUse(PathBuf),
    /// There is a store already.
    #[error("{} already holds a store; start patd, or set the store aside: patctl rebuild", .0.display())]
    HoldsStore(PathBuf),
    /// The system refused.
    #[error("{} {doing}; see: namei -l {}", path.display(), path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// The system's own error.
        #[source]
        source: io::Error,
    },
}

/// The right to use a state folder; nobody else has it until this is dropped or the process ends.
pub struct Lock {
    _held: Flock<File>,
}

/// Checks that the folder is private to this uid, parents included.
///
/// # Errors
/// It is not; the text has the command that repairs it.
pub fn check(dir: &Path) -> Result<(), StateDirError> {
    trust::private_dir(dir, Owners::Own)?;
    trust::check_parents(dir, &[geteuid().as_raw()])?;
    Ok(())
}

/// Takes the lock of a folder, without waiting.
///
/// # Errors
/// Another process holds it, or it is not a private file.
pub fn lock(dir: &Path) -> Result<Lock, StateDirError> {
    lock_of(dir, geteuid().as_raw())
}

/// Marks a folder for the very first start: the daemon makes a new store only where this mark is.
/// Makes the folder if there is none, for this uid. Run by root, the mark goes to the folder's owner.
///
/// # Errors
/// There is a store already, the folder is not private, or it is in use.
pub fn mark_new(dir: &Path) -> Result<(), StateDirError> {
    if !dir.try_exists().map_err(|why| io_at(dir, "cannot be looked at", why))? {
        let made = std::fs::DirBuilder::new().mode(0o700).create(dir);
        made.map_err(|why| io_at(dir, "cannot be made", why))?;
    }
    let owner = owner_checked(dir)?;
    let _lock = lock_of(dir, owner)?;
    if contents(dir)?.iter().any(|name| ![LOCK, NEW].map(PathBuf::from).contains(name)) {
        return Err(StateDirError::HoldsStore(dir.to_owned()));
    }
    write_mark(dir, NEW, owner)
}

/// Returns whether the folder carries the mark of a first start.
///
/// # Errors
/// It cannot be looked at.
pub fn is_marked_new(dir: &Path) -> Result<bool, StateDirError> {
    is_marked(dir, NEW)
}

/// Returns whether the store stands in the place of a lost one, and its first slots did not begin yet.
///
/// # Errors
/// It cannot be looked at.
pub fn is_rebuilt(dir: &Path) -> Result<bool, StateDirError> {
    is_marked(dir, REBUILT)
}

fn is_marked(dir: &Path, mark: &str) -> Result<bool, StateDirError> {
    let path = dir.join(mark);
    match std::fs::symlink_metadata(&path) {
        Ok(meta) => Ok(meta.is_file()),
        Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(why) => Err(io_at(&path, "cannot be looked at", why)),
    }
}

/// Takes the mark away, durably: from now on an empty folder is a loss.
///
/// # Errors
/// It cannot be removed.
pub fn unmark(dir: &Path) -> Result<(), StateDirError> {
    take_mark(dir, NEW)
}

/// Takes the mark of a rebuilt store away, durably: its first slots began.
///
/// # Errors
/// It cannot be removed.
pub fn end_rebuild(dir: &Path) -> Result<(), StateDirError> {
    take_mark(dir, REBUILT)
}

fn take_mark(dir: &Path, mark: &str) -> Result<(), StateDirError> {
    let path = dir.join(mark);
    match std::fs::remove_file(&path) {
        Err(why) if why.kind() != io::ErrorKind::NotFound => {
            Err(io_at(&path, "cannot be removed", why))
        }
        Ok(()) | Err(_) => {
            durable::sync_dir(dir).map_err(|why| io_at(dir, "cannot be synced", why))
        }
    }
}

/// Sets a lost store aside for `patctl rebuild`: all of it goes into a new folder `lost-N` beside the lock, and the mark
/// of a first start is set. Returns that folder. Tombstones that were in the store are no longer known: the caller must
/// have said so, and a mark of its own keeps the first slots of the new store from issuing. The audit log is no part of
/// the store: it stays, and its chain goes on.
///
/// # Errors
/// The daemon runs, or the system refused; run again to finish a half-done move.
pub fn set_aside(dir: &Path) -> Result<PathBuf, StateDirError> {
    let owner = owner_checked(dir)?;
    let _lock = lock_of(dir, owner)?;
    let aside = free_name(dir, "lost");
    std::fs::DirBuilder::new()
        .mode(0o700)
        .create(&aside)
        .map_err(|why| io_at(&aside, "cannot be made", why))?;
    let made = own_folder(&aside)?;
    // First: whenever this ends, nothing is issued that was revoked.
    write_mark(dir, REBUILT, owner)?;
    move_store(dir, &made)?;
    give(&aside, &made, owner)?;
    write_mark(dir, NEW, owner)?;
    Ok(aside)
}

/// Moves what belongs to the store into an opened folder, whatever its name leads to by now: root does this in a
/// folder of the daemon's user, who could lead a path elsewhere.
fn move_store(dir: &Path, into: &File) -> Result<(), StateDirError> {
    let from = trust::open_no_follow(dir).map_err(|why| io_at(dir, "cannot be opened", why))?;
    for name in contents(dir)?.into_iter().filter(|name| belongs_to_store(name)) {
        renameat(&from, &name, into, &name)
            .map_err(|why| io_at(&dir.join(&name), "cannot be moved", why.into()))?;
    }
    Ok(())
}

/// Opens a folder that this process has just made.
fn own_folder(path: &Path) -> Result<File, StateDirError> {
    let folder = trust::open_no_follow(path).map_err(|why| io_at(path, "cannot be opened", why))?;
    let meta = folder.metadata().map_err(|why| io_at(path, "cannot be looked at", why))?;
    if meta.is_dir() && meta.uid() == geteuid().as_raw() {
        return Ok(folder);
    }
    Err(io_at(path, "was exchanged just now", io::ErrorKind::AlreadyExists.into()))
}

/// Returns the first path `STEM-N` of `dir` that is free, counting from 1.
pub fn free_name(dir: &Path, stem: &str) -> PathBuf {
    let mut number = 1_u32;
    loop {
        let path = dir.join(format!("{stem}-{number}"));
        if std::fs::symlink_metadata(&path).is_err() {
            return path;
        }
        number = number.saturating_add(1);
    }
}

fn belongs_to_store(name: &Path) -> bool {
    let text = name.to_string_lossy();
    ![LOCK, NEW, REBUILT, AUDIT].contains(&&*text) && !text.starts_with("lost-")
}

/// Who owns the folder: this uid, or, if this is root, whoever runs the daemon.
fn owner_checked(dir: &Path) -> Result<u32, StateDirError> {
    let meta =
        std::fs::symlink_metadata(dir).map_err(|why| io_at(dir, "cannot be looked at", why))?;
    if !geteuid().is_root() || meta.uid() == 0 {
        check(dir)?;
    }
    Ok(meta.uid())
}

/// Takes the lock; makes its file, for this owner, if there is none.
fn lock_of(dir: &Path, owner: u32) -> Result<Lock, StateDirError> {
    let path = dir.join(LOCK);
    match durable::create(&path, b"", 0o600) {
        Ok(file) => give(&path, &file, owner)?,
        Err(why) if why.kind() == io::ErrorKind::AlreadyExists => {}
        Err(why) => return Err(io_at(&path, "cannot be made", why)),
    }
    let file = trust::open_no_follow(&path).map_err(|why| io_at(&path, "cannot be opened", why))?;
    let meta = file.metadata().map_err(|why| io_at(&path, "cannot be looked at", why))?;
    trust::private_file(&path, &meta, Owners::UidOrRoot(owner))?;
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(held) => Ok(Lock { _held: held }),
        Err((_, nix::errno::Errno::EWOULDBLOCK)) => Err(StateDirError::InUse(dir.to_owned())),
        Err((_, why)) => Err(io_at(&path, "cannot be locked", why.into())),
    }
}

fn write_mark(dir: &Path, mark: &str, owner: u32) -> Result<(), StateDirError> {
    let path = dir.join(mark);
    match durable::create(&path, b"", 0o600) {
        Ok(file) => give(&path, &file, owner),
        Err(why) if why.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(why) => Err(io_at(&path, "cannot be made", why)),
    }
}

/// Gives what root has just made to the folder's owner, by descriptor: the name may be another thing by now.
fn give(path: &Path, file: &File, owner: u32) -> Result<(), StateDirError> {
    if geteuid().as_raw() == owner {
        return Ok(());
    }
    std::os::unix::fs::fchown(file, Some(owner), None)
        .map_err(|why| io_at(path, "cannot be given to the daemon's user", why))
}

fn contents(dir: &Path) -> Result<Vec<PathBuf>, StateDirError> {
    let listed = std::fs::read_dir(dir).and_then(|entries| {
        entries.map(|entry| entry.map(|entry| PathBuf::from(entry.file_name()))).collect()
    });
    listed.map_err(|why| io_at(dir, "cannot be listed", why))
}

fn io_at(path: &Path, doing: &'static str, source: io::Error) -> StateDirError {
    StateDirError::Io { path: path.to_owned(), doing, source }
}

const LOCK: &str = "state.lock";
const NEW: &str = "new";
const REBUILT: &str = "rebuilt";
const AUDIT: &str = "audit";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_moved_into_the_folder_made_for_it_whatever_its_name_leads_to_by_now() {
        let folder = tempfile::TempDir::new().unwrap();
        let [dir, elsewhere] = ["state", "elsewhere"].map(|name| folder.path().join(name));
        for path in [&dir, &elsewhere, &dir.join("lost-1")] {
            std::fs::create_dir(path).unwrap();
        }
        std::fs::write(dir.join("meta.sealed"), "sealed").unwrap();
        let made = own_folder(&dir.join("lost-1")).unwrap();
        std::fs::rename(dir.join("lost-1"), dir.join("lost-2")).unwrap();
        std::os::unix::fs::symlink(&elsewhere, dir.join("lost-1")).unwrap();

        move_store(&dir, &made).unwrap();

        assert_eq!(std::fs::read(dir.join("lost-2/meta.sealed")).unwrap(), b"sealed");
        assert_eq!(std::fs::read_dir(&elsewhere).unwrap().count(), 0);
        assert!(own_folder(&dir.join("lost-1")).is_err(), "a link is not followed");
        assert!(own_folder(&dir.join("lost-2/meta.sealed")).is_err(), "a file is no folder");
    }
}
