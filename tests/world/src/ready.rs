//! The notify socket: the daemon says READY=1 as it does to systemd, so nobody polls for its sockets.

use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(crate) struct NotifySocket {
    socket: UnixDatagram,
    path: PathBuf,
}

impl NotifySocket {
    pub(crate) fn bind(folder: &Path) -> Self {
        let path = folder.join("notify");
        let _ = std::fs::remove_file(&path);
        let socket = UnixDatagram::bind(&path).expect("the notify socket binds");
        socket.set_read_timeout(Some(Duration::from_millis(100))).expect("a timeout is set");
        Self { socket, path }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Forgets what was said before: by a daemon that was not waited for, and that waits when the queue is full.
    pub(crate) fn forget(&self) {
        let mut buffer = [0; 4096];
        self.socket.set_nonblocking(true).expect("a socket that does not wait");
        while self.socket.recv(&mut buffer).is_ok() {}
        self.socket.set_nonblocking(false).expect("a socket that waits");
    }

    /// Returns whether READY=1 came, looking again and again while `alive` says so.
    pub(crate) fn wait(&self, mut alive: impl FnMut() -> bool) -> bool {
        let mut buffer = [0; 4096];
        loop {
            match self.socket.recv(&mut buffer) {
                Ok(length) if contains(&buffer[..length], b"READY=1") => return true,
                Ok(_) => {}
                Err(_) if alive() => {}
                Err(_) => return false,
            }
        }
    }
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window == word)
}
