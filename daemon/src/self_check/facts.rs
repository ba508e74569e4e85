//! What the daemon can see of itself and its host. Its sandbox hides much of /proc, and root's files are not its own:
//! what is hidden is told as such.

use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;

use nix::sys::utsname::uname;
use nix::unistd::{Gid, Group};
use pat_wire::trust;
use patd_checks::host::{Memory, Swap, swap_lines, unhidden};
use patd_checks::key::Kept;
use patd_checks::socket::Found;
use patd_checks::wrapper::{self, PACKAGED, Program};
use patd_checks::{Fact, Needs};
use patd_config::KeySource;

/// `uname -r`.
pub(super) fn release() -> String {
    let named = uname().ok();
    let release = named.as_ref().and_then(|named| named.release().to_str());
    release.unwrap_or_default().to_owned()
}

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
        KeySource::File(path) => {
            let found = std::fs::metadata(path).map_err(|error| unseen(path, &error))?;
            Ok(Kept::File { path: path.display().to_string(), mode: found.mode() & 0o7777 })
        }
    }
}

/// What is wrong with a folder, and what to do.
pub(super) fn fault_of(folder: &Path) -> Option<(String, String)> {
    let fault = trust::check_dir(folder, &[crate::os::own_uid()]).err()?;
    Some((format!("{}: {}", fault.path.display(), fault.fault), fault.next_step))
}

/// What has this name.
pub(super) fn socket(path: &Path) -> Fact<Found> {
    match std::fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => {
            let (mode, uid, gid) = (found.mode() & 0o7777, found.uid(), found.gid());
            Ok(Found::Socket { mode, uid, gid })
        }
        Ok(_) => Ok(Found::Other),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Found::Missing),
        Err(error) => Err(unseen(path, &error)),
    }
}

/// The packaged wrapper. Whether its file system is nosuid, a sandbox does not show as it is outside.
pub(super) fn wrapper() -> Option<Program> {
    let found = std::fs::metadata(PACKAGED).ok()?;
    let (uid, gid, mode) = (found.uid(), found.gid(), found.mode() & 0o7777);
    Some(Program { path: PACKAGED.to_owned(), uid, gid, mode, is_on_nosuid: None })
}

/// The group of the gate, as configured.
pub(super) fn gate_group(gid: Option<u32>) -> Fact<Option<wrapper::Group>> {
    let Some(gid) = gid else { return Ok(None) };
    let found = Group::from_gid(Gid::from_raw(gid));
    let found =
        found.map_err(|errno| Needs::new(format!("an answer about local groups ({errno})")))?;
    let Some(found) = found else { return Ok(None) };
    let users = Path::new("/etc/passwd");
    let text = std::fs::read_to_string(users).map_err(|error| unseen(users, &error))?;
    let primary_of = wrapper::primary_of(&text, gid);
    Ok(Some(wrapper::Group { name: found.name, gid, members: found.mem, primary_of }))
}

fn unseen(path: &Path, error: &std::io::Error) -> Needs {
    Needs::new(format!("to look at {} ({error})", path.display()))
}
