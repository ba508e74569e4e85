//! Which files and directories may be believed: owned by root or a trusted uid, and not writable by
//! anybody else, they and every directory above them. Used for the configuration, for keys in files and
//! for the directory of the socket. Reads nothing but metadata.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat, readlinkat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat};

/// Opens a regular file for reading that nobody but root and `trusted_uids` can have written or replaced.
///
/// The last component must not be a symbolic link; linked directories are followed as far as the links
/// themselves are trusted. Root-owned sticky directories (`/tmp`) may be above the file.
///
/// # Errors
/// Says which component is at fault, and what to do about it.
pub fn open_file(path: &Path, trusted_uids: &[u32]) -> Result<(File, Metadata), Untrusted> {
    let path = absolute(path)?;
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(Untrusted::new(&path, Fault::NotAFile));
    };
    let mut walk = Walk::from_root(trusted_uids)?;
    walk.descend(parent)?;
    walk.into_directory()?.open_file(name)
}

/// Checks that nobody but root and `trusted_uids` can put something into this directory, or put another
/// directory in its place.
///
/// # Errors
/// Says which component is at fault, and what to do about it.
pub fn check_dir(path: &Path, trusted_uids: &[u32]) -> Result<(), Untrusted> {
    Directory::open(path, trusted_uids).map(drop)
}

/// A directory that was found trusted, held open: what is in it is looked up in that very directory.
#[derive(Debug)]
pub struct Directory {
    fd: OwnedFd,
    path: PathBuf,
    trusted_uids: Vec<u32>,
}

impl Directory {
    /// Opens a directory as [`check_dir`] demands it.
    ///
    /// # Errors
    /// Says which component is at fault, and what to do about it.
    pub fn open(path: &Path, trusted_uids: &[u32]) -> Result<Self, Untrusted> {
        let mut walk = Walk::from_root(trusted_uids)?;
        walk.descend(&absolute(path)?)?;
        let directory = walk.into_directory()?;
        let stat = stat_of(&directory.fd, &directory.path)?;
        refuse_other_writers(&stat, &directory.path)?;
        Ok(directory)
    }

    /// Opens a file of this directory as [`open_file`] demands it. `name` is one component.
    ///
    /// # Errors
    /// Says what is wrong with the file.
    pub fn open_file(&self, name: &OsStr) -> Result<(File, Metadata), Untrusted> {
        let path = self.path.join(name);
        // Without O_NONBLOCK a FIFO in the file's place would stop us here.
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
        let fd =
            open_in(&self.fd, name, flags).map_err(|errno| Untrusted::from_errno(&path, errno))?;
        let stat = stat_of(&fd, &path)?;
        if kind(&stat) != SFlag::S_IFREG {
            return Err(Untrusted::new(&path, Fault::NotAFile));
        }
        refuse_other_owners(&stat, &path, &self.trusted_uids)?;
        refuse_other_writers(&stat, &path)?;
        let file = File::from(fd);
        let metadata = file.metadata().map_err(|error| Untrusted::from_io(&path, &error))?;
        Ok((file, metadata))
    }

    /// Returns the names in this directory, sorted, without `.` and `..`.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn names(&self) -> Result<Vec<OsString>, Untrusted> {
        let failed = |errno| Untrusted::from_errno(&self.path, errno);
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let mut listing =
            nix::dir::Dir::openat(&self.fd, ".", flags, Mode::empty()).map_err(failed)?;
        let mut names = Vec::new();
        for entry in listing.iter() {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                names.push(OsStr::from_bytes(name).to_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    /// Returns the directory's path, free of symbolic links.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// A component that cannot be believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {fault}; {next_step}", path.display())]
pub struct Untrusted {
    /// The component at fault, which may be a directory above the path that was asked for.
    pub path: PathBuf,
    /// What is wrong with it.
    pub fault: Fault,
    /// What to do.
    pub next_step: String,
}

/// What is wrong with a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// There is nothing of that name.
    #[error("does not exist")]
    Missing,
    /// The file is a symbolic link.
    #[error("is a symbolic link")]
    Symlink,
    /// More links than a sane path has.
    #[error("leads through too many symbolic links")]
    TooManyLinks,
    /// Not a regular file.
    #[error("is not a regular file")]
    NotAFile,
    /// Not a directory.
    #[error("is not a directory")]
    NotADirectory,
    /// Belongs to somebody who is not trusted.
    #[error("belongs to uid {0}, who is not trusted here")]
    Owner(u32),
    /// Group or others may write; the mode bits.
    #[error("is writable by others than its owner (mode {0:04o})")]
    Writable(u32),
    /// The system refused to show it.
    #[error("cannot be read ({0})")]
    System(Errno),
}

impl Untrusted {
    fn new(path: &Path, fault: Fault) -> Self {
        let shown = path.display();
        let next_step = match fault {
            Fault::Missing => "create it, or name the right path".to_owned(),
            Fault::Symlink => "put the file itself there instead of a link".to_owned(),
            Fault::TooManyLinks => format!("replace {shown} by a directory"),
            Fault::NotAFile => "put a regular file there".to_owned(),
            Fault::NotADirectory => "make it a directory, or name the right path".to_owned(),
            Fault::Owner(_) => format!("look at what it holds, then: chown root: {shown}"),
            Fault::Writable(_) => format!("look at what it holds, then: chmod go-w {shown}"),
            Fault::System(_) => format!("check the permissions: namei -l {shown}"),
        };
        Self { path: path.to_owned(), fault, next_step }
    }

    fn from_errno(path: &Path, errno: Errno) -> Self {
        let known = [
            (Errno::ENOENT, Fault::Missing),
            (Errno::ENOTDIR, Fault::NotADirectory),
            // The answer to O_NOFOLLOW.
            (Errno::ELOOP, Fault::Symlink),
            // A socket in the file's place cannot be opened.
            (Errno::ENXIO, Fault::NotAFile),
        ];
        let fault = known.into_iter().find(|(known, _)| *known == errno);
        Self::new(path, fault.map_or(Fault::System(errno), |(_, fault)| fault))
    }

    fn from_io(path: &Path, error: &std::io::Error) -> Self {
        let errno = error.raw_os_error().map_or(Errno::EIO, Errno::from_raw);
        Self::from_errno(path, errno)
    }
}

/// The way down from `/`, every step checked before the next is taken in the directory itself, so that
/// nothing can be exchanged between check and use.
struct Walk<'a> {
    trusted_uids: &'a [u32],
    /// Never empty: `/` first.
    above: Vec<Step>,
    here: Step,
    links: u32,
}

struct Step {
    fd: OwnedFd,
    path: PathBuf,
}

impl<'a> Walk<'a> {
    fn from_root(trusted_uids: &'a [u32]) -> Result<Self, Untrusted> {
        let path = PathBuf::from("/");
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let fd = nix::fcntl::open(&path, flags, Mode::empty())
            .map_err(|errno| Untrusted::from_errno(&path, errno))?;
        let stat = stat_of(&fd, &path)?;
        refuse_other_owners(&stat, &path, trusted_uids)?;
        refuse_other_writers(&stat, &path)?;
        Ok(Self { trusted_uids, above: Vec::new(), here: Step { fd, path }, links: 0 })
    }

    fn descend(&mut self, path: &Path) -> Result<(), Untrusted> {
        let mut ahead: Vec<OsString> = Vec::new();
        push_reversed(&mut ahead, path);
        while let Some(part) = ahead.pop() {
            match part.as_bytes() {
                b"/" => self.up_to_root(),
                b".." => self.up(),
                _ => self.step(&part, &mut ahead)?,
            }
        }
        Ok(())
    }

    fn step(&mut self, name: &OsStr, ahead: &mut Vec<OsString>) -> Result<(), Untrusted> {
        let path = self.here.path.join(name);
        let fd = open_in(&self.here.fd, name, OFlag::O_PATH | OFlag::O_NOFOLLOW)
            .map_err(|errno| Untrusted::from_errno(&path, errno))?;
        let stat = stat_of(&fd, &path)?;
        refuse_other_owners(&stat, &path, self.trusted_uids)?;
        let kind = kind(&stat);
        if kind == SFlag::S_IFLNK {
            return self.follow(&fd, &path, ahead);
        }
        if kind != SFlag::S_IFDIR {
            return Err(Untrusted::new(&path, Fault::NotADirectory));
        }
        if !is_sticky_of_root(&stat) {
            refuse_other_writers(&stat, &path)?;
        }
        let above = std::mem::replace(&mut self.here, Step { fd, path });
        self.above.push(above);
        Ok(())
    }

    fn follow(
        &mut self,
        link: &OwnedFd,
        path: &Path,
        ahead: &mut Vec<OsString>,
    ) -> Result<(), Untrusted> {
        self.links = self.links.saturating_add(1);
        if self.links > MAX_LINKS {
            return Err(Untrusted::new(path, Fault::TooManyLinks));
        }
        let target = readlinkat(link, "").map_err(|errno| Untrusted::from_errno(path, errno))?;
        push_reversed(ahead, Path::new(&target));
        Ok(())
    }

    fn up(&mut self) {
        if let Some(above) = self.above.pop() {
            self.here = above;
        }
    }

    fn up_to_root(&mut self) {
        while !self.above.is_empty() {
            self.up();
        }
    }

    fn into_directory(self) -> Result<Directory, Untrusted> {
        let Step { fd, path } = self.here;
        Ok(Directory { fd, path, trusted_uids: self.trusted_uids.to_vec() })
    }
}

fn absolute(path: &Path) -> Result<PathBuf, Untrusted> {
    std::path::absolute(path).map_err(|error| Untrusted::from_io(path, &error))
}

fn push_reversed(ahead: &mut Vec<OsString>, path: &Path) {
    let parts = path.components().filter(|part| !matches!(part, Component::CurDir));
    ahead.extend(parts.rev().map(|part| part.as_os_str().to_owned()));
}

fn open_in(directory: &OwnedFd, name: &OsStr, flags: OFlag) -> Result<OwnedFd, Errno> {
    openat(directory, name, flags | OFlag::O_CLOEXEC, Mode::empty())
}

fn stat_of(fd: impl AsFd, path: &Path) -> Result<FileStat, Untrusted> {
    fstat(fd).map_err(|errno| Untrusted::from_errno(path, errno))
}

fn kind(stat: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(stat.st_mode & SFlag::S_IFMT.bits())
}

fn refuse_other_owners(stat: &FileStat, path: &Path, trusted: &[u32]) -> Result<(), Untrusted> {
    if stat.st_uid == ROOT || trusted.contains(&stat.st_uid) {
        return Ok(());
    }
    Err(Untrusted::new(path, Fault::Owner(stat.st_uid)))
}

fn refuse_other_writers(stat: &FileStat, path: &Path) -> Result<(), Untrusted> {
    if stat.st_mode & WRITABLE_BY_OTHERS == 0 {
        return Ok(());
    }
    Err(Untrusted::new(path, Fault::Writable(stat.st_mode & 0o7777)))
}

/// In such a directory nobody can rename or remove what belongs to another, and what is found in it is
/// believed only if its owner is trusted.
fn is_sticky_of_root(stat: &FileStat) -> bool {
    stat.st_uid == ROOT && stat.st_mode & Mode::S_ISVTX.bits() != 0
}

const ROOT: u32 = 0;
const WRITABLE_BY_OTHERS: u32 = 0o022;
/// As many as Linux itself follows.
const MAX_LINKS: u32 = 40;
