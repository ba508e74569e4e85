//! The way down to a file or directory that is believed: every step is checked before the next is taken in the
//! directory itself, so that nothing can be exchanged between check and use.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat, readlinkat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat};

use super::{Fault, Untrusted};

/// Opens a regular file for reading that nobody but root and `trusted_uids` can have written or replaced.
///
/// The last component must not be a symbolic link; linked directories are followed as far as the links
/// themselves are trusted. Sticky directories (`/tmp`) may be above the file.
///
/// # Errors
/// Says which component is at fault, and what to do about it.
pub fn open_file(path: &Path, trusted_uids: &[u32]) -> Result<(File, Metadata), Untrusted> {
    let (directory, name) = parent_of(path, trusted_uids)?;
    directory.open_file(&name)
}

/// Opens a regular file for reading, whoever owns it and may write it, whose directory is as [`open_file`]
/// demands it.
pub(super) fn open_below(path: &Path, uids: &[u32]) -> Result<(File, Metadata), Untrusted> {
    let (directory, name) = parent_of(path, uids)?;
    directory.open_regular(&name, path)
}

/// Checks that nobody but root and `trusted_uids` can put something else in the place of `path`, whether
/// it is there or not.
///
/// # Errors
/// Says which component is at fault, and what to do about it.
pub fn check_parents(path: &Path, trusted_uids: &[u32]) -> Result<(), Untrusted> {
    parent_of(path, trusted_uids).map(drop)
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
        let directory = walk.into_directory();
        let stat = stat_of(&directory.fd, &directory.path)?;
        refuse_other_writers(stat.st_mode, &directory.path)?;
        Ok(directory)
    }

    /// Opens a file of this directory as [`open_file`][super::open_file] demands it. `name` is one component.
    ///
    /// # Errors
    /// Says what is wrong with the file.
    pub fn open_file(&self, name: &OsStr) -> Result<(File, Metadata), Untrusted> {
        let path = self.path.join(name);
        let (file, metadata) = self.open_regular(name, &path)?;
        refuse_other_owners(metadata.uid(), &path, &self.trusted_uids)?;
        refuse_other_writers(metadata.mode(), &path)?;
        Ok((file, metadata))
    }

    /// Opens whatever has this name without reading it: what it is, is to be asked of its metadata.
    pub(super) fn open_unread(&self, name: &OsStr) -> Result<(File, Metadata), Untrusted> {
        let path = self.path.join(name);
        let opened = open_in(&self.fd, name, OFlag::O_PATH | OFlag::O_NOFOLLOW);
        let file = File::from(opened.map_err(|errno| Untrusted::from_errno(&path, errno))?);
        let metadata = file.metadata().map_err(|error| Untrusted::from_io(&path, &error))?;
        Ok((file, metadata))
    }

    /// Returns a path that leads this process to this very directory.
    pub(super) fn by_descriptor(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.fd.as_raw_fd()))
    }

    fn open_regular(&self, name: &OsStr, path: &Path) -> Result<(File, Metadata), Untrusted> {
        // Without O_NONBLOCK a FIFO in the file's place would stop us here.
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
        let opened = open_in(&self.fd, name, flags);
        let file = File::from(opened.map_err(|errno| Untrusted::from_errno(path, errno))?);
        let metadata = file.metadata().map_err(|error| Untrusted::from_io(path, &error))?;
        if !metadata.is_file() {
            return Err(Untrusted::new(path, Fault::NotAFile));
        }
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

/// The way down from `/`.
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
        refuse_other_owners(stat.st_uid, &path, trusted_uids)?;
        refuse_other_writers(stat.st_mode, &path)?;
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
        refuse_other_owners(stat.st_uid, &path, self.trusted_uids)?;
        let kind = kind(&stat);
        if kind == SFlag::S_IFLNK {
            return self.follow(&fd, &path, ahead);
        }
        if kind != SFlag::S_IFDIR {
            return Err(Untrusted::new(&path, Fault::NotADirectory));
        }
        // In a sticky directory of a trusted owner nobody else can rename or remove what is another's, and
        // what is found in it is believed only if its own owner is trusted.
        if stat.st_mode & Mode::S_ISVTX.bits() == 0 {
            refuse_other_writers(stat.st_mode, &path)?;
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

    fn into_directory(self) -> Directory {
        let Step { fd, path } = self.here;
        Directory { fd, path, trusted_uids: self.trusted_uids.to_vec() }
    }
}

/// Returns the directory above `path`, of which sticky ones are good enough, and the name in it.
fn parent_of(path: &Path, trusted_uids: &[u32]) -> Result<(Directory, OsString), Untrusted> {
    let path = absolute(path)?;
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(Untrusted::new(&path, Fault::NotAFile));
    };
    let mut walk = Walk::from_root(trusted_uids)?;
    walk.descend(parent)?;
    Ok((walk.into_directory(), name.to_owned()))
}

pub(super) fn absolute(path: &Path) -> Result<PathBuf, Untrusted> {
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

pub(super) fn refuse_other_owners(
    owner: u32,
    path: &Path,
    trusted: &[u32],
) -> Result<(), Untrusted> {
    if owner == ROOT || trusted.contains(&owner) {
        return Ok(());
    }
    let fault = if owner == NOBODY { Fault::Nobody } else { Fault::Owner(owner) };
    Err(Untrusted::new(path, fault))
}

pub(super) fn refuse_other_writers(mode: u32, path: &Path) -> Result<(), Untrusted> {
    if mode & WRITABLE_BY_OTHERS == 0 {
        return Ok(());
    }
    Err(Untrusted::new(path, Fault::Writable(mode & 0o7777)))
}

/// What the kernel shows of a uid that a user namespace has no number for.
const NOBODY: u32 = 65_534;
const ROOT: u32 = 0;
const WRITABLE_BY_OTHERS: u32 = 0o022;
/// As many as Linux itself follows.
const MAX_LINKS: u32 = 40;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_that_may_be_anybody_is_said_to_be_that_and_what_to_do_in_a_container() {
        let path = Path::new("/run/patd");

        let nobody = refuse_other_owners(65_534, path, &[]).unwrap_err();
        let other = refuse_other_owners(65_533, path, &[]).unwrap_err();

        assert_eq!((nobody.fault, other.fault), (Fault::Nobody, Fault::Owner(65_533)));
        assert!(nobody.next_step.contains("outside of a container"), "{}", nobody.next_step);
        assert_eq!(refuse_other_owners(65_534, path, &[65_534]), Ok(()));
    }
}
