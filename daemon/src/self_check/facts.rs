//! What the daemon can see of itself and its host. Its sandbox hides much of /proc, and root's files are not its own:
//! what is hidden is told as such.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use pat_wire::trust;
use patd_checks::host::{Memory, Swap, swap_lines, unhidden};
use patd_checks::key::Kept;
use patd_checks::wrapper::{PACKAGED, Program};
use patd_checks::{Fact, Needs};
use patd_config::{KeySource, host};

/// No swap, or more than can be told from here.
pub(super) fn swaps() -> Fact<Vec<Swap>> {
    let text = std::fs::read_to_string("/proc/swaps").map_err(|_| unhidden())?;
    if swap_lines(&text).is_empty() { Ok(Vec::new()) } else { Err(unhidden()) }
}

/// Whether our own memory stays where it is.
pub(super) fn memory() -> Memory {
    match crate::memory::standing() {
        "locked" => Memory::Locked,
        said => Memory::NotLocked(said.trim_start_matches("not locked: ").to_owned()),
    }
}

/// How a key is kept. By what a credential is sealed, only root can see.
pub(super) fn kept(source: &KeySource) -> Fact<Kept> {
    match source {
        KeySource::SystemdCredential(_) => Err(Needs::new("root: patctl doctor")),
        KeySource::Keyring(name) => Ok(Kept::Keyring(name.clone())),
        KeySource::File(path) => host::key_file(path, Some(crate::os::own_uid())),
    }
}

/// What is wrong with a folder, and what to do.
pub(super) fn fault_of(folder: &Path) -> Option<(String, String)> {
    let fault = trust::check_dir(folder, &[crate::os::own_uid()]).err()?;
    Some((format!("{}: {}", fault.path.display(), fault.fault), fault.next_step))
}

/// The packaged wrapper. Whether its file system is nosuid, a sandbox does not show as it is outside.
pub(super) fn wrapper() -> Option<Program> {
    let found = std::fs::metadata(PACKAGED).ok()?;
    let (uid, gid, mode) = (found.uid(), found.gid(), found.mode() & 0o7777);
    Some(Program { path: PACKAGED.to_owned(), uid, gid, mode, is_on_nosuid: None })
}
