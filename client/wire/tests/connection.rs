//! The blocking connection: whom it talks to, how long it waits, and what it makes of answers. What
//! `pat-exec` shows of malformed answers is in its own tests.

#![expect(clippy::unwrap_used, reason = "a test's world that cannot be built fails the test")]

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use pat_wire::connection::{Broker, BrokerError, Server};
use pat_wire::error::{ErrorCode, ErrorReply};
use pat_wire::limits;
use pat_wire::message::List;
use tempfile::TempDir;

const SHORT: Duration = Duration::from_millis(100);
const LONG: Duration = Duration::from_secs(10);

#[test]
fn a_silent_broker_is_given_up_at_the_deadline() {
    let world = World::new();
    let listener = world.listen();
    let began = Instant::now();

    let broker = Broker::connect(&world.socket, Server::Chosen, SHORT).unwrap();
    let error = broker.request("POST", "/v1/list", &[], 100).err().unwrap();

    assert!(matches!(error, BrokerError::TimedOut(_)), "{error}");
    assert!(began.elapsed() >= SHORT && began.elapsed() < LONG);
    drop(listener);
}

#[test]
fn a_broker_that_answers_byte_by_byte_does_not_move_the_deadline() {
    let world = World::new();
    let listener = world.listen();
    let dripping = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (_open, nothing) = std::sync::mpsc::channel::<()>();
        stream.write_all(b"HTTP/1.1 200 OK\r\nX: ").unwrap();
        while stream.write_all(b"x").is_ok() {
            let _ = nothing.recv_timeout(Duration::from_millis(1));
        }
    });

    let broker = Broker::connect(&world.socket, Server::Chosen, SHORT * 3).unwrap();
    let error = broker.request("POST", "/v1/list", &[], 100).err().unwrap();

    assert!(matches!(error, BrokerError::TimedOut(_)), "{error}");
    dripping.join().unwrap();
}

#[test]
fn a_full_backlog_is_waited_for_no_longer_than_the_deadline() {
    let world = World::new();
    let listener = world.listen();
    // Nobody accepts: the kernel takes as many as the backlog has room for.
    let mut waiting = Vec::new();
    let error = loop {
        match Broker::connect(&world.socket, Server::Chosen, SHORT) {
            Ok(broker) => waiting.push(broker),
            Err(error) => break error,
        }
    };

    assert!(matches!(error, BrokerError::TimedOut(_)), "{error}");
    drop(listener);
}

#[test]
fn nobody_there_and_nobody_listening_are_the_same_to_the_caller() {
    let world = World::new();

    let absent = Broker::connect(&world.socket, Server::Chosen, LONG).unwrap_err();
    drop(world.listen());
    let dead = Broker::connect(&world.socket, Server::Chosen, LONG).unwrap_err();

    for error in [absent, dead] {
        assert!(matches!(error, BrokerError::NoBroker(_)), "{error}");
        let text = error.to_string();
        assert!(text.ends_with("try: systemctl status patd.socket"), "{text}");
    }
}

#[test]
fn the_systems_socket_is_not_believed_in_a_directory_that_others_may_write() {
    let world = World::new();
    let _listener = world.listen();
    let mode = PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(world.dir.path(), mode).unwrap();

    let error = Broker::connect(&world.socket, Server::System, LONG).unwrap_err();

    assert!(matches!(error, BrokerError::NotTheSocket { .. }), "{error}");
    // A path the caller chose is the caller's business.
    assert!(Broker::connect(&world.socket, Server::Chosen, LONG).is_ok());
}

#[test]
fn a_relative_path_a_link_and_a_file_are_no_sockets() {
    let world = World::new();
    let _listener = world.listen();
    let link = world.dir.path().join("link");
    std::os::unix::fs::symlink(&world.socket, &link).unwrap();
    let file = world.dir.path().join("file");
    std::fs::write(&file, "").unwrap();

    for path in [link, file, PathBuf::from("patd.sock")] {
        let error = Broker::connect(&path, Server::Chosen, LONG).unwrap_err();

        assert!(matches!(error, BrokerError::NotTheSocket { .. }), "{}: {error}", path.display());
    }
}

#[test]
fn an_answer_that_says_no_keeps_its_code_its_step_and_its_list() {
    let world = World::new();
    let reply = ErrorReply {
        code: ErrorCode::WhichConnection,
        message: "you have several connections".into(),
        next_step: "name one".into(),
        connections: vec!["a".into(), "b".into()],
    };
    let body = serde_json::to_string(&reply).unwrap();
    let serving =
        world.serve(format!("HTTP/1.1 409 C\r\ncontent-length: {}\r\n\r\n{body}", body.len()));

    let broker = Broker::connect(&world.socket, Server::Chosen, LONG).unwrap();
    let error = broker.ask_plainly::<List>("POST", "/v1/list", limits::BODY_BYTES).unwrap_err();

    assert_eq!(error.code(), Some(ErrorCode::WhichConnection));
    assert_eq!(error.to_string(), "you have several connections; name one: a, b");
    serving.join().unwrap();
}

#[test]
fn an_answer_given_before_the_request_was_read_is_heard() {
    let world = World::new();
    let listener = world.listen();
    let shedding = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.shutdown(std::net::Shutdown::Read).unwrap();
        stream.write_all(b"HTTP/1.1 429 B\r\nContent-Length: 0\r\n\r\n").unwrap();
    });
    let mut broker = Broker::connect(&world.socket, Server::Chosen, LONG).unwrap();
    shedding.join().unwrap();

    broker.send("POST", "/v1/list", &vec![b' '; 1 << 20]).unwrap();

    assert_eq!(broker.receive(100).unwrap().status, 429);
}

#[test]
fn the_request_says_its_length_and_that_it_is_the_only_one() {
    let world = World::new();
    let serving =
        world.serve("HTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\n{\"connections\": []}".into());

    let broker = Broker::connect(&world.socket, Server::Chosen, LONG).unwrap();
    let question = serde_json::json!({"connection": "x"});
    let list: List = broker.ask("POST", "/v1/list", &question, 100).unwrap();

    let request = serving.join().unwrap();
    assert_eq!(list.connections, []);
    let expected = "POST /v1/list HTTP/1.1\r\nhost: patd\r\nconnection: close\r\n\
                    content-type: application/json\r\ncontent-length: 18\r\n\r\n{\"connection\":\"x\"}";
    assert_eq!(request, expected);
}

struct World {
    dir: TempDir,
    socket: PathBuf,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("patd.sock");
        Self { dir, socket }
    }

    fn listen(&self) -> UnixListener {
        UnixListener::bind(&self.socket).unwrap()
    }

    /// Answers one request, and returns it.
    fn serve(&self, answer: String) -> std::thread::JoinHandle<String> {
        let listener = self.listen();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let request = read_all_that_is_sent(&mut stream);
            stream.write_all(answer.as_bytes()).unwrap();
            request
        })
    }
}

fn read_all_that_is_sent(stream: &mut UnixStream) -> String {
    let mut request = vec![0; 4096];
    let read = stream.read(&mut request).unwrap();
    request.truncate(read);
    String::from_utf8(request).unwrap()
}
