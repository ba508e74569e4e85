//! A security admin of the site, with a key of its own: who runs `patctl plan` and `apply` with `--as`.

use std::fs;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use patd_snowflake::key::SigningKey;
use world::World;

/// A person at Snowflake who holds a role, and the file of their private key.
pub struct Admin {
    user: String,
    key_file: PathBuf,
}

impl Admin {
    /// Makes a person who holds ACCOUNTADMIN.
    pub fn of(world: &World) -> Self {
        Self::with_role(world, "SEC_ADMIN", "ACCOUNTADMIN")
    }

    /// Makes a person of this name who holds this role.
    pub fn with_role(world: &World, user: &str, role: &str) -> Self {
        let (key, pem) = SigningKey::generate().expect("a key");
        let sql = format!(
            "CREATE USER {user} TYPE = PERSON DEFAULT_ROLE = {role} RSA_PUBLIC_KEY = '{}'; \
             GRANT ROLE {role} TO USER {user}",
            key.public_key_body()
        );
        world.sim.admin_script(&sql).unwrap_or_else(|error| panic!("{error}: {sql}"));
        let key_file = world.keys().join(format!("{user}.p8"));
        let mut file = fs::OpenOptions::new();
        let file = file.write(true).create_new(true).mode(0o600).open(&key_file);
        std::io::Write::write_all(&mut file.expect("a file"), pem.expose().as_bytes())
            .expect("the key is written");
        Self { user: user.to_owned(), key_file }
    }

    /// Returns the file of the private key.
    pub fn key_file(&self) -> &Path {
        &self.key_file
    }

    /// Returns a verb as this person runs it.
    pub fn command(&self, world: &World, arguments: &[&str]) -> Command {
        let mut command = world.patctl(arguments);
        command.arg("--as").arg(&self.user).arg("--key-file").arg(&self.key_file);
        command
    }

    /// Runs a verb as this person.
    pub fn patctl(&self, world: &World, arguments: &[&str]) -> Output {
        self.command(world, arguments).output().expect("patctl starts")
    }
}
