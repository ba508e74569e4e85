//! Local accounts, by name and by uid.

use nix::unistd::{Uid, User};

use crate::answer::{Exit, Failure};

/// Returns the uid of an account, which may be given as one.
pub(crate) fn uid(named: &str) -> Result<u32, Failure> {
    if let Ok(uid) = named.parse() {
        return Ok(uid);
    }
    match User::from_name(named) {
        Ok(Some(user)) => Ok(user.uid.as_raw()),
        Ok(None) | Err(_) => {
            let what = format!("there is no local user {named:?}");
            Err(Failure::new(Exit::Usage, what, format!("check: getent passwd {named}")))
        }
    }
}

/// Returns the name of an account, if there is one of this uid.
pub(crate) fn name(uid: u32) -> Option<String> {
    User::from_uid(Uid::from_raw(uid)).ok().flatten().map(|user| user.name)
}
