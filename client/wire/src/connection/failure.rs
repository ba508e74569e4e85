//! Why there is no usable answer from the broker, in the words a person needs: what, where, what next.

use std::path::{Path, PathBuf};

use nix::errno::Errno;

use crate::error::{ErrorCode, ErrorReply};

/// Why there is no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// Nothing listens there.
    #[error("no broker at {}; try: systemctl {}status patd.socket", .0.display(), whose(.0))]
    NoBroker(PathBuf),
    /// The socket's mode or directory keeps the caller out.
    #[error("not allowed to connect to {}; try: ls -l {}", .0.display(), .0.display())]
    NotAllowed(PathBuf),
    /// The socket cannot be believed.
    #[error("{} is not the broker's socket: {fault}", path.display())]
    NotTheSocket {
        /// The socket.
        path: PathBuf,
        /// What is wrong with it.
        fault: String,
    },
    /// Somebody else listens there.
    #[error(
        "uid {uid} listens at {}, who is not the broker; next: find out who it is, send nothing there",
        path.display()
    )]
    WrongListener {
        /// The socket.
        path: PathBuf,
        /// Who listens.
        uid: u32,
    },
    /// The deadline passed.
    #[error("the broker at {} did not answer in time; try: systemctl {}status patd", .0.display(), whose(.0))]
    TimedOut(PathBuf),
    /// The connection ended before the answer was complete.
    #[error("the broker at {} closed the connection; try again, or: journalctl {}-u patd", .0.display(), whose(.0))]
    Closed(PathBuf),
    /// The answer is not one this version understands.
    #[error("cannot understand the broker's answer ({0}); are both of the same version?")]
    NotUnderstood(&'static str),
    /// The system refused an operation on the socket.
    #[error("cannot talk to the broker at {} ({errno})", path.display())]
    System {
        /// The socket.
        path: PathBuf,
        /// Why.
        errno: Errno,
    },
    /// The broker said no.
    #[error("{}", spoken(.0))]
    Answered(ErrorReply),
}

impl BrokerError {
    /// Returns the broker's own code, if it answered at all.
    pub fn code(&self) -> Option<ErrorCode> {
        if let Self::Answered(reply) = self { Some(reply.code) } else { None }
    }
}

/// Returns what a failed system call on this socket means to the caller.
#[expect(clippy::wildcard_enum_match_arm, reason = "what has no next step of its own is named")]
pub(super) fn failed(path: &Path, errno: Errno) -> BrokerError {
    let path = path.to_owned();
    match errno {
        Errno::ENOENT | Errno::ENOTDIR | Errno::ECONNREFUSED => BrokerError::NoBroker(path),
        Errno::EACCES | Errno::EPERM => BrokerError::NotAllowed(path),
        Errno::EAGAIN | Errno::ETIMEDOUT => BrokerError::TimedOut(path),
        Errno::ECONNRESET | Errno::EPIPE => BrokerError::Closed(path),
        errno => BrokerError::System { path, errno },
    }
}

/// Returns what systemctl and journalctl need to be told of one person's broker.
fn whose(socket: &Path) -> &'static str {
    if socket.starts_with("/run/user") { "--user " } else { "" }
}

fn spoken(reply: &ErrorReply) -> String {
    let ErrorReply { message, next_step, connections, .. } = reply;
    let mut text = message.clone();
    if !next_step.is_empty() {
        text.push_str("; ");
        text.push_str(next_step);
    }
    if !connections.is_empty() {
        text.push_str(": ");
        text.push_str(&connections.join(", "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_to_look_is_named_for_the_systems_broker_and_for_a_persons() {
        let closed = |socket: &str| failed(Path::new(socket), Errno::EPIPE).to_string();
        assert!(closed("/run/patd/patd.sock").ends_with("or: journalctl -u patd"));
        assert!(closed("/run/user/1000/patd/patd.sock").ends_with("or: journalctl --user -u patd"));
        let late = failed(Path::new("/run/user/1000/patd/patd.sock"), Errno::ETIMEDOUT).to_string();
        assert!(late.ends_with("try: systemctl --user status patd"));
    }
}
