//! The few ways in which the wrapper reads and writes files. What it reads may have been exchanged by anybody
//! with the same uid: only regular files are opened, of bounded size, and nothing is waited for.

use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use pat_wire::secret::Zeroizing;

/// On which side a file is: it decides whether a link in its place is followed, and how long it may be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Side {
    /// In the user's real directory, whose files a person wrote and may have linked to others.
    Real,
    /// In a private home, whose files nobody links.
    Private,
}

/// Opens a regular file for reading. A FIFO, a device or a directory in its place is refused at once.
pub(crate) fn open(path: &Path, side: Side) -> io::Result<File> {
    only_regular(OpenOptions::new().read(true).custom_flags(flags(side)).open(path))
}

/// Reads a regular file whole. Its bytes are wiped when dropped: a secret may be among them.
pub(crate) fn read(path: &Path, side: Side) -> io::Result<Zeroizing<Vec<u8>>> {
    let file = open(path, side)?;
    let size = file.metadata()?.len();
    if size > longest(side) {
        return Err(ErrorKind::FileTooLarge.into());
    }
    // One byte more than there is: a buffer that grows leaves copies of what it held.
    let room = usize::try_from(size).unwrap_or_default().saturating_add(1);
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    // What is appended meanwhile is as if it came later.
    file.take(size).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads such a file as text.
pub(crate) fn read_text(path: &Path, side: Side) -> io::Result<Zeroizing<String>> {
    let bytes = read(path, side)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| io::Error::other("not UTF-8 text"))?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// Appends to a regular file, made for its owner only if there is none.
pub(crate) fn append(path: &Path, side: Side, bytes: &[u8]) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(0o600).custom_flags(flags(side));
    let mut file = only_regular(options.open(path))?;
    file.write_all(bytes)?;
    Ok(file)
}

/// Makes a file that did not exist, for its owner only.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = create_new(path, 0o600)?;
    file.write_all(bytes)
}

/// Puts a file for its owner only in the place of another or of none, whole at every moment.
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
    let name = path.file_name().ok_or(ErrorKind::InvalidInput)?;
    let mut hidden = OsString::from(TEMPORARY);
    hidden.push(crate::chance::name());
    hidden.push(".");
    hidden.push(name);
    // A name has at most 255 bytes; the random part is what makes it unique.
    let hidden = hidden.as_bytes().get(..255).map(OsStr::from_bytes).unwrap_or(&hidden);
    Ok(path.with_file_name(hidden))
}

/// Returns whether a file has such a name.
pub(crate) fn is_temporary(name: &OsStr) -> bool {
    name.as_bytes().starts_with(TEMPORARY.as_bytes())
}

/// Returns the names in a directory, read to the end: no descriptor stays open while they are worked on.
pub(crate) fn names(directory: &Path) -> io::Result<Vec<OsString>> {
    std::fs::read_dir(directory)?.map(|entry| Ok(entry?.file_name())).collect()
}

/// Without O_NONBLOCK open() waits for the other end of a FIFO (fifo(7)).
fn flags(side: Side) -> i32 {
    let at_once = OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    match side {
        Side::Real => at_once.bits(),
        Side::Private => (at_once | OFlag::O_NOFOLLOW).bits(),
    }
}

/// No person's configuration is longer; a private home has a line for each file of the child's.
fn longest(side: Side) -> u64 {
    match side {
        Side::Real => MIB,
        Side::Private => 64 * MIB,
    }
}

fn only_regular(opened: io::Result<File>) -> io::Result<File> {
    let other_kind = || io::Error::other("not a regular file");
    match opened {
        Ok(file) if file.metadata()?.is_file() => Ok(file),
        Ok(_) => Err(other_kind()),
        // A link with O_NOFOLLOW; a socket, or a FIFO that nobody reads (open(2)).
        Err(error) if [ELOOP, ENXIO].contains(&error.raw_os_error()) => Err(other_kind()),
        Err(error) => Err(error),
    }
}

const MIB: u64 = 1024 * 1024;
const TEMPORARY: &str = ".pat-exec-";
const ELOOP: Option<i32> = Some(Errno::ELOOP as i32);
const ENXIO: Option<i32> = Some(Errno::ENXIO as i32);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_regular_file_is_refused_and_never_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        nix::unistd::mkfifo(&path("fifo"), Mode::S_IRWXU).unwrap();
        let _listener = std::os::unix::net::UnixListener::bind(path("socket")).unwrap();
        std::fs::create_dir(path("directory")).unwrap();

        for other in [path("fifo"), path("socket"), path("directory"), "/dev/zero".into()] {
            for side in [Side::Real, Side::Private] {
                let read = read(&other, side).unwrap_err();
                assert_eq!(read.to_string(), "not a regular file", "{}", other.display());
            }
        }
        for other in [path("fifo"), path("socket"), "/dev/null".into()] {
            let appended = append(&other, Side::Real, b"x").unwrap_err();
            assert_eq!(appended.to_string(), "not a regular file", "{}", other.display());
        }
    }

    #[test]
    fn a_link_is_followed_only_where_the_user_may_have_made_it() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("file"), dir.path().join("link"));
        write_new(&file, b"a").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();

        append(&link, Side::Real, b"b").unwrap();

        assert_eq!(*read(&link, Side::Real).unwrap(), b"ab");
        assert!(append(&link, Side::Private, b"c").is_err());
        assert!(read(&link, Side::Private).is_err());
    }

    #[test]
    fn a_file_beyond_its_limit_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let file = create_new(&path, 0o600).unwrap();

        file.set_len(MIB).unwrap();
        assert_eq!(read(&path, Side::Real).unwrap().len() as u64, MIB);
        for side in [Side::Real, Side::Private] {
            file.set_len(longest(side) + 1).unwrap();
            assert_eq!(read(&path, side).unwrap_err().kind(), ErrorKind::FileTooLarge);
        }
    }
}
