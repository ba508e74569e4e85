//! Which process owns a home: its pid, when it started, since which boot, in which pid namespace.
//! A pid alone is reused. And what this process was told to ignore.

use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, getsockopt, socketpair, sockopt::PeerPidfd,
};
use nix::unistd::Pid;

/// One process, for as long as the machine runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) pid: i32,
    /// Field 22 of proc_pid_stat(5): clock ticks since boot.
    pub(crate) started: String,
    pub(crate) boot: String,
    pub(crate) namespace: String,
}

impl Identity {
    /// Returns the identity of this process. It stays the same through exec.
    pub(crate) fn own() -> std::io::Result<Self> {
        let pid = Pid::this().as_raw();
        let started = started(pid).ok_or(std::io::ErrorKind::NotFound)?;
        Ok(Self { pid, started, boot: boot(), namespace: namespace() })
    }

    /// Returns whether the process is certainly gone. What cannot be seen from here counts as alive.
    pub(crate) fn is_dead(&self) -> bool {
        if self.boot != boot() {
            return true;
        }
        // In another pid namespace this number is somebody else's.
        if self.namespace != namespace() {
            return false;
        }
        if kill(Pid::from_raw(self.pid), None) == Err(Errno::ESRCH) {
            return true;
        }
        started(self.pid).is_some_and(|started| started != self.started)
    }
}

/// Returns a pidfd of this process. SO_PEERPIDFD of a socket pair is its maker's (unix(7), Linux 6.5); none on older kernels.
pub(crate) fn own_pidfd() -> Option<OwnedFd> {
    let flags = SockFlag::SOCK_CLOEXEC;
    let (one, _other) = socketpair(AddressFamily::Unix, SockType::Stream, None, flags).ok()?;
    getsockopt(&one, PeerPidfd).ok()
}

/// Returns whether SIGHUP is ignored, as nohup(1) leaves it to its command.
pub(crate) fn ignores_hangup() -> bool {
    is_ignored(&std::fs::read_to_string("/proc/self/status").unwrap_or_default())
}

fn is_ignored(status: &str) -> bool {
    let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = line.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 != 0)
}

fn started(pid: i32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the name and may contain anything, `)` and spaces included.
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace();
    // A zombie has ended, whoever still has to wait for it.
    if fields.next()? == "Z" {
        return Some("ended".to_owned());
    }
    fields.nth(18).map(str::to_owned)
}

fn boot() -> String {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
    id.unwrap_or_default().trim().to_owned()
}

fn namespace() -> String {
    let link = std::fs::read_link("/proc/self/ns/pid");
    link.map(|target| target.to_string_lossy().into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ignored_hangup_is_seen_in_the_mask() {
        assert!(is_ignored("Name:\tx\nSigIgn:\t0000000000001001\n"));
        assert!(!is_ignored("SigIgn:\t0000000000001000\nSigCgt:\t0000000000000001\n"));
    }

    #[test]
    fn a_running_process_is_not_dead_and_a_reused_pid_is() {
        let own = Identity::own().unwrap();
        assert!(!own.is_dead());

        let earlier = Identity { started: "1".into(), ..own.clone() };
        assert!(earlier.is_dead());
        let before_the_boot = Identity { boot: "another".into(), ..own.clone() };
        assert!(before_the_boot.is_dead());
    }

    #[test]
    fn a_process_that_ended_is_dead_waited_for_or_not() {
        let mut child = std::process::Command::new("/bin/cat")
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        let of_child = Identity { pid, started: started(pid).unwrap(), ..Identity::own().unwrap() };
        assert!(!of_child.is_dead());

        drop(child.stdin.take());
        nix::sys::wait::waitid(
            nix::sys::wait::Id::Pid(Pid::from_raw(pid)),
            nix::sys::wait::WaitPidFlag::WEXITED | nix::sys::wait::WaitPidFlag::WNOWAIT,
        )
        .unwrap();
        assert!(of_child.is_dead());
        child.wait().unwrap();
        assert!(of_child.is_dead());
    }

    #[test]
    fn a_process_of_another_pid_namespace_counts_as_alive() {
        let elsewhere =
            Identity { namespace: "pid:[1]".into(), pid: 1 << 22, ..Identity::own().unwrap() };

        assert!(!elsewhere.is_dead());
    }
}
