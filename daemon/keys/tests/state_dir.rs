//! The state folder's mark, lock, and how a lost store is set aside.

#![expect(clippy::unwrap_used, reason = "a test's world that cannot be built fails the test")]

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::PathBuf;

use patd_keys::state_dir::{
    StateDirError, end_rebuild, is_marked_new, is_rebuilt, lock, mark_new, set_aside, unmark,
};
use tempfile::TempDir;

mod skip;
use skip::skip;

fn folder() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let dir = folder.path().join("state");
    (folder, dir)
}

#[test]
fn a_folder_is_made_private_and_marked_and_may_be_marked_again() {
    let (_folder, dir) = folder();

    mark_new(&dir).unwrap();
    mark_new(&dir).unwrap();

    assert!(is_marked_new(&dir).unwrap());
    assert_eq!(fs::metadata(&dir).unwrap().mode() & 0o777, 0o700);
    assert_eq!(fs::metadata(dir.join("new")).unwrap().mode() & 0o777, 0o600);
}

#[test]
fn a_folder_with_anything_in_it_is_not_marked() {
    let (_folder, dir) = folder();
    mark_new(&dir).unwrap();
    unmark(&dir).unwrap();
    fs::write(dir.join("meta.sealed"), "sealed").unwrap();

    assert!(matches!(mark_new(&dir), Err(StateDirError::HoldsStore(_))));
    assert!(!is_marked_new(&dir).unwrap());
}

#[test]
fn a_folder_that_others_may_enter_is_not_marked() {
    let (_folder, dir) = folder();
    fs::create_dir(&dir).unwrap();
    fs::set_permissions(&dir, Permissions::from_mode(0o755)).unwrap();

    assert!(matches!(mark_new(&dir), Err(StateDirError::Untrusted(_))));
    assert!(!is_marked_new(&dir).unwrap());
}

#[test]
fn the_lock_is_held_by_one_and_given_back() {
    let (_folder, dir) = folder();
    mark_new(&dir).unwrap();
    let held = lock(&dir).unwrap();

    let second = lock(&dir).map(|_lock| ()).unwrap_err();

    assert!(matches!(second, StateDirError::InUse(_)));
    assert!(second.to_string().contains("systemctl stop patd"), "{second}");
    drop(held);
    assert!(lock(&dir).is_ok());
}

#[test]
fn setting_aside_keeps_everything_leaves_the_audit_log_and_marks_the_folder_new_and_rebuilt() {
    let (_folder, dir) = folder();
    mark_new(&dir).unwrap();
    unmark(&dir).unwrap();
    fs::create_dir(dir.join("sled")).unwrap();
    fs::write(dir.join("sled/db"), "log").unwrap();
    fs::write(dir.join("meta.sealed"), "one").unwrap();
    fs::create_dir(dir.join("audit")).unwrap();
    fs::write(dir.join("audit/audit.jsonl"), "record").unwrap();

    let first = set_aside(&dir).unwrap();
    fs::write(dir.join("meta.sealed"), "two").unwrap();
    let second = set_aside(&dir).unwrap();

    assert!(is_marked_new(&dir).unwrap() && is_rebuilt(&dir).unwrap());
    assert_eq!(fs::read(dir.join("audit/audit.jsonl")).unwrap(), b"record");
    assert_eq!(fs::read(first.join("sled/db")).unwrap(), b"log");
    assert_eq!(fs::read(first.join("meta.sealed")).unwrap(), b"one");
    assert_eq!(fs::read(second.join("meta.sealed")).unwrap(), b"two");
    let mut left: Vec<_> = fs::read_dir(&dir).unwrap().map(|e| e.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["audit", "lost-1", "lost-2", "new", "rebuilt", "state.lock"]);
    end_rebuild(&dir).unwrap();
    assert!(is_marked_new(&dir).unwrap() && !is_rebuilt(&dir).unwrap(), "each mark goes by itself");
}

#[test]
fn a_folder_in_use_is_not_set_aside() {
    let (_folder, dir) = folder();
    mark_new(&dir).unwrap();
    let _daemon = lock(&dir).unwrap();

    assert!(matches!(set_aside(&dir), Err(StateDirError::InUse(_))));
}

#[test]
fn what_root_makes_belongs_to_the_folders_owner() {
    if !nix::unistd::geteuid().is_root() {
        return skip("other-uid", "only root works in another user's folder");
    }
    let (_folder, dir) = folder();
    fs::create_dir(&dir).unwrap();
    fs::set_permissions(&dir, Permissions::from_mode(0o700)).unwrap();
    std::os::unix::fs::chown(&dir, Some(4242), None).unwrap();

    mark_new(&dir).unwrap();
    fs::write(dir.join("meta.sealed"), "sealed").unwrap();
    set_aside(&dir).unwrap();

    for name in ["new", "state.lock", "lost-1"] {
        assert_eq!(fs::metadata(dir.join(name)).unwrap().uid(), 4242, "{name}");
    }
}
