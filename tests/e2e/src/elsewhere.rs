//! Another host of the same account: with a configuration, keys and a broker of its own.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use world::World;

use crate::said;

/// The configuration of another host.
pub struct Elsewhere {
    config: PathBuf,
}

impl Elsewhere {
    /// Makes the host; its only connection is added with these words.
    pub fn with(world: &World, added: &[&str]) -> Self {
        let place = |name: &str| world.folder().join(name);
        let (config, keys) = (place("elsewhere"), place("elsewhere-keys"));
        fs::create_dir(&keys).expect("a folder for keys");
        let host = Self { config };
        let key = |name: &str| format!("file:{}", keys.join(name).display());
        let (state, root, admin) =
            (place("elsewhere-state"), key("root-key"), key("admin-key.pem"));
        let account = ["init", "--account", "MYORG-MYACCOUNT", "--admin-user", "PATD_HOST2"];
        let kept = ["--root-key", &root, "--admin-key", &admin];
        let state = ["--state", state.to_str().expect("a plain path")];
        host.ok(world, &[&account[..], &kept, &state].concat());
        // The same account, and another broker.
        let main = fs::read_to_string(world.config().join("patd.toml")).expect("this host's own");
        let main = main
            .replace("PATD_HOST1", "PATD_HOST2")
            .replace(world.keys().to_str().expect("a plain path"), &keys.display().to_string());
        fs::write(host.config.join("patd.toml"), main).expect("the configuration is written");
        host.ok(world, &[&["add"], added].concat());
        host
    }

    /// Runs a verb there and returns what it printed; panics if it fails.
    pub fn ok(&self, world: &World, arguments: &[&str]) -> String {
        let output = self.command(world, arguments).output().expect("patctl starts");
        assert!(output.status.success(), "{}", said(&output));
        String::from_utf8(output.stdout).expect("patctl prints text")
    }

    /// Runs a verb there, as the security admin.
    pub fn patctl(&self, world: &World, arguments: &[&str]) -> Output {
        let mut command = self.command(world, arguments);
        command.args(["--as", "SEC_ADMIN", "--key-file"]).arg(world.keys().join("SEC_ADMIN.p8"));
        command.output().expect("patctl starts")
    }

    fn command(&self, world: &World, arguments: &[&str]) -> Command {
        let mut command = Command::new(world.programs.patctl());
        command.arg("--config").arg(&self.config).args(arguments);
        command
    }
}
