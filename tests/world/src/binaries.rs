//! Where the programs under test are. The test runner passes them; by hand, they are built first.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The programs of one build.
#[derive(Clone, Debug)]
pub struct Binaries {
    folder: PathBuf,
}

impl Binaries {
    /// Returns the programs in `PAT_BROKER_BIN`, or builds them once with cargo.
    pub fn find() -> Self {
        static BUILT: OnceLock<PathBuf> = OnceLock::new();
        let folder = match env::var_os("PAT_BROKER_BIN") {
            Some(folder) => PathBuf::from(folder),
            None => BUILT.get_or_init(build).clone(),
        };
        Self { folder }
    }

    /// Returns the programs of a folder.
    pub fn of(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Builds the programs with the cargo that built this one, in the dev profile.
    pub fn built() -> Self {
        Self { folder: build() }
    }

    /// The daemon.
    pub fn patd(&self) -> PathBuf {
        self.existing("patd")
    }

    /// The daemon that ends itself where `PATD_CRASH_AT` says.
    pub fn patd_with_crash_points(&self) -> PathBuf {
        self.existing("crash/patd")
    }

    /// The admin CLI that ends itself where `PATCTL_CRASH_AT` says.
    pub fn patctl_with_crash_points(&self) -> PathBuf {
        self.existing("crash/patctl")
    }

    /// The wrapper.
    pub fn pat_exec(&self) -> PathBuf {
        self.existing("pat-exec")
    }

    /// The admin CLI.
    pub fn patctl(&self) -> PathBuf {
        self.existing("patctl")
    }

    fn existing(&self, name: &str) -> PathBuf {
        let path = self.folder.join(name);
        assert!(path.exists(), "{} is not built; run tests/run", path.display());
        path
    }
}

fn build() -> PathBuf {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .current_dir(root())
        .args(["build", "--quiet", "-p", "patd", "-p", "pat-exec", "-p", "patctl"])
        .status()
        .expect("cargo starts");
    assert!(status.success(), "cargo build failed");
    target().join("debug")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn target() -> PathBuf {
    match env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => root().join(folder),
        None => root().join("target"),
    }
}
