//! The broker's half of the protocol, as much of it as the wrapper sees: a thread on a real socket.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use nix::sys::socket::getsockopt;
use nix::sys::socket::sockopt::PeerCredentials;
use pat_wire::error::{ErrorCode, ErrorReply};
use pat_wire::message::{
    Delivery, EntryForm, HandOut, HandOutRequest, List, Listed, Terms, WatchEvent, WatchReply,
    WatchRequest, encode_hand_out,
};
use pat_wire::secret::Secret;

/// What the broker would answer now, and what it was asked.
pub struct State {
    pub terms: Terms,
    pub secret: String,
    /// Every hand-out is refused with this.
    pub refusal: Option<ErrorReply>,
    /// Every request so far.
    pub asked: Vec<(String, String)>,
    pub leases: BTreeMap<String, u64>,
    /// The effective group of each connection's other end.
    peers: Vec<u32>,
    ended: Vec<String>,
    epoch: u64,
}

/// A running broker; it stops listening when dropped.
pub struct Broker {
    pub socket: PathBuf,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Broker {
    pub fn start(socket: &Path) -> Self {
        let state = State {
            terms: terms(),
            secret: "simpat_generation_1".into(),
            refusal: None,
            asked: Vec::new(),
            leases: BTreeMap::new(),
            peers: Vec::new(),
            ended: Vec::new(),
            epoch: 0,
        };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let broker = Self { socket: socket.to_owned(), shared };
        broker.listen();
        broker
    }

    /// Listens, again after [`Broker::stop`].
    pub fn listen(&self) {
        let listener = UnixListener::bind(&self.socket).unwrap();
        let shared = Arc::clone(&self.shared);
        let epoch = shared.state().epoch;
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.state().epoch != epoch {
                    return;
                }
                let (shared, stream) = (Arc::clone(&shared), stream.unwrap());
                let peer = getsockopt(&stream, PeerCredentials).unwrap();
                shared.state().peers.push(peer.gid());
                std::thread::spawn(move || answer(&shared, epoch, stream));
            }
        });
    }

    /// Stops listening and cuts every watch, as a daemon that ends.
    pub fn stop(&self) {
        self.shared.state().epoch += 1;
        self.shared.changed.notify_all();
        // Wakes the thread that accepts.
        let _ = UnixStream::connect(&self.socket);
        std::fs::remove_file(&self.socket).unwrap();
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state()
    }

    /// The next generation is served, and its watchers are told.
    pub fn rotate(&self, secret: &str) {
        let mut state = self.state();
        state.terms.generation += 1;
        state.secret = secret.into();
        self.shared.changed.notify_all();
    }

    /// Every lease is ended, and hand-outs are refused.
    pub fn revoke(&self) {
        let mut state = self.state();
        let leases: Vec<_> = state.leases.keys().cloned().collect();
        state.ended.extend(leases);
        state.refusal = Some(refusal(ErrorCode::Revoked, "revoked"));
        self.shared.changed.notify_all();
    }

    /// Leases from before are not known any more, as after a restart.
    pub fn forget_leases(&self) {
        self.state().leases.clear();
    }

    /// The effective group of each connection's other end.
    pub fn peers(&self) -> Vec<u32> {
        self.state().peers.clone()
    }

    pub fn asked(&self, path: &str) -> Vec<String> {
        let state = self.state();
        let of_path = state.asked.iter().filter(|(asked, _)| asked == path);
        of_path.map(|(_, body)| body.clone()).collect()
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if self.socket.exists() {
            self.stop();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

pub fn refusal(code: ErrorCode, message: &str) -> ErrorReply {
    ErrorReply { code, message: message.into(), next_step: String::new(), connections: vec![] }
}

pub fn terms() -> Terms {
    Terms {
        lease: String::new(),
        generation: 1,
        connection: "miguel_cli".into(),
        deliver: Delivery::Home,
        expires_at: 1_900_000_000,
        gated: false,
        entry_form: EntryForm::Password,
        keep_connections: false,
        account: "MYORG-MYACCOUNT".into(),
        user: "MIGUEL_CLI".into(),
        role: "MIGUEL_CLI_ROLE".into(),
        warehouse: Some("WH".into()),
        database: None,
        schema: None,
        host: None,
        port: None,
        protocol: None,
        env: BTreeMap::new(),
        targets: Vec::new(),
    }
}

fn answer(shared: &Shared, epoch: u64, mut stream: UnixStream) {
    let Some((path, body)) = read_request(&mut stream) else {
        return;
    };
    let text = String::from_utf8(body.clone()).unwrap();
    shared.state().asked.push((path.clone(), text));
    let reply = match path.as_str() {
        "/v1/hand-out" => hand_out(shared, &serde_json::from_slice(&body).unwrap()),
        "/v1/list" => Ok(list(shared)),
        "/v1/watch" => match watch(shared, epoch, &serde_json::from_slice(&body).unwrap()) {
            Some(reply) => reply,
            None => return,
        },
        _ => Err(refusal(ErrorCode::NotFound, "no such path")),
    };
    let (status, body) = match reply {
        Ok(body) => (200, body),
        Err(error) => (error.code.http_status(), serde_json::to_vec(&error).unwrap()),
    };
    let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n", body.len());
    // The wrapper may have been killed meanwhile.
    let _ = stream.write_all(&[head.as_bytes(), &body].concat());
}

fn hand_out(shared: &Shared, request: &HandOutRequest) -> Result<Vec<u8>, ErrorReply> {
    let mut state = shared.state();
    if let Some(refusal) = &state.refusal {
        return Err(refusal.clone());
    }
    if let Some(replaced) = &request.replaces
        && state.leases.remove(replaced).is_none()
    {
        return Err(refusal(ErrorCode::UnknownLease, "unknown lease"));
    }
    let lease = format!("{:032x}", state.asked.len());
    let generation = state.terms.generation;
    state.leases.insert(lease.clone(), generation);
    let deliver = request.deliver.unwrap_or(state.terms.deliver);
    let terms = Terms { lease, deliver, ..state.terms.clone() };
    let secret = Secret::new(state.secret.clone());
    Ok(encode_hand_out(&HandOut { terms, secret }).to_vec())
}

/// Returns none if the broker ends first.
fn watch(
    shared: &Shared,
    epoch: u64,
    request: &WatchRequest,
) -> Option<Result<Vec<u8>, ErrorReply>> {
    let mut state = shared.state();
    let event = loop {
        if state.epoch != epoch {
            return None;
        }
        if state.ended.contains(&request.lease) {
            break WatchEvent::LeaseEnded;
        }
        match state.leases.get(&request.lease) {
            None => return Some(Err(refusal(ErrorCode::UnknownLease, "unknown lease"))),
            Some(generation) if *generation != state.terms.generation => {
                break WatchEvent::GenerationChanged;
            }
            Some(_) => state = shared.changed.wait(state).unwrap(),
        }
    };
    Some(Ok(serde_json::to_vec(&WatchReply { event }).unwrap()))
}

fn list(shared: &Shared) -> Vec<u8> {
    let terms = shared.state().terms.clone();
    let listed = Listed {
        connection: terms.connection,
        user: terms.user,
        role: terms.role,
        deliver: vec![Delivery::Home, Delivery::Env],
        ready: true,
    };
    serde_json::to_vec(&List { connections: vec![listed] }).unwrap()
}

fn read_request(stream: &mut UnixStream) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    loop {
        let mut headers = [httparse::EMPTY_HEADER; 16];
        let mut request = httparse::Request::new(&mut headers);
        if let httparse::Status::Complete(end) = request.parse(&bytes).unwrap() {
            let path = request.path.unwrap().to_owned();
            let length = request.headers.iter().find(|header| header.name == "content-length");
            let length: usize =
                std::str::from_utf8(length.unwrap().value).unwrap().parse().unwrap();
            let mut body = bytes.split_off(end);
            while body.len() < length {
                let mut chunk = [0; 1024];
                let read = stream.read(&mut chunk).unwrap();
                body.extend_from_slice(&chunk[..read]);
            }
            return Some((path, body));
        }
        let mut chunk = [0; 1024];
        match stream.read(&mut chunk) {
            Ok(read @ 1..) => bytes.extend_from_slice(&chunk[..read]),
            _ => return None,
        }
    }
}
