//! The helper: it keeps the home fresh while its owner lives, is nobody's child, shows no secret, and is
//! gone with its owner.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test's world that cannot be built fails the test"
)]

mod world;

use std::io::Read;
use std::path::Path;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pat_wire::error::ErrorCode;
use world::broker::refusal;
use world::{World, eventually, helpers, skip};

#[test]
fn a_rotation_reaches_a_running_child() {
    let world = World::new();
    let mut talk =
        world.talk("while read _; do grep password $SNOWFLAKE_HOME/connections.toml; done");

    talk.say("");
    assert_eq!(talk.hear(), "password = \"simpat_generation_1\"");
    for secret in ["simpat_generation_2", "simpat_generation_3"] {
        world.broker.rotate(secret);
        has_secret(&world, secret);
        talk.say("");
        assert_eq!(talk.hear(), format!("password = \"{secret}\""));
    }

    let mode = std::fs::metadata(world.home().join("connections.toml")).unwrap();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode.permissions()) & 0o7777, 0o600);
    assert_eq!(talk.end(), "");
    world.cleaned_up();
    // Each hand-out of the helper took over from the one before.
    let asked = world.broker.asked("/v1/hand-out");
    assert_eq!(asked.len(), 3);
    assert!(asked[1..].iter().all(|body| body.contains("\"replaces\"")), "{asked:?}");
    assert_eq!(world.broker.state().leases.len(), 1);
}

#[test]
fn a_reader_never_sees_half_a_file() {
    let world = World::new();
    let talk = world.talk("read _");
    let file = world.home().join("connections.toml");
    let mut opened_before = std::fs::File::open(&file).unwrap();

    for generation in 2..20 {
        world.broker.rotate(&format!("simpat_generation_{generation}"));
        eventually("the rotation is seen", || {
            let text = std::fs::read_to_string(&file).unwrap();
            assert!(
                text.contains("password = \"simpat_generation_") && text.ends_with("\"\n"),
                "{text}"
            );
            text.contains(&format!("simpat_generation_{generation}\""))
        });
    }

    let mut text = String::new();
    opened_before.read_to_string(&mut text).unwrap();
    assert!(text.ends_with("password = \"simpat_generation_1\"\n"), "{text}");
    talk.end();
}

#[test]
fn a_restarted_broker_is_found_again_whether_it_knows_the_lease_or_not() {
    let world = World::new();
    let talk = world.talk("read _");
    watched(&world, 1);

    world.broker.stop();
    world.broker.rotate("simpat_generation_2");
    world.broker.listen();
    has_secret(&world, "simpat_generation_2");

    watched(&world, 3);
    world.broker.stop();
    world.broker.forget_leases();
    world.broker.rotate("simpat_generation_3");
    world.broker.listen();
    has_secret(&world, "simpat_generation_3");
    talk.end();
    world.cleaned_up();
}

#[test]
fn the_owners_end_is_noticed_while_the_broker_is_away() {
    let world = World::new();
    let talk = world.talk("read _");
    world.broker.stop();

    talk.end();

    world.cleaned_up();
}

#[test]
fn the_owners_end_is_noticed_after_a_revocation() {
    let world = World::new();
    let talk = world.talk("read _");
    watched(&world, 1);
    world.broker.revoke();
    eventually("the helper asked again", || world.broker.asked("/v1/hand-out").len() > 1);

    talk.end();

    world.cleaned_up();
}

#[test]
fn a_busy_broker_is_asked_again() {
    let world = World::new();
    let talk = world.talk("read _");
    world.broker.state().refusal = Some(refusal(ErrorCode::Busy, "busy"));
    world.broker.rotate("simpat_generation_2");
    eventually("the helper asked", || world.broker.asked("/v1/hand-out").len() > 1);

    world.broker.state().refusal = None;

    has_secret(&world, "simpat_generation_2");
    talk.end();
}

#[test]
fn what_cannot_be_written_is_not_asked_for_again_and_reaches_the_child_once_it_can() {
    let world = World::new();
    let mut talk = world.talk(
        "cd $SNOWFLAKE_HOME; rm connections.toml; mkdir connections.toml; touch connections.toml/x; \
         echo blocked; read _; rm -r connections.toml; echo free; read _",
    );
    assert_eq!(talk.hear(), "blocked");
    watched(&world, 1);
    world.broker.rotate("simpat_generation_2");
    eventually("the helper asked", || world.broker.asked("/v1/hand-out").len() > 1);
    // With the lease of what it has been handed it learns of the next one, too.
    world.broker.rotate("simpat_generation_3");
    talk.say("");
    assert_eq!(talk.hear(), "free");

    let file = world.home().join("connections.toml");
    eventually("the home has the newest secret", || {
        std::fs::read_to_string(&file).is_ok_and(|text| text.contains("\"simpat_generation_3\""))
    });
    assert_eq!(world.broker.asked("/v1/hand-out").len(), 3, "one for each generation");
    assert_eq!(world.broker.state().leases.len(), 1);
    talk.end();
    world.cleaned_up();
}

#[test]
fn a_home_that_the_child_removed_is_asked_for_no_more_and_said_once() {
    let world = World::new();
    let mut talk =
        world.talk("rm -r $SNOWFLAKE_HOME; echo gone; read _; sleep 2; echo slept; read _");
    assert_eq!(talk.hear(), "gone");
    watched(&world, 1);
    world.broker.rotate("simpat_generation_2");
    eventually("the helper asked", || world.broker.asked("/v1/hand-out").len() > 1);
    talk.say("");
    assert_eq!(talk.hear(), "slept");

    let said = talk.end();

    assert_eq!(world.broker.asked("/v1/hand-out").len(), 2);
    assert_eq!(said.matches("cannot look through").count(), 1, "{said}");
    world.cleaned_up();
}

#[test]
fn a_directory_that_is_no_home_is_given_no_secret() {
    let world = World::new();
    let on_disk = tempfile::tempdir().unwrap();
    let uid = nix::unistd::getuid();
    for place in [on_disk.path(), world.runtime()] {
        let by_name = place.join(format!("pat-exec-{uid}-made00"));
        for (private, is_home) in
            [(by_name, place == world.runtime()), (place.join("another"), false)]
        {
            std::fs::create_dir_all(private.join("home")).unwrap();
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
            std::fs::set_permissions(&private, mode).unwrap();
            let asked = world.broker.asked("/v1/hand-out").len();

            let said = help_without_a_run(&world, &private);

            let answered = world.broker.asked("/v1/hand-out").len() > asked;
            assert_eq!(answered, is_home, "{}: {said}", private.display());
            assert_eq!(said.contains("is no home of pat-exec's"), !is_home, "{said}");
            assert!(is_home || !private.join("home/connections.toml").exists());
        }
    }
}

/// Starts a helper as the wrapper does, of a home that nobody was handed anything for, whose owner is the tester.
fn help_without_a_run(world: &World, private: &Path) -> String {
    let own = |path: &str| std::fs::read_to_string(path).unwrap().trim_end().to_owned();
    let stat = own("/proc/self/stat");
    let started = stat.rsplit_once(')').unwrap().1.split_ascii_whitespace().nth(19).unwrap();
    let socket = world.broker.socket.to_str().unwrap();
    let pid = std::process::id().to_string();
    let boot = own("/proc/sys/kernel/random/boot_id");
    let namespace = std::fs::read_link("/proc/self/ns/pid").unwrap();
    let namespace = namespace.to_str().unwrap();
    let fields = [
        "pat-exec home 1",
        &pid,
        started,
        &boot,
        namespace,
        "/nowhere",
        "miguel_cli",
        "0",
        socket,
        "",
    ];
    std::fs::write(private.join("owner"), fields.join("\0")).unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_pat-exec"));
    command.arg("--refresh-helper").arg(private).env_clear();
    let (input, output) = (std::process::Stdio::piped(), std::process::Stdio::null());
    let mut helper =
        command.stdin(input).stdout(output).stderr(std::process::Stdio::piped()).spawn().unwrap();
    // It may have refused already.
    let _ = std::io::Write::write_all(&mut helper.stdin.take().unwrap(), b"go");
    let asked = world.broker.asked("/v1/hand-out").len();
    eventually("the helper asks or ends", || {
        helper.try_wait().unwrap().is_some() || world.broker.asked("/v1/hand-out").len() > asked
    });
    let _ = helper.kill();
    let output = helper.wait_with_output().unwrap();
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn the_helper_is_nobodys_child_and_shows_no_secret() {
    let world = World::new();
    let mut command = world.wrapper();
    command.env("CALLERS_OWN", "caller-secret").args(["sh", "-c", "echo ready; read _"]);
    let talk = world::Talk::start(&mut command);
    watched(&world, 1);
    let helper = only_helper(&world);

    let of_helper = |file: &str| {
        let bytes = std::fs::read(format!("/proc/{helper}/{file}")).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let stat = of_helper("stat");
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let (parent, session) = (fields[1], fields[3]);
    assert_ne!(parent, talk.child.id().to_string());
    assert_ne!(parent, std::process::id().to_string());
    assert_eq!(session, helper.to_string());
    assert_eq!(of_helper("comm"), "pat-exec\n");
    assert!(!of_helper("cmdline").contains("simpat"));
    if nix::unistd::getuid().is_root() {
        assert_eq!(of_helper("environ"), "");
        assert_eq!(std::fs::read_link(format!("/proc/{helper}/cwd")).unwrap(), Path::new("/"));
    } else {
        // Non-dumpable: its /proc files are root's.
        for file in ["environ", "mem", "maps"] {
            assert!(std::fs::read(format!("/proc/{helper}/{file}")).is_err(), "{file}");
        }
    }
    let owner = std::fs::metadata(format!("/proc/{helper}/environ")).unwrap();
    assert_eq!(std::os::unix::fs::MetadataExt::uid(&owner), 0);
    talk.end();
    world.cleaned_up();
    eventually("the helper is gone", || helpers(world.runtime()).is_empty());
}

#[test]
fn the_helper_holds_no_descriptor_of_the_callers_but_stderr() {
    if !nix::unistd::getuid().is_root() {
        let name = "the_helper_holds_no_descriptor_of_the_callers_but_stderr";
        return skip(name, "only root may look into a non-dumpable process");
    }
    let world = World::new();
    let file = world.scratch("passed");
    std::fs::write(&file, "").unwrap();
    let script = format!(
        "exec 7<{}; exec {} --socket {} sh -c 'echo ready; read _'",
        file.display(),
        env!("CARGO_BIN_EXE_pat-exec"),
        world.broker.socket.display()
    );
    let mut command = std::process::Command::new("sh");
    command.args(["-c", &script]).env("HOME", world.user()).env("XDG_RUNTIME_DIR", world.runtime());
    let talk = world::Talk::start(&mut command);
    watched(&world, 1);

    let helper = only_helper(&world);
    let links: Vec<String> = std::fs::read_dir(format!("/proc/{helper}/fd"))
        .unwrap()
        .map(|fd| std::fs::read_link(fd.unwrap().path()).unwrap().display().to_string())
        .collect();

    assert!(links.iter().all(|link| !link.contains("passed")), "{links:?}");
    let pipes = links.iter().filter(|link| link.starts_with("pipe:")).count();
    assert_eq!(pipes, 1, "stderr alone: {links:?}");
    talk.end();
}

#[test]
fn a_helper_that_was_killed_leaves_its_home_to_the_next_start() {
    let world = World::new();
    let talk = world.talk("echo mine > $SNOWFLAKE_HOME/made; read _");
    watched(&world, 1);
    let helper = Pid::from_raw(only_helper(&world));
    kill(helper, Signal::SIGKILL).unwrap();
    eventually("the helper is gone", || helpers(world.runtime()).is_empty());

    // While its owner lives, a home is nobody else's business.
    assert!(world.run("true").status.success());
    eventually("only the first home is left", || world.homes().len() == 1);
    assert!(world.home().join("made").exists());
    talk.end();
    assert_eq!(world.homes().len(), 1);

    assert!(world.run("test $(ls $XDG_RUNTIME_DIR | wc -l) = 1").status.success());
    assert_eq!(world.read("made"), "mine\n");
    world.cleaned_up();
}

#[test]
fn only_sigkill_ends_the_helper_before_its_owner() {
    let world = World::new();
    let talk = world.talk("read _");
    watched(&world, 1);
    let helper = Pid::from_raw(only_helper(&world));

    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        kill(helper, signal).unwrap();
    }
    world.broker.rotate("simpat_generation_2");

    has_secret(&world, "simpat_generation_2");
    talk.end();
    world.cleaned_up();
}

#[test]
fn a_home_whose_maker_was_killed_before_it_was_complete_is_removed() {
    let world = World::new();
    let dead = format!("pat-exec-{}-dead00", nix::unistd::getuid());
    let private = world.runtime().join(dead);
    std::fs::create_dir(&private).unwrap();
    std::fs::set_permissions(&private, std::os::unix::fs::PermissionsExt::from_mode(0o700))
        .unwrap();
    let fields =
        ["pat-exec home 1", "4194303", "1", "x", "", "/nowhere", "miguel_cli", "0", "", ""];
    std::fs::write(private.join("owner"), fields.join("\0")).unwrap();

    assert!(world.run("true").status.success());

    world.cleaned_up();
}

#[test]
fn homes_of_strangers_and_open_directories_are_left_alone() {
    let world = World::new();
    let open = world.runtime().join(format!("pat-exec-{}-open00", nix::unistd::getuid()));
    std::fs::create_dir(&open).unwrap();
    std::fs::set_permissions(&open, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let stranger = world.runtime().join("pat-exec-4242-dead00");
    std::fs::create_dir(&stranger).unwrap();

    assert!(world.run("true").status.success());

    eventually("only they are left", || world.homes().len() == 2);
    assert!(open.exists() && stranger.exists());
}

fn has_secret(world: &World, secret: &str) {
    let file = world.home().join("connections.toml");
    eventually("the home has the secret", || {
        std::fs::read_to_string(&file).unwrap().contains(&format!("\"{secret}\""))
    });
}

fn watched(world: &World, times: usize) {
    eventually("the helper watches", || world.broker.asked("/v1/watch").len() >= times);
}

fn only_helper(world: &World) -> i32 {
    let helpers = helpers(world.runtime());
    assert_eq!(helpers.len(), 1);
    helpers[0]
}
