//! Where private homes may be: in memory, and where nobody else can look in.

use std::ffi::OsStr;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::sys::statfs::{TMPFS_MAGIC, statfs};
use pat_wire::trust;

use super::PREFIX;
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
             with mode 0700 that only you and root can exchange, and {SHARED} is not a sticky tmpfs; next: log in with a systemd session, \
             mount a tmpfs at {SHARED}, or use --deliver env"
        ))
    })
}

/// Returns whether this is a private home as [`super::Home::new`] makes it, in a place for homes. Anybody may start a
/// helper: it gets a secret for no other directory.
pub(crate) fn is_home(private: &Path, uid: u32) -> bool {
    let (Some(place), Some(name)) = (private.parent(), private.file_name()) else { return false };
    is_named(name, uid)
        && std::fs::symlink_metadata(private).is_ok_and(|metadata| is_own(&metadata, uid))
        && (is_private(place, uid) || is_shared(place))
}

/// Returns whether a private home of this user's may have this name.
pub(super) fn is_named(name: &OsStr, uid: u32) -> bool {
    name.as_encoded_bytes().starts_with(format!("{PREFIX}{uid}-").as_bytes())
}

/// Returns whether this is a directory that is this user's, and shut to all others.
pub(super) fn is_own(metadata: &Metadata, uid: u32) -> bool {
    metadata.is_dir() && metadata.uid() == uid && metadata.mode() & 0o077 == 0
}

/// The way there counts too: whoever may rename a directory above it could put their own in its place, later, and root
/// may be given somebody else's (`sudo -E`).
fn is_private(dir: &Path, uid: u32) -> bool {
    dir.is_absolute()
        && std::fs::symlink_metadata(dir).is_ok_and(|metadata| is_own(&metadata, uid))
        && is_in_memory(dir)
        && trust::check_dir(dir, &[uid]).is_ok()
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
    fn a_directory_that_others_can_exchange_is_not_taken() {
        let above = tempfile::tempdir_in(SHARED).unwrap();
        let own = above.path().join("own");
        std::fs::create_dir(&own).unwrap();
        std::fs::set_permissions(&own, PermissionsExt::from_mode(0o700)).unwrap();
        let uid = nix::unistd::getuid().as_raw();
        let first = || candidates(Some(own.as_os_str()), uid).remove(0);

        assert_eq!(first(), own);
        for mode in [0o777, 0o770] {
            std::fs::set_permissions(above.path(), PermissionsExt::from_mode(mode)).unwrap();
            assert_eq!(first(), Path::new(SHARED), "{mode:o}");
        }
    }

    #[test]
    fn a_home_is_one_by_its_place_its_name_and_its_mode() {
        let uid = nix::unistd::getuid().as_raw();
        let below = |place: &Path, name: &str, mode: u32| {
            let dir = place.join(name);
            std::fs::create_dir(&dir).unwrap();
            std::fs::set_permissions(&dir, PermissionsExt::from_mode(mode)).unwrap();
            is_home(&dir, uid)
        };
        let (in_memory, on_disk) =
            (tempfile::tempdir_in(SHARED).unwrap(), tempfile::tempdir().unwrap());
        for place in [&in_memory, &on_disk] {
            std::fs::set_permissions(place.path(), PermissionsExt::from_mode(0o700)).unwrap();
        }
        let name = |end: &str| format!("{PREFIX}{uid}-{end}");

        assert!(below(in_memory.path(), &name("a"), 0o700));
        assert!(!below(in_memory.path(), &name("b"), 0o750), "open to others");
        assert!(!below(in_memory.path(), "another", 0o700), "of another name");
        assert!(!below(on_disk.path(), &name("a"), 0o700), "on a disk");
        let link = in_memory.path().join(name("link"));
        std::os::unix::fs::symlink(in_memory.path().join(name("a")), &link).unwrap();
        assert!(!is_home(&link, uid) && !is_home(Path::new("/"), uid));
        assert!(!is_home(&in_memory.path().join(name("a")), uid + 1), "of another user");
    }

    #[test]
    fn without_a_place_in_memory_there_is_no_home() {
        assert!(best(&[]).unwrap_err().to_string().contains("--deliver env"));
    }
}
