//! `cargo quickstart -- CMD ARGS…`: a world without words around it, and CMD in it.

use std::os::unix::process::ExitStatusExt;
use std::process::{ExitCode, ExitStatus};

use crate::{Arguments, tour};

/// Runs the command under pat-exec and returns its exit code.
pub fn run(arguments: &Arguments) -> Result<ExitCode, String> {
    let world = tour::quiet_world(arguments)?;
    let mut wrapper =
        world.pat_exec(["-c", world::CONNECTION, "--deliver", &arguments.deliver, "--"]);
    wrapper.args(&arguments.command);
    if let Some(home) = std::env::var_os("HOME") {
        wrapper.env("HOME", home);
    }
    let status = wrapper.status().map_err(|error| format!("pat-exec did not start: {error}"))?;
    tour::leave(world, arguments);
    Ok(code(status))
}

/// As a shell says it: 128 and the signal's number.
fn code(status: ExitStatus) -> ExitCode {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}
