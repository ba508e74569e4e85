//! What a command, another user or a full system may do to a private home, the real directory and what leads
//! to them: nobody waits for ever, nothing is written for somebody else, and no token stays behind.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test's world that cannot be built fails the test"
)]

mod world;

use std::fs::{FileTimes, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use nix::fcntl::{OFlag, open, openat};
use nix::poll::{PollTimeout, poll};
use nix::sys::signal::{Signal, killpg};
use nix::sys::stat::{Mode, mkdirat};
use nix::unistd::{Pid, mkfifo};
use world::{World, eventually, helpers, skip, stderr, stdout};

#[test]
fn a_pipe_in_the_place_of_the_connections_is_not_waited_for() {
    let world = World::new();

    let output = world.run("cd $SNOWFLAKE_HOME; rm connections.toml; mkfifo connections.toml");

    world.cleaned_up();
    let said = stderr(&output);
    assert!(
        said.contains("connections.toml of this run was not kept: not a regular file"),
        "{said}"
    );
}

#[test]
fn a_rotation_puts_a_file_where_the_command_put_a_pipe() {
    let world = World::new();
    world.broker.state().terms.keep_connections = true;
    world.write("connections.toml", "[other]\nuser = \"o\"\n");
    let mut talk = world.talk(
        "cd $SNOWFLAKE_HOME; rm connections.toml; mkfifo connections.toml; echo done; read _",
    );
    assert_eq!(talk.hear(), "done");

    world.broker.rotate("simpat_generation_2");

    let file = world.home().join("connections.toml");
    eventually("the file is one again", || file.metadata().unwrap().is_file());
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(
        text.contains("simpat_generation_2") && text.ends_with("[other]\nuser = \"o\"\n"),
        "{text}"
    );
    talk.end();
    world.cleaned_up();
}

#[test]
fn a_pipe_in_the_place_of_the_users_own_file_is_not_waited_for() {
    let world = World::new();
    let mut talk = world.talk(
        "printf '[new]\\nuser = \"n\"\\n' >> $SNOWFLAKE_HOME/connections.toml; echo done; read _",
    );
    assert_eq!(talk.hear(), "done");
    let pipe = world.real().join("connections.toml");
    mkfifo(&pipe, Mode::S_IRWXU).unwrap();

    let said = talk.end();

    helper_is_gone(&world);
    assert!(said.contains("not a regular file") && said.contains("tries again"), "{said}");
    std::fs::remove_file(pipe).unwrap();
    world.run("true");
    world.cleaned_up();
    assert_eq!(world.read("connections.toml"), "\n[new]\nuser = \"n\"\n");
}

#[test]
fn a_record_that_is_a_pipe_stops_neither_the_helper_nor_the_next_start() {
    let world = World::new();

    for (run, record) in ["owner", "kept.toml", "known", "secrets"].into_iter().enumerate() {
        let talk = world.talk(&format!(
            "printf '[run_{run}]\\nuser = \"u\"\\n' >> $SNOWFLAKE_HOME/connections.toml; read _"
        ));
        eventually("the helper lives", || world.broker.asked("/v1/watch").len() > run);
        let path = newest(&world).join(record);
        std::fs::remove_file(&path).unwrap();
        mkfifo(&path, Mode::S_IRWXU).unwrap();

        talk.end();

        helper_is_gone(&world);
        for home in world.homes() {
            assert!(!home.join("home/connections.toml").exists(), "{record}");
        }
    }
    let given_back = world.read("connections.toml");
    assert!(given_back.contains("[run_0]") && given_back.contains("[run_1]"), "{given_back}");
    let left = world.runtime().join(format!("pat-exec-{}-fifo00", nix::unistd::getuid()));
    std::fs::create_dir(&left).unwrap();
    std::fs::set_permissions(&left, Permissions::from_mode(0o700)).unwrap();
    mkfifo(&left.join("owner"), Mode::S_IRWXU).unwrap();
    assert_eq!(stdout(&world.run("echo ran")), "ran\n");
}

#[test]
fn a_tree_too_deep_for_any_path_is_given_up_once_and_the_home_goes() {
    let world = World::new();
    let talk = world.talk("echo kept > $SNOWFLAKE_HOME/beside; read _");
    eventually("the command has begun", || world.home().join("beside").exists());
    let directory = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let mut here = open(&world.home(), directory, Mode::empty()).unwrap();
    for _ in 0..5_000 {
        mkdirat(&here, "deeper", Mode::S_IRWXU).unwrap();
        here = openat(&here, "deeper", directory, Mode::empty()).unwrap();
    }

    let said = talk.end();

    world.cleaned_up();
    helper_is_gone(&world);
    assert_eq!(said.matches("nested so deep was not kept").count(), 1, "{said}");
    assert!(said.lines().count() == 1 && said.len() < 300, "{said}");
    assert_eq!(world.read("beside"), "kept\n");
}

#[test]
fn a_maker_that_may_write_nothing_says_so_and_leaves_nothing() {
    let world = World::new();
    let script = format!(
        "ulimit -f 0; exec {} --socket {} true",
        env!("CARGO_BIN_EXE_pat-exec"),
        world.broker.socket.display()
    );
    let mut command = Command::new("sh");
    command.args(["-c", &script]).env("HOME", world.user()).env("XDG_RUNTIME_DIR", world.runtime());

    let output = command.output().unwrap();

    assert_eq!(output.status.code(), Some(125), "{}", stderr(&output));
    assert!(stderr(&output).contains("cannot make a home in"), "{}", stderr(&output));
    assert_eq!(world.homes().len(), 0);
}

#[test]
fn a_home_whose_maker_was_killed_before_it_said_whose_it_is_does_not_stay() {
    let world = World::new();
    let uid = nix::unistd::getuid();
    let begun = world.runtime().join(format!("pat-exec-{uid}-Abc123"));
    std::fs::create_dir(&begun).unwrap();
    std::fs::set_permissions(&begun, PermissionsExt::from_mode(0o700)).unwrap();
    world.run("true");
    eventually("only it is left", || world.homes() == [begun.clone()]);

    let long_ago = SystemTime::now() - Duration::from_secs(120);
    let home = std::fs::File::open(&begun).unwrap();
    home.set_times(FileTimes::new().set_modified(long_ago)).unwrap();
    world.run("true");

    world.cleaned_up();
}

#[test]
fn a_process_group_killed_in_any_moment_of_the_start_leaves_no_token_behind() {
    let world = World::new();

    for round in 0..60_u8 {
        let mut command = world.wrapper();
        let mut maker = command.args(["sleep", "1000"]).process_group(0).spawn().unwrap();
        poll(&mut [], PollTimeout::from(round / 6)).unwrap();
        let group = Pid::from_raw(i32::try_from(maker.id()).unwrap());
        killpg(group, Signal::SIGKILL).unwrap();
        maker.wait().unwrap();
    }

    // A helper may still be on its way.
    eventually("no token is left", || {
        let mut homes = world.homes().into_iter();
        homes.all(|home| {
            !home.join("secrets").exists() && !home.join("home/connections.toml").exists()
        })
    });
    helper_is_gone(&world);
}

#[test]
fn what_waits_for_a_later_start_is_given_back_without_its_token() {
    let world = World::new();
    let mut talk = world.talk(
        "cd $SNOWFLAKE_HOME; mkdir -p dir/sub; cp connections.toml dir/sub/leak; \
         echo fine > dir/fine; echo done; read _",
    );
    assert_eq!(talk.hear(), "done");
    // A link that leads nowhere: no directory can be made in its place.
    let blocked = world.real().join("dir");
    symlink("/nowhere/at/all", &blocked).unwrap();

    let said = talk.end();

    helper_is_gone(&world);
    assert!(
        said.contains("could not keep dir") && said.contains("leak may hold the token"),
        "{said}"
    );
    std::fs::remove_file(&blocked).unwrap();
    world.run("true");
    world.cleaned_up();
    assert_eq!(world.read("dir/fine"), "fine\n");
    assert!(!world.real().join("dir/sub/leak").exists());
}

#[test]
fn a_token_in_a_name_or_in_what_a_link_names_is_not_given_back() {
    let world = World::new();

    let output = world.run(
        "cd $SNOWFLAKE_HOME; t=$(sed -n 's/^password = \"\\(.*\\)\"/\\1/p' connections.toml); \
         echo ${#t}; touch a-$t fine; mkdir -p dir/$t; ln -s /tmp/$t link",
    );

    helper_is_gone(&world);
    assert_eq!(stdout(&output).trim(), "simpat_generation_1".len().to_string());
    let mut left: Vec<_> =
        std::fs::read_dir(world.real()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    // What clients look for is made where there is none.
    assert_eq!(left, ["cortex", "dir", "fine", "logs"]);
    assert_eq!(std::fs::read_dir(world.real().join("dir")).unwrap().count(), 0);
    assert!(!stderr(&output).contains("simpat"), "{}", stderr(&output));
    world.cleaned_up();
}

#[test]
fn root_writes_nothing_into_the_directory_of_a_user() {
    if !nix::unistd::getuid().is_root() {
        return skip("root_writes_nothing_into_the_directory_of_a_user", "needs root");
    }
    let world = World::new();
    chown(world.user(), Some(4242), Some(4242)).unwrap();
    let theirs = world.scratch("theirs");
    std::fs::create_dir(&theirs).unwrap();
    std::fs::set_permissions(&theirs, Permissions::from_mode(0o755)).unwrap();
    chown(&theirs, Some(4242), Some(4242)).unwrap();

    let by_home = world.run("echo ran");
    let by_name = |named: &Path| {
        let mut command = world.script("echo ran");
        command.env("HOME", world.scratch("")).env("SNOWFLAKE_HOME", named).output().unwrap()
    };

    for output in [by_home, by_name(&theirs), by_name(&theirs.join("new"))] {
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(125), "{said}");
        assert_eq!(stdout(&output), "");
        assert!(said.contains("belongs to uid 4242") && said.contains("next: set HOME"), "{said}");
    }
    for directory in [world.user(), theirs] {
        assert_eq!(std::fs::read_dir(directory).unwrap().count(), 0);
    }
    assert!(world.homes().is_empty());
}

#[test]
fn root_makes_no_home_below_a_directory_of_a_user() {
    if !nix::unistd::getuid().is_root() {
        return skip("root_makes_no_home_below_a_directory_of_a_user", "needs root");
    }
    let world = World::new();
    let above = tempfile::tempdir_in("/dev/shm").unwrap();
    let own = above.path().join("runtime");
    std::fs::create_dir(&own).unwrap();
    std::fs::set_permissions(&own, Permissions::from_mode(0o700)).unwrap();
    let place = |runtime: &Path| {
        let mut command = world.script("echo $SNOWFLAKE_HOME");
        let output = command.env("XDG_RUNTIME_DIR", runtime).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        stdout(&output)
    };

    let among_roots = place(&own);
    chown(above.path(), Some(4242), Some(4242)).unwrap();
    let below_theirs = place(&own);

    assert!(among_roots.starts_with(own.to_str().unwrap()), "{among_roots}");
    assert!(below_theirs.starts_with("/dev/shm/pat-exec-0-"), "{below_theirs}");
    eventually("no home is left", || !Path::new(below_theirs.trim_end()).exists());
}

/// The home that has its connections: what earlier runs left has none.
fn newest(world: &World) -> std::path::PathBuf {
    let mut homes = world.homes();
    homes.retain(|home| home.join("home/connections.toml").exists());
    assert_eq!(homes.len(), 1, "{homes:?}");
    homes.remove(0)
}

fn helper_is_gone(world: &World) {
    eventually("the helper is gone", || helpers(world.runtime()).is_empty());
}
