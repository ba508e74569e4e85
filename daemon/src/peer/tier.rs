//! How well this kernel can pin a peer. Security decisions rest on uid and gid, which every kernel shows
//! truly; the tiers above only narrow what /proc may be believed for. `status` names the tier.

use std::os::unix::net::UnixStream;
use std::sync::OnceLock;

use nix::sys::socket::{getsockopt, sockopt};
use nix::sys::statfs::{FsType, fstatfs};

use crate::os;

/// From weakest to strongest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// Any kernel: the process is pinned by its id after the fact.
    UidGid,
    /// Linux 6.5: the socket itself yields a pidfd of who connected.
    Pidfd,
    /// Linux 6.9: and the pidfd's inode is an identity.
    Pidfs,
    /// Linux 6.13: and the pidfd says whose process it is now.
    PidfdInfo,
}

/// What becomes of files that a peer passes over its socket. None is ever kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PassedFiles {
    /// Linux 6.16: the kernel refuses to send them.
    Refused,
    /// They are dropped with the bytes they came with.
    Dropped,
}

impl Tier {
    /// Returns the word `status` shows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UidGid => "uid-gid",
            Self::Pidfd => "pidfd",
            Self::Pidfs => "pidfs",
            Self::PidfdInfo => "pidfd-info",
        }
    }
}

impl PassedFiles {
    /// Returns the word `status` shows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Dropped => "dropped",
        }
    }
}

/// Returns what this kernel offers, found out once.
pub fn tier() -> Tier {
    static TIER: OnceLock<Tier> = OnceLock::new();
    *TIER.get_or_init(probe)
}

/// Returns what becomes of passed files on this kernel, found out once.
pub fn passed_files() -> PassedFiles {
    static PASSED: OnceLock<PassedFiles> = OnceLock::new();
    *PASSED.get_or_init(|| {
        let refused = UnixStream::pair().map(|(ours, _theirs)| os::refuse_passed_files(&ours));
        if matches!(refused, Ok(Ok(()))) { PassedFiles::Refused } else { PassedFiles::Dropped }
    })
}

fn probe() -> Tier {
    let Ok((ours, _theirs)) = UnixStream::pair() else { return Tier::UidGid };
    let Ok(pidfd) = getsockopt(&ours, sockopt::PeerPidfd) else { return Tier::UidGid };
    let is_on_pidfs = fstatfs(&pidfd).is_ok_and(|found| found.filesystem_type() == PIDFS_MAGIC);
    let says_whose = || {
        let said = os::said_by(&pidfd).ok().flatten();
        said.is_some_and(|said| said.pid == std::process::id() && said.euid == os::own_uid())
    };
    match is_on_pidfs {
        false => Tier::Pidfd,
        true if says_whose() => Tier::PidfdInfo,
        true => Tier::Pidfs,
    }
}

/// linux/magic.h
const PIDFS_MAGIC: FsType = FsType(0x5049_4446);
