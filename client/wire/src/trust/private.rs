//! What nobody but its owner may read or write: keys, the state folder and what is in it.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use nix::fcntl::OFlag;
use nix::unistd::geteuid;

use super::{Fault, Untrusted, walk};

/// Whose it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owners {
    /// The uid this process runs as, and nobody else.
    Own,
    /// The uid this process runs as, or root.
    OwnOrRoot,
    /// This uid, or root: what root finds in a folder of the daemon's.
    UidOrRoot(u32),
}

/// Opens a private file for reading: one of `owners`, at most 0600, with one name and no link, and nobody
/// but root and them can put another in its place.
///
/// # Errors
/// Says which component is at fault, and what to do about it.
pub fn open_private(path: &Path, owners: Owners) -> Result<File, Untrusted> {
    let (file, metadata) = walk::open_below(path, &[owners.uid()])?;
    private_file(path, &metadata, owners)?;
    Ok(file)
}

/// Checks that an opened file is a private one: regular, one of `owners`, at most 0600, with one name.
///
/// # Errors
/// It is not; the text says in which way and how to repair it.
pub fn private_file(path: &Path, metadata: &Metadata, owners: Owners) -> Result<(), Untrusted> {
    if !metadata.is_file() {
        return Err(Untrusted::new(path, Fault::NotAFile));
    }
    refuse_others(path, metadata, owners)?;
    if metadata.mode() & !0o600 & 0o7777 != 0 {
        let untrusted = Untrusted::new(path, Fault::Mode(metadata.mode() & 0o7777));
        return Err(untrusted.with_next_step(format!("chmod 600 {}", path.display())));
    }
    if metadata.nlink() != 1 {
        return Err(Untrusted::new(path, Fault::SecondName));
    }
    Ok(())
}

/// Checks that a directory is a real one (no link), one of `owners`' and closed to group and others.
///
/// # Errors
/// It is not, or it cannot be looked at.
pub fn private_dir(path: &Path, owners: Owners) -> Result<Metadata, Untrusted> {
    let metadata = std::fs::symlink_metadata(path).map_err(|error| unseen(path, &error))?;
    if metadata.is_symlink() {
        let next_step = "put the directory itself there instead of a link".to_owned();
        return Err(Untrusted::new(path, Fault::Symlink).with_next_step(next_step));
    }
    if !metadata.is_dir() {
        return Err(Untrusted::new(path, Fault::NotADirectory));
    }
    refuse_others(path, &metadata, owners)?;
    if metadata.mode() & 0o077 != 0 {
        let untrusted = Untrusted::new(path, Fault::Mode(metadata.mode() & 0o7777));
        return Err(untrusted.with_next_step(format!("chmod 700 {}", path.display())));
    }
    Ok(metadata)
}

/// Opens for reading without following a link at the end of the path and without waiting for a FIFO: what it
/// is, is to be asked of the descriptor.
///
/// # Errors
/// As `open(2)`; a symbolic link is `ELOOP`.
pub fn open_no_follow(path: &Path) -> io::Result<File> {
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    OpenOptions::new().read(true).custom_flags(flags.bits()).open(path)
}

impl Owners {
    fn uid(self) -> u32 {
        match self {
            Self::Own | Self::OwnOrRoot => geteuid().as_raw(),
            Self::UidOrRoot(uid) => uid,
        }
    }

    fn include(self, uid: u32) -> bool {
        uid == self.uid() || (uid == ROOT && self != Self::Own)
    }
}

fn refuse_others(path: &Path, metadata: &Metadata, owners: Owners) -> Result<(), Untrusted> {
    if owners.include(metadata.uid()) {
        return Ok(());
    }
    let untrusted = Untrusted::new(path, Fault::Owner(metadata.uid()));
    Err(untrusted.with_next_step(format!("chown {} {}", owners.uid(), path.display())))
}

fn unseen(path: &Path, error: &io::Error) -> Untrusted {
    let untrusted = Untrusted::from_io(path, error);
    if untrusted.fault != Fault::Missing {
        return untrusted;
    }
    untrusted.with_next_step(format!("make it: install -d -m 0700 {}", path.display()))
}

const ROOT: u32 = 0;
