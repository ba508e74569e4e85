//! `cargo quickstart`: the whole of PAT Broker on one machine, without a Snowflake account. Starts the simulator,
//! does what an administrator and a security admin do once, and lets a command log in through `pat-exec`.

mod command;
mod say;
mod tour;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

/// PAT Broker on one machine, without a Snowflake account.
///
/// Without a command it shows the tour; with one it runs the command under pat-exec with connection miguel_cli
/// and ends with the command's exit code.
#[derive(Parser)]
#[command(
    name = "cargo quickstart",
    version,
    override_usage = "cargo quickstart [--deliver MODE] [--keep] [-- CMD ARGS…]"
)]
pub struct Arguments {
    /// How the command gets the token: home or env.
    #[arg(long, value_name = "MODE", default_value = "home", value_parser = ["home", "env"])]
    deliver: String,
    /// Leave the temporary folder, and say where it is.
    #[arg(long)]
    keep: bool,
    /// Let the simulator log the service user in under this role instead: the tour must notice, and fails.
    #[arg(long, value_name = "ROLE")]
    simulate_role: Option<String>,
    /// The command.
    #[arg(last = true, value_name = "CMD")]
    command: Vec<OsString>,
}

fn main() -> ExitCode {
    // Under pat-exec the tour's own child is this program again, as a client of Snowflake.
    if std::env::args_os().nth(1).is_some_and(|first| first == tour::CLIENT) {
        return tour::client();
    }
    let arguments = Arguments::parse_from(without_separator(std::env::args_os()));
    let outcome = match arguments.command.is_empty() {
        true => tour::run(&arguments),
        false => command::run(&arguments),
    };
    outcome.unwrap_or_else(|problem| {
        say::problem(&problem);
        ExitCode::FAILURE
    })
}

/// The alias ends with `--`, so that cargo passes our own options on; it arrives as the first argument only
/// where cargo did not eat it.
fn without_separator(arguments: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut arguments: Vec<_> = arguments.collect();
    let options_follow =
        arguments.get(2).is_some_and(|next| next.to_string_lossy().starts_with("--"));
    if arguments.get(1).is_some_and(|first| first == "--") && options_follow {
        arguments.remove(1);
    }
    arguments
}
