//! The program itself, as a service manager starts it: readiness, signals, exit codes, what it leaves behind.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pat_wire::error::ErrorCode;

use crate::world::{CONNECTION, World, eventually};

/// A daemon of its own process, killed at the end of the test.
pub(crate) struct Program(pub(crate) Child);

impl Program {
    pub(crate) fn start(world: &World, variables: &[(&str, &str)]) -> Self {
        Self(command(world).envs(variables.iter().copied()).spawn().unwrap())
    }

    /// The log may not grow by one byte more.
    pub(crate) fn leave_the_log_no_room(&self, world: &World) {
        let log = std::fs::metadata(world.path("state/audit/audit.jsonl")).unwrap();
        self.limit_files(&log.len().to_string());
    }

    fn limit_files(&self, bytes: &str) {
        let limited = Command::new("prlimit")
            .args(["--pid", &self.0.id().to_string(), &format!("--fsize={bytes}:")])
            .status()
            .unwrap();
        assert!(limited.success());
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.0.id()).unwrap()), signal).unwrap();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ended = self.0.kill().and_then(|()| self.0.wait());
    }
}

fn command(world: &World) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_patd"));
    command.arg("--config").arg(world.path("etc"));
    command.arg("--state").arg(world.path("state"));
    command.arg("--run").arg(world.path("run"));
    let log = std::fs::File::options().create(true).append(true).open(world.path("log")).unwrap();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    command
}

fn outcome(world: &World, arguments: &[&str]) -> Output {
    let piped = |command: &mut Command| {
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap()
    };
    piped(&mut command(world))
}

#[test]
fn it_says_when_it_is_ready_reloads_on_sighup_and_ends_in_order_on_sigterm() {
    let world = World::prepared();
    let notify = UnixDatagram::bind(world.path("notify")).unwrap();
    notify.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut said = String::new();
    let mut hear = |word: &str| {
        while !said.contains(word) {
            let mut buffer = [0; 4096];
            let length = notify.recv(&mut buffer).unwrap();
            said.push_str(std::str::from_utf8(&buffer[..length]).unwrap());
        }
    };
    let path = world.path("notify");
    let manager = [("NOTIFY_SOCKET", path.to_str().unwrap()), ("WATCHDOG_USEC", "300000")];
    let mut program = Program::start(&world, &manager);

    hear("READY=1");
    hear("WATCHDOG=1");
    world.hand_out(CONNECTION).unwrap();
    world.write("etc/users.d/broken.toml", "nonsense\n");
    program.signal(Signal::SIGHUP);
    eventually("the alarm stands", || {
        world.status().alarms.iter().any(|alarm| alarm.id == "config-refused").then_some(())
    });
    program.signal(Signal::SIGTERM);
    hear("STOPPING=1");

    assert_eq!(program.0.wait().unwrap().code(), Some(0));
    assert!(world.hand_out_over_a_new_connection(CONNECTION).is_none(), "nobody listens any more");
}

#[test]
fn faults_of_the_configuration_are_all_told_with_exit_78() {
    let world = World::prepared();
    world.write("etc/users.d/broken.toml", "connection = 5\nnonsense = true\n");

    let outcome = outcome(&world, &[]);

    assert_eq!(outcome.status.code(), Some(78));
    let told = String::from_utf8(outcome.stderr).unwrap();
    assert!(told.contains("broken.toml:1") && told.contains("nonsense"), "{told}");
}

#[test]
fn a_check_looks_at_configuration_and_keys_and_starts_nothing() {
    let world = World::prepared();
    let good = outcome(&world, &["--check"]);
    assert_eq!(good.status.code(), Some(0), "{good:?}");
    assert!(!world.path("run").exists());

    std::fs::remove_file(world.path("admin-key.pem")).unwrap();
    assert_eq!(outcome(&world, &["--check"]).status.code(), Some(78));
}

#[test]
fn an_encrypted_admin_key_opens_with_the_passphrase_kept_beside_it() {
    let world = World::prepared();
    let (key, sealed) = (world.path("admin-key.pem"), world.path("sealed.pem"));
    let made = Command::new("openssl")
        .args(["pkcs8", "-topk8", "-v2", "aes256", "-passout", "pass:right horse", "-in"])
        .arg(&key)
        .arg("-out")
        .arg(&sealed)
        .status()
        .expect("openssl");
    assert!(made.success());
    world.write("admin-key.pem", &std::fs::read_to_string(&sealed).unwrap());

    let without = outcome(&world, &["--check"]);
    world.write("admin-key.pem.passphrase", "right horse\n");
    let with = outcome(&world, &["--check"]);

    let told = String::from_utf8_lossy(&without.stderr).into_owned();
    assert_eq!(without.status.code(), Some(78));
    assert!(told.contains("admin-key.pem.passphrase"), "{told}");
    assert_eq!(with.status.code(), Some(0), "{with:?}");
}

#[test]
fn a_sealed_store_without_its_key_is_refused_and_left_as_it_is() {
    let mut world = World::running();
    let before = world.hand_out(CONNECTION).unwrap();
    world.stop();
    let key = std::fs::read_to_string(world.path("root-key")).unwrap();
    world.write("root-key", patd_keys::RootKey::generate().unwrap().to_text().expose());

    let refused = outcome(&world, &[]);

    assert_eq!(refused.status.code(), Some(78));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("root key"), "{refused:?}");
    world.write("root-key", &key);
    world.start();
    assert_eq!(world.hand_out(CONNECTION).unwrap().secret.expose(), before.secret.expose());
}

#[test]
fn a_wrong_command_line_is_usage() {
    let world = World::prepared();
    assert_eq!(outcome(&world, &["--nonsense"]).status.code(), Some(64));
    assert_eq!(outcome(&world, &["--help"]).status.code(), Some(0));
    // The folder of the admin socket could not be called after it.
    let nameless = Command::new(env!("CARGO_BIN_EXE_patd")).args(["--run", "/run/.."]).output();
    let nameless = nameless.unwrap();
    let told = String::from_utf8_lossy(&nameless.stderr).into_owned();
    assert_eq!(nameless.status.code(), Some(64), "{told}");
    assert!(told.contains("ends in no name; write the folder out"), "{told}");
}

#[test]
fn a_run_folder_that_others_may_change_is_refused_with_the_next_step() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::prepared();
    for run in ["run", "run-admin"].map(|name| world.path(name)) {
        std::fs::create_dir_all(&run).unwrap();
        std::fs::set_permissions(&run, std::fs::Permissions::from_mode(0o777)).unwrap();

        let refused = outcome(&world, &[]);

        std::fs::set_permissions(&run, std::fs::Permissions::from_mode(0o755)).unwrap();
        let told = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(78), "{told}");
        assert!(told.contains(&format!("{}: is writable by others", run.display())), "{told}");
        assert!(told.contains(&format!("chmod go-w {}", run.display())), "{told}");
        let places = world.places();
        assert!(!places.hand_out.exists() && !places.admin.exists());
    }
}

#[test]
fn it_cannot_be_looked_into_by_its_own_user_and_leaves_no_core() {
    let world = World::prepared();
    let program = Program::start(&world, &[]);
    eventually("it serves", || world.hand_out_over_a_new_connection(CONNECTION));
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", program.0.id())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert!(core.split_whitespace().skip(4).take(2).all(|limit| limit == "0"), "{core}");
}

#[test]
fn a_descriptor_that_its_starter_left_open_is_closed_and_its_memory_is_locked_or_told() {
    let world = World::prepared();
    let patd = command(&world);
    let mut left_open = Command::new("sh");
    left_open.args(["-c", "exec 7>&1 >/dev/null; exec \"$@\"", "sh"]).arg(patd.get_program());
    left_open
        .args(patd.get_args())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut program = Program(left_open.spawn().unwrap());

    let mut left = Vec::new();
    program.0.stdout.take().unwrap().read_to_end(&mut left).unwrap();

    assert!(left.is_empty(), "nobody holds the other end any more, and nothing came");
    let memory = eventually("it serves", || Some(world.try_status()?.daemon.memory));
    let status = std::fs::read_to_string(format!("/proc/{}/status", program.0.id())).unwrap();
    let locked = status.lines().find_map(|line| line.strip_prefix("VmLck:")).unwrap();
    let is_locked = !locked.trim().starts_with("0 ");
    assert_eq!(is_locked, memory == "locked", "{memory}: {locked}");
    assert!(is_locked || memory.starts_with("not locked: "), "{memory}");
}

#[test]
fn without_room_for_its_record_nothing_is_released_until_there_is_room_again() {
    let world = World::prepared();
    let program = Program::start(&world, &[]);
    eventually("it serves", || world.hand_out_over_a_new_connection(CONNECTION));
    program.leave_the_log_no_room(&world);

    let refused = world.hand_out(CONNECTION).err().unwrap();

    assert_eq!(refused.code(), Some(ErrorCode::AuditUnavailable));
    program.limit_files("unlimited");
    assert!(world.hand_out(CONNECTION).is_ok(), "there is room again");
    assert!(world.audit().iter().any(|record| record["event"] == "gap"));
}

#[test]
fn the_password_of_a_proxy_is_told_to_the_proxy_and_to_nobody_else() {
    let world = World::prepared();
    let proxy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://me:hush-hush@{}", proxy.local_addr().unwrap());
    let main = std::fs::read_to_string(world.path("etc/patd.toml")).unwrap();
    let main = main.replace("protocol = \"http\"", &format!("proxy = \"{url}\""));
    world.write("etc/patd.toml", &main);
    let _program = Program::start(&world, &[("RUST_LOG", "trace")]);

    let asked = head_of_a_refused_request(&proxy);
    let problem =
        eventually("the refusal is told", || world.try_status()?.slots[0].problem.clone());

    // printf 'me:hush-hush' | base64
    let login = "bWU6aHVzaC1odXNo";
    assert!(asked.contains(&format!("Basic {login}")), "{asked}");
    let told = [
        format!("{problem:?}"),
        std::fs::read_to_string(world.path("log")).unwrap(),
        std::fs::read_to_string(world.path("state/audit/audit.jsonl")).unwrap(),
    ];
    assert!(told[1].contains("proxy"), "the log was not captured: {}", told[1]);
    for text in told {
        assert!(!text.contains("hush") && !text.contains(login), "{text}");
    }
}

/// Plays a proxy that wants another password; returns what it was sent.
fn head_of_a_refused_request(proxy: &std::net::TcpListener) -> String {
    let (mut client, _) = proxy.accept().unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    client.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n").unwrap();
    String::from_utf8(head).unwrap()
}
