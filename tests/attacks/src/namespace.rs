//! The attacks run apart from the machine they are on: mounts of their own, so that the wrapper's compiled-in path can be
//! theirs, and process ids of their own, so that ids can be made to run out.

use std::env;
use std::process::{Command, ExitCode};

/// Proof that this process has the namespaces.
pub struct Inside(());

/// Returns whether this process is inside; else what became of the run inside, which is this program again.
pub fn enter() -> Result<Inside, ExitCode> {
    if env::var_os(MARK).is_some() {
        return Ok(Inside(()));
    }
    if !nix::unistd::geteuid().is_root() {
        return Err(skipped("acting as other users needs root"));
    }
    let can = Command::new("unshare").args(APART).arg("true").status();
    if !can.is_ok_and(|status| status.success()) {
        return Err(skipped("namespaces are not to be had here"));
    }
    let this = env::current_exe().expect("this program has a path");
    let mut again = Command::new("unshare");
    again.args(APART).arg(this).args(env::args_os().skip(1)).env(MARK, "1");
    let status = again.status().expect("unshare starts");
    Err(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn skipped(reason: &str) -> ExitCode {
    world::skip("attacks", reason);
    println!("test result: ok. 0 passed; 0 failed; 1 ignored");
    ExitCode::SUCCESS
}

const APART: [&str; 5] = ["--mount", "--pid", "--fork", "--mount-proc", "--kill-child"];
const MARK: &str = "PAT_BROKER_ATTACKS_INSIDE";
