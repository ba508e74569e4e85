//! Which program may be run with a secret: root's alone, and nobody else's to write or replace. Only root can make one,
//! so these are skipped for anybody else.

#![expect(clippy::unwrap_used, reason = "a test's world that cannot be built fails the test")]

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use pat_wire::trust::{Fault, Program};
use tempfile::TempDir;

/// A folder with a program in it, both as they should be.
struct World(TempDir);

impl World {
    fn new() -> Option<Self> {
        if !nix::unistd::geteuid().is_root() {
            return None;
        }
        let world = Self(tempfile::tempdir().unwrap());
        set_mode(world.0.path(), 0o755);
        fs::create_dir(world.path("bin")).unwrap();
        set_mode(&world.path("bin"), 0o755);
        fs::copy("/bin/true", world.path("bin/tool")).unwrap();
        set_mode(&world.path("bin/tool"), 0o755);
        Some(world)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().canonicalize().unwrap().join(name)
    }

    fn tool(&self) -> PathBuf {
        self.path("bin/tool")
    }

    fn fault(&self) -> (PathBuf, Fault) {
        let untrusted = Program::open(&self.tool()).map(drop).unwrap_err();
        assert!(!untrusted.next_step.is_empty());
        (untrusted.path, untrusted.fault)
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_program_is_executed_in_the_directory_that_was_checked() {
    let Some(world) = World::new() else { return };
    let program = Program::open(&world.tool()).unwrap();

    // Its path leads elsewhere now.
    fs::rename(world.path("bin"), world.path("moved")).unwrap();
    fs::create_dir(world.path("bin")).unwrap();
    fs::copy("/bin/false", world.tool()).unwrap();

    let executable = program.executable();
    assert!(std::process::Command::new(&executable).status().unwrap().success());
    assert_eq!(executable.file_name(), world.tool().file_name());
    assert!(program.is(&fs::metadata(world.path("moved/tool")).unwrap()));
    assert!(!program.is(&fs::metadata(world.tool()).unwrap()));
}

#[test]
fn a_program_that_nobody_may_read_can_be_opened_all_the_same() {
    let Some(world) = World::new() else { return };
    set_mode(&world.tool(), 0o711);

    assert!(!Program::open(&world.tool()).unwrap().is_script());
}

#[test]
fn a_script_is_told_from_a_program() {
    let Some(world) = World::new() else { return };
    for (content, is_script) in [("#!/bin/sh\n", true), ("#", false), ("", false), ("x#!", false)] {
        fs::write(world.tool(), content).unwrap();
        assert_eq!(Program::open(&world.tool()).unwrap().is_script(), is_script, "{content:?}");
    }
}

#[test]
fn what_others_can_write_or_replace_is_refused_by_name() {
    let Some(world) = World::new() else { return };
    for (name, mode) in [("bin/tool", 0o775), ("bin/tool", 0o757), ("bin", 0o775), ("bin", 0o1777)]
    {
        let before = fs::metadata(world.path(name)).unwrap().permissions();
        set_mode(&world.path(name), mode);
        assert_eq!(world.fault(), (world.path(name), Fault::Writable(mode)), "{name} {mode:o}");
        fs::set_permissions(world.path(name), before).unwrap();
    }
    for name in ["bin/tool", "bin"] {
        chown(world.path(name), Some(4_242), None).unwrap();
        assert_eq!(world.fault(), (world.path(name), Fault::Owner(4_242)), "{name}");
        chown(world.path(name), Some(0), None).unwrap();
    }
    assert!(Program::open(&world.tool()).is_ok());
}

#[test]
fn what_is_no_program_is_refused_by_what_it_is() {
    let Some(world) = World::new() else { return };
    set_mode(&world.tool(), 0o644);
    assert_eq!(world.fault().1, Fault::NotExecutable(0o644));
    fs::rename(world.tool(), world.path("bin/other")).unwrap();
    assert_eq!(world.fault().1, Fault::Missing);
    symlink("other", world.tool()).unwrap();
    assert_eq!(world.fault().1, Fault::Symlink);
    fs::remove_file(world.tool()).unwrap();
    fs::create_dir(world.tool()).unwrap();
    assert_eq!(world.fault().1, Fault::NotAFile);
}
