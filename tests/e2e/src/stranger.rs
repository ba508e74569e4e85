//! A second local user. Only root can be one, so a test that needs it asks first, and is skipped where it is not.

use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use world::World;

/// The uid of the second user. No account has it, and none is needed.
pub const STRANGER: u32 = 48_642;

/// The second user, with programs it can reach.
pub struct Stranger {
    programs: PathBuf,
    home: PathBuf,
}

impl Stranger {
    /// Returns the second user of a world, or says on behalf of `test` why there is none.
    pub fn of(world: &World, test: &str) -> Option<Self> {
        if !nix::unistd::geteuid().is_root() {
            world::skip(test, "acting as a second local user needs root");
            return None;
        }
        let (programs, home) = (world.folder().join("programs"), world.folder().join("stranger"));
        std::fs::create_dir(&programs).expect("a folder");
        for program in [world.programs.pat_exec(), super::client_program()] {
            let name = program.file_name().expect("a program has a name");
            copy_program(&program, &programs.join(name));
        }
        std::fs::create_dir(&home).expect("a folder");
        chown(&home, Some(STRANGER), Some(STRANGER)).expect("a folder is given away");
        Some(Self { programs, home })
    }

    /// Returns the wrapper as this user runs it, pointed at a socket.
    pub fn pat_exec(&self, socket: &Path, arguments: &[&str]) -> Command {
        let mut command = self.command("pat-exec");
        command.arg("--socket").arg(socket).args(arguments);
        command
    }

    /// Returns a copy of a program as this user runs it.
    pub fn program(&self, from: &Path) -> Command {
        let name = from.file_name().expect("a program has a name");
        copy_program(from, &self.programs.join(name));
        self.command(name.to_str().expect("a program has a plain name"))
    }

    /// Returns the client as this user runs it.
    pub fn client(&self, arguments: &[&str]) -> Command {
        let mut command = self.command("e2e-client");
        command.args(arguments);
        command
    }

    /// Returns the client as root of a container of this user's: a user namespace in which its uid is 0.
    pub fn client_as_container_root(&self, arguments: &[&str]) -> Command {
        let mut command = self.command("e2e-client");
        let client = command.get_program().to_owned();
        command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--"]).arg(client).args(arguments);
        command.uid(STRANGER).gid(STRANGER).current_dir("/").env_clear();
        command
    }

    /// Returns a folder that this user made itself in a place where everybody may make one.
    pub fn own_folder(&self) -> PathBuf {
        let shared = self.home.with_file_name("shared");
        std::fs::create_dir(&shared).expect("a folder");
        std::fs::set_permissions(&shared, PermissionsExt::from_mode(0o1777))
            .expect("a mode is set");
        let own = shared.join("own");
        std::fs::create_dir(&own).expect("a folder");
        chown(&own, Some(STRANGER), Some(STRANGER)).expect("a folder is given away");
        own
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.uid(STRANGER).gid(STRANGER).current_dir("/").env_clear().env("HOME", &self.home);
        command
    }
}

/// Copied by another process: a child of another test, forked while this one had the copy open for writing, would keep
/// it from being executed ("text file busy").
fn copy_program(from: &Path, to: &Path) {
    let status = Command::new("cp").arg(from).arg(to).status().expect("cp starts");
    assert!(status.success(), "{} cannot be copied", from.display());
}
