//! The few ways in which the wrapper writes files: new and private, or whole in place of an old one.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::sys::stat::Mode;

/// Makes a file that did not exist, for its owner only.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = create_new(path, 0o600)?;
    file.write_all(bytes)
}

/// Puts a file for its owner only in the place of another, at once.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = temporary(path)?;
    let put = write_new(&temporary, bytes).and_then(|()| std::fs::rename(&temporary, path));
    if put.is_err() {
        // The error that matters is the first one.
        let _ = std::fs::remove_file(&temporary);
    }
    put
}

/// Makes a directory that did not exist.
pub(crate) fn make_directory(path: &Path, mode: u32) -> io::Result<()> {
    Ok(nix::unistd::mkdir(path, Mode::from_bits_truncate(mode))?)
}

/// Opens a file that did not exist. The mode is exact, whatever the umask.
pub(crate) fn create_new(path: &Path, mode: u32) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create_new(true).mode(mode & 0o700).open(path)?;
    file.set_permissions(Permissions::from_mode(mode))?;
    Ok(file)
}

/// Returns a name beside `path` that nothing has.
pub(crate) fn temporary(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let mut hidden = std::ffi::OsString::from(TEMPORARY);
    hidden.push(format!("{:016x}.", crate::chance::number()));
    hidden.push(name);
    // A name has at most 255 bytes; the random part is what makes it unique.
    let hidden = hidden.as_bytes().get(..255).map(std::ffi::OsStr::from_bytes).unwrap_or(&hidden);
    Ok(path.with_file_name(hidden))
}

/// How the names of temporary files start.
pub(crate) const TEMPORARY: &str = ".pat-exec-";
