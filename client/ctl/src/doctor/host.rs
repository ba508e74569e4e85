//! Facts of the machine, from /proc and /sys: kernel, swap, core files, Yama.

use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::sys::resource::{Resource, getrlimit};
use nix::sys::stat::{major, minor};
use patd_checks::host::{
    Backing, Cores, Swap, SwapLine, backing, cores, ptrace_scope, swap, swap_lines,
};
use patd_checks::kernel::{Kernel, peer_tier};
use patd_checks::{Fact, Finding, Needs};
use patd_config::host::release;

use super::asked::Asked;

/// Returns what is to be said of this machine.
pub(super) fn findings(asked: &Asked) -> [Finding; 4] {
    [
        peer_tier(&Kernel { release: &release(), found_out: asked.tier() }),
        swap(swaps(), &asked.memory()),
        cores(core_files()),
        ptrace_scope(yama()),
    ]
}

fn text(path: &str) -> Fact<String> {
    fs::read_to_string(path).map_err(|error| Needs::new(format!("to read {path} ({error})")))
}

fn swaps() -> Fact<Vec<Swap>> {
    let lines = swap_lines(&text("/proc/swaps")?);
    Ok(lines.into_iter().map(|line| Swap { backing: behind(&line), path: line.path }).collect())
}

/// What a swap is written to. What cannot be found out counts as a disk in the clear.
fn behind(line: &SwapLine) -> Backing {
    let device = match line.is_file {
        true => fs::metadata(&line.path).ok().map(|found| block(found.dev())),
        false => fs::metadata(&line.path).ok().map(|found| block(found.rdev())),
    };
    let mut ids = Vec::new();
    if let Some(device) = device {
        mapper_ids(&device, DEEPEST, &mut ids);
    }
    backing(&line.path, &ids)
}

fn block(device: u64) -> PathBuf {
    PathBuf::from(format!("/sys/dev/block/{}:{}", major(device), minor(device)))
}

/// The ids of the device and of those it is mapped to: a volume may lie on an encrypted device.
fn mapper_ids(device: &Path, depth: usize, ids: &mut Vec<String>) {
    ids.extend(fs::read_to_string(device.join("dm/uuid")));
    let below = fs::read_dir(device.join("slaves")).into_iter().flatten().flatten();
    for slave in below.filter(|_| depth > 0) {
        mapper_ids(&slave.path(), depth.saturating_sub(1), ids);
    }
}

fn core_files() -> Fact<Cores> {
    let limit = getrlimit(Resource::RLIMIT_CORE).map_err(|errno| Needs::new(errno.desc()))?;
    let pattern = text("/proc/sys/kernel/core_pattern")?;
    Ok(Cores { pattern, limit_is_zero: limit.0 == 0, coredump_conf: coredump_conf() })
}

/// Its main file and what is added to it, in systemd's order.
fn coredump_conf() -> String {
    let mut files: Vec<PathBuf> =
        ["/usr/lib/systemd/coredump.conf.d", "/etc/systemd/coredump.conf.d"]
            .into_iter()
            .flat_map(|folder| fs::read_dir(folder).into_iter().flatten().flatten())
            .map(|entry| entry.path())
            .filter(|path| path.extension() == Some(OsStr::new("conf")))
            .collect();
    files.sort_by(|one, other| one.file_name().cmp(&other.file_name()));
    files.insert(0, "/etc/systemd/coredump.conf".into());
    files
        .into_iter()
        .filter_map(|file| fs::read_to_string(file).ok())
        .collect::<Vec<_>>()
        .join("\n")
}

fn yama() -> Fact<Option<String>> {
    let path = "/proc/sys/kernel/yama/ptrace_scope";
    match fs::read_to_string(path) {
        Ok(scope) => Ok(Some(scope)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Needs::new(format!("to read {path} ({error})"))),
    }
}

/// Volumes on volumes: more than anybody has.
const DEEPEST: usize = 8;
