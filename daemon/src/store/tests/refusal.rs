//! When the store does not open at all, and what it says: owners, modes, links, keys, second daemons.

use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Notes in the test runner's list that a test was not run, and why.
fn skip(name: &str, reason: &str) {
    eprintln!("SKIPPED {name}: {reason}");
    if let Some(list) = std::env::var_os("PAT_BROKER_SKIPS") {
        let mut list = fs::OpenOptions::new().append(true).create(true).open(list).unwrap();
        writeln!(list, "{name}: {reason}").unwrap();
    }
}

/// Demands a refusal that says all of this, and that nothing was touched.
fn refused(world: &World, says: &[&str]) {
    let before = untouched(&world.dir());

    let refusal = world.refusal().to_string();

    for part in says {
        assert!(refusal.contains(part), "{refusal:?} does not say {part:?}");
    }
    assert_eq!(untouched(&world.dir()), before);
}

#[test]
fn a_folder_that_others_may_enter_is_refused() {
    let (world, _) = World::with_slots();
    for mode in [0o750, 0o705, 0o770, 0o711] {
        chmod(&world.dir(), mode);

        refused(&world, &["state: has mode", "chmod 700"]);
    }
}

#[test]
fn a_file_that_others_may_read_or_write_is_refused() {
    let (world, _) = World::with_slots();
    for (name, command) in [
        ("meta.sealed", "chmod 600"),
        ("slots", "chmod 700"),
        ("sled", "chmod 700"),
        ("sled/db", "chmod 600"),
        ("state.lock", "chmod 600"),
    ] {
        let path = world.dir().join(name);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        for bit in [0o040, 0o004, 0o020, 0o002] {
            chmod(&path, mode | bit);

            refused(&world, &[name, command]);
        }
        chmod(&path, mode);
    }
    drop(world.open());
}

#[test]
fn a_slot_file_that_others_may_read_is_refused() {
    let (world, _) = World::with_slots();
    chmod(&world.slot_files()[1], 0o640);

    refused(&world, &["slots/", "0640", "chmod 600"]);
}

#[test]
fn links_are_not_followed() {
    let (world, _) = World::with_slots();
    let real = world.folder.path().join("real");
    fs::rename(world.dir(), &real).unwrap();
    symlink(&real, world.dir()).unwrap();
    refused(&world, &["state: is a symbolic link"]);
    fs::remove_file(world.dir()).unwrap();
    fs::rename(&real, world.dir()).unwrap();
    let elsewhere = world.folder.path().join("elsewhere");

    for name in ["meta.sealed", "state.lock"] {
        let path = world.dir().join(name);
        fs::rename(&path, &elsewhere).unwrap();
        symlink(&elsewhere, &path).unwrap();
        refused(&world, &[name, "cannot be opened"]);
        fs::rename(&elsewhere, &path).unwrap();
    }
    for name in ["slots", "sled"] {
        let path = world.dir().join(name);
        fs::rename(&path, &elsewhere).unwrap();
        symlink(&elsewhere, &path).unwrap();
        assert!(world.refusal().to_string().contains("link"));
        fs::remove_file(&path).unwrap();
        fs::rename(&elsewhere, &path).unwrap();
    }
    drop(world.open());
}

#[test]
fn a_file_with_a_second_name_is_refused() {
    let (world, _) = World::with_slots();
    fs::hard_link(world.dir().join("meta.sealed"), world.folder.path().join("second")).unwrap();

    refused(&world, &["meta.sealed", "second name"]);
}

#[test]
fn a_parent_folder_that_others_may_write_is_refused() {
    let (world, _) = World::with_slots();
    chmod(world.folder.path(), 0o777);
    refused(&world, &["writable by others", "chmod go-w"]);

    chmod(world.folder.path(), 0o1777);
    drop(world.open());
}

#[test]
fn what_belongs_to_someone_else_is_refused() {
    if !nix::unistd::geteuid().is_root() {
        return skip(
            "other-uid",
            "only root can give files away; the owner check is the same code for every uid",
        );
    }
    let (world, _) = World::with_slots();
    for path in [world.dir(), world.dir().join("sled/db"), world.slot_files().remove(0)] {
        std::os::unix::fs::chown(&path, Some(4242), None).unwrap();

        refused(&world, &["belongs to uid 4242", "chown 0"]);
        std::os::unix::fs::chown(&path, Some(0), None).unwrap();
    }
}

#[test]
fn a_second_daemon_is_refused() {
    let (world, told_before) = World::with_slots();
    let first = world.open();

    let refusal = world.refusal();

    assert!(refusal.to_string().contains("in use by another patd"), "{refusal}");
    assert_eq!(told(&first), told_before);
    drop(first);
    drop(world.open());
}

#[test]
fn a_wrong_root_key_is_told_apart_from_damage_and_moves_nothing() {
    let (world, told_before) = World::with_slots();
    fs::write(world.slot_files()[0].with_added_extension("tmp"), b"half").unwrap();
    let wrong = |world: &World| {
        open(&world.dir(), RootKey::from([8; 32]), NOW).map(|_report| ()).unwrap_err()
    };
    let before = untouched(&world.dir());

    assert!(matches!(wrong(&world), OpenError::WrongRootKey(_)));

    assert_eq!(untouched(&world.dir()), before);
    assert_eq!(told(&world.open()), told_before);
    // Also where sled alone can tell.
    let meta = fs::read(world.dir().join("meta.sealed")).unwrap();
    fs::remove_file(world.dir().join("meta.sealed")).unwrap();
    assert!(matches!(wrong(&world), OpenError::WrongRootKey(_)));
    assert!(!world.dir().join("sled.damaged-1").exists());
    fs::write(world.dir().join("meta.sealed"), meta).unwrap();
    assert_eq!(told(&world.open()), told_before);
}

#[test]
fn two_stores_in_one_folder_are_refused() {
    let (world, told_before) = World::with_slots();
    let (other, _) = World::with_slots();
    let (sled, own) = (world.dir().join("sled"), world.folder.path().join("own"));
    fs::rename(&sled, &own).unwrap();
    copy_tree(&other.dir().join("sled"), &sled);

    refused(&world, &["different stores", "meta.sealed", "sled"]);

    fs::remove_dir_all(&sled).unwrap();
    fs::rename(&own, &sled).unwrap();
    assert_eq!(told(&world.open()), told_before);
}

#[test]
fn a_store_of_a_later_version_is_left_alone() {
    let (world, _) = World::with_slots();
    edit(&world.dir().join("meta.sealed"), |bytes| {
        bytes[8] = 2;
        let body = bytes.len() - 32;
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes[..body]);
        bytes[body..].copy_from_slice(digest.as_ref());
    });

    refused(&world, &["format 2", "knows none above 1"]);
}

#[test]
fn an_unmarked_empty_folder_is_not_a_first_start() {
    let world = World::marked();
    fs::remove_file(world.dir().join("new")).unwrap();

    refused(&world, &["no mark of a first start", "patctl init", "patctl rebuild"]);
    assert!(!world.dir().join("sled").exists());
}

#[test]
fn a_missing_folder_is_refused_with_the_command_that_makes_it() {
    let world = World { folder: TempDir::new().unwrap() };

    let refusal = world.refusal().to_string();

    assert!(refusal.contains("install -d -m 0700"), "{refusal}");
}

#[test]
fn a_folder_that_holds_a_store_cannot_be_marked_new() {
    let (world, _) = World::with_slots();

    let refusal = mark_new(&world.dir()).unwrap_err().to_string();

    assert!(refusal.contains("already holds a store"), "{refusal}");
    assert!(!world.dir().join("new").exists());
}

#[test]
fn a_store_in_use_cannot_be_set_aside() {
    let (world, _) = World::with_slots();
    let _store = world.open();

    assert!(super::super::set_aside(&world.dir()).unwrap_err().to_string().contains("in use"));
}

#[test]
fn everything_the_store_makes_is_private() {
    let (world, _) = World::with_slots();

    for path in files_below(&world.dir()) {
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", path.display());
    }
    for name in ["", "sled", "slots"] {
        let mode = fs::metadata(world.dir().join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o700, "{name}");
    }
}
