//! The files themselves: whose they are, who reads them, which are read; and the examples that are shipped.

use std::fs;
use std::path::Path;

use patd_config::{Owner, Sources};

use super::world::{ENTRY, MAIN, World, set_mode};

#[test]
fn a_configuration_without_entries_is_good() {
    let world = World::new();
    fs::remove_dir(world.dir().join("users.d")).unwrap();
    fs::remove_dir(world.dir().join("accounts.d")).unwrap();

    let config = world.load().unwrap();

    assert!(config.entries.is_empty() && config.accounts.len() == 1);
}

#[test]
fn what_package_managers_and_editors_leave_behind_is_not_read() {
    let world = World::new();
    let world = ["a.toml.dpkg-old", "b.toml~", ".c.toml", "README"]
        .iter()
        .fold(world, |world, name| world.file(&format!("users.d/{name}"), "not toml ["));

    assert!(world.load().unwrap().entries.is_empty());
}

#[test]
fn a_proxy_password_is_accepted_in_a_file_that_only_its_owner_reads() {
    let world = World::new().file(
        "patd.toml",
        &MAIN.replace("[admin]", "proxy = \"http://u:hush@proxy:3128\"\n[admin]"),
    );
    set_mode(&world.dir().join("patd.toml"), 0o600);

    let config = world.load().unwrap();

    let proxy = config.accounts.values().find_map(|account| account.proxy.as_deref());
    assert_eq!(proxy.unwrap().expose(), "http://u:hush@proxy:3128");
    let printed = format!("{config:?} {:?}", Sources::read(&world.dir()));
    assert!(printed.contains("proxy:3128") && !printed.contains("hush"), "{printed}");
}

#[test]
fn a_proxy_password_is_accepted_in_a_file_of_roots_that_a_group_of_roots_choice_reads() {
    let world = World::new().file(
        "patd.toml",
        &MAIN.replace("[admin]", "proxy = \"http://u:hush@proxy:3128\"\n[admin]"),
    );
    set_mode(&world.dir().join("patd.toml"), 0o640);

    let loaded = world.load();

    // Whoever runs this owns the file: a group of anybody else's choice is refused.
    assert_eq!(loaded.is_ok(), nix::unistd::geteuid().is_root(), "{:?}", loaded.err());
}

#[test]
fn files_of_an_owner_who_is_not_trusted_are_refused() {
    let world = World::new().file("users.d/a.toml", ENTRY);
    let own = nix::unistd::geteuid();
    if own.is_root() {
        let file = world.dir().join("users.d/a.toml");
        nix::unistd::chown(&file, Some(4242.into()), None).unwrap();
    }

    let refused = Sources::read_trusting(&world.dir(), &[]).check().unwrap_err();

    assert!(refused.to_string().contains("who is not trusted here"), "{refused}");
}

#[test]
fn the_owner_is_root_only_if_every_file_is_roots() {
    let world = World::new().file("users.d/a.toml", ENTRY);
    let is_root = nix::unistd::geteuid().is_root();
    let expected = if is_root { Owner::Root } else { Owner::OwnUid };

    assert_eq!(world.load().unwrap().owner, expected);

    if is_root {
        let file = world.dir().join("users.d/a.toml");
        nix::unistd::chown(&file, Some(4242.into()), None).unwrap();
        let config = Sources::read_trusting(&world.dir(), &[4242]).check().unwrap();
        assert_eq!(config.owner, Owner::OwnUid);
    }
}

#[test]
fn an_entry_can_be_tried_before_it_is_written() {
    let world = World::new().file("users.d/a.toml", ENTRY);
    let sources = Sources::read(&world.dir());
    let path = sources.entry_path("other");

    let with = sources.clone().with_entry(&path, &ENTRY.replace("miguel_cli", "other")).check();
    let twice = sources.clone().with_entry(&path, ENTRY).check().unwrap_err();
    let without = sources.clone().without_entry(&world.dir().join("users.d/a.toml")).check();

    assert_eq!(with.unwrap().connections.len(), 2);
    assert!(twice.faults[0].what.contains("has an entry already"));
    assert!(without.unwrap().connections.is_empty());
    assert_eq!(sources.entry_of("miguel_cli"), Some(world.dir().join("users.d/a.toml")));
    assert_eq!(sources.entry_of("other"), None);
}

#[test]
fn every_example_that_is_shipped_is_good() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging/examples");
    let mut names = Vec::new();
    let examples = fs::read_dir(examples).unwrap().map(|entry| entry.unwrap().path());
    // The others are files of other programs.
    for example in examples.filter(|example| example.join("patd.toml").exists()) {
        let world = World::new();
        fs::remove_file(world.dir().join("patd.toml")).unwrap();
        copy(&example, &world.dir());

        let config =
            world.load().unwrap_or_else(|faults| panic!("{}:\n{faults}", example.display()));

        assert!(!config.entries.is_empty(), "{}", example.display());
        names.push(example.file_name().unwrap().to_owned());
    }
    names.sort();
    assert_eq!(names, ["ci", "minimal", "one-program", "pattern", "per-user", "several-accounts"]);
}

/// As a package or a person would install it: the modes of a work tree say nothing.
fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).unwrap();
            set_mode(&target, 0o644);
        }
    }
}
