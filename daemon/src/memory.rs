//! Whether what the daemon has unsealed can be swapped out. All of its memory is locked or none: keys and secrets are also in
//! buffers of libraries, which nobody could lock one by one. The shortfall is logged, and shown by `status`.

use std::sync::OnceLock;

use nix::errno::Errno;
use nix::libc;
use nix::sys::mman::{MlockAllFlags, mlockall};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

static STANDING: OnceLock<String> = OnceLock::new();

/// Locks what is and will be in memory, page by page as it is used; says so if it may not.
pub fn lock() {
    let standing = match may_lock().and_then(|()| lock_all()) {
        Ok(()) => LOCKED.to_owned(),
        Err(why) => {
            let next_step = "set LimitMEMLOCK=infinity, or use no swap";
            tracing::warn!(why, next_step, "Memory not locked");
            format!("not locked: {why}")
        }
    };
    // Asked for once.
    let _already = STANDING.set(standing);
}

/// Returns how that went, in words.
pub fn standing() -> &'static str {
    STANDING.get().map_or("not locked: not asked for", String::as_str)
}

/// A limit that is reached later would make an allocation fail: then nothing is locked from the start.
fn may_lock() -> Result<(), String> {
    let unknown = |errno: Errno| format!("the limit is unknown ({})", errno.desc());
    let (soft, hard) = getrlimit(Resource::RLIMIT_MEMLOCK).map_err(unknown)?;
    if soft == libc::RLIM_INFINITY || may_lock_anything() {
        return Ok(());
    }
    if hard == libc::RLIM_INFINITY && setrlimit(Resource::RLIMIT_MEMLOCK, hard, hard).is_ok() {
        return Ok(());
    }
    Err(format!("the limit is {hard} bytes"))
}

fn may_lock_anything() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let mask = line.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & CAP_IPC_LOCK != 0)
}

fn lock_all() -> Result<(), String> {
    let on_fault = MlockAllFlags::from_bits_retain(libc::MCL_ONFAULT);
    let all = MlockAllFlags::MCL_CURRENT | MlockAllFlags::MCL_FUTURE | on_fault;
    mlockall(all).map_err(|errno| errno.desc().to_owned())
}

const LOCKED: &str = "locked";
/// capabilities(7): number 14.
const CAP_IPC_LOCK: u64 = 1 << 14;
