//! A key that takes the place of another: kept beside it first, then put in its place in one stroke. At every moment
//! the whole old key or the whole new one is there. It knows nothing of what the keys are for.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use nix::unistd::{Uid, geteuid};
use pat_wire::secret::Secret;
use pat_wire::trust::Owners;
use patd_config::KeySource;

use crate::error::{KeyError, KeyFault};
use crate::{credential, durable, file, secret_service};

/// A key that is there, and the place beside it for the next one.
#[derive(Clone, Debug)]
pub struct Succession {
    present: Place,
    next: Place,
}

/// One place where a key may be.
#[derive(Clone, Debug)]
enum Place {
    File(PathBuf),
    /// The name it is sealed under, and where.
    Sealed(String, PathBuf),
    Keyring(String),
}

impl Succession {
    /// Returns the places of the key kept at `source`; `sealed` is the file of a `systemd-credential:`.
    pub fn of(source: &KeySource, sealed: &Path) -> Self {
        let beside = |path: &Path| path.with_added_extension(NEXT);
        let (present, next) = match source {
            KeySource::File(path) => (Place::File(path.clone()), Place::File(beside(path))),
            KeySource::SystemdCredential(name) => (
                Place::Sealed(name.clone(), sealed.to_owned()),
                Place::Sealed(name.clone(), beside(sealed)),
            ),
            KeySource::Keyring(name) => {
                (Place::Keyring(name.clone()), Place::Keyring(format!("{name}-{NEXT}")))
            }
        };
        Self { present, next }
    }

    /// Returns the key that is in force.
    ///
    /// # Errors
    /// It is absent, or not to be read by whoever runs this.
    pub fn present(&self) -> Result<Secret, KeyError> {
        self.present.read()
    }

    /// Returns the key that is kept beside it, if there is one that is whole.
    ///
    /// # Errors
    /// It is not private, or its keeper cannot be asked.
    pub fn next(&self) -> Result<Option<Secret>, KeyError> {
        match self.next.read() {
            Ok(key) => Ok(Some(key)),
            // Malformed: cut off while it was written.
            Err(error) if matches!(error.fault, KeyFault::Absent | KeyFault::Malformed) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Keeps a key beside the one in force, durably, in the place of what may be there.
    ///
    /// # Errors
    /// It could not be kept.
    pub fn keep_next(&self, key: &Secret) -> Result<(), KeyError> {
        self.forget_next()?;
        match &self.next {
            Place::File(path) => {
                file::store(path, key)?;
                self.give(path)
            }
            Place::Sealed(name, path) => credential::seal(name, key, path),
            Place::Keyring(name) => secret_service::store(name, key),
        }
    }

    /// Puts the key that is kept beside into force, durably. The one before is gone.
    ///
    /// # Errors
    /// There is none, or it could not be put there; the one before is in force.
    pub fn promote(&self) -> Result<(), KeyError> {
        match (&self.next, &self.present) {
            (Place::File(next), Place::File(present))
            | (Place::Sealed(_, next), Place::Sealed(_, present)) => {
                let renamed = std::fs::rename(next, present);
                let synced = renamed.and_then(|()| durable::sync_dir(durable::parent(present)));
                synced.map_err(|why| file::unwritten(present, why))
            }
            (_, Place::Keyring(present)) => {
                secret_service::replace(present, &self.next.read()?)?;
                self.forget_next()
            }
            (_, Place::File(path) | Place::Sealed(_, path)) => {
                Err(file::unwritten(path, std::io::ErrorKind::Unsupported.into()))
            }
        }
    }

    /// Forgets the key that is kept beside, if there is one.
    ///
    /// # Errors
    /// It is still there.
    pub fn forget_next(&self) -> Result<(), KeyError> {
        match &self.next {
            Place::File(path) | Place::Sealed(_, path) => match std::fs::remove_file(path) {
                Err(why) if why.kind() == std::io::ErrorKind::NotFound => Ok(()),
                removed => removed
                    .and_then(|()| durable::sync_dir(durable::parent(path)))
                    .map_err(|why| file::unwritten(path, why)),
            },
            Place::Keyring(name) => secret_service::forget(name),
        }
    }

    /// The next key belongs to whom the present one belongs to: the daemon's user reads it.
    fn give(&self, path: &Path) -> Result<(), KeyError> {
        let Some(owner) = self.present.owner().filter(|&owner| owner != geteuid().as_raw()) else {
            return Ok(());
        };
        nix::unistd::chown(path, Some(Uid::from_raw(owner)), None)
            .map_err(|errno| file::unwritten(path, errno.into()))
    }
}

impl Place {
    fn read(&self) -> Result<Secret, KeyError> {
        match self {
            Self::File(path) => file::read_of(path, self.owners()),
            Self::Sealed(name, path) => credential::unseal(name, path),
            Self::Keyring(name) => secret_service::read(name),
        }
    }

    /// Root finds the daemon's key with the daemon's owner; everybody else finds their own.
    fn owners(&self) -> Owners {
        match self.owner() {
            Some(owner) if geteuid().is_root() => Owners::UidOrRoot(owner),
            Some(_) | None => Owners::OwnOrRoot,
        }
    }

    fn owner(&self) -> Option<u32> {
        match self {
            Self::File(path) => std::fs::symlink_metadata(path).ok().map(|meta| meta.uid()),
            Self::Sealed(..) | Self::Keyring(_) => None,
        }
    }
}

const NEXT: &str = "next";

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    fn kept() -> (TempDir, PathBuf, Succession) {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("admin-key.pem");
        file::store(&path, &Secret::new("old".to_owned())).unwrap();
        let succession = Succession::of(&KeySource::File(path.clone()), Path::new("/unused"));
        (folder, path, succession)
    }

    fn text(secret: Secret) -> String {
        secret.expose().to_owned()
    }

    #[test]
    fn the_next_key_changes_nothing_until_it_is_promoted() {
        let (folder, path, keys) = kept();

        keys.keep_next(&Secret::new("new".to_owned())).unwrap();
        assert_eq!(text(keys.present().unwrap()), "old");
        assert_eq!(keys.next().unwrap().map(text).as_deref(), Some("new"));
        keys.promote().unwrap();

        assert_eq!(text(keys.present().unwrap()), "new");
        assert!(keys.next().unwrap().is_none());
        assert_eq!(fs::metadata(path).unwrap().mode() & 0o777, 0o400);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn without_a_next_key_the_present_one_stays() {
        let (_folder, _path, keys) = kept();

        assert!(keys.promote().is_err());
        keys.forget_next().unwrap();

        assert_eq!(text(keys.present().unwrap()), "old");
    }

    #[test]
    fn a_next_key_that_was_cut_off_is_none_and_makes_room() {
        let (folder, _path, keys) = kept();
        let beside = folder.path().join("admin-key.pem.next");
        durable::create(&beside, b"", 0o400).unwrap();

        assert!(keys.next().unwrap().is_none());
        keys.keep_next(&Secret::new("new".to_owned())).unwrap();

        assert_eq!(keys.next().unwrap().map(text).as_deref(), Some("new"));
    }
}
