//! Files that are whole or absent, whatever happens in between: written aside, synced, then named.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;

/// Makes a new file of this mode, never over an existing one; durable when it returns, absent if it fails.
///
/// # Errors
/// `AlreadyExists`, or it could not be written.
pub fn create(path: &Path, bytes: &[u8], mode: u32) -> io::Result<File> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .custom_flags((OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC).bits())
        .open(path)?;
    let written =
        file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| sync_dir(parent(path)));
    match written {
        Ok(()) => Ok(file),
        Err(why) => {
            std::fs::remove_file(path)?;
            Err(why)
        }
    }
}

/// Puts a file of mode 0600 in the place of what is at `path`; durable when it returns, and at every moment
/// the old content or the new one is there.
///
/// Two writers of one path must not run at once: they share the temporary name.
///
/// # Errors
/// It could not be written; the old content is still there.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = temporary(path);
    match std::fs::remove_file(&temporary) {
        Err(why) if why.kind() != io::ErrorKind::NotFound => return Err(why),
        Ok(()) | Err(_) => {}
    }
    write_aside(&temporary, bytes)?;
    std::fs::rename(&temporary, path)?;
    sync_dir(parent(path))
}

/// Syncs a folder: what was made, renamed or removed in it survives a power cut.
///
/// # Errors
/// As `open(2)` and `fsync(2)`.
pub fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Returns the name under which [`replace`] writes first. One that is found lying about is litter.
pub fn temporary(path: &Path) -> PathBuf {
    path.with_added_extension(TEMPORARY)
}

/// The ending of such a name.
pub const TEMPORARY: &str = "tmp";

fn write_aside(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .custom_flags((OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC).bits())
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Returns the folder a path is in.
pub(crate) fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
