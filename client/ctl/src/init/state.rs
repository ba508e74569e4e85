//! The state folder, marked for its first start. Its owner is whom the daemon runs as.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::unistd::{User, geteuid};
use patd_keys::state_dir::{self, StateDirError};

use crate::answer::Failure;
use crate::cli::PACKAGED_STATE;
use crate::init::Done;
use crate::{files, rebuild};

/// A state folder that is ready.
#[derive(Debug)]
pub(super) struct State {
    owner: u32,
    holds_store: bool,
}

impl State {
    pub(super) fn prepare(dir: &Path, done: &mut Done) -> Result<Self, Failure> {
        make(dir)?;
        let metadata =
            std::fs::metadata(dir).map_err(|error| Failure::io("look at", dir, &error))?;
        let owner = metadata.uid();
        let shown = dir.display().to_string();
        let was_marked = state_dir::is_marked_new(dir).map_err(rebuild::failure)?;
        let marked = match state_dir::mark_new(dir) {
            Err(StateDirError::HoldsStore(_) | StateDirError::InUse(_)) => false,
            marked => marked.map(|()| true).map_err(rebuild::failure)?,
        };
        match (was_marked, marked) {
            (false, true) => done.made.push(format!("{shown}: marked for the first start")),
            (true, true) => done.kept.push(format!("{shown}: marked for the first start")),
            (_, false) => done.kept.push(format!("{shown}: the store")),
        }
        let holds_store = !marked;
        Ok(Self { owner, holds_store })
    }

    /// Returns the uid the daemon runs as.
    pub(super) fn owner(&self) -> u32 {
        self.owner
    }

    /// Returns whether there is something that an earlier root key sealed.
    pub(super) fn holds_store(&self) -> bool {
        self.holds_store
    }
}

fn make(dir: &Path) -> Result<(), Failure> {
    if std::fs::symlink_metadata(dir).is_ok() {
        return Ok(());
    }
    files::directory(dir, 0o700)?;
    let is_packaged = dir == Path::new(PACKAGED_STATE) && geteuid().is_root();
    let daemon = User::from_name("patd").ok().flatten().filter(|_| is_packaged);
    let Some(daemon) = daemon else { return Ok(()) };
    nix::unistd::chown(dir, Some(daemon.uid), Some(daemon.gid))
        .map_err(|errno| Failure::io("give to patd", dir, &errno.into()))
}
