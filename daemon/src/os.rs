//! What must be asked of the kernel and that no library wraps: the only unsafe code of the project.
//! Each call says why it is here (JUSTIFICATION) and why it is sound (SAFETY).

use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::stat::{Mode, umask};
use nix::{libc, unistd};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Takes over descriptors that the service manager passed (`LISTEN_FDS`), each exactly once.
#[expect(unsafe_code, reason = "an inherited descriptor has no owner in Rust until it is adopted")]
pub fn adopt(fd: RawFd) -> io::Result<OwnedFd> {
    // JUSTIFICATION: the number comes from the environment; std has no safe way to own such a descriptor.
    // SAFETY: fcntl(F_GETFD) has no effect on memory and tells whether the number is open at all.
    let flags = unsafe { libc::fcntl(fd, libc::F_GETFD) };
    if flags < 0 {
        return Err(io::Error::last_os_error());
    }
    // JUSTIFICATION: as above.
    // SAFETY: the descriptor is open (checked just now); it was passed to this process by its parent, so no
    // Rust value owns it, and the caller (Sockets::open, called once) adopts each number once.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Closes whatever was inherited besides the standard descriptors and those that the service manager announced
/// (`LISTEN_FDS`). Called first, before anything of this process is open.
#[expect(unsafe_code, reason = "inherited descriptors have no owner in Rust that could close them")]
pub fn close_unannounced() -> io::Result<()> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u32>().ok());
    let is_ours = number("LISTEN_PID") == Some(std::process::id());
    let announced = if is_ours { number("LISTEN_FDS").unwrap_or(0) } else { 0 };
    let first = FIRST_ANNOUNCED.saturating_add(announced);
    // JUSTIFICATION: a descriptor that a careless starter left open would stay so for the life of the daemon.
    // SAFETY: the caller has opened nothing yet, so that no Rust value owns any of these; the call takes three integers.
    let done = unsafe { libc::syscall(libc::SYS_close_range, first, libc::c_uint::MAX, 0) };
    Errno::result(done).map(drop).map_err(io::Error::from)
}

/// Returns a descriptor that stands for the process with this id, as long as it is open.
#[expect(unsafe_code, reason = "nix has no pidfd_open")]
pub fn pidfd_open(pid: i32) -> io::Result<OwnedFd> {
    // JUSTIFICATION: pidfd_open(2) has no wrapper in nix or std; holders that survived a restart of the daemon
    // can be watched in no other way.
    // SAFETY: the call takes two integers and touches no memory of ours.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    let fd = RawFd::try_from(fd).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel returned this new descriptor to us alone, close-on-exec.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// What a pidfd says of its process, at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said {
    /// The process id, as this pid namespace counts.
    pub pid: u32,
    /// Effective uid.
    pub euid: u32,
    /// Real, effective, saved and file system gid.
    pub gids: [u32; 4],
}

/// Asks a pidfd whose process it is; none if the process has been reaped. Linux 6.13.
#[expect(unsafe_code, reason = "nix has no PIDFD_GET_INFO")]
pub fn said_by(pidfd: impl AsFd) -> io::Result<Option<Said>> {
    let wanted = u64::from(libc::PIDFD_INFO_PID | libc::PIDFD_INFO_CREDS);
    // JUSTIFICATION: the one question to the kernel about a pinned process that does not go through /proc.
    // SAFETY: the struct is plain integers, for which all zeros is a value.
    let mut info: libc::pidfd_info = unsafe { std::mem::zeroed() };
    info.mask = wanted;
    // SAFETY: the request's number carries the size of this very struct; the kernel writes no more than that into it,
    // and it outlives the call.
    let done =
        unsafe { libc::ioctl(pidfd.as_fd().as_raw_fd(), libc::PIDFD_GET_INFO, &raw mut info) };
    match Errno::result(done) {
        Ok(_) if info.mask & wanted == wanted => {
            let gids = [info.rgid, info.egid, info.sgid, info.fsgid];
            Ok(Some(Said { pid: info.tgid, euid: info.euid, gids }))
        }
        // Newer kernels answer for a reaped process, with what is left of it.
        Ok(_) | Err(Errno::ESRCH) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

/// Has the kernel refuse files that the other end wants to pass over a Unix socket. Linux 6.16.
#[expect(unsafe_code, reason = "neither nix nor libc knows the option")]
pub fn refuse_passed_files(socket: impl AsFd) -> io::Result<()> {
    let no: libc::c_int = 0;
    // JUSTIFICATION: without it a peer can have any number of files in flight towards us until we read.
    // SAFETY: the kernel reads as many bytes as the length says, from an integer of that size that outlives the call.
    let done = unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_SOCKET,
            SO_PASSRIGHTS,
            (&raw const no).cast(),
            libc::socklen_t::try_from(size_of_val(&no)).unwrap_or_default(),
        )
    };
    Errno::result(done).map(drop).map_err(io::Error::from)
}

/// A pidfd that the runtime waits on: readable once the process has ended.
pub struct Ending(AsyncFd<OwnedFd>);

impl Ending {
    /// Waits until the process has ended.
    ///
    /// # Errors
    /// If the runtime cannot tell.
    pub async fn wait(&self) -> io::Result<()> {
        self.0.readable().await.map(|_| ())
    }
}

/// Registers a pidfd with the runtime. Called inside one.
///
/// # Errors
/// If there is no room for it.
#[expect(
    unsafe_code,
    reason = "tokio cannot know that a descriptor stays the same while registered"
)]
pub fn ending(pidfd: OwnedFd) -> io::Result<Ending> {
    // JUSTIFICATION: tokio's safe constructor is deprecated; it demands this promise of the caller.
    // SAFETY: the AsyncFd owns the OwnedFd and nothing reaches it meanwhile (the field is private), so the
    // descriptor stays open and the same until the registration is gone.
    let registered = unsafe { AsyncFd::register_with_interest(pidfd, Interest::READABLE) };
    registered.map(Ending).map_err(io::Error::from)
}

/// Lets a write beyond a file size limit fail with an error instead of killing the daemon.
#[expect(unsafe_code, reason = "changing a signal's disposition is unsafe in nix")]
pub fn ignore_file_size_signal() -> io::Result<()> {
    // JUSTIFICATION: with LimitFSIZE= the default action of SIGXFSZ is death with a core file; the audit log and
    // the store turn the error into a refusal instead.
    // SAFETY: SIG_IGN installs no handler, so no code of ours runs in signal context.
    unsafe {
        nix::sys::signal::signal(nix::sys::signal::SIGXFSZ, nix::sys::signal::SigHandler::SigIgn)
    }
    .map(|_| ())
    .map_err(io::Error::from)
}

/// Has the allocator give back what a start with a thousand slots takes and frees. Called before the first thread.
#[cfg(target_env = "gnu")]
#[expect(unsafe_code, reason = "glibc's allocator is set up through C alone")]
pub fn keep_heap_small() {
    // JUSTIFICATION: by default each thread gets a heap of its own, and what counts as a large block grows
    // (mallopt(3)): then the zeroed tables of the store, most of which it never touches, are cleared by hand. A few
    // heaps keep what the opening of the store takes and frees apart from what stays.
    // SAFETY: the calls take two integers each and touch no memory of ours; no other thread runs yet.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, HEAPS);
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE_BLOCK);
    }
}

/// Other allocators are left as they are.
#[cfg(not(target_env = "gnu"))]
pub fn keep_heap_small() {}

/// Gives the pages of the heap back that nothing lives on any more. Pages that are locked stay.
#[cfg(target_env = "gnu")]
#[expect(unsafe_code, reason = "glibc's allocator is told through C alone")]
pub fn give_heap_back() {
    // JUSTIFICATION: what a start or a reload with thousands of entries frees lies between what stays, and glibc gives
    // back by itself only what lies at the end (malloc_trim(3)).
    // SAFETY: the call takes an integer, and may be made from any thread at any time.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Other allocators are left as they are.
#[cfg(not(target_env = "gnu"))]
pub fn give_heap_back() {}

/// Shuts the process off from debuggers, core files and other users' eyes.
///
/// # Errors
/// Only if core files cannot be ruled out.
pub fn harden() -> io::Result<()> {
    umask(Mode::S_IRWXG | Mode::S_IRWXO);
    nix::sys::prctl::set_dumpable(false)?;
    no_core_files()?;
    ignore_file_size_signal()
}

/// Raises the limit of open files to what it may be, and returns it: a lease costs one descriptor.
pub fn descriptors() -> u64 {
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        // A seccomp filter may forbid it; the soft limit then stays.
        let _unchanged = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
    getrlimit(Resource::RLIMIT_NOFILE).map_or(0, |(soft, _)| soft)
}

fn no_core_files() -> io::Result<()> {
    match setrlimit(Resource::RLIMIT_CORE, 0, 0) {
        Ok(()) => Ok(()),
        // Under a filter without setrlimit the unit's LimitCORE=0 has done it already.
        Err(Errno::EPERM) if matches!(getrlimit(Resource::RLIMIT_CORE), Ok((0, _))) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Returns whether ids mean here what they mean on the host, by /proc/self/uid_map or gid_map: in a user namespace that
/// does not map each to itself every stranger is 65534, or somebody else, and peers cannot be told apart.
pub fn ids_mean_something(map: &str) -> bool {
    let row = |line: &str| {
        let mut numbers = line.split_whitespace().map(|word| word.parse::<u64>().ok());
        Some((numbers.next()??, numbers.next()??, numbers.next()??))
    };
    let Some(mut rows) = map.lines().map(row).collect::<Option<Vec<_>>>() else { return false };
    rows.sort_unstable();
    // In one row (the host), or in several (PrivateUsers=full): each id once, and none left out.
    let known = rows.into_iter().try_fold(0, |next, (inside, outside, count)| {
        (inside == next && outside == next).then(|| count.saturating_add(next))
    });
    known == Some(ALL_IDS)
}

/// Returns the id of this boot: what the unit passed, else what the kernel says.
pub fn boot_id() -> io::Result<String> {
    match std::env::var("PATD_BOOT_ID") {
        Ok(id) if !id.is_empty() => Ok(id.replace('-', "")),
        Ok(_) | Err(_) => {
            let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
            Ok(id.trim().replace('-', ""))
        }
    }
}

/// Returns the uid the daemon acts as.
pub fn own_uid() -> u32 {
    unistd::geteuid().as_raw()
}

/// Returns whether the process behind a pidfd has ended.
pub fn has_ended(pidfd: impl AsFd) -> io::Result<bool> {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    let mut fds = [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)];
    Ok(poll(&mut fds, PollTimeout::ZERO)? > 0)
}

/// Returns the process id a pidfd stands for here; none if it has been reaped or lives in another pid namespace.
pub fn pid_of(pidfd: impl AsFd) -> io::Result<Option<i32>> {
    let path = format!("/proc/self/fdinfo/{}", pidfd.as_fd().as_raw_fd());
    let text = std::fs::read_to_string(path)?;
    let pid = text.lines().find_map(|line| line.strip_prefix("Pid:"));
    Ok(pid.and_then(|pid| pid.trim().parse().ok()).filter(|pid: &i32| *pid > 0))
}

/// sd_listen_fds(3): SD_LISTEN_FDS_START.
const FIRST_ANNOUNCED: u32 = 3;
/// 2^32-1 itself means "no id".
const ALL_IDS: u64 = 4_294_967_295;
/// asm-generic/socket.h; the daemon is not built for the two architectures that have another number.
const SO_PASSRIGHTS: libc::c_int = 83;
/// Bytes from which on a block is mapped by itself, and given back when it is freed.
#[cfg(target_env = "gnu")]
const LARGE_BLOCK: i32 = 128 << 10;
/// The main one, and those of the threads that open the store: later threads share them.
#[cfg(target_env = "gnu")]
const HEAPS: i32 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_means_something_only_if_it_maps_every_id_to_itself() {
        for whole in ["         0          0 4294967295\n", "0 0 1\n1 1 4294967294\n"] {
            assert!(ids_mean_something(whole), "{whole}");
        }
        for partial in [
            "         0       1000          1\n",
            "0 0 1000\n1000 1000 1\n",
            "0 0 65536\n",
            "0 100000 4294967295\n",
            "0 1 1\n1 0 1\n2 2 4294967293\n",
            "1 1 4294967294\n",
            "0 0\n",
            "",
        ] {
            assert!(!ids_mean_something(partial), "{partial}");
        }
    }

    #[test]
    fn a_pidfd_of_this_process_is_alive_and_names_it() {
        let own = i32::try_from(std::process::id()).unwrap();
        let pidfd = pidfd_open(own).unwrap();
        assert!(!has_ended(&pidfd).unwrap());
        assert_eq!(pid_of(&pidfd).unwrap(), Some(own));
    }

    #[test]
    fn a_child_that_ended_is_seen_to_have_ended() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pidfd = pidfd_open(i32::try_from(child.id()).unwrap()).unwrap();
        child.wait().unwrap();
        assert!(has_ended(&pidfd).unwrap());
        assert_eq!(pid_of(&pidfd).unwrap(), None);
        assert!(!matches!(said_by(&pidfd), Ok(Some(_))), "nothing is believed of a reaped process");
    }

    #[test]
    fn a_descriptor_that_is_not_open_is_not_adopted() {
        assert!(adopt(987_654).is_err());
    }
}
