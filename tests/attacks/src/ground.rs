//! The daemon as it is installed: under a user of its own, with the sockets that a service manager made, and the wrapper
//! setgid at the compiled-in path. One service user, behind entries that differ in whom they let in.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use world::{Binaries, ROLE, USER, World, eventually};

use crate::attempt::Attempt;
use crate::namespace::Inside;
use crate::programs::{self, PROGRAMS, as_uid, program};

/// The user that the entries name.
pub const OWNER: u32 = 48_700;
/// A second user that an entry names.
pub const SECOND: u32 = 48_701;
/// A user that no entry names.
pub const OTHER: u32 = 48_702;
/// A user that no entry names, some of whose processes are in the group that one names.
pub const MEMBER: u32 = 48_703;
/// The group that an entry names.
pub const GROUP: u32 = 48_704;
/// The user of the daemon.
pub const BROKER: u32 = 48_705;
/// The group of the wrapper's setgid bit.
pub const GATE: u32 = 48_706;

/// The connections: by uid; by uid and the gate; by group; by uid, for one program.
pub const CONNECTION: [&str; 4] = [world::CONNECTION, "gated_cli", "by_group", "for_one"];
/// The program that the last one is for.
pub const TARGET: &str = "/run/programs/target";

/// The hand-out socket, where the wrapper looks for it.
pub const SOCKET: &str = "/run/patd/patd.sock";
/// The admin socket, where `patctl` looks for it.
pub const ADMIN_SOCKET: &str = "/run/patd-admin/admin.sock";

/// A world on the ground.
pub struct Ground {
    /// The world.
    pub world: World,
    /// Which build of the wrapper is installed.
    pub wrapper_is: &'static str,
}

impl Ground {
    /// Prepares users, programs and the daemon, and waits until it serves.
    pub fn new(_inside: &Inside) -> Self {
        mount(&["-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run"]);
        for folder in ["patd", "patd-admin", "programs", "home", "user", "meet", "meet-admin"] {
            fs::create_dir(Path::new("/run").join(folder)).expect("a folder");
        }
        set_mode(Path::new("/run/meet"), 0o1777);
        for uid in [OWNER, SECOND, OTHER, MEMBER, BROKER] {
            [format!("/run/home/{uid}"), format!("/run/user/{uid}")].iter().for_each(|folder| {
                fs::create_dir(folder).expect("a folder");
                chown(folder, Some(uid), Some(uid)).expect("a folder is given away");
                set_mode(Path::new(folder), 0o700);
            });
        }
        name_the_gate();
        programs::compile();
        let mut ground = Self { world: configured(), wrapper_is: install_wrapper() };
        ground.start();
        for (socket, at) in
            [(ground.world.socket(), SOCKET), (ground.world.admin_socket(), ADMIN_SOCKET)]
        {
            let [folder, at] =
                [&socket, Path::new(at)].map(|path| path.parent().expect("a folder"));
            mount(&["--bind", folder.to_str().expect("text"), at.to_str().expect("text")]);
        }
        eventually("a secret is there", || {
            ground.ask(OWNER, CONNECTION[0]).has_succeeded.then_some(())
        });
        ground
    }

    /// Starts the daemon as a service manager does.
    fn start(&mut self) {
        let (world, patd) = (&self.world, program("patd"));
        bind(&world.programs.patd(), &patd);
        set_mode(&world.folder().join("notify"), 0o777);
        let text = format!(
            "#!/bin/sh\nexec {PROGRAMS}/activate {BROKER} {} {} {patd} \"$@\"\n",
            world.socket().display(),
            world.admin_socket().display(),
            patd = patd.display(),
        );
        self.world.start_program(&script("as-a-service", &text));
    }

    /// Returns what a user gets who asks honestly.
    pub fn ask(&self, uid: u32, connection: &str) -> Attempt {
        self.knock(uid, &["ask", SOCKET, &body(connection)])
    }

    /// Returns what a user gets by a verb of `knock`.
    pub fn knock(&self, uid: u32, arguments: &[&str]) -> Attempt {
        self.seen(as_uid(uid, program("knock")).args(arguments))
    }

    /// Runs a command to its end, and returns what it got.
    pub fn seen(&self, command: &mut Command) -> Attempt {
        let output = command.output().expect("an attacker starts");
        Attempt::of_program(&self.world, &output)
    }

    /// Returns the installed wrapper's command line, asking for a connection and showing the secret it got.
    pub fn wrapper(&self, connection: &str) -> Vec<String> {
        self.wrapper_at(&program("pat-exec"), connection)
    }

    /// The same for a wrapper at another path.
    pub fn wrapper_at(&self, path: &Path, connection: &str) -> Vec<String> {
        let path = path.to_str().expect("text");
        let words = [path, "-c", connection, "--deliver", "env", "--", "/usr/bin/env"];
        words.map(str::to_owned).to_vec()
    }

    /// Runs a command line as a user, below other programs if there are any.
    pub fn run_as(&self, uid: u32, below: &[&str], line: &[String]) -> Output {
        let words: Vec<&str> =
            below.iter().copied().chain(line.iter().map(String::as_str)).collect();
        as_uid(uid, words[0]).args(&words[1..]).output().expect("a program starts")
    }

    /// The same, as an attempt at a secret.
    pub fn try_as(&self, uid: u32, below: &[&str], line: &[String]) -> Attempt {
        Attempt::of_program(&self.world, &self.run_as(uid, below, line))
    }
}

/// Returns the body of a request.
pub fn body(connection: &str) -> String {
    format!("{{\"connection\":\"{connection}\"}}")
}

fn configured() -> World {
    let (uid, deliver) = (format!("{OWNER},{SECOND}"), ["--deliver", "home,env"]);
    let world = World::builder().local_user(&uid).add_options(&deliver).build();
    let main = world.config().join("patd.toml");
    let text = fs::read_to_string(&main).expect("a configuration");
    fs::write(&main, format!("gate_group = \"{GATE_NAME}\"\n{text}")).expect("it is written");
    let [_, gated, by_group, for_one] = CONNECTION;
    let gated_access = format!("users = [{OWNER}]\ngate = \"required\"");
    let for_target = format!("{gated_access}\ntargets = [\"{TARGET}\"]");
    let by_group = (by_group, format!("groups = [{GROUP}]"));
    for (connection, access) in [(gated, gated_access), by_group, (for_one, for_target)] {
        let text = format!(
            "connection = \"{connection}\"\nuser = \"{USER}\"\nrole = \"{ROLE}\"\n\n\
             [access]\ndeliver = [\"home\", \"env\"]\n{access}\n"
        );
        let path = world.config().join(format!("users.d/{connection}.toml"));
        fs::write(path, text).expect("an entry is written");
    }
    for folder in [world.state(), world.keys()] {
        give(&folder, BROKER);
    }
    world
}

/// The configuration names the gate's group; no account file of this machine does.
fn name_the_gate() {
    let text = fs::read_to_string("/etc/group").expect("the groups of this machine");
    fs::write("/run/group", format!("{text}{GATE_NAME}:x:{GATE}:\n")).expect("it is written");
    mount(&["--bind", "/run/group", "/etc/group"]);
}

/// Installs the wrapper as the package does: the static one, if the test runner built it.
fn install_wrapper() -> &'static str {
    let shipped = std::env::var_os("PAT_BROKER_WRAPPER").map(PathBuf::from);
    let (source, which) = match shipped.filter(|path| path.exists()) {
        Some(path) => (path, "as it ships: static"),
        None => (Binaries::find().pat_exec(), "of the dev profile: dynamic"),
    };
    setgid(&source, &program("pat-exec"), GATE);
    fs::copy(&source, program("pat-exec-copied")).expect("a copy");
    which
}

/// Copies a program and gives it the setgid bit of a group.
pub fn setgid(from: &Path, to: &Path, group: u32) {
    fs::copy(from, to).expect("a program is copied");
    chown(to, Some(0), Some(group)).expect("a program is given away");
    set_mode(to, 0o2755);
}

/// Makes a script that runs in the place of the daemon.
pub fn script(name: &str, text: &str) -> PathBuf {
    let path = program(name);
    fs::write(&path, text).expect("a script");
    set_mode(&path, 0o755);
    path
}

/// Mounts, here only.
pub fn mount(arguments: &[&str]) {
    let status = Command::new("mount").args(arguments).status().expect("mount starts");
    assert!(status.success(), "mount {arguments:?}: {status}");
}

fn bind(source: &Path, at: &Path) {
    fs::write(at, "").expect("a place");
    mount(&["--bind", source.to_str().expect("text"), at.to_str().expect("text")]);
}

fn give(folder: &Path, uid: u32) {
    chown(folder, Some(uid), Some(uid)).expect("it is given away");
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            give(&path, uid);
        } else {
            chown(&path, Some(uid), Some(uid)).expect("it is given away");
        }
    }
}

pub fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("a mode is set");
}

const GATE_NAME: &str = "pat-attack-gate";
