//! Removing a directory tree of any depth: what is nested is moved up first, so that neither the length of
//! a path nor the number of open files grows with the depth. Nothing is followed out of the tree.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use nix::NixPath;
use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, openat, renameat};
use nix::sys::stat::{FchmodatFlags, Mode, fchmodat};
use nix::unistd::{UnlinkatFlags, unlinkat};

/// Removes a directory and all that is in it.
///
/// # Errors
/// Something of it cannot be removed.
pub(crate) fn remove(top: &Path) -> io::Result<()> {
    make_writable(AT_FDCWD, top);
    let opened = open(AT_FDCWD, top)?;
    for _ in 0..ROUNDS {
        let names = names(&opened)?;
        if names.is_empty() {
            break;
        }
        let failed = names.iter().filter_map(|name| take_apart(&opened, name).err());
        let failed: Vec<Errno> = failed.collect();
        match failed.first() {
            Some(errno) if failed.len() == names.len() => return Err((*errno).into()),
            _ => {}
        }
    }
    Ok(unlinkat(AT_FDCWD, top, UnlinkatFlags::RemoveDir)?)
}

/// Removes a file, or a directory whose own directories are moved up to the top for the next round.
fn take_apart(top: &OwnedFd, name: &CString) -> nix::Result<()> {
    if unlink_file(top, name)? {
        return Ok(());
    }
    make_writable(top, name.as_c_str());
    let directory = open(top, name.as_c_str())?;
    for inner in names(&directory)? {
        if !unlink_file(&directory, &inner)? {
            // What is moved is changed: its entry `..` is another one.
            make_writable(&directory, inner.as_c_str());
            renameat(&directory, inner.as_c_str(), top, crate::chance::name().as_str())?;
        }
    }
    unlinkat(top, name.as_c_str(), UnlinkatFlags::RemoveDir)
}

/// Returns false for a directory.
fn unlink_file(directory: &OwnedFd, name: &CString) -> nix::Result<bool> {
    match unlinkat(directory, name.as_c_str(), UnlinkatFlags::NoRemoveDir) {
        Ok(()) | Err(Errno::ENOENT) => Ok(true),
        Err(Errno::EISDIR) => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// As far as it is ours; if not, the next step says so.
fn make_writable<P: ?Sized + NixPath>(directory: impl AsFd, name: &P) {
    let _ = fchmodat(directory, name, Mode::S_IRWXU, FchmodatFlags::NoFollowSymlink);
}

fn open<P: ?Sized + NixPath>(directory: impl AsFd, name: &P) -> nix::Result<OwnedFd> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    openat(directory, name, flags, Mode::empty())
}

fn names(directory: &OwnedFd) -> nix::Result<Vec<CString>> {
    let mut listing = Dir::from_fd(open(directory, ".")?)?;
    let names = listing.iter().map(|entry| entry.map(|entry| entry.file_name().to_owned()));
    let is_inside = |name: &CString| ![c".", c".."].contains(&name.as_c_str());
    names.filter(|name| !name.as_ref().is_ok_and(|name| !is_inside(name))).collect()
}

/// Deeper than memory allows; who still writes into the tree is not kept up with for ever.
const ROUNDS: u32 = 1_000_000;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_tree_deeper_than_paths_and_descriptors_reach_is_removed() {
        let dir = tempfile::tempdir_in("/dev/shm").unwrap();
        let top = dir.path().join("top");
        std::fs::create_dir(&top).unwrap();
        let mut here = open(AT_FDCWD, &top).unwrap();
        for _ in 0..5_000 {
            nix::sys::stat::mkdirat(&here, "deeper", Mode::S_IRWXU).unwrap();
            here = open(&here, "deeper").unwrap();
        }

        remove(&top).unwrap();

        assert!(!top.exists());
    }

    #[test]
    fn what_is_linked_stays_and_what_may_not_be_entered_goes() {
        let dir = tempfile::tempdir().unwrap();
        let [top, kept] = ["top", "kept"].map(|name| dir.path().join(name));
        std::fs::create_dir_all(top.join("closed/inner/innermost")).unwrap();
        std::fs::create_dir(&kept).unwrap();
        std::fs::write(kept.join("file"), "").unwrap();
        symlink(&kept, top.join("link")).unwrap();
        symlink(&kept, top.join("closed/inner/link")).unwrap();
        for (path, mode) in [("closed/inner", 0o000), ("closed", 0o500)] {
            std::fs::set_permissions(top.join(path), PermissionsExt::from_mode(mode)).unwrap();
        }

        remove(&top).unwrap();

        assert!(!top.exists());
        assert!(kept.join("file").exists());
        assert!(remove(&dir.path().join("link")).is_err());
    }
}
