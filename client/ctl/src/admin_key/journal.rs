//! The journal of a rotation: which two keys are this host's own. Without it, nobody could tell afterwards whether the
//! other key of the broker's user may be ended. Private, durable, no secret; it is gone when the rotation is done.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use pat_wire::trust::{self, Fault, Owners};
use patd_core::names::Account;
use serde::{Deserialize, Serialize};

use crate::answer::{Exit, Failure};
use crate::files;

use super::next::Pair;

/// The file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Journal {
    format: u32,
    account: String,
    user: String,
    keys: Pair,
}

/// Where the journal of one account is.
#[derive(Debug)]
pub(super) struct Place {
    path: PathBuf,
    account: String,
    user: String,
}

impl Place {
    pub(super) fn of(dir: &Path, account: &Account, user: &str) -> Self {
        let name = format!("admin-key.{}.rotation", account.as_str().to_ascii_lowercase());
        Self { path: dir.join(name), account: account.to_string(), user: user.to_owned() }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns what was written down, if there is anything.
    pub(super) fn read(&self) -> Result<Option<Pair>, Failure> {
        let mut file = match trust::open_private(&self.path, Owners::OwnOrRoot) {
            Err(untrusted) if untrusted.fault == Fault::Missing => return Ok(None),
            opened => opened.map_err(|untrusted| {
                let what = format!("{}: {}", untrusted.path.display(), untrusted.fault);
                Failure::new(Exit::Failed, what, untrusted.next_step)
            })?,
        };
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(|error| Failure::io("read", &self.path, &error))?;
        let read: Journal = serde_json::from_str(&text).map_err(|_| self.useless("no journal"))?;
        let is_ours =
            read.format == FORMAT && read.account == self.account && read.user == self.user;
        if is_ours { Ok(Some(read.keys)) } else { Err(self.useless("the journal of another user")) }
    }

    /// Writes the keys down, durably.
    pub(super) fn write(&self, keys: Pair) -> Result<(), Failure> {
        let (account, user) = (self.account.clone(), self.user.clone());
        let journal = Journal { format: FORMAT, account, user, keys };
        let text = serde_json::to_string_pretty(&journal).map_err(|_| {
            Failure::new(Exit::Failed, "the journal cannot be encoded", "report it")
        })?;
        files::replace_private(&self.path, &text)
    }

    /// Removes it, if there is one.
    pub(super) fn remove(&self) -> Result<(), Failure> {
        let is_there = self.path.try_exists();
        match is_there.map_err(|error| Failure::io("look at", &self.path, &error))? {
            true => files::remove(&self.path),
            false => Ok(()),
        }
    }

    fn useless(&self, what: &str) -> Failure {
        let next_step =
            "compare the keys of the user at Snowflake with the one here, then remove it";
        Failure::new(Exit::Failed, format!("{} is {what}", self.path.display()), next_step)
    }
}

const FORMAT: u32 = 1;
