//! `keyring:` keys, against a real gnome-keyring without a screen: each test starts itself again inside a
//! D-Bus session of its own, with a home of its own.
#![cfg(feature = "keyring")]
#![expect(clippy::unwrap_used, reason = "a test's world that cannot be built fails the test")]

use std::path::{Path, PathBuf};
use std::process::Command;

use pat_wire::secret::Secret;
use patd_config::KeySource;
use patd_keys::{KeyFault, RootKey, read, read_root, store};
use tempfile::TempDir;

mod skip;
use skip::skip;

/// What a session starts before the test in it.
const UNLOCKED: &str = "printf pw | gnome-keyring-daemon --unlock --components=secrets --daemonize";
const LOCKED: &str = "gnome-keyring-daemon --start --components=secrets --daemonize </dev/null";

/// Runs one of the tests below again, inside a session, as this part of it.
fn inside(test: &str, home: &Path, keyring: &str, part: &str) {
    let runtime = home.join("run");
    std::fs::create_dir_all(&runtime).unwrap();
    std::fs::set_permissions(&runtime, std::os::unix::fs::PermissionsExt::from_mode(0o700))
        .unwrap();
    let program = std::env::current_exe().unwrap();
    let script =
        format!("{keyring} >/dev/null; exec {} --exact {test} --nocapture", program.display());
    let run = Command::new("timeout")
        .args(["60", "dbus-run-session", "--", "sh", "-c", &script])
        .env("HOME", home)
        .env("XDG_RUNTIME_DIR", &runtime)
        .env(PART, part)
        .env_remove("XDG_DATA_HOME")
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .output()
        .unwrap();
    assert!(
        run.status.success(),
        "{part}: {}\n{}",
        String::from_utf8_lossy(&run.stdout),
        String::from_utf8_lossy(&run.stderr)
    );
}

/// Which part of a test this process is, if it was started by one.
fn part() -> Option<String> {
    std::env::var(PART).ok()
}

/// Whether there is a real Secret Service to try; a missing one is a failure in CI.
fn installed() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let missing: Vec<&str> = ["gnome-keyring-daemon", "dbus-run-session"]
        .into_iter()
        .filter(|program| !folders.iter().any(|folder| folder.join(program).exists()))
        .collect();
    let ci = std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(missing.is_empty() || !ci, "CI needs {missing:?} (packages gnome-keyring, dbus)");
    if !missing.is_empty() {
        skip("keyring", &format!("{missing:?} not installed (packages gnome-keyring, dbus)"));
    }
    missing.is_empty()
}

fn source(name: &str) -> KeySource {
    KeySource::Keyring(name.to_owned())
}

fn key() -> RootKey {
    RootKey::from([42; 32])
}

fn fault(name: &str) -> KeyFault {
    read(&source(name), None).map(|_key| ()).unwrap_err().fault
}

#[test]
fn a_key_is_kept_by_the_secret_service_and_still_there_in_the_next_session() {
    match part().as_deref() {
        Some("keep") => {
            store(&source("root-key"), &key().to_text(), None).unwrap();
            assert_eq!(read_root(&source("root-key"), None).unwrap().expose(), key().expose());
        }
        Some(_next) => {
            assert_eq!(read_root(&source("root-key"), None).unwrap().expose(), key().expose());
        }
        None if installed() => {
            let home = TempDir::new().unwrap();
            let test = "a_key_is_kept_by_the_secret_service_and_still_there_in_the_next_session";
            inside(test, home.path(), UNLOCKED, "keep");
            inside(test, home.path(), UNLOCKED, "next");
        }
        None => {}
    }
}

#[test]
fn a_key_that_is_not_there_is_not_made_up_and_one_that_is_not_overwritten() {
    match part() {
        Some(_) => {
            assert_eq!(fault("root-key"), KeyFault::Absent);
            assert_eq!(fault("root-key"), KeyFault::Absent);
            store(&source("root-key"), &key().to_text(), None).unwrap();

            let again = store(&source("root-key"), &Secret::new("other".to_owned()), None);

            assert_eq!(again.unwrap_err().fault, KeyFault::Exists);
            assert_eq!(read_root(&source("root-key"), None).unwrap().expose(), key().expose());
            assert_eq!(fault("admin-key"), KeyFault::Absent);
        }
        None if installed() => {
            let home = TempDir::new().unwrap();
            let test = "a_key_that_is_not_there_is_not_made_up_and_one_that_is_not_overwritten";
            inside(test, home.path(), UNLOCKED, "only");
        }
        None => {}
    }
}

#[test]
fn a_locked_keyring_is_said_to_be_locked() {
    match part().as_deref() {
        Some("keep") => store(&source("root-key"), &key().to_text(), None).unwrap(),
        Some(_locked) => assert_eq!(fault("root-key"), KeyFault::Unavailable),
        None if installed() => {
            let home = TempDir::new().unwrap();
            let test = "a_locked_keyring_is_said_to_be_locked";
            inside(test, home.path(), UNLOCKED, "keep");
            inside(test, home.path(), LOCKED, "locked");
        }
        None => {}
    }
}

#[test]
fn without_a_session_bus_the_secret_service_is_said_to_be_out_of_reach() {
    if part().is_some() {
        let refusal = read(&source("root-key"), None).map(|_key| ()).unwrap_err();
        assert_eq!(refusal.fault, KeyFault::Unavailable);
        assert!(refusal.next_step.contains("D-Bus"), "{refusal}");
        return;
    }
    let home = TempDir::new().unwrap();
    let test = "without_a_session_bus_the_secret_service_is_said_to_be_out_of_reach";

    let run = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(PART, "only")
        .env("HOME", home.path())
        .env("XDG_RUNTIME_DIR", home.path())
        .env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus")
        .output()
        .unwrap();

    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
}

const PART: &str = "PATD_TEST_SECRET_SERVICE_PART";
