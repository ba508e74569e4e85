//! What a careless or hostile peer can send, and that others are served meanwhile.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use pat_wire::admin::{LogFilter, LogPage, LogRequest};
use pat_wire::limits::{BURST_PER_UID, REQUEST_DEADLINE, REQUESTS_PER_UID, WATCHES_PER_UID};
use patd::leases::LeaseId;

use crate::world::{CONNECTION, World, post};

fn status(reply: &[u8]) -> &str {
    std::str::from_utf8(reply.get(..12).unwrap_or(reply)).unwrap()
}

#[test]
fn what_is_too_large_or_no_request_is_refused_by_size_and_form() {
    let world = World::running();
    let send = |bytes: &[u8]| world.raw("patd.sock", bytes);
    let large = post("/v1/hand-out", &" ".repeat(9_000));
    let chunked = b"POST /v1/list HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n";

    assert_eq!(status(&send(&large)), "HTTP/1.1 413");
    assert_eq!(status(&send(chunked)), "HTTP/1.1 400");
    assert_eq!(status(&send(&post("/v1/hand-out", "{\"x\":1}"))), "HTTP/1.1 400");
    assert_eq!(status(&send(&post("/v1/status", ""))), "HTTP/1.1 404");
    assert_eq!(status(&send(b"nonsense\r\n\r\n")), "HTTP/1.1 400");
}

#[test]
fn a_second_request_on_a_connection_is_not_answered() {
    let world = World::running();
    let twice = [post("/v1/list", ""), post("/v1/list", "")].concat();
    let reply = String::from_utf8(world.raw("patd.sock", &twice)).unwrap();
    assert_eq!(reply.matches("HTTP/1.1").count(), 1, "{reply}");
}

#[test]
fn a_peer_that_sends_nothing_is_put_out_and_others_are_served_meanwhile() {
    let world = World::running();
    let began = Instant::now();
    let socket = world.path("run/patd.sock");
    let mut silent: Vec<UnixStream> =
        (0..REQUESTS_PER_UID - 1).map(|_| UnixStream::connect(&socket).unwrap()).collect();
    silent[0].write_all(b"POST /v1/hand-out HTTP/1.1\r\ncontent-length: 30\r\n\r\n{").unwrap();

    assert!(world.hand_out(CONNECTION).is_ok());

    for stream in &mut silent {
        stream.set_read_timeout(Some(REQUEST_DEADLINE * 3)).unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
    }
    assert!(began.elapsed() < REQUEST_DEADLINE * 3, "{:?}", began.elapsed());
}

#[test]
fn over_its_share_a_uid_is_told_that_it_is_busy_and_the_admin_socket_still_answers() {
    let world = World::running();
    let socket = world.path("run/patd.sock");
    let _silent: Vec<UnixStream> =
        (0..REQUESTS_PER_UID).map(|_| UnixStream::connect(&socket).unwrap()).collect();

    let reply = world.raw("patd.sock", &post("/v1/list", ""));

    assert_eq!(status(&reply), "HTTP/1.1 429");
    assert!(String::from_utf8_lossy(&reply).contains("\"busy\""));
    assert_eq!(world.status().slots.len(), 1);
}

#[test]
fn a_burst_beyond_the_bucket_is_shed_and_the_bucket_fills_again() {
    let world = World::running();
    world.hand_out(CONNECTION).unwrap();
    let shed = (0..BURST_PER_UID * 2)
        .filter(|_| status(&world.raw("patd.sock", &post("/v1/list", ""))) == "HTTP/1.1 429")
        .count();
    assert!(shed > 0);
    crate::world::eventually("the bucket fills", || {
        std::thread::park_timeout(Duration::from_millis(100));
        world.hand_out(CONNECTION).ok()
    });
}

#[test]
fn watches_are_capped_and_given_back_when_the_watcher_is_gone() {
    let world = World::running();
    let lease = world.hand_out(CONNECTION).unwrap().terms.lease;
    let question = post("/v1/watch", &format!("{{\"lease\":\"{lease}\"}}"));
    let watch = || {
        let mut stream = UnixStream::connect(world.path("run/patd.sock")).unwrap();
        stream.write_all(&question).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        // A watch that is taken on says nothing for now; a busy daemon says so at once.
        let mut reply = [0; 12];
        stream.read_exact(&mut reply).is_err().then_some(stream)
    };
    let mut watches = Vec::new();
    while watches.len() < WATCHES_PER_UID {
        watches.extend(watch());
    }
    assert!((0..5).all(|_| watch().is_none()), "one more than the cap");

    watches.clear();

    crate::world::eventually("a place is free again", watch);
}

#[test]
fn a_watcher_that_sent_more_than_its_question_keeps_no_place_once_it_is_gone() {
    let world = World::running();
    let lease = world.hand_out(CONNECTION).unwrap().terms.lease;
    let id = LeaseId::claimed(&lease);
    let question = post("/v1/watch", &format!("{{\"lease\":\"{lease}\"}}"));
    let is_watched = || world.house().leases.is_watched(&id);
    let (at_once, later): (&[u8], &[u8]) = (b"x", b"y");
    for (with_it, after_it) in [(at_once, &[][..]), (&[], later), (at_once, later)] {
        let mut stream = UnixStream::connect(world.path("run/patd.sock")).unwrap();
        stream.write_all(&[&question, with_it].concat()).unwrap();
        crate::world::eventually("it is watched", || is_watched().then_some(()));
        // It may have been put out for that by then.
        let _sent = stream.write_all(after_it);

        drop(stream);

        crate::world::eventually("its place is free", || (!is_watched()).then_some(()));
    }
}

#[test]
fn whoever_reads_the_log_keeps_nobody_else_waiting() {
    let world = World::running();
    world.hand_out(CONNECTION).unwrap();
    // A part of the log that takes long to read.
    let part = std::fs::File::create(world.path("state/audit/audit.jsonl.1")).unwrap();
    part.set_len(LONG_TO_READ).unwrap();

    let question = LogRequest { limit: 1_000, picks: LogFilter::default() };
    std::thread::scope(|scope| {
        let read = || world.admin::<LogPage>("log", &question);
        let readers: Vec<_> = (0..MORE_THAN_THREADS).map(|_| scope.spawn(read)).collect();

        // Every reader is at it before the last of these.
        let _statuses: Vec<_> = (0..20).map(|_| world.status()).collect();
        let served = world.hand_out(CONNECTION);

        assert!(served.is_ok(), "{:?}", served.err());
        assert!(readers.iter().all(|reader| !reader.is_finished()), "all of them still read");
        // The rest of it need not be read.
        part.set_len(0).unwrap();
        for reader in readers {
            assert!(!reader.join().unwrap().unwrap().records.is_empty());
        }
    });
}

/// Requests that would hold up every thread of the daemon.
const MORE_THAN_THREADS: usize = 8;
/// A gibibyte.
const LONG_TO_READ: u64 = 1 << 30;
