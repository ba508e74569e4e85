//! How well this kernel can pin a peer. Security decisions rest on uid and gid, which every kernel shows
//! truly; the tiers above only narrow what /proc may be believed for. `status` names the tier.

use std::os::unix::net::UnixStream;
use std::sync::OnceLock;

use nix::sys::socket::{getsockopt, sockopt};
use nix::sys::statfs::{FsType, fstatfs};

/// From weakest to strongest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// Any kernel: the process is pinned by its id after the fact.
    UidGid,
    /// Linux 6.5: the socket itself yields a pidfd of who connected.
    Pidfd,
    /// Linux 6.9: and the pidfd's inode is an identity.
    Pidfs,
}

impl Tier {
    /// Returns the word `status` shows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UidGid => "uid-gid",
            Self::Pidfd => "pidfd",
            Self::Pidfs => "pidfs",
        }
    }
}

/// Returns what this kernel offers, found out once.
pub fn tier() -> Tier {
    static TIER: OnceLock<Tier> = OnceLock::new();
    *TIER.get_or_init(probe)
}

fn probe() -> Tier {
    let Ok((ours, _theirs)) = UnixStream::pair() else { return Tier::UidGid };
    let Ok(pidfd) = getsockopt(&ours, sockopt::PeerPidfd) else { return Tier::UidGid };
    match fstatfs(&pidfd) {
        Ok(found) if found.filesystem_type() == PIDFS_MAGIC => Tier::Pidfs,
        Ok(_) | Err(_) => Tier::Pidfd,
    }
}

/// linux/magic.h
const PIDFS_MAGIC: FsType = FsType(0x5049_4446);
