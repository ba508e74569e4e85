//! The source tree itself, and the program behind `cargo quickstart`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::client_program;

/// Returns the folder of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("it is there")
}

/// Returns the quickstart, built once by the cargo that runs this test, with a place of its own for what it
/// leaves. It takes the user's Snowflake folder for its command: that is one in the target folder, and not the tester's.
pub fn quickstart(temporary: &Path) -> Command {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let program = BUILT.get_or_init(|| {
        let cargo = std::env::var_os("CARGO").expect("cargo runs the tests");
        let mut build = Command::new(cargo);
        let build = build.current_dir(root()).args(["build", "--quiet", "-p", "quickstart"]);
        assert!(build.status().expect("cargo starts").success(), "cargo build failed");
        client_program().with_file_name("quickstart")
    });
    let home = program.with_file_name("quickstart-home");
    std::fs::create_dir_all(&home).expect("a folder");
    let mut command = Command::new(program);
    command.env("TMPDIR", temporary).env("HOME", home).current_dir(root());
    command
}
