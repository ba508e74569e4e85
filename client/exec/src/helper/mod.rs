//! The refresh helper of a private home: this program again, started twice over so that it is nobody's
//! child. It waits for the home's owner to end, keeps the connections fresh until then, and cleans up.
//! This file starts it; `life` is what it does.
//!
//! Its standard input says when the home is complete, its standard output is the owner's pidfd.

mod life;
mod owner;

use std::io::{ErrorKind, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;

use crate::broker::Way;
use crate::cli::{DETACH, REFRESH};
use crate::failure::Failure;
use crate::gate::{Gate, OWN_PROGRAM};
use crate::home::record::{self, Record};
use crate::home::{Home, place, sweep};

/// A helper that waits for the home to be complete, or given up.
pub(crate) struct Started {
    starter: Child,
    go: ChildStdin,
}

/// Starts the helper of a home, with its owner's pidfd.
///
/// # Errors
/// The program cannot be started once more.
pub(crate) fn start(private: &Path, owner: Option<OwnedFd>) -> Result<Started, Failure> {
    let pidfd = owner.map_or_else(Stdio::null, Stdio::from);
    // Never in the caller's process group: `kill -9` of a job is for all of its group, and would leave the
    // home to nobody. A session of its own at this point would cost a turn of the scheduler's.
    let mut starter = again(DETACH, private)
        .stdin(Stdio::piped())
        .stdout(pidfd)
        .process_group(0)
        .spawn()
        .map_err(not_started)?;
    let go = starter.stdin.take();
    let go = go.ok_or_else(|| Failure::own("cannot talk to the refresh helper"))?;
    Ok(Started { starter, go })
}

impl Started {
    /// Says that the home is complete and the helper's to look after.
    ///
    /// # Errors
    /// There is no helper: the home must not be used.
    pub(crate) fn take_over(mut self) -> Result<(), Failure> {
        match self.starter.wait() {
            Ok(status) if !status.success() => return Err(not_started(status)),
            Ok(_) => {}
            // The caller ignores SIGCHLD, and so do we: the starter has ended, and how is forgotten (wait(2)). If there is
            // no helper, nobody reads the word below.
            Err(error) if error.raw_os_error() == Some(Errno::ECHILD as i32) => {}
            Err(error) => return Err(not_started(error)),
        }
        self.go.write_all(GO).map_err(not_started)
    }

    /// Says that there will be no home.
    pub(crate) fn dismiss(mut self) {
        drop(self.go);
        // How it ended has no meaning any more.
        let _ = self.starter.wait();
    }
}

/// Starts the helper proper and ends, so that it is nobody's child.
///
/// # Errors
/// The program cannot be started once more.
pub(crate) fn detach(private: &Path) -> Result<(), Failure> {
    again(REFRESH, private).spawn().map(drop).map_err(not_started)
}

/// Is the helper: returns when the owner of the home has ended and the home is gone.
///
/// # Errors
/// It is no home, or the helper cannot look after it; the next start sweeps it.
pub(crate) fn refresh(gate: Gate, private: PathBuf) -> Result<(), Failure> {
    // Nothing but connect() is done with the group.
    gate.lower()?;
    leave_callers_session()?;
    let is_complete = is_complete();
    if !place::is_home(&private, nix::unistd::getuid().as_raw()) {
        return no_home(&private);
    }
    if !is_complete {
        return remove(&private);
    }
    let Some(lock) = sweep::lock(&private) else {
        // The owner ended at once, and another start has swept already.
        return Ok(());
    };
    let record =
        Record::read(&private).map_err(|error| Failure::system(private.display(), error))?;
    let way = Way::new(gate, record.socket.as_deref())?;
    life::live(&Home::of_helper(private), record, way);
    drop(lock);
    Ok(())
}

/// Its maker has given up and removed it, or it never was one.
fn no_home(private: &Path) -> Result<(), Failure> {
    match private.symlink_metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        _ => Err(Failure::own(format!("{} is no home of pat-exec's", private.display()))),
    }
}

/// Removes what its maker gave up or left when it was killed.
fn remove(private: &Path) -> Result<(), Failure> {
    let lock = sweep::lock(private);
    if lock.is_none() && record::path(private).exists() {
        // Another start sweeps it.
        return Ok(());
    }
    let removed = Home::of_helper(private.to_owned()).remove();
    removed.map_err(|error| Failure::system("cannot remove the home", error))
}

fn not_started(why: impl std::fmt::Display) -> Failure {
    Failure::system("cannot start the refresh helper", why)
}

/// The environment of the command may hold secrets of its own: the helper needs none of it.
fn again(request: &str, private: &Path) -> Command {
    let mut command = Command::new(OWN_PROGRAM);
    command.arg0("pat-exec").arg(request).arg(private).env_clear();
    command
}

/// Its own session: no signal of the caller's terminal, no directory, no descriptor of the caller's but
/// stderr. Signals stay blocked as the starter had them: only SIGKILL ends the helper before its work.
fn leave_callers_session() -> Result<(), Failure> {
    let failed = |error: nix::Error| Failure::system("cannot leave the caller's session", error);
    nix::unistd::setsid().map_err(failed)?;
    nix::unistd::chdir("/").map_err(failed)?;
    nix::sys::stat::umask(Mode::from_bits_truncate(0o077));
    nix::sys::prctl::set_name(c"pat-exec").map_err(failed)?;
    close_callers_files().map_err(|error| Failure::system("cannot read /proc/self/fd", error))
}

fn close_callers_files() -> std::io::Result<()> {
    let names = std::fs::read_dir("/proc/self/fd")?.filter_map(Result::ok);
    let open: Vec<i32> =
        names.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    for fd in open.into_iter().filter(|fd| *fd > LAST_STANDARD_FD) {
        // The one of the listing itself is closed by now.
        let _ = nix::unistd::close(fd);
    }
    Ok(())
}

/// Waits for the word that the home is complete. End of file without it: its maker died or gave up.
fn is_complete() -> bool {
    let mut word = [0; GO.len()];
    let heard = std::io::stdin().read_exact(&mut word).is_ok() && word == *GO;
    let null = nix::fcntl::open("/dev/null", OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty());
    if let Ok(null) = null {
        // A failure only keeps a pipe open that nobody writes to.
        let _ = nix::unistd::dup2_stdin(null);
    }
    heard
}

const GO: &[u8; 2] = b"go";
const LAST_STANDARD_FD: i32 = 2;
