//! Local accounts and groups, by name, each asked for once.

use std::collections::BTreeMap;

use nix::unistd::{Group, User};

/// Why there is no number for a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Absent {
    /// The system knows no such name (yet).
    Unknown,
    /// The system could not be asked (a directory service that is down).
    NotAnswered(String),
}

/// What the system has answered so far.
#[derive(Debug, Default)]
pub(crate) struct Local {
    users: BTreeMap<String, Result<u32, Absent>>,
    groups: BTreeMap<String, Result<u32, Absent>>,
}

impl Local {
    pub(crate) fn uid(&mut self, name: &str) -> Result<u32, Absent> {
        let ask = || answer(User::from_name(name).map(|user| user.map(|user| user.uid.as_raw())));
        self.users.entry(name.to_owned()).or_insert_with(ask).clone()
    }

    pub(crate) fn gid(&mut self, name: &str) -> Result<u32, Absent> {
        let ask =
            || answer(Group::from_name(name).map(|group| group.map(|group| group.gid.as_raw())));
        self.groups.entry(name.to_owned()).or_insert_with(ask).clone()
    }
}

fn answer(found: nix::Result<Option<u32>>) -> Result<u32, Absent> {
    match found {
        Ok(Some(id)) => Ok(id),
        Ok(None) => Err(Absent::Unknown),
        Err(errno) => Err(Absent::NotAnswered(errno.desc().to_owned())),
    }
}
