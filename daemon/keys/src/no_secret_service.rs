//! `keyring:NAME` in a build without the Secret Service: a clear no.

use pat_wire::secret::Secret;

use crate::error::{KeyError, KeyFault};

/// Says that this build cannot.
pub(crate) fn read(name: &str) -> Result<Secret, KeyError> {
    Err(left_out(name))
}

/// Says that this build cannot.
pub(crate) fn store(name: &str, _key: &Secret) -> Result<(), KeyError> {
    Err(left_out(name))
}

/// Says that this build cannot.
pub(crate) fn replace(name: &str, _key: &Secret) -> Result<(), KeyError> {
    Err(left_out(name))
}

/// Says that this build cannot.
pub(crate) fn forget(name: &str) -> Result<(), KeyError> {
    Err(left_out(name))
}

fn left_out(name: &str) -> KeyError {
    KeyError::new(
        KeyFault::Unavailable,
        format!("keyring:{name} needs the Secret Service, and this build was made without it"),
        "build with --features keyring, or use systemd-credential: or file:",
    )
}
