//! `systemd-credential:` keys: from the folder systemd names and nowhere else; sealed by systemd itself.

#![expect(clippy::unwrap_used, reason = "a test's world that cannot be built fails the test")]

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};

use pat_wire::secret::Secret;
use patd_config::KeySource;
use patd_keys::{KeyError, KeyFault, RootKey, read, read_root, store};
use tempfile::TempDir;

fn credential(name: &str) -> KeySource {
    KeySource::SystemdCredential(name.to_owned())
}

fn refusal(name: &str, folder: Option<&TempDir>) -> KeyError {
    read(&credential(name), folder.map(TempDir::path)).map(|_key| ()).unwrap_err()
}

#[test]
fn a_credential_is_read_whatever_its_mode_for_that_is_systemds_business() {
    let folder = TempDir::new().unwrap();
    let (path, key) = (folder.path().join("root-key"), RootKey::generate().unwrap());
    fs::write(&path, key.to_text().expose()).unwrap();
    // 0400 and the service's own up to systemd 254; 0440 and root's, with an ACL, from 255.
    for mode in [0o400, 0o440] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();

        let read = read_root(&credential("root-key"), Some(folder.path())).unwrap();

        assert_eq!(read.expose(), key.expose());
    }
}

#[test]
fn a_name_cannot_leave_the_folder() {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("inner")).unwrap();
    fs::write(folder.path().join("inner/key"), "text").unwrap();
    for name in
        ["../etc/passwd", "/etc/passwd", "inner/key", "..", ".", "", "a:b", "a b", "a\nb", "\0"]
    {
        assert_eq!(refusal(name, Some(&folder)).fault, KeyFault::Malformed, "{name:?}");
    }
    assert_eq!(refusal(&"x".repeat(256), Some(&folder)).fault, KeyFault::Malformed);
}

#[test]
fn a_link_in_the_folder_is_not_followed() {
    let folder = TempDir::new().unwrap();
    symlink("/etc/hostname", folder.path().join("root-key")).unwrap();

    assert_eq!(refusal("root-key", Some(&folder)).fault, KeyFault::Absent);
}

#[test]
fn a_missing_credential_names_the_line_that_the_unit_lacks() {
    let folder = TempDir::new().unwrap();

    let refusal = refusal("root-key", Some(&folder));

    assert_eq!(refusal.fault, KeyFault::Absent);
    assert!(refusal.next_step.contains("LoadCredentialEncrypted=root-key:"), "{refusal}");
}

#[test]
fn outside_a_service_there_are_no_credentials() {
    let refusal = refusal("root-key", None);

    assert_eq!(refusal.fault, KeyFault::Unavailable);
    assert!(refusal.next_step.contains("systemctl start patd"), "{refusal}");
}

#[test]
fn sealing_needs_the_file_to_seal_into() {
    let refusal = store(&credential("root-key"), &Secret::new("key".to_owned()), None).unwrap_err();

    assert_eq!(refusal.fault, KeyFault::Malformed);
}
