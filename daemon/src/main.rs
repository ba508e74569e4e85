//! The daemon's program: reads its flags, runs, and ends with a sysexits code.

use std::process::ExitCode;

fn main() -> ExitCode {
    patd::run::main()
}
