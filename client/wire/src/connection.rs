//! The blocking client end of the sockets: one request per connection, one deadline for all of it, sizes
//! fixed before the first byte. It also decides whether the process at the other end may be the broker.
//! Used by `pat-exec` and `patctl`; no async runtime here.

mod failure;

use std::fs::Metadata;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::{self, AddressFamily, SockFlag, SockType, UnixAddr, sockopt};
use nix::sys::time::TimeVal;
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::error::ErrorReply;
use crate::limits;
use crate::message::{self, HandOut, HandOutRequest};
use crate::trust;

pub use failure::BrokerError;
use failure::failed;

/// Where the hand-out socket of a packaged installation is.
pub const HAND_OUT_SOCKET: &str = "/run/patd/patd.sock";
/// Where the admin socket of a packaged installation is.
pub const ADMIN_SOCKET: &str = "/run/patd-admin/admin.sock";

/// Who may be at the other end of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// The system's broker: every directory above the socket is root's, and so is the listener.
    System,
    /// A broker at a path the caller chose: root, the caller itself, or the owner of the socket's
    /// directory, if only root can have made that directory.
    Chosen,
}

/// One connection, good for one request.
#[derive(Debug)]
pub struct Broker {
    stream: UnixStream,
    path: PathBuf,
    deadline: Instant,
}

/// What came back. No `Debug`: the body may hold a secret.
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The body, wiped when dropped.
    pub body: Zeroizing<Vec<u8>>,
}

impl Broker {
    /// Connects, after making sure that the other end may be the broker. `patience` is for everything:
    /// the connection, the request and the reply.
    ///
    /// # Errors
    /// Nobody there, somebody else there, or no room in time.
    pub fn connect(path: &Path, server: Server, patience: Duration) -> Result<Self, BrokerError> {
        let deadline = Instant::now().checked_add(patience).unwrap_or_else(Instant::now);
        let directory = check_socket(path, server)?;
        let stream = connected(path, patience)?;
        let broker = Self { stream, path: path.to_owned(), deadline };
        broker.check_listener(server, &directory)?;
        Ok(broker)
    }

    /// Sends the request and waits for the reply, whose body may have `limit` bytes.
    ///
    /// # Errors
    /// The connection failed; an answer that says no is a [`Reply`] like any other.
    pub fn request(
        mut self,
        method: &str,
        path: &str,
        body: &[u8],
        limit: usize,
    ) -> Result<Reply, BrokerError> {
        self.send(method, path, body)?;
        self.receive(limit)
    }

    /// Asks with a JSON body and reads a JSON reply.
    ///
    /// # Errors
    /// The connection failed, or the broker said no.
    pub fn ask<Q: Serialize, R: DeserializeOwned>(
        self,
        method: &str,
        path: &str,
        question: &Q,
        limit: usize,
    ) -> Result<R, BrokerError> {
        let body = to_json(question)?;
        self.request(method, path, &body, limit)?.read()
    }

    /// Asks with an empty body and reads a JSON reply.
    ///
    /// # Errors
    /// The connection failed, or the broker said no.
    pub fn ask_plainly<R: DeserializeOwned>(
        self,
        method: &str,
        path: &str,
        limit: usize,
    ) -> Result<R, BrokerError> {
        self.request(method, path, &[], limit)?.read()
    }

    /// Asks for a secret.
    ///
    /// # Errors
    /// The connection failed, or the broker said no.
    pub fn hand_out(mut self, request: &HandOutRequest) -> Result<HandOut, BrokerError> {
        self.send("POST", "/v1/hand-out", &to_json(request)?)?;
        self.receive(limits::BODY_BYTES)?.hand_out()
    }

    /// Sends a request without waiting; [`Broker::receive`] is next, when the descriptor is readable.
    ///
    /// # Errors
    /// The request could not be sent.
    pub fn send(&mut self, method: &str, path: &str, body: &[u8]) -> Result<(), BrokerError> {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: patd\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(body);
        self.write(&bytes)
    }

    /// Reads the reply.
    ///
    /// # Errors
    /// No complete reply within the deadline, or one beyond the limits.
    pub fn receive(mut self, limit: usize) -> Result<Reply, BrokerError> {
        // Sized once: a buffer that grows leaves copies of what it held.
        let mut buffer = Zeroizing::new(vec![0; limits::HEAD_BYTES]);
        let mut filled = 0;
        let head = loop {
            if let Some(head) = read_head(buffer.get(..filled).unwrap_or_default())? {
                break head;
            }
            let Some(room @ [_, ..]) = buffer.get_mut(filled..) else {
                return Err(BrokerError::NotUnderstood("its head is too large"));
            };
            filled += self.read(room)?;
        };
        if head.body > limit {
            return Err(BrokerError::NotUnderstood("it is too large"));
        }
        let early = buffer.get(head.end..filled).unwrap_or_default();
        let body = self.read_body(early, head.body)?;
        Ok(Reply { status: head.status, body })
    }

    /// Sets a new deadline, counted from now.
    pub fn wait_at_most(&mut self, patience: Duration) {
        self.deadline = Instant::now().checked_add(patience).unwrap_or(self.deadline);
    }

    fn read_body(&mut self, early: &[u8], size: usize) -> Result<Zeroizing<Vec<u8>>, BrokerError> {
        let mut body = Zeroizing::new(vec![0; size]);
        let (start, mut rest) = body
            .split_at_mut_checked(early.len())
            .ok_or(BrokerError::NotUnderstood("it is longer than it says"))?;
        start.copy_from_slice(early);
        while !rest.is_empty() {
            let read = self.read(rest)?;
            rest = rest.get_mut(read..).unwrap_or_default();
        }
        Ok(body)
    }

    fn read(&mut self, into: &mut [u8]) -> Result<usize, BrokerError> {
        loop {
            let left = self.time_left()?;
            self.stream.set_read_timeout(Some(left)).map_err(|error| self.failed(&error))?;
            match self.stream.read(into) {
                Ok(0) => return Err(BrokerError::Closed(self.path.clone())),
                Ok(read) => return Ok(read),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failed(&error)),
            }
        }
    }

    /// A broker that sheds load answers and closes without reading: what it said is still to be read.
    fn write(&mut self, mut bytes: &[u8]) -> Result<(), BrokerError> {
        while !bytes.is_empty() {
            let left = self.time_left()?;
            self.stream.set_write_timeout(Some(left)).map_err(|error| self.failed(&error))?;
            match self.stream.write(bytes) {
                Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
                Err(error) => return Err(self.failed(&error)),
            }
        }
        Ok(())
    }

    fn time_left(&self) -> Result<Duration, BrokerError> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(BrokerError::TimedOut(self.path.clone())) } else { Ok(left) }
    }

    fn failed(&self, error: &std::io::Error) -> BrokerError {
        failed(&self.path, error.raw_os_error().map_or(Errno::EIO, Errno::from_raw))
    }

    /// A socket-activated listener shows the credentials of whoever created it: systemd, uid 0.
    fn check_listener(&self, server: Server, directory: &Metadata) -> Result<(), BrokerError> {
        let peer = socket::getsockopt(&self.stream, sockopt::PeerCredentials)
            .map_err(|errno| failed(&self.path, errno))?;
        let uid = peer.uid();
        let owner = directory.uid();
        let own = nix::unistd::getuid().as_raw();
        let by_root = || only_root_made_parent(&self.path);
        if is_believed(server, uid, own, owner, by_root) {
            return Ok(());
        }
        Err(BrokerError::WrongListener { path: self.path.clone(), uid })
    }
}

impl AsFd for Broker {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

impl Reply {
    /// Returns the JSON of a good answer.
    ///
    /// # Errors
    /// The broker said no, or something this version does not understand.
    pub fn read<R: DeserializeOwned>(self) -> Result<R, BrokerError> {
        let body = self.good()?;
        serde_json::from_slice(&body).map_err(|_| BrokerError::NotUnderstood("unknown content"))
    }

    /// Returns the hand-out of a good answer.
    ///
    /// # Errors
    /// The broker said no, or something this version does not understand.
    pub fn hand_out(self) -> Result<HandOut, BrokerError> {
        message::decode_hand_out(self.good()?)
            .map_err(|_| BrokerError::NotUnderstood("not a hand-out"))
    }

    fn good(self) -> Result<Zeroizing<Vec<u8>>, BrokerError> {
        if self.status == 200 {
            return Ok(self.body);
        }
        let reply: ErrorReply = serde_json::from_slice(&self.body)
            .map_err(|_| BrokerError::NotUnderstood("an error without its reason"))?;
        Err(BrokerError::Answered(reply))
    }
}

struct Head {
    status: u16,
    /// Where the body starts.
    end: usize,
    /// How many bytes it has.
    body: usize,
}

/// Returns `None` while the head is incomplete.
fn read_head(bytes: &[u8]) -> Result<Option<Head>, BrokerError> {
    let mut headers = [httparse::EMPTY_HEADER; limits::HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let parsed = response.parse(bytes).map_err(|_| BrokerError::NotUnderstood("it is not HTTP"))?;
    let (httparse::Status::Complete(end), Some(status)) = (parsed, response.code) else {
        return Ok(None);
    };
    let body = content_length(response.headers)
        .ok_or(BrokerError::NotUnderstood("it does not say how long it is"))?;
    Ok(Some(Head { status, end, body }))
}

/// The one way our own daemon frames a body; a second length or another framing is nobody we know.
fn content_length(headers: &[httparse::Header<'_>]) -> Option<usize> {
    let named = |name: &'static str| {
        headers.iter().filter(move |header| header.name.eq_ignore_ascii_case(name))
    };
    if named("transfer-encoding").next().is_some() {
        return None;
    }
    let mut lengths = named("content-length");
    let (Some(only), None) = (lengths.next(), lengths.next()) else {
        return None;
    };
    if !only.value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(only.value).ok()?.parse().ok()
}

/// Whether a listener of this uid may be the broker. `by_root`: only root can have made the directory.
fn is_believed(
    server: Server,
    listener: u32,
    own: u32,
    owner: u32,
    by_root: impl Fn() -> bool,
) -> bool {
    listener == ROOT
        || match server {
            Server::System => listener == owner,
            Server::Chosen => listener == own || (listener == owner && by_root()),
        }
}

/// Returns the metadata of the socket's directory.
fn check_socket(path: &Path, server: Server) -> Result<Metadata, BrokerError> {
    let not_ours = |fault: String| BrokerError::NotTheSocket { path: path.to_owned(), fault };
    let parent = path.parent().filter(|_| path.is_absolute());
    let parent = parent.ok_or_else(|| not_ours("the path must be absolute".to_owned()))?;
    let seen = std::fs::symlink_metadata(path).map_err(|error| absent(path, &error))?;
    if !seen.file_type().is_socket() {
        return Err(not_ours("a link or a file of another kind is in its place".to_owned()));
    }
    if server == Server::System {
        trust::check_dir(parent, &[]).map_err(|untrusted| not_ours(untrusted.to_string()))?;
    }
    std::fs::metadata(parent).map_err(|error| absent(path, &error))
}

fn absent(path: &Path, error: &std::io::Error) -> BrokerError {
    failed(path, error.raw_os_error().map_or(Errno::EIO, Errno::from_raw))
}

/// A directory that only root can have put there names its owner with root's word.
fn only_root_made_parent(socket: &Path) -> bool {
    let above = socket.parent().and_then(Path::parent);
    above.is_some_and(|above| trust::check_dir(above, &[]).is_ok())
}

/// SO_SNDTIMEO also bounds connect(), which waits while the listener's backlog is full (unix(7), socket(7)).
fn connected(path: &Path, patience: Duration) -> Result<UnixStream, BrokerError> {
    let attempt = || {
        let fd =
            socket::socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
        let seconds = patience.as_secs().try_into().unwrap_or(i32::MAX.into());
        let timeout = TimeVal::new(seconds, patience.subsec_micros().into());
        socket::setsockopt(&fd, sockopt::SendTimeout, &timeout)?;
        socket::connect(std::os::fd::AsRawFd::as_raw_fd(&fd), &UnixAddr::new(path)?)?;
        Ok(UnixStream::from(fd))
    };
    attempt().map_err(|errno| failed(path, errno))
}

/// Returns a question as the body of a request.
///
/// # Errors
/// The question cannot be written as JSON.
pub fn to_json<Q: Serialize>(question: &Q) -> Result<Vec<u8>, BrokerError> {
    serde_json::to_vec(question)
        .map_err(|_| BrokerError::NotUnderstood("the question cannot be written"))
}

const ROOT: u32 = 0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_root_and_who_root_has_named_may_listen() {
        let (own, owner, stranger) = (1001, 990, 1002);
        let believed =
            |server, listener, by_root| is_believed(server, listener, own, owner, || by_root);

        for server in [Server::System, Server::Chosen] {
            assert!(believed(server, ROOT, false));
            assert!(believed(server, owner, true));
            assert!(!believed(server, stranger, true));
        }
        assert!(!believed(Server::System, own, true));
        assert!(believed(Server::Chosen, own, false));
        assert!(!believed(Server::Chosen, owner, false));
    }
}
