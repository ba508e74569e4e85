//! What `trust` believes and what not, with real modes, owners and links. As root the foreign owner is
//! made by chown; otherwise root is trusted and the test's own uid is not.

#![expect(clippy::unwrap_used, reason = "a test's world that cannot be built fails the test")]

use std::fs::{self, Permissions};
use std::io::Read;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use pat_wire::trust::{Directory, Fault, check_dir, open_file};
use tempfile::TempDir;

struct World {
    root: TempDir,
    trusted: Vec<u32>,
}

impl World {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        Self { root, trusted: vec![nix::unistd::geteuid().as_raw()] }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().canonicalize().unwrap().join(name)
    }

    fn directory(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(&path).unwrap();
        set_mode(&path, 0o755);
        path
    }

    fn file(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, "content").unwrap();
        set_mode(&path, 0o644);
        path
    }

    fn open(&self, path: &Path) -> Result<String, (PathBuf, Fault)> {
        let (mut file, metadata) = open_file(path, &self.trusted)
            .map_err(|untrusted| (untrusted.path, untrusted.fault))?;
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(metadata.len(), text.len() as u64);
        Ok(text)
    }

    fn check(&self, path: &Path) -> Result<(), (PathBuf, Fault)> {
        check_dir(path, &self.trusted).map_err(|untrusted| (untrusted.path, untrusted.fault))
    }

    /// Makes `path` belong to somebody whom the returned list does not trust.
    fn give_away(&self, path: &Path) -> (Vec<u32>, u32) {
        let own = nix::unistd::geteuid();
        if own.is_root() {
            nix::unistd::chown(path, Some(4242.into()), None).unwrap();
            (vec![0], 4242)
        } else {
            (Vec::new(), own.as_raw())
        }
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_file_of_a_trusted_owner_below_a_sticky_directory_is_opened() {
    let world = World::new();
    let file = world.file("a.toml");

    assert_eq!(world.open(&file), Ok("content".to_owned()));
}

#[test]
fn a_file_that_its_group_or_others_may_write_is_refused() {
    let world = World::new();
    for mode in [0o664, 0o646, 0o666, 0o620, 0o602] {
        let file = world.file("a.toml");
        set_mode(&file, mode);

        assert_eq!(world.open(&file), Err((file, Fault::Writable(mode))));
    }
}

#[test]
fn a_file_of_somebody_else_is_refused() {
    let world = World::new();
    let file = world.file("a.toml");
    let (trusted, owner) = world.give_away(&file);

    let untrusted = open_file(&file, &trusted).unwrap_err();

    assert_eq!(untrusted.fault, Fault::Owner(owner));
}

#[test]
fn a_symbolic_link_in_the_place_of_the_file_is_refused() {
    let world = World::new();
    let link = world.path("link.toml");
    symlink(world.file("a.toml"), &link).unwrap();

    assert_eq!(world.open(&link), Err((link, Fault::Symlink)));
}

#[test]
fn a_directory_above_that_others_may_write_is_refused_and_named() {
    let world = World::new();
    let (above, _) = (world.directory("above"), world.directory("above/below"));
    let file = world.file("above/below/a.toml");
    set_mode(&above, 0o775);

    assert_eq!(world.open(&file), Err((above.clone(), Fault::Writable(0o775))));
    assert_eq!(world.check(&world.path("above/below")), Err((above, Fault::Writable(0o775))));
}

#[test]
fn a_sticky_directory_is_an_exception_only_above() {
    let world = World::new();
    let sticky = world.directory("sticky");
    let below = world.directory("sticky/below");
    set_mode(&sticky, 0o1777);

    assert_eq!(world.check(&below), Ok(()));
    assert_eq!(world.check(&sticky), Err((sticky, Fault::Writable(0o1777))));
}

#[test]
fn a_linked_directory_is_followed_to_its_target_and_the_target_is_checked() {
    let world = World::new();
    let target = world.directory("target");
    world.directory("links");
    world.file("target/a.toml");
    symlink("../target", world.path("links/relative")).unwrap();
    symlink(&target, world.path("links/absolute")).unwrap();

    assert_eq!(world.open(&world.path("links/relative/a.toml")), Ok("content".to_owned()));
    assert_eq!(world.open(&world.path("links/absolute/a.toml")), Ok("content".to_owned()));

    set_mode(&target, 0o777);
    for link in ["links/relative", "links/absolute"] {
        let fault = world.open(&world.path(link).join("a.toml"));
        assert_eq!(fault, Err((target.clone(), Fault::Writable(0o777))));
    }
}

#[test]
fn a_link_that_somebody_else_made_is_not_followed() {
    let world = World::new();
    let link = world.path("link");
    symlink(world.directory("target"), &link).unwrap();
    if !nix::unistd::geteuid().is_root() {
        // Only root can make a link that belongs to somebody else; the owner check is the same one.
        let untrusted = check_dir(&link, &[]).unwrap_err();
        assert!(matches!(untrusted.fault, Fault::Owner(_)));
        return;
    }
    let flags = nix::fcntl::AtFlags::AT_SYMLINK_NOFOLLOW;
    nix::unistd::fchownat(nix::fcntl::AT_FDCWD, &link, Some(4242.into()), None, flags).unwrap();

    assert_eq!(world.check(&link), Err((link, Fault::Owner(4242))));
}

#[test]
fn links_that_lead_in_a_circle_are_given_up() {
    let world = World::new();
    symlink(world.path("b"), world.path("a")).unwrap();
    symlink(world.path("a"), world.path("b")).unwrap();

    let (_, fault) = world.check(&world.path("a/below")).unwrap_err();

    assert_eq!(fault, Fault::TooManyLinks);
}

#[test]
fn dots_lead_to_the_directory_above_the_real_one() {
    let world = World::new();
    world.directory("one/two");
    world.directory("links");
    world.file("one/a.toml");
    symlink(world.path("one/two"), world.path("links/two")).unwrap();

    assert_eq!(world.open(&world.path("links/two/../a.toml")), Ok("content".to_owned()));
}

#[test]
fn what_is_not_a_regular_file_is_refused_without_waiting_for_it() {
    let world = World::new();
    let fifo = world.path("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
    let socket = world.path("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let directory = world.directory("directory");

    for path in [fifo, socket, directory] {
        assert_eq!(world.open(&path), Err((path, Fault::NotAFile)));
    }
}

#[test]
fn what_is_missing_or_below_a_file_is_said_to_be_so() {
    let world = World::new();
    let file = world.file("a.toml");

    assert_eq!(world.open(&world.path("b.toml")), Err((world.path("b.toml"), Fault::Missing)));
    assert_eq!(world.open(&file.join("c")), Err((file.clone(), Fault::NotADirectory)));
    assert_eq!(world.check(&file), Err((file, Fault::NotADirectory)));
}

#[test]
fn a_directory_lists_its_names_in_order_and_opens_files_only_of_its_own() {
    let world = World::new();
    let path = world.directory("d");
    world.file("d/b.toml");
    world.file("d/a.toml");

    let directory = Directory::open(&path, &world.trusted).unwrap();

    assert_eq!(directory.names().unwrap(), ["a.toml", "b.toml"]);
    assert!(directory.open_file("a.toml".as_ref()).is_ok());
    fs::rename(&path, world.path("moved")).unwrap();
    assert!(directory.open_file("a.toml".as_ref()).is_ok());
}

#[test]
fn a_refusal_names_the_path_the_fault_and_the_next_step() {
    let world = World::new();
    let file = world.file("a.toml");
    set_mode(&file, 0o666);

    let said = open_file(&file, &world.trusted).unwrap_err().to_string();

    let shown = file.display();
    assert_eq!(
        said,
        format!(
            "{shown}: is writable by others than its owner (mode 0666); \
             look at what it holds, then: chmod go-w {shown}"
        )
    );
}
