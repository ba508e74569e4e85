//! A running daemon: started as a service manager would, ended by pid.

use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::ready::NotifySocket;

/// A daemon of this test. Ended when dropped.
pub struct Daemon {
    child: Child,
    log: PathBuf,
}

impl Daemon {
    /// Starts the command; standard error goes to `log`, appended.
    pub(crate) fn spawn(mut command: Command, log: &Path) -> Self {
        let file = File::options().append(true).create(true).open(log).expect("the log opens");
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("the log is shared"))
            .stderr(file)
            .process_group(0)
            .spawn()
            .expect("the daemon starts");
        Self { child, log: log.to_path_buf() }
    }

    pub(crate) fn wait_until_ready(&mut self, notify: &NotifySocket) {
        let child = &mut self.child;
        if !notify.wait(|| child.try_wait().expect("the daemon can be waited for").is_none()) {
            panic!("the daemon ended before it was ready:\n{}", self.log_text());
        }
    }

    /// Returns its process id.
    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).expect("a pid fits")
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid()), signal).expect("the daemon can be signalled");
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> ExitStatus {
        self.child.wait().expect("the daemon can be waited for")
    }

    /// Returns how it ended, if it did.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the daemon can be waited for")
    }

    /// Returns everything it logged so far.
    pub fn log_text(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
