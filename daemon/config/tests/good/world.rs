//! A folder of configuration files with the modes that they should have.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use patd_config::{Config, ConfigErrors, load};
use patd_core::names::{Account, SlotId, User};
use tempfile::TempDir;

pub(crate) struct World {
    pub(crate) root: TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        let world = Self { root: tempfile::tempdir().unwrap() };
        for name in ["", "users.d", "accounts.d"] {
            fs::create_dir_all(world.dir().join(name)).unwrap();
            set_mode(&world.dir().join(name), 0o755);
        }
        world.file("patd.toml", MAIN)
    }

    pub(crate) fn dir(&self) -> PathBuf {
        self.root.path().canonicalize().unwrap().join("patd")
    }

    pub(crate) fn file(self, name: &str, text: &str) -> Self {
        let path = self.dir().join(name);
        fs::write(&path, text).unwrap();
        set_mode(&path, 0o644);
        self
    }

    pub(crate) fn load(&self) -> Result<Config, ConfigErrors> {
        load(&self.dir())
    }
}

pub(crate) fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

pub(crate) fn slot(account: &str, user: &str) -> SlotId {
    SlotId { account: Account::new(account), user: User::new(user) }
}

pub(crate) const MAIN: &str = r#"
[account]
name = "MyOrg-My_Account"
[admin]
user = "PATD_HOST1"
role = "PATD_HOST1_ROLE"
key = "systemd-credential:admin-key"
[store]
root_key = "file:/etc/patd/root-key"
"#;

pub(crate) const ENTRY: &str = r#"
connection = "miguel_cli"
user = "MIGUEL_CLI"
role = "MIGUEL_CLI_ROLE"
[access]
users = ["root"]
"#;
