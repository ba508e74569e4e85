//! While the broker looks into the question a home is begun, and a helper with it. Whatever becomes of the question,
//! nothing of them stays that is not used.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test's world that cannot be built fails the test"
)]

mod world;

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use nix::fcntl::{Flock, FlockArg};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pat_wire::error::ErrorCode;
use pat_wire::message::Delivery;
use world::broker::refusal;
use world::{World, eventually, helpers, stderr, stdout};

#[test]
fn who_waits_for_the_broker_can_be_interrupted_and_leaves_nothing() {
    let world = World::new();
    world.broker.stop();
    // Whoever connects is not even accepted, and waits.
    let _silent = UnixListener::bind(&world.broker.socket).unwrap();

    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGKILL] {
        let mut waiting = world.wrapper().arg("true").stderr(Stdio::piped()).spawn().unwrap();
        eventually("a helper is there", || helpers(world.runtime()).len() == 1);
        assert_eq!(world.homes().len(), 1);

        kill(Pid::from_raw(i32::try_from(waiting.id()).unwrap()), signal).unwrap();

        assert_eq!(waiting.wait().unwrap().signal(), Some(signal as i32));
        world.cleaned_up();
        // Its stderr is the helper's too: this ends when both have.
        assert_eq!(stderr(&waiting.wait_with_output().unwrap()), "", "{signal}");
        eventually("the helper is gone", || helpers(world.runtime()).is_empty());
    }
}

#[test]
fn a_refusal_is_one_sentence_and_leaves_nothing() {
    let world = World::new();
    world.broker.state().refusal = Some(refusal(ErrorCode::Refused, "not for you"));

    // The wrapper and its helper clean up at the same time.
    for _ in 0..50 {
        let output = world.run("echo never");

        assert_eq!(output.status.code(), Some(125));
        assert_eq!(stderr(&output).lines().count(), 1, "{}", stderr(&output));
        assert_eq!(stdout(&output), "");
    }

    world.cleaned_up();
    eventually("no helper is left", || helpers(world.runtime()).is_empty());
}

#[test]
fn a_command_that_gets_no_home_has_no_child_of_the_wrappers() {
    let world = World::new();
    {
        let mut state = world.broker.state();
        state.terms.deliver = Delivery::Env;
        state.terms.env = [("SNOWFLAKE_PASSWORD".to_owned(), "secret".to_owned())].into();
    }

    for _ in 0..50 {
        // A zombie is a child too. The shell's own children come after.
        let output = world.run(
            "IFS= read -r children < /proc/$$/task/$$/children; echo \"[$children]\"; env | grep -c SNOWFLAKE_HOME",
        );

        assert_eq!(stdout(&output), "[]\n0\n", "{}", stderr(&output));
        assert_eq!(stderr(&output), "");
    }

    world.cleaned_up();
    eventually("no helper is left", || helpers(world.runtime()).is_empty());
}

#[test]
fn a_home_whose_maker_ended_before_it_was_complete_goes_with_its_token() {
    let world = World::new();
    let private = world.runtime().join(format!("pat-exec-{}-Abc123", nix::unistd::getuid()));
    fs::create_dir_all(private.join("home")).unwrap();
    fs::set_permissions(&private, Permissions::from_mode(0o700)).unwrap();
    for (name, text) in [("owner", "whoever"), ("secrets", "s"), ("home/connections.toml", "s")] {
        fs::write(private.join(name), text).unwrap();
    }

    // Whoever holds this gives it back and removes it: another start, that saw the maker gone.
    let record = File::open(private.join("owner")).unwrap();
    let sweeping = Flock::lock(record, FlockArg::LockExclusiveNonblock).unwrap();
    let output = help_to_the_end(&private);
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), String::new()));
    assert_eq!(world.homes(), std::slice::from_ref(&private));

    drop(sweeping);
    let output = help_to_the_end(&private);
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), String::new()));
    assert!(world.homes().is_empty());
}

/// Is the helper of a home whose maker never said that it is complete.
fn help_to_the_end(private: &Path) -> Output {
    let mut helper = Command::new(env!("CARGO_BIN_EXE_pat-exec"));
    helper.arg("--refresh-helper").arg(private).env_clear();
    helper.stdin(Stdio::null()).output().unwrap()
}
