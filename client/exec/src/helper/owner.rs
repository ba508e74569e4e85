//! Waiting for the end of the home's owner, alone or together with something else.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::{SFlag, fstat};

use crate::process::Identity;

/// Why a wait is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Woken {
    /// The owner has ended.
    OwnerEnded,
    /// The descriptor is readable.
    Readable,
    /// The time is over.
    TimedOut,
}

/// The owner of the home.
pub(super) struct Owner {
    identity: Identity,
    has_pidfd: bool,
}

impl Owner {
    /// Takes the pidfd from the standard output, if there is one.
    pub(super) fn new(identity: Identity) -> Self {
        let kind = fstat(std::io::stdout()).map(|stat| stat.st_mode & SFlag::S_IFMT.bits());
        // Without one it is /dev/null.
        Self { identity, has_pidfd: kind.is_ok_and(|kind| kind != SFlag::S_IFCHR.bits()) }
    }

    /// Waits for the owner's end, for `also` to become readable, or for the time to be over.
    pub(super) fn wait(&self, also: Option<BorrowedFd<'_>>, at_most: Option<Duration>) -> Woken {
        let end = at_most.and_then(|at_most| Instant::now().checked_add(at_most));
        loop {
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            let woken = self.wait_once(also, left);
            if let Some(woken) = woken {
                return woken;
            }
            if self.identity.is_dead() {
                return Woken::OwnerEnded;
            }
            if left.is_some_and(|left| left.is_zero()) {
                return Woken::TimedOut;
            }
        }
    }

    /// Returns none if nothing was to be seen for a while.
    fn wait_once(&self, also: Option<BorrowedFd<'_>>, left: Option<Duration>) -> Option<Woken> {
        let stdout = std::io::stdout();
        let mut fds = Vec::with_capacity(2);
        fds.extend(also.map(|also| PollFd::new(also, PollFlags::POLLIN)));
        if self.has_pidfd {
            fds.push(PollFd::new(stdout.as_fd(), PollFlags::POLLIN));
        }
        let longest = if self.has_pidfd { Duration::from_secs(3600) } else { LOOK };
        let wait = left.unwrap_or(longest).min(longest);
        // Rounded up: a wait of nothing would spin.
        let wait = PollTimeout::try_from(wait + Duration::from_millis(1));
        poll(&mut fds, wait.unwrap_or(PollTimeout::MAX)).ok()?;
        let is_ready = |fd: &PollFd<'_>| fd.any().unwrap_or(true);
        let owner = if self.has_pidfd { fds.pop() } else { None };
        if owner.as_ref().is_some_and(is_ready) {
            return Some(Woken::OwnerEnded);
        }
        fds.first().filter(|fd| is_ready(fd)).map(|_| Woken::Readable)
    }
}

/// How often a kernel without pidfds of peers (before 6.5) is asked.
const LOOK: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::net::UnixStream;
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn without_a_pidfd_the_end_of_the_owner_is_seen_all_the_same() {
        let mut child = Command::new("/bin/cat").stdin(Stdio::piped()).spawn().unwrap();
        let owner = Owner { identity: identity_of(child.id()), has_pidfd: false };
        let (quiet, mut other) = UnixStream::pair().unwrap();

        assert_eq!(owner.wait(None, Some(Duration::from_millis(10))), Woken::TimedOut);
        other.write_all(b"x").unwrap();
        assert_eq!(owner.wait(Some(quiet.as_fd()), None), Woken::Readable);
        drop(child.stdin.take());
        assert_eq!(owner.wait(None, None), Woken::OwnerEnded);
        child.wait().unwrap();
    }

    fn identity_of(pid: u32) -> Identity {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let started = stat.rsplit_once(')').unwrap().1.split_ascii_whitespace().nth(19).unwrap();
        let pid = i32::try_from(pid).unwrap();
        Identity { pid, started: started.into(), ..Identity::own().unwrap() }
    }
}
