//! `file:PATH`: a private file. For CI and containers: whoever reads the disk has the key.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use nix::unistd::geteuid;
use pat_wire::secret::Secret;
use pat_wire::trust::{self, Fault, Owners, Untrusted};
use zeroize::Zeroizing;

use crate::durable;
use crate::error::{KeyError, KeyFault};

/// Returns the text of a private file (0400 or 0600, ours or root's, no link, parents closed to others).
pub(crate) fn read(path: &Path) -> Result<Secret, KeyError> {
    read_of(path, Owners::OwnOrRoot)
}

/// The same of a private file that belongs to one of these.
pub(crate) fn read_of(path: &Path, owners: Owners) -> Result<Secret, KeyError> {
    let file = trust::open_private(path, owners).map_err(|why| unopened(path, why))?;
    text_of(file, path)
}

/// Makes the file, mode 0400, durable; never over an existing one.
pub(crate) fn store(path: &Path, key: &Secret) -> Result<(), KeyError> {
    trust::check_parents(path, &[geteuid().as_raw()])?;
    durable::create(path, key.expose().as_bytes(), 0o400)
        .map(drop)
        .map_err(|why| unwritten(path, why))
}

/// Reads a key text into one place that is wiped, and refuses what is no text or too long for a key.
pub(crate) fn text_of(mut file: File, path: &Path) -> Result<Secret, KeyError> {
    let mut buffer = Zeroizing::new(vec![0_u8; LONGEST_KEY + 1]);
    let mut len = 0;
    while let Some(space) = buffer.get_mut(len..).filter(|space| !space.is_empty()) {
        match file.read(space) {
            Ok(0) => break,
            Ok(more) => len += more,
            Err(why) if why.kind() == io::ErrorKind::Interrupted => {}
            Err(why) => return Err(unread(path, why)),
        }
    }
    let bytes = buffer.get(..len).filter(|bytes| (1..=LONGEST_KEY).contains(&bytes.len()));
    bytes
        .and_then(|bytes| std::str::from_utf8(bytes).ok())
        .map(|text| Secret::new(text.to_owned()))
        .ok_or_else(|| no_key(path))
}

/// Says why a file could not be made.
pub(crate) fn unwritten(path: &Path, why: io::Error) -> KeyError {
    if why.kind() == io::ErrorKind::AlreadyExists {
        return KeyError::new(
            KeyFault::Exists,
            format!("{} exists, and a key is never overwritten", path.display()),
            "keep it, or move it away first (what it seals cannot be opened without it)",
        );
    }
    let next_step = format!("see: namei -l {}", path.display());
    KeyError::new(KeyFault::Io, format!("{} could not be written", path.display()), next_step)
        .caused_by(why)
}

fn unopened(path: &Path, untrusted: Untrusted) -> KeyError {
    if untrusted.fault != Fault::Missing {
        return untrusted.into();
    }
    let what = format!("no key file {}", path.display());
    KeyError::new(KeyFault::Absent, what, "make one with: patctl init")
}

fn unread(path: &Path, why: io::Error) -> KeyError {
    let next_step = format!("see: namei -l {}", path.display());
    KeyError::new(KeyFault::Io, format!("{} cannot be read", path.display()), next_step)
        .caused_by(why)
}

fn no_key(path: &Path) -> KeyError {
    KeyError::new(
        KeyFault::Malformed,
        format!("{} is empty, too long or not text", path.display()),
        "put the key there as text: base64 for a root key, PEM for a private key",
    )
}

/// An encrypted RSA-4096 key in PEM has 3.5 KB.
const LONGEST_KEY: usize = 64 * 1024;
