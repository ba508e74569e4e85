//! Whether what the daemon has unsealed can be swapped out. All of its memory is locked or none: keys and secrets are also in
//! buffers of libraries, which nobody could lock one by one. The shortfall is logged, and shown by `status`.

use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::errno::Errno;
use nix::libc;
use nix::sys::mman::{MlockAllFlags, mlockall, munlockall};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::os;

static STANDING: Mutex<&'static str> = Mutex::new("not locked: not asked for");

/// Finds out whether memory may be locked; says so if it may not.
pub fn prepare() {
    settle(&mut own(), may_lock());
}

/// Locks what is and will be in memory, page by page as it is used, if it may be. Called once a start has taken what it
/// takes, so that what it freed is given back before: the kernel takes no page that is locked.
pub fn lock() {
    let mut standing = own();
    os::give_heap_back();
    if *standing == LOCKED {
        settle(&mut standing, lock_all());
    }
}

/// Gives back what a reload has freed. For that moment, a few thousandths of a second, nothing is locked.
pub fn give_back() {
    let mut standing = own();
    let was_locked = *standing == LOCKED && munlockall().is_ok();
    os::give_heap_back();
    if was_locked {
        settle(&mut standing, lock_all());
    }
}

/// Returns how that went, in words.
pub fn standing() -> &'static str {
    *own()
}

fn settle(standing: &mut &'static str, outcome: Result<(), String>) {
    *standing = match outcome {
        Ok(()) => LOCKED,
        Err(why) => {
            let next_step = "set LimitMEMLOCK=infinity, or use no swap";
            tracing::warn!(why, next_step, "Memory not locked");
            // Said once or twice in the life of the daemon.
            format!("not locked: {why}").leak()
        }
    };
}

fn own() -> MutexGuard<'static, &'static str> {
    STANDING.lock().unwrap_or_else(PoisonError::into_inner)
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
