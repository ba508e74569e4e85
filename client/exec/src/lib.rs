//! `pat-exec`: runs a command with the role-restricted Snowflake token of a connection.
//!
//! It may be installed setgid, so the order matters: arguments and descriptors are checked, core files and
//! tracers shut out, the broker reached; then the group is laid down, and only after that are files,
//! environment and the command touched. It is given up for good before the command runs.

#![forbid(unsafe_code)]

mod begun;
mod broker;
mod chance;
mod cli;
mod connections;
mod entry;
mod failure;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod gate;
mod helper;
mod home;
mod list;
mod process;
mod program;
mod run;
mod target;
mod toml;
mod variables;
mod which;

use std::ffi::OsString;
use std::fs::File;
use std::io::Write;
use std::os::fd::AsFd;
use std::process::ExitCode;

use crate::broker::Way;
use crate::cli::Request;
use crate::failure::Failure;
use crate::gate::Gate;

/// Does what the arguments say, and returns how the wrapper ends where it did not become the command.
pub fn run_as_program() -> ExitCode {
    act().unwrap_or_else(|failure| failure.report())
}

fn act() -> Result<ExitCode, Failure> {
    let args = check_start()?;
    let gate = Gate::at_start()?;
    match cli::parse(args)? {
        Request::Help => print(cli::HELP),
        Request::Version => print(concat!("pat-exec ", env!("CARGO_PKG_VERSION"), "\n")),
        Request::List(options) => {
            print(&list::table(&Way::new(gate, options.socket.as_deref())?.list()?))
        }
        Request::Run(options, command) => Err(run::run(gate, &options, &command)),
        Request::Detach(private) => helper::detach(&private).map(|()| ExitCode::SUCCESS),
        Request::Refresh(private) => helper::refresh(gate, private).map(|()| ExitCode::SUCCESS),
    }
}

/// Without a program name the arguments are not what they seem (CVE-2021-4034; since Linux 5.18 the kernel puts an empty
/// one there); without the standard descriptors the next file opened would take their place. The runtime opens
/// /dev/null for missing ones.
fn check_start() -> Result<Vec<OsString>, Failure> {
    let mut args = std::env::args_os();
    let name = args.next().filter(|name| !name.is_empty());
    name.ok_or_else(|| Failure::own("started without a program name"))?;
    let (stdin, stdout, stderr) = (std::io::stdin(), std::io::stdout(), std::io::stderr());
    for fd in [stdin.as_fd(), stdout.as_fd(), stderr.as_fd()] {
        nix::sys::stat::fstat(fd)
            .map_err(|errno| Failure::system("started without standard descriptors", errno))?;
    }
    Ok(args.collect())
}

fn print(text: &str) -> Result<ExitCode, Failure> {
    // Straight to the file: the lines of a buffered stdout are code that nothing else here needs.
    let stdout = std::io::stdout().as_fd().try_clone_to_owned().map(File::from);
    stdout
        .and_then(|mut stdout| stdout.write_all(text.as_bytes()))
        .map_err(|error| Failure::system("cannot write to stdout", error))?;
    Ok(ExitCode::SUCCESS)
}
