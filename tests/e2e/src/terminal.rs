//! A terminal of its own for a program: what it shows is read, what a person would type is typed.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::{grantpt, posix_openpt, ptsname_r, unlockpt};
use nix::sys::stat::Mode;
use nix::sys::termios::{LocalFlags, tcgetattr};

/// A program on a terminal that is its controlling one.
pub struct Terminal {
    program: Child,
    terminal: File,
    shown: String,
}

impl Terminal {
    /// Starts the program; its three streams are the terminal.
    pub fn start(command: &Command) -> Self {
        let flags = OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
        let terminal = posix_openpt(flags).expect("a terminal");
        grantpt(&terminal).and_then(|()| unlockpt(&terminal)).expect("a terminal");
        let name = ptsname_r(&terminal).expect("a terminal");
        let open = || nix::fcntl::open(name.as_str(), flags, Mode::empty()).expect("a terminal");
        let [input, output, errors] = [(); 3].map(|()| Stdio::from(open()));
        let mut below = Command::new("setsid");
        below.args(["--ctty", "--wait"]).arg(command.get_program()).args(command.get_args());
        below.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let program = below.stdin(input).stdout(output).stderr(errors).spawn().expect("setsid");
        Self { program, terminal: File::from(OwnedFd::from(terminal)), shown: String::new() }
    }

    /// Waits until the terminal shows the text.
    pub fn wait_for(&mut self, text: &str) {
        while !self.shown.contains(text) {
            assert!(self.read(DEADLINE), "no {text:?} within {DEADLINE:?}:\n{}", self.shown);
        }
    }

    /// Types, as a person would.
    pub fn type_text(&mut self, text: &str) {
        self.terminal.write_all(text.as_bytes()).expect("the terminal takes it");
    }

    /// Returns whether the terminal shows what is typed.
    pub fn echoes(&self) -> bool {
        let flags = tcgetattr(&self.terminal).expect("a terminal").local_flags;
        flags.contains(LocalFlags::ECHO)
    }

    /// Waits for the end and returns it with everything that was shown.
    pub fn end(mut self) -> (ExitStatus, String) {
        while self.read(DEADLINE) {}
        let status = self.program.wait().expect("it ends");
        (status, std::mem::take(&mut self.shown))
    }

    /// Returns false at the end, or when nothing comes for so long.
    fn read(&mut self, patience: Duration) -> bool {
        let mut fds = [PollFd::new(self.terminal.as_fd(), PollFlags::POLLIN)];
        let patience = PollTimeout::try_from(patience).expect("a patience");
        if poll(&mut fds, patience).expect("poll") == 0 {
            return false;
        }
        let mut chunk = [0; 4096];
        // The last one to close the other side turns a read into an error.
        let read = self.terminal.read(&mut chunk).unwrap_or(0);
        self.shown.push_str(&String::from_utf8_lossy(&chunk[..read]));
        read > 0
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

const DEADLINE: Duration = Duration::from_secs(60);
