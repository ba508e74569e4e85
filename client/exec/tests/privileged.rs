//! A privileged program in hostile hands: whoever starts the setgid wrapper chooses its arguments, descriptors, limits,
//! environment, signals and directories. It works all the same or says why not; in no case does it leave a secret
//! behind, or a command with its group. Needs root and mount namespaces.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test's world that cannot be built fails the test"
)]

mod world;

use std::ffi::CString;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output};

use nix::sys::resource::{Resource, setrlimit};
use nix::unistd::{Gid, Uid, execve, setgroups, setresgid, setresuid};
use pat_wire::message::Delivery;
use world::installed::{GATE, Installed, USER, inside_namespace, mount};
use world::{eventually, stderr, stdout};

#[test]
fn without_a_program_name_nothing_is_done() {
    inside_namespace("without_a_program_name_nothing_is_done", || {
        let world = Installed::new();

        let output = launched(&world, &[("NO_ARGUMENTS", "1")]);

        assert_eq!(output.status.code(), Some(125), "{}", stderr(&output));
        assert_eq!(stderr(&output), "pat-exec: started without a program name\n");
        assert!(world.shown().is_empty(), "nobody was asked");
    });
}

#[test]
fn with_closed_descriptors_no_file_of_ours_takes_their_place() {
    inside_namespace("with_closed_descriptors_no_file_of_ours_takes_their_place", || {
        let world = Installed::new();
        for closed in ["0", "0 1", "0 1 2", "2", "1 2"] {
            let output = launched(
                &world,
                &[
                    ("CLOSED", closed),
                    ("SCRIPT", "readlink /proc/$$/fd/0 /proc/$$/fd/1 /proc/$$/fd/2 > $HOME/fds"),
                ],
            );
            assert_eq!(output.status.code(), Some(0), "{closed}: {}", stderr(&output));
            let fds = std::fs::read_to_string("/run/home/fds").unwrap();
            for fd in closed.split(' ').map(|fd| fd.parse::<usize>().unwrap()) {
                // Standard output is the script's own file. What glibc puts in the place of a missing one is full.
                let expected: &[&str] =
                    if fd == 1 { &["/run/home/fds"] } else { &["/dev/null", "/dev/full"] };
                let found = fds.lines().nth(fd).unwrap_or_default();
                assert!(expected.contains(&found), "{closed}: {fds}");
            }
            eventually("no home is left", || world.homes() == 0);
        }
    });
}

#[test]
fn under_tiny_limits_it_works_or_says_why_not_and_leaves_nothing() {
    inside_namespace("under_tiny_limits_it_works_or_says_why_not_and_leaves_nothing", || {
        let world = Installed::new();
        let mut worked = 0;
        for deliver in [Delivery::Home, Delivery::Env] {
            world.broker.state().terms.deliver = deliver;
            for limit in [
                "NOFILE 3",
                "NOFILE 4",
                "NOFILE 5",
                "NOFILE 6",
                "NOFILE 7",
                "NOFILE 8",
                "NOFILE 12",
                "FSIZE 0",
                "FSIZE 1",
                "FSIZE 200",
                "AS 100000",
                "AS 1000000",
                "AS 4000000",
                "STACK 65536",
                "NPROC 0",
                "CORE 0",
                "DATA 100000",
                "MEMLOCK 0",
            ] {
                let output =
                    launched(&world, &[("LIMIT", limit), ("SCRIPT", "grep ^Gid /proc/$$/status")]);
                let (code, signal) = (output.status.code(), output.status.signal());
                let said = stderr(&output);
                match code {
                    Some(0) => worked += 1,
                    // The command itself may not get along with the limit.
                    Some(NOT_STARTED) => {}
                    Some(125..=127 | 1 | 2) => assert!(!said.is_empty(), "{limit}: {deliver:?}"),
                    _ => assert!(signal.is_some(), "{limit}: {deliver:?}: {code:?} {said}"),
                }
                assert!(
                    !stdout(&output).contains(&GATE.to_string()),
                    "{limit}: {}",
                    stdout(&output)
                );
                assert!(!said.contains("simpat_") && !said.contains("panicked"), "{limit}: {said}");
                // Without descriptors to list it with, an empty home may have to stay: that is said.
                let is_said = || said.contains("cannot remove /run/user/");
                eventually(&format!("nothing is left: {limit}"), || {
                    world.homes() == 0 || (is_said() && !has_secret("/run/user"))
                });
                remove_homes();
            }
        }
        assert!(worked >= 10, "of 36 only {worked} worked");
    });
}

#[test]
fn a_huge_environment_is_passed_on_or_refused_and_leaves_nothing() {
    inside_namespace("a_huge_environment_is_passed_on_or_refused_and_leaves_nothing", || {
        let world = Installed::new();
        let run = |kilobytes: usize| {
            let mut command = world.command(&["sh", "-c", "echo ran"]);
            let value = "x".repeat(100 << 10);
            for number in 0..kilobytes / 100 {
                command.env(format!("HUGE_{number}"), &value);
            }
            command.output().unwrap()
        };

        let large = run(1_500);
        assert_eq!(stdout(&large), "ran\n", "{}", stderr(&large));

        // The most with which it can be started: there is no room for the variables of the delivery.
        let mut filled = brim();
        let overfull = loop {
            let bytes = filled.to_string();
            let output = launched(&world, &[("FILLED", &bytes), ("SCRIPT", "echo ran")]);
            if output.status.code() != Some(NOT_STARTED) {
                break output;
            }
            filled -= 16;
        };
        let said = stderr(&overfull);
        assert_eq!(overfull.status.code(), Some(126), "{said}");
        assert!(said.contains("Argument list too long"), "{said}");
        eventually("no home is left", || world.homes() == 0);
    });
}

#[test]
fn a_hostile_environment_reaches_neither_the_wrapper_nor_the_deliverys_variables() {
    let name = "a_hostile_environment_reaches_neither_the_wrapper_nor_the_deliverys_variables";
    inside_namespace(name, || {
        let world = Installed::new();

        let output = launched(
            &world,
            &[
                ("HOSTILE", "1"),
                (
                    "SCRIPT",
                    "tr '\\0' '\\n' < /proc/$$/environ | grep -a -c ^SNOWFLAKE_HOME=; echo $SNOWFLAKE_HOME",
                ),
            ],
        );

        let text = stdout(&output);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.first(), Some(&"1"), "the delivery's alone: {text} {}", stderr(&output));
        assert!(lines[1].starts_with("/run/user/"), "{text}");
        assert_eq!(stderr(&output), "");
        eventually("no home is left", || world.homes() == 0);
    });
}

#[test]
fn signals_that_the_caller_ignores_or_blocks_change_nothing_and_are_passed_on() {
    let name = "signals_that_the_caller_ignores_or_blocks_change_nothing_and_are_passed_on";
    inside_namespace(name, || {
        let world = Installed::new();
        for how in ["--ignore-signal", "--block-signal"] {
            let script = "grep -E 'Sig(Blk|Ign)' /proc/self/status";
            let plainly = Command::new("env").args([how, "sh", "-c", script]).output().unwrap();
            let mut wrapped =
                world.command_under(&["env", how, "setpriv"], &["/bin/sh", "-c", script]);
            let output = wrapped.output().unwrap();

            assert!(output.status.success(), "{how}: {}", stderr(&output));
            assert_eq!(without_sigpipe(&stdout(&output)), without_sigpipe(&stdout(&plainly)));
            eventually("no home is left", || world.homes() == 0);
        }
    });
}

#[test]
fn from_a_directory_that_was_deleted_it_works_all_the_same() {
    inside_namespace("from_a_directory_that_was_deleted_it_works_all_the_same", || {
        let world = Installed::new();
        let gone = "mkdir /run/gone && cd /run/gone && rmdir /run/gone && exec setpriv \"$@\"";

        let output = world.run_under(&["sh", "-c", gone, "sh"], &["sh", "-c", "echo ran"]);

        assert_eq!(stdout(&output), "ran\n", "{}", stderr(&output));
        eventually("no home is left", || world.homes() == 0);
    });
}

#[test]
fn without_a_place_in_memory_to_write_it_says_so_and_runs_nothing() {
    inside_namespace("without_a_place_in_memory_to_write_it_says_so_and_runs_nothing", || {
        let world = Installed::new();
        std::fs::set_permissions("/run/user", Permissions::from_mode(0o500)).unwrap();
        mount(&["-t", "tmpfs", "-o", "ro", "tmpfs", "/dev/shm"]);

        let output = world.run(&["sh", "-c", "echo ran"]);

        assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(125), ""));
        assert!(stderr(&output).starts_with("pat-exec: "), "{}", stderr(&output));
    });
}

/// Starts the wrapper as the user from a process that first does to itself what the variables say.
fn launched(world: &Installed, how: &[(&str, &str)]) -> Output {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "as_the_launcher", "--nocapture"]).env_clear();
    command.env("LAUNCH", &world.program).envs(how.iter().copied());
    let mut output = command.current_dir("/").output().unwrap();
    // What the test runner says before it becomes the launcher.
    let said = stdout(&output);
    let from = said.find("running 1 test\n").map_or(0, |at| at + "running 1 test\n".len());
    output.stdout = said.as_bytes()[from..].to_vec();
    output
}

/// Becomes the wrapper; started by the test runner itself, it has nothing to do.
#[test]
fn as_the_launcher() {
    let Ok(program) = std::env::var("LAUNCH") else { return };
    let asked = |name: &str| std::env::var(name).ok();
    let text = |text: &str| CString::new(text).unwrap();
    let script = asked("SCRIPT").unwrap_or_default();
    let mut arguments = vec![text("pat-exec"), text("sh"), text("-c"), text(&script)];
    if asked("NO_ARGUMENTS").is_some() {
        arguments.clear();
    }
    let mut environment: Vec<CString> =
        ["PATH=/usr/bin:/bin", "HOME=/run/home", "XDG_RUNTIME_DIR=/run/user"].map(text).into();
    if asked("HOSTILE").is_some() {
        environment.extend(HOSTILE.iter().map(|entry| CString::new(*entry).unwrap()));
    }
    let filled = asked("FILLED").map_or(0, |bytes| bytes.parse().unwrap());
    if filled > 0 {
        let filling = filling(filled).into_iter();
        environment.extend(filling.map(|(name, value)| text(&format!("{name}={value}"))));
    }
    setgroups(&[]).unwrap();
    let (gid, uid) = (Gid::from_raw(USER), Uid::from_raw(USER));
    setresgid(gid, gid, gid).unwrap();
    setresuid(uid, uid, uid).unwrap();
    let closed = asked("CLOSED").unwrap_or_default();
    if let Some((name, limit)) = asked("LIMIT").as_deref().and_then(|limit| limit.split_once(' ')) {
        let limit = limit.parse().unwrap();
        setrlimit(resource(name), limit, limit).unwrap();
    }
    for fd in closed.split_whitespace() {
        nix::unistd::close(fd.parse::<i32>().unwrap()).unwrap();
    }
    let Err(_) = execve(&text(&program), &arguments, &environment);
    std::process::exit(NOT_STARTED);
}

fn has_secret(folder: &str) -> bool {
    let found = Command::new("grep").args(["-rqs", "simpat_", folder]).status().unwrap();
    found.success()
}

fn remove_homes() {
    for home in std::fs::read_dir("/run/user").unwrap() {
        std::fs::remove_dir_all(home.unwrap().path()).unwrap();
    }
}

fn resource(name: &str) -> Resource {
    match name {
        "NOFILE" => Resource::RLIMIT_NOFILE,
        "FSIZE" => Resource::RLIMIT_FSIZE,
        "AS" => Resource::RLIMIT_AS,
        "STACK" => Resource::RLIMIT_STACK,
        "NPROC" => Resource::RLIMIT_NPROC,
        "CORE" => Resource::RLIMIT_CORE,
        "DATA" => Resource::RLIMIT_DATA,
        "MEMLOCK" => Resource::RLIMIT_MEMLOCK,
        other => panic!("{other}"),
    }
}

/// Entries that are none, names that are none, bytes that are no text, and the delivery's own variables, twice.
const HOSTILE: [&[u8]; 9] = [
    b"no-equals-sign",
    b"=nameless",
    b"",
    b"SNOWFLAKE_HOME=/run/home/a",
    b"SNOWFLAKE_HOME=/run/home/b",
    b"\xff\xfe=\xff",
    b"RUST_BACKTRACE=full",
    b"LD_LIBRARY_PATH=/run/home/no",
    b"SNOWFLAKE_DEFAULT_CONNECTION_NAME=evil",
];

/// The wrapper always starts its commands with the default of SIGPIPE (signal 13), as it says; 32 and above are the C
/// library's.
fn without_sigpipe(status: &str) -> Vec<String> {
    let line = |line: &str| {
        let (name, mask) = line.split_once(":\t").unwrap();
        let mask = u64::from_str_radix(mask, 16).unwrap() & 0x7fff_ffff & !(1 << 12);
        format!("{name} {mask:x}")
    };
    status.lines().map(line).collect()
}

/// Returns how many bytes of variables an ordinary program can just be started with.
fn brim() -> usize {
    let (mut works, mut fails) = (1 << 20, 8 << 20);
    while fails - works > 16 {
        let middle = (works + fails) / 2;
        let mut command = Command::new("/bin/true");
        command.env_clear().envs(filling(middle));
        match command.status() {
            Ok(_) => works = middle,
            Err(_) => fails = middle,
        }
    }
    works
}

/// Returns variables of so many bytes together.
fn filling(bytes: usize) -> Vec<(String, String)> {
    let whole = 100 << 10;
    let sizes = std::iter::repeat_n(whole, bytes / whole).chain([bytes % whole]);
    let variable = |(number, size): (usize, usize)| {
        (format!("FULL_{number:03}"), "x".repeat(size.saturating_sub(10)))
    };
    sizes.enumerate().map(variable).collect()
}

/// Too much or too little for any program: the kernel itself says no.
const NOT_STARTED: i32 = 99;
