//! A secret is where its delivery puts it, and nowhere else: a whole life of a token, with everything that can go
//! wrong in it, at the highest log level, and then a search in every place a secret has ever been found by others.
//! For each of those places, one test plants a canary there and demands that the same search finds it.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, symlink};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use e2e::{Client, append_to_entry, live};
use nix::sys::signal::Signal;
use snowflake_sim::engine::StatementKind;
use snowflake_sim::{Act, Fault, On, Options};
use tempfile::TempDir;
use world::leaks::{Leak, Scan};
use world::{CONNECTION, USER, World, eventually};

#[test]
fn a_whole_life_leaves_no_secret_anywhere() {
    let mut world = own_world().variable("RUST_LOG", "trace").build();
    append_to_entry(&world, CONNECTION, "[token]\ndrain_min_seconds = 1");
    let runtime = runtime_directory();

    is_issued_with_trouble(&mut world);
    is_handed_out(&world, runtime.path());
    is_rotated_with_trouble(&mut world);
    is_refused_and_misconfigured(&mut world);
    is_revoked_and_enrolled(&mut world);
    let status = world.stop();

    assert!(status.success(), "{status}");
    let scan = Scan::of(&world);
    let secrets = world.sim.secrets().len();
    assert!(secrets > 20, "{secrets} secrets are no whole life");
    assert!(
        fs::read_to_string(world.log()).unwrap().contains("TRACE"),
        "the log is not as talkative as it can be"
    );
    eventually("the homes are gone", || homes(runtime.path()).is_empty().then_some(()));
    let leaks = [scan.world(&world), scan.folder(runtime.path(), &[])].concat();
    assert_eq!(told(&leaks), Vec::<String>::new());
}

#[test]
fn running_programs_show_no_secret_in_argv_or_environment() {
    let world = own_world().build();
    let mut world = world;
    world.start();
    let runtime = runtime_directory();
    let mut by_home = Client::under(home_in(&world, runtime.path()));
    let mut by_env = Client::start(&world, "env");
    by_home.log_in(&world);
    by_env.log_in(&world);
    let mut rotation = world.patctl(["rotate", CONNECTION]);
    let mut rotation = rotation.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();

    let scan = Scan::of(&world);
    let mut leaks = scan.processes();
    rotation.wait().unwrap();
    leaks.extend(Scan::of(&world).processes());

    assert_eq!(told(&leaks), Vec::<String>::new());
    let helpers = processes_with(homes(runtime.path())[0].to_str().unwrap());
    assert_eq!(helpers, ["pat-exec"], "the helper was among what was looked at");
    let environ = by_env.variable("SNOWFLAKE_CONNECTIONS").unwrap();
    let found = scan.bytes("the child's own environment", environ.as_encoded_bytes());
    assert!(!found.is_empty(), "the search knows the secret it did not find");
}

#[test]
fn a_daemon_that_dies_leaves_no_core_file_though_they_are_allowed() {
    let mut world = own_world().build();
    if !a_core_file_can_be_had(&world) {
        return world::skip(
            "no-core-file",
            "core files of this machine go to a program or are off",
        );
    }
    let script = world.folder().join("patd-with-cores");
    let patd = world.programs.patd();
    let text = format!("#!/bin/sh\nulimit -c unlimited\nexec {} \"$@\"\n", patd.display());
    fs::write(&script, text).unwrap();
    fs::set_permissions(&script, Permissions::from_mode(0o700)).unwrap();
    world.start_program(&script);
    Client::start(&world, "home").log_in(&world);

    world.daemon().signal(Signal::SIGABRT);
    let status = world.daemon().wait();

    assert_eq!((status.signal(), status.core_dumped()), (Some(Signal::SIGABRT as i32), false));
    assert_eq!(told(&Scan::of(&world).folder(world.folder(), &[world.keys()])), [""; 0]);
}

#[test]
fn a_wrapper_that_is_killed_leaves_no_home_behind() {
    let mut world = own_world().build();
    world.start();
    let runtime = runtime_directory();
    let mut client = Client::under(home_in(&world, runtime.path()));
    client.log_in(&world);
    let pid = nix::unistd::Pid::from_raw(client.pid().cast_signed());

    nix::sys::signal::kill(pid, Signal::SIGKILL).unwrap();
    client.end();

    eventually("the home is gone", || homes(runtime.path()).is_empty().then_some(()));
    assert_eq!(told(&Scan::of(&world).folder(runtime.path(), &[])), [""; 0]);
}

#[test]
fn a_canary_in_the_log_is_found() {
    caught(|world, canary| append(&world.log(), canary), "patd.log");
}

#[test]
fn a_canary_in_the_audit_log_is_found() {
    caught(
        |world, canary| {
            fs::create_dir_all(world.state().join("audit")).unwrap();
            append(&world.state().join("audit/canary.jsonl"), canary);
        },
        "state/audit/canary.jsonl",
    );
}

#[test]
fn a_canary_in_the_state_folder_is_found() {
    caught(|world, canary| append(&world.state().join("state.lock"), canary), "state/state.lock");
}

#[test]
fn a_canary_in_the_configuration_is_found() {
    caught(|world, canary| append(&world.config().join("patd.toml"), canary), "etc/patd.toml");
}

#[test]
fn a_canary_in_a_files_name_is_found() {
    caught(|world, canary| append(&world.home().join(canary), ""), "a file's name");
}

#[test]
fn a_canary_that_a_program_printed_is_found() {
    caught(
        |world, canary| {
            let script = format!("echo {canary}; echo {canary} >&2");
            world.output(Command::new("/bin/sh").args(["-c", &script])).unwrap();
        },
        "said",
    );
}

#[test]
fn a_canary_in_argv_is_found() {
    let shown = |_: &World, canary: &str| {
        waiting(Command::new("/bin/sh").args(["-c", "read line", canary]))
    };
    caught(shown, "cmdline");
}

#[test]
fn a_canary_in_the_environment_of_one_of_our_programs_is_found() {
    let shown = |world: &World, canary: &str| {
        let program = world.folder().join("patd");
        symlink("/bin/cat", &program).unwrap();
        waiting(Command::new(program).env("CANARY", canary))
    };
    caught(shown, "environ");
}

#[test]
fn a_canary_in_a_core_file_is_found() {
    let world = own_world().build();
    if !a_core_file_can_be_had(&world) {
        return world::skip("core-canary", "core files of this machine go to a program or are off");
    }
    let canary = canary();
    dump_core(&world, &canary);

    assert_found(&world, &canary, "core");
}

#[test]
fn a_canary_in_a_home_that_was_left_behind_is_found() {
    let uid = nix::unistd::getuid();
    let home = tempfile::Builder::new().prefix(&format!("pat-exec-{uid}-")).tempdir_in("/dev/shm");
    let home = home.unwrap();

    caught(|_, canary| append(&home.path().join("connections.toml"), canary), "connections.toml");
}

#[test]
fn the_keys_themselves_are_found_in_every_file_but_their_own() {
    let world = own_world().build();
    for key in ["root-key", "admin-key.pem"] {
        let text = fs::read_to_string(world.keys().join(key)).unwrap();
        append(&world.log(), &text);
    }

    let mut found: Vec<String> =
        Scan::of(&world).world(&world).into_iter().map(|leak| leak.secret).collect();
    found.dedup();

    assert_eq!(found, ["admin key", "root key"]);
}

fn is_issued_with_trouble(world: &mut World) {
    let add = On::Statement(StatementKind::AddPat);
    for act in [Act::TruncateAt(200), Act::OtherTokenName] {
        world.sim.fault(Fault::next(add, act));
    }
    world.sim.fault(Fault::next(On::Login, Act::TruncateAt(150)));
    world.start();
    eventually("a secret is served", || {
        (world.status()["slots"][0]["state"] == "serving").then_some(())
    });
    assert!(world.sim.faults_left().is_empty());
}

fn is_handed_out(world: &World, runtime: &Path) {
    let mut by_home = Client::under(home_in(world, runtime));
    let mut by_env = Client::start(world, "env");
    by_home.log_in(world);
    by_env.log_in(world);
    world.patctl_ok(&["rotate", CONNECTION]);
    eventually("the next secret is in the home", || {
        let token = by_home.log_in(world).name;
        live(&world.sim).last().is_some_and(|newest| newest.name == token).then_some(())
    });
    assert!(by_home.end().success() && by_env.end().success());
    said(world, &mut world.pat_exec(["--list"]));
    said(world, &mut world.pat_exec(["-c", CONNECTION, "/no/such/program"]));
}

/// Answers with the new secret in them that nobody expected, and a login that is refused.
fn is_rotated_with_trouble(world: &mut World) {
    let add = On::Statement(StatementKind::AddPat);
    for act in [Act::WrongColumns, Act::SwapColumns, Act::DuplicateRow, Act::TruncateAt(330)] {
        let is_met = |world: &World| world.sim.faults_left().is_empty();
        world.sim.fault(Fault::next(add, act));
        said(world, &mut world.patctl(["rotate", CONNECTION]));
        eventually("the fault was met", || is_met(world).then_some(()));
        eventually("it is over", || {
            (world.status()["slots"][0]["problem"].is_null()
                && live(&world.sim).len() == 1
                && world.patctl(["status"]).output().unwrap().status.success())
            .then_some(())
        });
    }
    let refused = Act::SqlError { code: "394400".into(), message: "Incorrect password".into() };
    world.sim.fault(Fault::next(On::Login, refused));
    said(world, &mut world.patctl(["rotate", CONNECTION, "--taint", "an exercise", "--json"]));
    world.kill();
    world.start();
    eventually("all is well", || (world.status()["slots"][0]["problem"].is_null()).then_some(()));
}

fn is_refused_and_misconfigured(world: &mut World) {
    said(world, &mut world.pat_exec(["-c", "no_such", "/bin/true"]));
    for verb in [
        &["status"][..],
        &["status", "--json"],
        &["log", "-n", "1000"],
        &["explain", "--uid", "1", CONNECTION],
        &["validate"],
        &["bootstrap", "--network-cidr", "127.0.0.0/8"],
        &["add", CONNECTION, "--user", USER, "--role", "R", "--for", "root"],
        &["rotate", "no_such"],
    ] {
        said(world, &mut world.patctl(verb));
    }
    let faulty = world.config().join("users.d/faulty.toml");
    fs::write(&faulty, "nonsense = 1\n").unwrap();
    world.daemon().signal(Signal::SIGHUP);
    eventually("the refusal", || world.daemon().log_text().contains("nonsense").then_some(()));
    fs::remove_file(faulty).unwrap();
    world.sim.stop_answering().unwrap();
    said(world, &mut world.patctl(["rotate", CONNECTION]));
    world.sim.resume_answering().unwrap();
}

fn is_revoked_and_enrolled(world: &mut World) {
    said(world, &mut world.patctl(["revoke", CONNECTION]));
    eventually("no token is left", || live(&world.sim).is_empty().then_some(()));
    said(world, &mut world.pat_exec(["-c", CONNECTION, "/bin/true"]));
    world.patctl_ok(&["enrol", CONNECTION]);
    assert!(Client::start(world, "env").connect().is_ok());
}

fn said(world: &World, program: &mut Command) {
    world.output(program).unwrap();
}

/// A world whose secrets no other world has: worlds of other tests share this machine's processes and memory.
fn own_world() -> world::WorldBuilder {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let seed = u64::from(std::process::id()) << 16 | NUMBER.fetch_add(1, SeqCst);
    let options = Options { seed, ..Options::default() };
    World::builder().simulator(options).add_options(&["--deliver", "home,env"])
}

/// A user's runtime directory, as logind makes it.
fn runtime_directory() -> TempDir {
    let made = tempfile::Builder::new().prefix("pat-broker-runtime-").tempdir_in("/dev/shm");
    let made = made.unwrap();
    fs::set_permissions(made.path(), Permissions::from_mode(0o700)).unwrap();
    made
}

fn home_in(world: &World, runtime: &Path) -> Command {
    let mut wrapper = world.pat_exec(["-c", CONNECTION, "--deliver", "home", "--"]);
    wrapper.env("XDG_RUNTIME_DIR", runtime);
    wrapper
}

fn homes(runtime: &Path) -> Vec<PathBuf> {
    fs::read_dir(runtime).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// The names of the processes that have this in their arguments.
fn processes_with(argument: &str) -> Vec<String> {
    let processes = fs::read_dir("/proc").unwrap().flatten().filter(|entry| {
        let cmdline = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&cmdline).contains(argument)
    });
    processes
        .map(|entry| fs::read_to_string(entry.path().join("comm")).unwrap().trim_end().to_string())
        .collect()
}

fn told(leaks: &[Leak]) -> Vec<String> {
    leaks.iter().map(Leak::to_string).collect()
}

/// A secret that no program has.
fn canary() -> String {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    format!("simpat_canary{:08}of{:08}xx", NUMBER.fetch_add(1, SeqCst), std::process::id())
}

/// Plants a canary in a world that never had a daemon, and demands that the search finds it there.
fn caught<T>(plant: impl FnOnce(&World, &str) -> T, place: &str) {
    let world = own_world().build();
    let canary = canary();
    let planted = plant(&world, &canary);
    assert_found(&world, &canary, place);
    drop(planted);
}

fn assert_found(world: &World, canary: &str, place: &str) {
    let scan = Scan::for_secrets(vec![("canary".into(), canary.as_bytes().to_vec())]);
    let leaks = scan.world(world);
    assert!(leaks.iter().any(|leak| leak.place.contains(place)), "{place}: {:?}", told(&leaks));
}

fn append(path: &Path, text: &str) {
    let mut file = File::options().append(true).create(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

/// A process that runs until it is dropped.
struct Waiting(Child);

fn waiting(command: &mut Command) -> Waiting {
    let child = command.stdin(Stdio::piped()).spawn().unwrap();
    let exec = format!("/proc/{}/cmdline", child.id());
    eventually("it runs", || {
        fs::read(&exec).is_ok_and(|cmdline| !cmdline.is_empty()).then_some(())
    });
    Waiting(child)
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether a process that dumps core leaves the file in the folder it runs in.
fn a_core_file_can_be_had(world: &World) -> bool {
    let folder = world.folder().join("core-trial");
    DirBuilder::new().mode(0o700).create(&folder).unwrap();
    Command::new("/bin/sh").current_dir(&folder).args(["-c", DUMP]).status().unwrap();
    let is_there = fs::read_dir(&folder).unwrap().count() > 0;
    fs::remove_dir_all(&folder).unwrap();
    is_there
}

fn dump_core(world: &World, canary: &str) {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", DUMP]).env("CANARY", canary).current_dir(world.folder());
    assert!(shell.status().unwrap().core_dumped());
}

const DUMP: &str = "ulimit -c unlimited; kill -SEGV $$";
