//! From the command line to the end: what happens in which order. A table of contents; each line is a room.

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser as _;
use patd_config::Config;

use crate::clock::Clock;
use crate::fault::{Fault, USAGE};
use crate::flags::Flags;
use crate::logging;
use crate::memory;
use crate::os;
use crate::{serving, signals};

/// Runs the daemon and returns its exit code.
pub fn main() -> ExitCode {
    let flags = match Flags::try_parse() {
        Ok(flags) => flags,
        Err(answer) => return answer_of_clap(&answer),
    };
    logging::start();
    match run(&flags) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => fault.tell(),
    }
}

/// Runs until told to end.
///
/// # Errors
/// Whatever kept it from starting; nothing was served then.
pub fn run(flags: &Flags) -> Result<(), Fault> {
    if let Err(error) = os::close_unannounced() {
        // A filter, or Linux before 5.9: what a careless starter left open stays so.
        tracing::warn!(error = %error, "Inherited descriptors not closed");
    }
    os::keep_heap_small();
    os::harden().map_err(Fault::Harden)?;
    ids_mean_something()?;
    let config = patd_config::load(&flags.config)?;
    if flags.check {
        return check(&config);
    }
    memory::prepare();
    let house = serving::furnish(flags, config, Arc::new(Clock::kernel()))?;
    let runtime = serving::runtime().map_err(Fault::Runtime)?;
    let served = runtime.block_on(serving::serve(house, async |house| {
        memory::lock();
        signals::until_told_to_end(house).await
    }));
    // Blocking calls that did not end in time (a Secret Service, a disk) are left behind.
    runtime.shutdown_background();
    served
}

/// In a user namespace every peer may be uid 65534, and two users cannot be told apart. A map that cannot be read is none.
fn ids_mean_something() -> Result<(), Fault> {
    let means_something = |map: &str| {
        let map = std::fs::read_to_string(format!("/proc/self/{map}")).unwrap_or_default();
        os::ids_mean_something(&map)
    };
    let is_sound = means_something("uid_map") && means_something("gid_map");
    if is_sound { Ok(()) } else { Err(Fault::UserNamespace) }
}

fn check(config: &Config) -> Result<(), Fault> {
    crate::reload::open(config)?;
    let credentials = patd_keys::credentials_directory();
    patd_keys::read_root(&config.root_key, credentials.as_deref()).map_err(Fault::RootKey)?;
    let said = writeln!(
        std::io::stdout(),
        "patd: the configuration is good: {} slots, {} entries, {} inert",
        config.slots.len(),
        config.entries.len(),
        config.inert.len()
    );
    said.map_err(Fault::Runtime)
}

fn answer_of_clap(answer: &clap::Error) -> ExitCode {
    // Nothing can be said when standard error is gone.
    let _said = answer.print();
    if answer.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS }
}
