//! `keyring:NAME`: the Secret Service of the user's session, service `patd`, user NAME, base64 or PEM text.
//! Any program of this user can ask for it. A key is never made because none was found: "never stored" and
//! "collection missing" look alike.

use std::sync::mpsc;
use std::time::Duration;

use keyring::{Entry, Error};
use pat_wire::secret::Secret;

use crate::error::{KeyError, KeyFault};

/// Returns the key of this name.
pub(crate) fn read(name: &str) -> Result<Secret, KeyError> {
    let entry = name.to_owned();
    patiently(name, PATIENCE, move || fetch(&entry))
}

/// Keeps a new key under this name.
pub(crate) fn store(name: &str, key: &Secret) -> Result<(), KeyError> {
    let (entry, text) = (name.to_owned(), Secret::new(key.expose().to_owned()));
    patiently(name, PATIENCE, move || keep(&entry, &text))
}

/// Puts a key in the place of the one of this name.
pub(crate) fn replace(name: &str, key: &Secret) -> Result<(), KeyError> {
    let (known, text) = (name.to_owned(), Secret::new(key.expose().to_owned()));
    patiently(name, PATIENCE, move || {
        entry(&known)?.set_password(text.expose()).map_err(|why| refused(&known, why))
    })
}

/// Forgets the key of this name, if there is one.
pub(crate) fn forget(name: &str) -> Result<(), KeyError> {
    let known = name.to_owned();
    patiently(name, PATIENCE, move || match entry(&known)?.delete_credential() {
        Ok(()) | Err(Error::NoEntry) => Ok(()),
        Err(why) => Err(refused(&known, why)),
    })
}

fn fetch(name: &str) -> Result<Secret, KeyError> {
    entry(name)?.get_password().map(Secret::new).map_err(|why| refused(name, why))
}

fn keep(name: &str, key: &Secret) -> Result<(), KeyError> {
    let entry = entry(name)?;
    match entry.get_password().map(Secret::new) {
        Err(Error::NoEntry) => {}
        Ok(_) => return Err(taken(name)),
        Err(why) => return Err(refused(name, why)),
    }
    entry.set_password(key.expose()).map_err(|why| refused(name, why))
}

fn entry(name: &str) -> Result<Entry, KeyError> {
    Entry::new(SERVICE, name).map_err(|why| match Entry::store_status() {
        Err(status) => unreachable_service(name, &status.to_string()),
        Ok(()) => refused(name, why),
    })
}

/// Runs a call that may wait for a person to unlock the keyring, on a thread of its own, for so long.
/// A call that outlives this is left behind: the caller is about to give up.
fn patiently<T: Send + 'static>(
    name: &str,
    patience: Duration,
    call: impl FnOnce() -> Result<T, KeyError> + Send + 'static,
) -> Result<T, KeyError> {
    let (sender, receiver) = mpsc::channel();
    let spawned = std::thread::Builder::new()
        .name("secret-service".to_owned())
        .spawn(move || sender.send(call()).unwrap_or_default());
    if let Err(why) = spawned {
        return Err(unreachable_service(name, "no thread could be started").caused_by(why));
    }
    receiver.recv_timeout(patience).unwrap_or_else(|_waited| Err(silent(name, patience)))
}

/// Translates without keeping the error: two of its variants carry the secret's bytes.
fn refused(name: &str, why: Error) -> KeyError {
    match why {
        Error::NoEntry => KeyError::new(
            KeyFault::Absent,
            format!("the Secret Service has no key \"{name}\" (service \"{SERVICE}\")"),
            "if one was kept before, unlock the keyring; for a first start: patctl init",
        ),
        Error::NoStorageAccess(_) => KeyError::new(
            KeyFault::Unavailable,
            format!("the keyring that holds \"{name}\" is locked or missing"),
            "log in to the desktop, or unlock it: gnome-keyring-daemon --unlock",
        ),
        Error::BadEncoding(_) | Error::BadDataFormat(..) => KeyError::new(
            KeyFault::Malformed,
            format!("what the Secret Service holds as \"{name}\" is not text"),
            "store the key as text: base64 for a root key, PEM for a private key",
        ),
        Error::Ambiguous(_) => KeyError::new(
            KeyFault::Malformed,
            format!("the Secret Service holds several keys \"{name}\" (service \"{SERVICE}\")"),
            "remove all but the right one, e.g. with Passwords and Keys (seahorse)",
        ),
        Error::PlatformFailure(why) => unreachable_service(name, &why.to_string()),
        // The enum may grow; none of what is left carries the secret.
        Error::BadStoreFormat(_)
        | Error::TooLong(..)
        | Error::Invalid(..)
        | Error::NoDefaultStore
        | Error::NotSupportedByStore(_)
        | _ => unreachable_service(name, "it gave an answer this program does not know"),
    }
}

fn unreachable_service(name: &str, said: &str) -> KeyError {
    KeyError::new(
        KeyFault::Unavailable,
        format!("the Secret Service could not be asked for \"{name}\": {said}"),
        "run inside a session with a D-Bus session bus and a keyring, or use file:",
    )
}

fn silent(name: &str, patience: Duration) -> KeyError {
    KeyError::new(
        KeyFault::Unavailable,
        format!("the Secret Service did not answer for \"{name}\" in {} s", patience.as_secs()),
        "unlock the keyring (it may be asking on the desktop), then start again",
    )
}

fn taken(name: &str) -> KeyError {
    KeyError::new(
        KeyFault::Exists,
        format!(
            "the Secret Service holds a key \"{name}\" already, and a key is never overwritten"
        ),
        "keep it, or remove it first (what it seals cannot be opened without it)",
    )
}

const SERVICE: &str = "patd";
const PATIENCE: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyring_that_waits_for_a_person_does_not_hold_the_daemon_for_ever() {
        let (hold, held) = mpsc::channel::<()>();

        let waited = patiently("root-key", Duration::from_millis(20), move || {
            // Like a prompt on a screen nobody looks at: ends with the test.
            held.recv().unwrap_or_default();
            Ok(())
        });

        assert_eq!(waited.unwrap_err().fault, KeyFault::Unavailable);
        drop(hold);
    }

    #[test]
    fn an_error_that_carries_the_secret_is_not_passed_on() {
        let secret = b"simpat_\xff".to_vec();

        let shown = refused("root-key", Error::BadEncoding(secret));

        assert!(!format!("{shown:?} {shown}").contains("115, 105"));
        assert!(shown.source.is_none());
    }
}
