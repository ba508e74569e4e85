//! What older kernels cannot tell: the real daemon without the newer calls. It hands out at every tier, and refuses at
//! every tier (SECURITY.md: another local user, a connection that changed hands, a file passed along).

use std::collections::BTreeMap;
use std::io::{IoSlice, Read};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::process::Command;

use e2e::{Stranger, client_program, log_in};
use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use pat_wire::error::REFUSAL_TEXT;
use seccompiler::SeccompCmpArgLen::{Dword, Qword};
use seccompiler::{BpfProgram, SeccompAction, SeccompCmpOp, SeccompCondition, SeccompFilter};
use seccompiler::{SeccompRule, apply_filter};
use world::{CONNECTION, World};

/// A call that older kernels do not know: its number, which argument tells it from its like, and what they say.
struct Newer {
    call: libc::c_long,
    argument: Option<(u8, u64)>,
    answer: Errno,
}

/// Linux 6.16.
const PASS_RIGHTS: Newer =
    Newer { call: libc::SYS_setsockopt, argument: Some((2, 83)), answer: Errno::ENOPROTOOPT };
/// Linux 6.13.
const PIDFD_INFO: Newer =
    Newer { call: libc::SYS_ioctl, argument: Some((1, 0xc040_ff0b)), answer: Errno::ENOTTY };
/// Linux 6.9 has pidfds on a file system of their own.
const PIDFS: Newer = Newer { call: libc::SYS_fstatfs, argument: None, answer: Errno::ENOSYS };
/// Linux 6.5.
const PEER_PIDFD: Newer =
    Newer { call: libc::SYS_getsockopt, argument: Some((2, 77)), answer: Errno::ENOPROTOOPT };

/// The tiers, from weakest to strongest, and the kernel that has each.
const TIERS: [(&str, (u32, u32)); 4] =
    [("uid-gid", (0, 0)), ("pidfd", (6, 5)), ("pidfs", (6, 9)), ("pidfd-info", (6, 13))];

#[test]
fn with_all_that_this_kernel_tells_peers_are_served_or_refused_as_they_should_be() {
    demand("pidfd-info", &[]);
}

#[test]
fn without_a_pidfd_that_tells_whose_it_is_peers_are_served_or_refused_all_the_same() {
    demand("pidfs", &[PASS_RIGHTS, PIDFD_INFO]);
}

#[test]
fn without_pidfds_that_are_an_identity_peers_are_served_or_refused_all_the_same() {
    demand("pidfd", &[PASS_RIGHTS, PIDFD_INFO, PIDFS]);
}

#[test]
fn without_a_pidfd_of_who_connected_peers_are_served_or_refused_all_the_same() {
    demand("uid-gid", &[PASS_RIGHTS, PIDFD_INFO, PIDFS, PEER_PIDFD]);
}

fn demand(tier: &str, without: &[Newer]) {
    let world = running(without);
    let status = world.status();
    let passed = status["daemon"]["passed_files"].as_str().unwrap();
    assert_eq!(status["daemon"]["peer_tier"], at_the_most(tier), "{status}");
    assert!(without.is_empty() || passed == "dropped", "{status}");

    log_in(&world);
    let (socket, body) = (world.socket(), format!(r#"{{"connection":"{CONNECTION}"}}"#));
    let arguments = |verb| [verb, socket.to_str().unwrap(), &body].map(str::to_owned);
    let client = |verb| reply(Command::new(client_program()).args(arguments(verb)));
    let served = client("ask");
    assert!(served.starts_with("HTTP/1.1 200"), "the entry's own uid: {served}");
    assert_refused("a connection whose maker has ended", &client("leave"));
    if let Some(stranger) = Stranger::of(&world, "tiers") {
        let arguments = arguments("ask");
        let arguments = arguments.each_ref().map(String::as_str);
        assert_refused("another uid", &reply(&mut stranger.client(&arguments)));
    }
    no_passed_file_is_kept(&world, passed);
}

/// Starts the daemon of a world from a thread that may not make these calls: what it starts may not either.
fn running(without: &[Newer]) -> World {
    let mut world = World::new();
    std::thread::scope(|scope| {
        let start = || {
            without.iter().for_each(|newer| apply_filter(&newer.filter()).expect("a filter"));
            world.start();
        };
        scope.spawn(start).join().expect("the daemon starts");
    });
    world
}

impl Newer {
    fn filter(&self) -> BpfProgram {
        let is = |(index, value)| {
            let length = if index == 1 { Qword } else { Dword };
            SeccompCondition::new(index, length, SeccompCmpOp::Eq, value).expect("a condition")
        };
        let rule = self.argument.map(|argument| SeccompRule::new(vec![is(argument)]));
        let rules = rule.into_iter().collect::<Result<Vec<_>, _>>().expect("a rule");
        let answer = SeccompAction::Errno(self.answer as u32);
        let machine = std::env::consts::ARCH.try_into().expect("a known machine");
        let filter = SeccompFilter::new(
            BTreeMap::from([(self.call, rules)]),
            SeccompAction::Allow,
            answer,
            machine,
        );
        filter.expect("a filter").try_into().expect("a program")
    }
}

/// A file that is passed along with a request is refused by the kernel, or closed by the daemon.
fn no_passed_file_is_kept(world: &World, passed: &str) {
    let mut stream = UnixStream::connect(world.socket()).unwrap();
    let (read, write) = nix::unistd::pipe().unwrap();
    let request = b"POST /v1/list HTTP/1.1\r\nhost: patd\r\ncontent-length: 0\r\n\r\n";
    let files = [write.as_raw_fd()];
    let with_file = [ControlMessage::ScmRights(&files)];
    let parts = [IoSlice::new(request)];

    let sent = sendmsg::<()>(stream.as_raw_fd(), &parts, &with_file, MsgFlags::MSG_NOSIGNAL, None);

    if passed == "refused" {
        assert_eq!(sent, Err(Errno::EPERM));
        return;
    }
    sent.expect("the file is on its way");
    drop(write);
    stream.read_to_end(&mut Vec::new()).unwrap();
    // As long as anybody held the other end, this would wait.
    assert_eq!(nix::unistd::read(&read, &mut [0]), Ok(0), "the daemon holds no end of the pipe");
}

fn assert_refused(who: &str, reply: &str) {
    assert!(reply.starts_with("HTTP/1.1 403") && reply.contains(REFUSAL_TEXT), "{who}: {reply}");
}

fn reply(command: &mut Command) -> String {
    String::from_utf8(command.output().unwrap().stdout).unwrap()
}

/// Returns this tier, or the best one of a kernel that has less.
fn at_the_most(tier: &str) -> &'static str {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = release.split(['.', '-']).map(|number| number.parse().unwrap_or(0));
    let kernel = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let wanted = TIERS.iter().position(|(name, _)| *name == tier).expect("a tier");
    let best = TIERS[..=wanted].iter().rfind(|(_, since)| *since <= kernel);
    best.expect("every kernel has one").0
}
