//! Who is at the other end, from kernel facts alone: `SO_PEERCRED` as captured at connect, a pidfd that pins
//! the process while /proc is read, what the pidfd itself says, and an alive check last. Nothing the peer says is
//! looked at here.

mod facts;
mod tier;

use std::os::fd::{AsFd, OwnedFd};

use nix::sys::socket::{getsockopt, sockopt};
use patd_core::policy::Selector;

pub use facts::{program, start_time, unit as unit_of};
pub use tier::{PassedFiles, Tier, passed_files, tier};

/// The uid that stands for "somebody this namespace has no number for".
const NOBODY: u32 = 65_534;

/// Whoever connected, as far as the socket itself tells. Cheap: enough to count and to shed.
pub struct Caller {
    /// Effective uid at connect.
    pub uid: u32,
    /// Effective gid at connect.
    pub egid: u32,
    /// Process id at connect: decoration unless a pidfd pins it.
    pub pid: i32,
    pidfd: Option<OwnedFd>,
}

/// A caller whose process has been looked at and was the same before and after.
pub struct Peer {
    /// Effective uid at connect.
    pub uid: u32,
    /// Effective gid at connect.
    pub egid: u32,
    /// Process id.
    pub pid: i32,
    /// The clock tick at which the process started; tells a process from a later one with the same id.
    pub start_time: Option<u64>,
    /// The system manager's unit, where it was asked for.
    pub unit: Option<String>,
    groups: Vec<u32>,
    pidfd: OwnedFd,
}

/// What has to be found out, because some entry turns on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Supplementary groups.
    pub groups: bool,
    /// The systemd unit.
    pub unit: bool,
}

/// Returns whether this uid administrates without being in a group: root, and the daemon's own.
pub fn is_root_or_own(uid: u32) -> bool {
    uid == 0 || uid == crate::os::own_uid()
}

impl Wanted {
    /// Returns whether whoever found out these facts knows those, too.
    pub fn covers(self, those: Self) -> bool {
        (self.groups || !those.groups) && (self.unit || !those.unit)
    }
}

/// Why a peer is nobody to us. Every one of these is a refusal.
#[derive(Debug, thiserror::Error)]
pub enum Unattested {
    /// The kernel would not say.
    #[error("the kernel did not say who is at the other end")]
    Credentials(#[source] nix::Error),
    /// The uid has no meaning here, or the process is not visible here.
    #[error("the peer is {0}")]
    NeverServed(&'static str),
    /// The process could not be pinned, or ended before it was known.
    #[error("the peer's process ended before it was known")]
    Gone,
    /// The process executed a program of somebody else (setuid) after it had connected.
    #[error("the peer's process acts as another user or group than when it connected")]
    Changed,
}

impl Caller {
    /// Asks the socket who connected.
    ///
    /// # Errors
    /// If it cannot tell, or if it is one that is never served (uid 65534, pid 0).
    pub fn of(socket: &impl AsFd) -> Result<Self, Unattested> {
        if passed_files() == PassedFiles::Refused {
            // The listener's refusal covers it, but not a connection that waited before the daemon had the listener.
            // Where it fails, a passed file is dropped unread.
            let _refused = crate::os::refuse_passed_files(socket);
        }
        let seen = getsockopt(socket, sockopt::PeerCredentials).map_err(Unattested::Credentials)?;
        if seen.uid() == NOBODY {
            return Err(Unattested::NeverServed(
                "uid 65534, which stands for no user of this host",
            ));
        }
        if seen.pid() <= 0 {
            return Err(Unattested::NeverServed("pid 0, a process of another pid namespace"));
        }
        let pidfd =
            if tier() == Tier::UidGid { None } else { getsockopt(socket, sockopt::PeerPidfd).ok() };
        Ok(Self { uid: seen.uid(), egid: seen.gid(), pid: seen.pid(), pidfd })
    }

    /// Looks at the process in the order that admits no race: pin it, read, then ask whether it is still there.
    ///
    /// # Errors
    /// If it ended meanwhile: whatever was read may be another's.
    pub fn attest(self, wanted: Wanted) -> Result<Peer, Unattested> {
        let Self { uid, egid, pid, pidfd } = self;
        let pidfd = match pidfd {
            Some(pidfd) => pidfd,
            // On older kernels only: where the socket itself can tell, and does not, the number may be another
            // process's by now.
            None if tier() == Tier::UidGid => {
                crate::os::pidfd_open(pid).map_err(|_| Unattested::Gone)?
            }
            None => return Err(Unattested::Gone),
        };
        let start_time = start_time(pid);
        let (groups, unit) = found_out(pid, uid, wanted)?;
        let peer = Peer { uid, egid, pid, start_time, unit, groups, pidfd };
        peer.agrees_with_its_pidfd()?;
        if peer.still_the_same() { Ok(peer) } else { Err(Unattested::Gone) }
    }
}

/// Returns groups and unit, of a process that still acts as `uid`. The socket tells the uid of connect() and
/// /proc that of now: a process that has since executed a setuid program (sudo) has groups that are not its
/// caller's, and so has the next process of the same number.
fn found_out(pid: i32, uid: u32, wanted: Wanted) -> Result<(Vec<u32>, Option<String>), Unattested> {
    if wanted == Wanted::default() {
        return Ok((Vec::new(), None));
    }
    let unit = if wanted.unit { facts::unit(pid) } else { None };
    match facts::acts(pid) {
        Some(acts) if acts.euid != uid => Err(Unattested::Changed),
        Some(acts) => Ok((if wanted.groups { acts.groups } else { Vec::new() }, unit)),
        // Hidden: nothing of it is believed.
        None => Ok((Vec::new(), None)),
    }
}

impl Peer {
    /// Asks the pinned process itself, where the kernel can say: what the socket noted at connect must still be so.
    fn agrees_with_its_pidfd(&self) -> Result<(), Unattested> {
        if tier() < Tier::PidfdInfo {
            return Ok(());
        }
        let said = crate::os::said_by(&self.pidfd).ok().flatten().ok_or(Unattested::Gone)?;
        let is_same_process = i32::try_from(said.pid) == Ok(self.pid);
        // pat-exec lowers its effective group once it has connected, and keeps the other as the saved one.
        if is_same_process && said.euid == self.uid && said.gids.contains(&self.egid) {
            return Ok(());
        }
        Err(Unattested::Changed)
    }

    /// Returns whether the process that connected is still there, so that what was read about it was its own.
    pub fn still_the_same(&self) -> bool {
        matches!(crate::os::has_ended(&self.pidfd), Ok(false))
    }

    /// Returns the facts policy may turn on.
    pub fn selectors(&self, gate_gid: Option<u32>) -> Vec<Selector> {
        let mut found = vec![Selector::Uid(self.uid), Selector::Gid(self.egid)];
        found
            .extend(self.groups.iter().copied().filter(|gid| *gid != self.egid).map(Selector::Gid));
        found.extend(self.unit.clone().map(Selector::Unit));
        if self.is_gated(gate_gid) {
            found.push(Selector::Gate);
        }
        found
    }

    /// Returns whether the kernel showed the gate's gid at connect.
    pub fn is_gated(&self, gate_gid: Option<u32>) -> bool {
        gate_gid == Some(self.egid)
    }

    /// Returns whether the process is in this group, effectively or by membership.
    pub fn is_in_group(&self, gid: u32) -> bool {
        self.egid == gid || self.groups.contains(&gid)
    }

    /// Gives up the pidfd, to watch the holder of a lease with.
    pub fn into_pidfd(self) -> OwnedFd {
        self.pidfd
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    const ALL: Wanted = Wanted { groups: true, unit: true };

    #[test]
    fn a_peer_is_who_the_kernel_says_it_is() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let peer = Caller::of(&ours).unwrap().attest(ALL).unwrap();

        let uid = nix::unistd::geteuid().as_raw();
        let gid = nix::unistd::getegid().as_raw();
        assert!(peer.selectors(None).contains(&Selector::Uid(uid)));
        assert!(peer.selectors(None).contains(&Selector::Gid(gid)));
        assert_eq!(peer.pid, i32::try_from(std::process::id()).unwrap());
        assert!(peer.start_time.is_some() && peer.still_the_same());
    }

    #[test]
    fn the_gate_is_the_gid_shown_at_connect_and_no_other() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let peer = Caller::of(&ours).unwrap().attest(Wanted::default()).unwrap();
        let gid = nix::unistd::getegid().as_raw();

        assert!(peer.selectors(Some(gid)).contains(&Selector::Gate));
        assert!(!peer.selectors(Some(gid + 1)).contains(&Selector::Gate));
        assert!(!peer.selectors(None).contains(&Selector::Gate));
    }

    #[test]
    fn a_peer_that_ended_before_it_was_known_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "peer::tests::as_a_peer_that_ends"])
            .env(KNOCK, &path)
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let (stream, _) = listener.accept().unwrap();
        child.wait().unwrap();

        let outcome = Caller::of(&stream).and_then(|caller| caller.attest(ALL));
        assert!(matches!(outcome, Err(Unattested::Gone)));
    }

    #[test]
    fn a_process_that_acts_as_somebody_else_by_now_is_refused() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let connected_as_another = || {
            let caller = Caller::of(&ours).unwrap();
            Caller { uid: caller.uid + 1, ..caller }
        };
        for wanted in [Wanted { groups: true, unit: false }, Wanted { groups: false, unit: true }] {
            assert!(matches!(connected_as_another().attest(wanted), Err(Unattested::Changed)));
        }
        let unlooked = connected_as_another().attest(Wanted::default()).map(drop);
        match tier() {
            Tier::PidfdInfo => assert!(matches!(unlooked, Err(Unattested::Changed))),
            Tier::UidGid | Tier::Pidfd | Tier::Pidfs => {
                assert!(unlooked.is_ok(), "nothing of now is used");
            }
        }
    }

    #[test]
    fn a_group_or_process_that_the_pidfd_does_not_confirm_is_refused() {
        if tier() < Tier::PidfdInfo {
            return;
        }
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let caller = || Caller::of(&ours).unwrap();
        let egid = caller().egid;
        let another_group = Caller { egid: egid + 1, ..caller() };
        let another_process = Caller { pid: caller().pid + 1, ..caller() };
        for changed in [another_group, another_process] {
            let outcome = changed.attest(Wanted::default());
            assert!(matches!(outcome, Err(Unattested::Changed)));
        }
    }

    #[test]
    fn files_that_a_peer_passes_are_refused_by_the_kernel_or_dropped_unread() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (read, write) = nix::unistd::pipe().unwrap();
        drop(Caller::of(&ours).unwrap());

        let passed = [std::os::fd::AsRawFd::as_raw_fd(&write)];
        let with_file = [nix::sys::socket::ControlMessage::ScmRights(&passed)];
        let sent = nix::sys::socket::sendmsg::<()>(
            std::os::fd::AsRawFd::as_raw_fd(&theirs),
            &[std::io::IoSlice::new(b"x")],
            &with_file,
            nix::sys::socket::MsgFlags::empty(),
            None,
        );

        match passed_files() {
            PassedFiles::Refused => assert_eq!(sent, Err(nix::errno::Errno::EPERM)),
            PassedFiles::Dropped => {
                assert_eq!(sent, Ok(1));
                std::io::Read::read_exact(&mut &ours, &mut [0]).unwrap();
            }
        }
        drop(write);
        // Whoever kept the other end would keep this from ending.
        assert_eq!(nix::unistd::read(&read, &mut [0]), Ok(0));
    }

    #[test]
    fn a_peer_is_looked_up_by_number_only_where_the_kernel_cannot_pin_it() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let unpinned = Caller { pidfd: None, ..Caller::of(&ours).unwrap() };

        let outcome = unpinned.attest(ALL);

        match tier() {
            Tier::UidGid => assert!(outcome.is_ok()),
            Tier::Pidfd | Tier::Pidfs | Tier::PidfdInfo => {
                assert!(matches!(outcome, Err(Unattested::Gone)));
            }
        }
    }

    /// What the child of the ending peer does; started by the test runner itself, it has nothing to do.
    #[test]
    fn as_a_peer_that_ends() {
        if let Some(path) = std::env::var_os(KNOCK) {
            UnixStream::connect(path).unwrap();
        }
    }

    const KNOCK: &str = "PATD_TEST_KNOCK_AT";
}
