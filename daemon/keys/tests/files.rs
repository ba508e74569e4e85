//! `file:` keys: only a private file is believed, and a key is never overwritten.

#![expect(clippy::unwrap_used, reason = "a test's world that cannot be built fails the test")]

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use pat_wire::secret::Secret;
use patd_config::KeySource;
use patd_keys::{KeyError, KeyFault, RootKey, label, read, read_root, store};
use tempfile::TempDir;

mod skip;
use skip::skip;

struct World {
    folder: TempDir,
}

impl World {
    fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("root.key")
    }

    fn source(&self) -> KeySource {
        KeySource::File(self.path())
    }

    fn with_key(mode: u32) -> Self {
        let world = Self::new();
        fs::write(world.path(), RootKey::generate().unwrap().to_text().expose()).unwrap();
        fs::set_permissions(world.path(), Permissions::from_mode(mode)).unwrap();
        world
    }

    fn refusal(&self) -> KeyError {
        refusal_of(&self.source())
    }
}

fn refusal_of(source: &KeySource) -> KeyError {
    read(source, None).map(|_key| ()).unwrap_err()
}

#[test]
fn a_stored_key_is_private_and_comes_back() {
    let world = World::new();
    let key = RootKey::generate().unwrap();

    store(&world.source(), &key.to_text(), None).unwrap();

    assert_eq!(read_root(&world.source(), None).unwrap().expose(), key.expose());
    assert_eq!(fs::metadata(world.path()).unwrap().mode() & 0o7777, 0o400);
}

#[test]
fn a_key_is_never_overwritten() {
    let world = World::with_key(0o400);
    let before = fs::read(world.path()).unwrap();

    let refusal = store(&world.source(), &Secret::new("another".to_owned()), None).unwrap_err();

    assert_eq!(refusal.fault, KeyFault::Exists);
    assert_eq!(fs::read(world.path()).unwrap(), before);
}

#[test]
fn a_key_is_not_written_through_a_link() {
    let world = World::new();
    let target = world.folder.path().join("target");
    symlink(&target, world.path()).unwrap();

    let refusal = store(&world.source(), &Secret::new("key".to_owned()), None).unwrap_err();

    assert_eq!(refusal.fault, KeyFault::Exists);
    assert!(!target.exists());
}

#[test]
fn a_key_that_others_may_read_or_change_is_refused_with_the_command_that_helps() {
    for mode in [0o440, 0o404, 0o640, 0o604, 0o660, 0o602, 0o700, 0o4400] {
        let refusal = World::with_key(mode).refusal();

        assert_eq!(refusal.fault, KeyFault::Untrusted, "{mode:o}");
        assert!(refusal.next_step.starts_with("chmod 600 "), "{refusal}");
    }
    for mode in [0o400, 0o600] {
        assert!(read_root(&World::with_key(mode).source(), None).is_ok(), "{mode:o}");
    }
}

#[test]
fn a_link_a_folder_and_a_pipe_are_no_keys() {
    let world = World::with_key(0o400);
    let link = world.folder.path().join("link");
    symlink(world.path(), &link).unwrap();
    let pipe = world.folder.path().join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRUSR).unwrap();

    for path in [link, pipe, world.folder.path().to_owned()] {
        let refusal = refusal_of(&KeySource::File(path.clone()));

        assert_eq!(refusal.fault, KeyFault::Untrusted, "{}: {refusal}", path.display());
    }
}

#[test]
fn a_key_with_a_second_name_is_refused() {
    let world = World::with_key(0o400);
    fs::hard_link(world.path(), world.folder.path().join("second")).unwrap();

    assert_eq!(world.refusal().fault, KeyFault::Untrusted);
}

#[test]
fn a_key_in_a_folder_that_others_may_write_is_refused() {
    let world = World::with_key(0o400);
    let folder = world.folder.path();
    let set = |mode| fs::set_permissions(folder, Permissions::from_mode(mode)).unwrap();

    set(0o777);
    let refusal = world.refusal();
    assert_eq!(refusal.fault, KeyFault::Untrusted);
    assert!(refusal.next_step.contains("chmod go-w "), "{refusal}");

    set(0o1777);
    assert!(read(&world.source(), None).is_ok(), "sticky: others cannot replace what is ours");
}

#[test]
fn a_key_of_someone_else_is_refused() {
    if !nix::unistd::geteuid().is_root() {
        return skip(
            "other-uid",
            "only root can give files away; the owner check is the same code for every uid",
        );
    }
    let world = World::with_key(0o400);
    std::os::unix::fs::chown(world.path(), Some(4242), None).unwrap();

    let refusal = world.refusal();

    assert_eq!(refusal.fault, KeyFault::Untrusted);
    assert!(refusal.what.contains("uid 4242"), "{refusal}");
}

#[test]
fn no_key_is_said_and_none_is_made() {
    let world = World::new();

    assert_eq!(world.refusal().fault, KeyFault::Absent);
    assert!(!world.path().exists());
}

#[test]
fn what_is_no_key_text_is_refused_without_showing_it() {
    let cases: [&[u8]; 3] = [b"", &[0xff; 40], &[b'A'; 70_000]];
    for bytes in cases {
        let world = World::with_key(0o600);
        fs::write(world.path(), bytes).unwrap();

        assert_eq!(world.refusal().fault, KeyFault::Malformed);
    }
    let world = World::with_key(0o600);
    fs::write(world.path(), "hunter2hunter2").unwrap();
    let refusal = read_root(&world.source(), None).map(|_key| ()).unwrap_err();
    assert!(!format!("{refusal} {refusal:?}").contains("hunter2"));
    assert!(refusal.what.contains("root.key"), "{refusal}");
}

#[test]
fn labels_say_who_else_can_get_at_a_key() {
    let file = label(&KeySource::File(Path::new("/etc/patd/root.key").to_owned()));
    let keyring = label(&KeySource::Keyring("root-key".to_owned()));

    assert_eq!(file, "file /etc/patd/root.key (anyone who can read this disk)");
    assert!(keyring.contains("any program of this user can ask for it"), "{keyring}");
}
