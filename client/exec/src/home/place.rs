//! Where private homes may be: in memory, and where nobody else can look in.

use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::sys::statfs::{TMPFS_MAGIC, statfs};

use crate::failure::Failure;

/// Returns the directories that homes may be made in, the better first.
pub(crate) fn candidates(runtime_dir: Option<&OsStr>, uid: u32) -> Vec<PathBuf> {
    let runtime_dir = runtime_dir.map(PathBuf::from).filter(|dir| is_private(dir, uid));
    let shared = Some(PathBuf::from(SHARED)).filter(|dir| is_shared(dir));
    [runtime_dir, shared].into_iter().flatten().collect()
}

/// Returns the directory that a new home is made in.
///
/// # Errors
/// There is none: a secret would end up on a disk, or in front of others.
pub(crate) fn best(candidates: &[PathBuf]) -> Result<&Path, Failure> {
    candidates.first().map(PathBuf::as_path).ok_or_else(|| {
        Failure::own(format!(
            "no place in memory for a private home: XDG_RUNTIME_DIR is not a tmpfs directory of yours \
             with mode 0700, and {SHARED} is not a sticky tmpfs; next: log in with a systemd session, \
             mount a tmpfs at {SHARED}, or use --deliver env"
        ))
    })
}

fn is_private(dir: &Path, uid: u32) -> bool {
    dir.is_absolute()
        && std::fs::symlink_metadata(dir).is_ok_and(|metadata| {
            metadata.is_dir() && metadata.uid() == uid && metadata.mode() & 0o077 == 0
        })
        && is_in_memory(dir)
}

/// Sticky: nobody else can rename or remove what is ours.
fn is_shared(dir: &Path) -> bool {
    std::fs::symlink_metadata(dir).is_ok_and(|metadata| {
        metadata.is_dir() && metadata.uid() == 0 && metadata.mode() & 0o1000 != 0
    }) && is_in_memory(dir)
}

fn is_in_memory(dir: &Path) -> bool {
    statfs(dir).is_ok_and(|system| system.filesystem_type() == TMPFS_MAGIC)
}

const SHARED: &str = "/dev/shm";

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn only_a_private_directory_in_memory_is_taken() {
        let in_memory = tempfile::tempdir_in(SHARED).unwrap();
        std::fs::set_permissions(in_memory.path(), PermissionsExt::from_mode(0o700)).unwrap();
        let on_disk = tempfile::tempdir().unwrap();
        let uid = nix::unistd::getuid().as_raw();
        let first = |dir: &Path| candidates(Some(dir.as_os_str()), uid).remove(0);

        assert_eq!(first(in_memory.path()), in_memory.path());
        assert_eq!(
            candidates(Some(in_memory.path().as_os_str()), uid + 1),
            [PathBuf::from(SHARED)]
        );
        assert_eq!(first(on_disk.path()), Path::new(SHARED));
        assert_eq!(first(Path::new("relative")), Path::new(SHARED));
        std::fs::set_permissions(in_memory.path(), PermissionsExt::from_mode(0o750)).unwrap();
        assert_eq!(first(in_memory.path()), Path::new(SHARED));
    }

    #[test]
    fn without_a_place_in_memory_there_is_no_home() {
        assert!(best(&[]).unwrap_err().to_string().contains("--deliver env"));
    }
}
