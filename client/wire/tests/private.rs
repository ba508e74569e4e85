//! What `trust` calls private, with real owners, modes, links and names. As root the foreign owner is made by
//! chown; otherwise it is the test's own uid that is not asked for.

#![expect(clippy::unwrap_used, reason = "a test's world that cannot be built fails the test")]

use std::fs::{self, Permissions};
use std::io::Read;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use pat_wire::trust::{
    Fault, Owners, Untrusted, check_parents, open_private, private_dir, private_file,
};
use tempfile::TempDir;

struct World {
    root: TempDir,
}

impl World {
    fn new() -> Self {
        Self { root: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().canonicalize().unwrap().join(name)
    }

    fn file(&self, mode: u32) -> PathBuf {
        let path = self.path("key");
        // The one before may be read-only.
        let _ = fs::remove_file(&path);
        fs::write(&path, "content").unwrap();
        set_mode(&path, mode);
        path
    }

    fn directory(&self, mode: u32) -> PathBuf {
        let path = self.path("folder");
        fs::create_dir_all(&path).unwrap();
        set_mode(&path, mode);
        path
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn fault_of(path: &Path) -> Untrusted {
    open_private(path, Owners::OwnOrRoot).map(drop).unwrap_err()
}

fn uid() -> u32 {
    nix::unistd::geteuid().as_raw()
}

#[test]
fn only_a_file_that_its_owner_alone_may_use_is_private() {
    let world = World::new();
    for mode in [0o400, 0o600] {
        let mut text = String::new();
        let mut file = open_private(&world.file(mode), Owners::Own).unwrap();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "content");
    }
    for mode in [0o440, 0o404, 0o660, 0o602, 0o700, 0o4400] {
        let path = world.file(mode);

        let untrusted = fault_of(&path);

        assert_eq!((untrusted.path, untrusted.fault), (path.clone(), Fault::Mode(mode)));
        assert_eq!(untrusted.next_step, format!("chmod 600 {}", path.display()));
    }
}

#[test]
fn a_link_a_pipe_a_second_name_and_nothing_are_told_apart() {
    let world = World::new();
    let file = world.file(0o600);
    let (link, pipe) = (world.path("link"), world.path("pipe"));
    symlink(&file, &link).unwrap();
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRUSR).unwrap();

    assert_eq!(fault_of(&link).fault, Fault::Symlink);
    assert_eq!(fault_of(&pipe).fault, Fault::NotAFile);
    assert_eq!(fault_of(&world.path("none")).fault, Fault::Missing);
    fs::hard_link(&file, world.path("second")).unwrap();
    assert_eq!(fault_of(&file).fault, Fault::SecondName);
}

#[test]
fn roots_file_is_private_where_root_is_named_and_a_strangers_nowhere() {
    let world = World::new();
    let path = world.file(0o600);
    let metadata = fs::metadata(&path).unwrap();
    let other = uid() + 1;

    let as_another = private_file(&path, &metadata, Owners::UidOrRoot(other));

    // For root: its own file, in a folder of the daemon's.
    assert_eq!(as_another.is_ok(), uid() == 0);
    assert!(private_file(&path, &metadata, Owners::Own).is_ok());
    if uid() == 0 {
        nix::unistd::chown(&path, Some(4242.into()), None).unwrap();
        let untrusted = fault_of(&path);
        assert_eq!(untrusted.fault, Fault::Owner(4242));
        assert_eq!(untrusted.next_step, format!("chown 0 {}", path.display()));
    }
}

#[test]
fn a_private_directory_is_closed_to_others_and_no_link() {
    let world = World::new();
    let directory = world.directory(0o700);
    let link = world.path("link");
    symlink(&directory, &link).unwrap();
    let fault = |path: &Path| private_dir(path, Owners::Own).map(drop).unwrap_err();

    assert!(private_dir(&directory, Owners::Own).is_ok());
    assert_eq!(fault(&link).fault, Fault::Symlink);
    assert_eq!(fault(&world.file(0o600)).fault, Fault::NotADirectory);
    let missing = world.path("none");
    let expected = format!("make it: install -d -m 0700 {}", missing.display());
    assert_eq!(fault(&missing).next_step, expected);
    for mode in [0o701, 0o710, 0o750, 0o777] {
        let untrusted = fault(&world.directory(mode));
        assert_eq!(untrusted.fault, Fault::Mode(mode));
        assert_eq!(untrusted.next_step, format!("chmod 700 {}", directory.display()));
    }
}

#[test]
fn what_is_not_there_yet_has_a_trusted_place_if_nobody_else_may_write_above() {
    let world = World::new();
    let (directory, new) = (world.directory(0o755), world.path("folder/new"));
    for mode in [0o700, 0o755, 0o1777] {
        set_mode(&directory, mode);
        assert_eq!(check_parents(&new, &[uid()]), Ok(()), "{mode:o}");
    }

    set_mode(&directory, 0o777);

    let untrusted = check_parents(&new, &[uid()]).unwrap_err();
    assert_eq!((untrusted.path, untrusted.fault), (directory, Fault::Writable(0o777)));
}
