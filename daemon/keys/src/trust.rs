//! Who could have read or changed a file: owner, mode, links, and every folder above it. Checked on an open
//! descriptor where there is one. Shared by the key files and the state folder.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use nix::unistd::geteuid;

/// Why a file or folder is not private enough, with the next step.
#[derive(Debug, thiserror::Error)]
#[error("{what}; {next_step}")]
pub struct Untrusted {
    /// What is wrong, and where.
    pub what: String,
    /// What a person can do.
    pub next_step: String,
    /// The system's own error, where it refused to look.
    #[source]
    pub source: Option<io::Error>,
}

/// Whose file it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owners {
    /// The uid this process runs as, and nobody else.
    Own,
    /// The uid this process runs as, or root.
    OwnOrRoot,
    /// This uid, or root: what root finds in a folder of the daemon's.
    UidOrRoot(u32),
}

/// Opens a regular file for reading without following a link at its end and without waiting for a pipe.
///
/// # Errors
/// As `open(2)`; a symbolic link is `ELOOP`.
pub fn open_no_follow(path: &Path) -> io::Result<File> {
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    OpenOptions::new().read(true).custom_flags(flags.bits()).open(path)
}

/// Checks that an opened file is a private regular file: one of `owners`, at most 0600, one name.
///
/// # Errors
/// It is not; the text says in which way and how to repair it.
pub fn private_file(path: &Path, meta: &Metadata, owners: Owners) -> Result<(), Untrusted> {
    if !meta.is_file() {
        return Err(untrusted(path, "is not a regular file", "put a plain file there"));
    }
    owned(path, meta, owners)?;
    if meta.mode() & 0o7177 != 0 {
        let fault = format!("has mode {:04o}: others may read or change it", meta.mode() & 0o7777);
        return Err(untrusted(path, &fault, format!("chmod 600 {}", path.display())));
    }
    if meta.nlink() != 1 {
        return Err(untrusted(path, "has a second name (hard link)", "copy it, remove both names"));
    }
    Ok(())
}

/// Checks that a folder is real (no link), one of `owners`' and closed to group and others.
///
/// # Errors
/// It is not, or it cannot be looked at.
pub fn private_dir(path: &Path, owners: Owners) -> Result<Metadata, Untrusted> {
    let meta = std::fs::symlink_metadata(path).map_err(|why| unseen(path, why))?;
    if !meta.is_dir() {
        return Err(untrusted(
            path,
            "is not a folder (or is a link to one)",
            "put a real one there",
        ));
    }
    owned(path, &meta, owners)?;
    if meta.mode() & 0o077 != 0 {
        let fault = format!("has mode {:04o}: others may look into it", meta.mode() & 0o7777);
        return Err(untrusted(path, &fault, format!("chmod 700 {}", path.display())));
    }
    Ok(meta)
}

/// Checks that nobody but root and this uid can put something else in the place of `path`: every folder
/// above it belongs to one of them and is not writable by others, sticky ones excepted.
///
/// # Errors
/// One of them is not so, or cannot be looked at.
pub fn parents(path: &Path) -> Result<(), Untrusted> {
    let parent = match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => return Ok(()),
    };
    let real = parent.canonicalize().map_err(|why| unseen(parent, why))?;
    real.ancestors().try_for_each(parent_folder)
}

fn parent_folder(path: &Path) -> Result<(), Untrusted> {
    let meta = std::fs::symlink_metadata(path).map_err(|why| unseen(path, why))?;
    owned(path, &meta, Owners::OwnOrRoot)?;
    let sticky = meta.mode() & 0o1000 != 0;
    if meta.mode() & 0o022 != 0 && !sticky {
        let fault =
            format!("has mode {:04o}: others may replace what is in it", meta.mode() & 0o7777);
        return Err(untrusted(path, &fault, format!("chmod go-w {}", path.display())));
    }
    Ok(())
}

fn owned(path: &Path, meta: &Metadata, owners: Owners) -> Result<(), Untrusted> {
    let (uid, root_too) = match owners {
        Owners::Own => (geteuid().as_raw(), false),
        Owners::OwnOrRoot => (geteuid().as_raw(), true),
        Owners::UidOrRoot(uid) => (uid, true),
    };
    if meta.uid() == uid || (root_too && meta.uid() == 0) {
        return Ok(());
    }
    let fault = format!("belongs to uid {}, and should to uid {uid}", meta.uid());
    Err(untrusted(path, &fault, format!("chown {uid} {}", path.display())))
}

fn untrusted(path: &Path, fault: &str, next_step: impl Into<String>) -> Untrusted {
    Untrusted {
        what: format!("{} {fault}", path.display()),
        next_step: next_step.into(),
        source: None,
    }
}

fn unseen(path: &Path, source: io::Error) -> Untrusted {
    let next_step = match source.kind() == io::ErrorKind::NotFound {
        true => format!("make it: install -d -m 0700 {}", path.display()),
        false => format!("see: namei -l {}", PathBuf::from(path).display()),
    };
    let what = format!("{} cannot be looked at", path.display());
    Untrusted { what, next_step, source: Some(source) }
}
