//! Facts about the wrapper that a shell of this user would start, and about the group of the gate.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::sys::statvfs::{FsFlags, statvfs};
use nix::unistd::{Gid, Group as Known};
use patd_checks::wrapper::{Gate, Group, PACKAGED, Program, primary_of, wrapper};
use patd_checks::{Fact, Finding, Needs};
use patd_config::Config;
use patd_core::policy;

/// Returns what is to be said of the wrapper.
pub(super) fn findings(config: &Fact<Config>) -> Vec<Finding> {
    wrapper(program().as_ref(), group(config), gate(config))
}

fn program() -> Option<Program> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> =
        std::env::split_paths(&path).filter(|dir| dir.is_absolute()).collect();
    folders.extend(Path::new(PACKAGED).parent().map(Path::to_owned));
    folders.into_iter().find_map(|folder| look(&folder.join("pat-exec")))
}

/// By its real path: /bin may be /usr/bin.
fn look(path: &Path) -> Option<Program> {
    let path = &path.canonicalize().ok()?;
    let found = std::fs::metadata(path)
        .ok()
        .filter(|found| found.is_file() && found.mode() & 0o111 != 0)?;
    let is_on_nosuid = statvfs(path).ok().map(|system| system.flags().contains(FsFlags::ST_NOSUID));
    let (uid, gid, mode) = (found.uid(), found.gid(), found.mode() & 0o7777);
    Some(Program { path: path.display().to_string(), uid, gid, mode, is_on_nosuid })
}

/// As configured, else the packaged one.
fn group(config: &Fact<Config>) -> Fact<Option<Group>> {
    let gid = config.as_ref().ok().and_then(|config| config.gate_gid);
    let found = match gid {
        Some(gid) => Known::from_gid(Gid::from_raw(gid)),
        None => Known::from_name("patclient"),
    };
    let found =
        found.map_err(|errno| Needs::new(format!("an answer about local groups ({errno})")))?;
    found.map(of_everybody).transpose()
}

fn of_everybody(found: Known) -> Fact<Group> {
    const USERS: &str = "/etc/passwd";
    let users = std::fs::read_to_string(USERS)
        .map_err(|error| Needs::new(format!("to read {USERS} ({error})")))?;
    let gid = found.gid.as_raw();
    let primary_of = primary_of(&users, gid);
    Ok(Group { name: found.name, gid, members: found.mem, primary_of })
}

/// An entry that cannot be read may demand it; then the daemon says so.
fn gate(config: &Fact<Config>) -> Gate {
    let demands =
        |config: &Config| config.entries.iter().any(|entry| entry.gate == policy::Gate::Required);
    if config.as_ref().is_ok_and(demands) { Gate::Required } else { Gate::Preferred }
}
