//! One door to every key source of the configuration.

use std::path::{Path, PathBuf};

use pat_wire::secret::Secret;
use patd_config::KeySource;

use crate::error::{KeyError, KeyFault};
use crate::root::RootKey;
use crate::{credential, file, secret_service};

/// Returns the key text kept at `source`. `credentials` is [`credentials_directory`] in production.
///
/// Blocks: on the disk, and up to 30 s on a Secret Service that asks the user to unlock it.
///
/// # Errors
/// The key is absent, not private, not text, or its keeper cannot be asked.
pub fn read(source: &KeySource, credentials: Option<&Path>) -> Result<Secret, KeyError> {
    match source {
        KeySource::SystemdCredential(name) => credential::read(name, credentials),
        KeySource::Keyring(name) => secret_service::read(name),
        KeySource::File(path) => file::read(path),
    }
}

/// Returns the root key kept at `source`.
///
/// # Errors
/// As [`read`], or the text there is not a root key.
pub fn read_root(source: &KeySource, credentials: Option<&Path>) -> Result<RootKey, KeyError> {
    RootKey::parse(&read(source, credentials)?).map_err(|mut fault| {
        fault.what = format!("{}: {}", label(source), fault.what);
        fault
    })
}

/// Keeps a new key at `source`, for `patctl init`. A key that is there already is never overwritten.
///
/// A `systemd-credential:` is sealed by `systemd-creds encrypt` into `sealed_file`, the file that the unit's
/// `LoadCredentialEncrypted=` names; the other sources need none.
///
/// # Errors
/// There is a key already, or it could not be kept. Nothing is left half written.
pub fn store(source: &KeySource, key: &Secret, sealed_file: Option<&Path>) -> Result<(), KeyError> {
    match (source, sealed_file) {
        (KeySource::SystemdCredential(name), Some(out)) => credential::seal(name, key, out),
        (KeySource::SystemdCredential(name), None) => Err(KeyError::new(
            KeyFault::Malformed,
            format!("no file was named to seal the systemd credential \"{name}\" into"),
            format!(
                "name the one LoadCredentialEncrypted= reads, e.g. /etc/patd/credentials/{name}.cred"
            ),
        )),
        (KeySource::Keyring(name), _) => secret_service::store(name, key),
        (KeySource::File(path), _) => file::store(path, key),
    }
}

/// Returns what a person is told about this source: where the key is, and who else can get at it.
pub fn label(source: &KeySource) -> String {
    match source {
        KeySource::SystemdCredential(name) => {
            format!("systemd credential \"{name}\" (shown by systemd to this service only)")
        }
        KeySource::Keyring(name) => {
            format!("Secret Service key \"{name}\" (any program of this user can ask for it)")
        }
        KeySource::File(path) => {
            format!("file {} (anyone who can read this disk)", path.display())
        }
    }
}

/// Returns the folder in which systemd shows this process its credentials.
pub fn credentials_directory() -> Option<PathBuf> {
    std::env::var_os("CREDENTIALS_DIRECTORY").filter(|value| !value.is_empty()).map(PathBuf::from)
}
