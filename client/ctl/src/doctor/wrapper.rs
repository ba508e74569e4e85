//! Facts about the wrapper that a shell of this user would start, and about the group of the gate.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::sys::statvfs::{FsFlags, statvfs};
use patd_checks::wrapper::{Gate, PACKAGED, Program, wrapper};
use patd_checks::{Fact, Finding};
use patd_config::{Config, host};
use patd_core::policy;

/// Returns what is to be said of the wrapper.
pub(super) fn findings(config: &Fact<Config>) -> Vec<Finding> {
    let configured = config.as_ref().ok().and_then(|config| config.gate_gid);
    wrapper(program().as_ref(), host::gate_group(configured), gate(config))
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

/// An entry that cannot be read may demand it; then the daemon says so.
fn gate(config: &Fact<Config>) -> Gate {
    let demands =
        |config: &Config| config.entries.iter().any(|entry| entry.gate == policy::Gate::Required);
    if config.as_ref().is_ok_and(demands) { Gate::Required } else { Gate::Preferred }
}
