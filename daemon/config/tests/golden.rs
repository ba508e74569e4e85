//! Every bad configuration has its message: `golden/CASE/` is laid over `golden/base/`, changed as its
//! `setup` says, loaded, and what is said is compared with `expected.txt`.
//!
//! `UPDATE_GOLDEN=1` writes what is said now; the difference is then a matter of review.

#![expect(clippy::unwrap_used, reason = "a test's world that cannot be built fails the test")]
#![expect(clippy::panic, reason = "so does a setup that cannot be read")]

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use patd_config::load;
use tempfile::TempDir;

#[test]
fn every_bad_configuration_says_what_is_expected() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut different = Vec::new();

    for case in cases() {
        let said = World::of(&case).load().expect_err("a bad configuration was accepted");
        let expected = case.join("expected.txt");
        if update {
            fs::write(&expected, &said).unwrap();
        } else if fs::read_to_string(&expected).unwrap_or_default() != said {
            different.push(format!("{}\n{said}", case.display()));
        }
    }

    assert!(different.is_empty(), "other than expected.txt:\n\n{}", different.join("\n"));
}

#[test]
fn the_configuration_below_every_case_is_good() {
    let world = World::of(&golden().join("base"));

    assert_eq!(world.load(), Ok(()));
}

#[test]
fn every_message_names_its_file_and_a_next_step_and_shows_no_secret() {
    let cases = cases();
    assert!(cases.len() >= 25, "only {} cases", cases.len());

    for case in cases {
        let said = fs::read_to_string(case.join("expected.txt")).unwrap();
        assert!(!said.is_empty() && said.ends_with('\n'), "{}", case.display());
        assert!(!said.contains("do-not-show-this"), "{}", case.display());
        for line in said.lines() {
            let (place, rest) = line.split_once(": ").unwrap();
            assert!(place.starts_with('/'), "{}: {line}", case.display());
            assert!(rest.contains("; "), "no next step in {}: {line}", case.display());
            assert!(!rest.chars().any(char::is_control), "{}: {line}", case.display());
        }
    }
}

struct World {
    root: TempDir,
}

impl World {
    fn of(case: &Path) -> Self {
        let world = Self { root: tempfile::tempdir().unwrap() };
        world.lay(&golden().join("base"), &world.etc());
        world.lay(case, &world.etc());
        if let Ok(setup) = fs::read_to_string(case.join("setup")) {
            setup.lines().for_each(|line| world.set_up(line));
        }
        world
    }

    fn etc(&self) -> PathBuf {
        self.root.path().canonicalize().unwrap().join("patd")
    }

    fn lay(&self, from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        set_mode(to, 0o755);
        for entry in fs::read_dir(from).unwrap() {
            let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
            if path.is_dir() {
                self.lay(&path, &to.join(name));
            } else if name != "setup" && name != "expected.txt" {
                fs::copy(&path, to.join(&name)).unwrap();
                set_mode(&to.join(&name), 0o644);
            }
        }
    }

    fn set_up(&self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let path = |name: &str| self.etc().join(name);
        match words[..] {
            ["chmod", mode, name] => set_mode(&path(name), u32::from_str_radix(mode, 8).unwrap()),
            ["mkdir", name] => fs::create_dir(path(name)).unwrap(),
            ["remove", "."] => fs::remove_dir_all(self.etc()).unwrap(),
            ["remove", name] => fs::remove_file(path(name)).unwrap(),
            ["symlink", target, name] => symlink(path(target), path(name)).unwrap(),
            _ => panic!("no such setup: {line}"),
        }
    }

    fn load(&self) -> Result<(), String> {
        let shown = self.etc().display().to_string();
        let said = load(&self.etc()).map_err(|errors| errors.to_string()).map(drop);
        said.map_err(|said| format!("{}\n", said.replace(&shown, "/etc/patd")))
    }
}

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn cases() -> Vec<PathBuf> {
    let cases = fs::read_dir(golden()).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<_> = cases.filter(|path| !path.ends_with("base")).collect();
    cases.sort();
    cases
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}
