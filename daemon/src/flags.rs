//! The command line of `patd`. Paths only: everything else is in the configuration.

use std::path::PathBuf;

use clap::Parser;
use clap::builder::{PathBufValueParser, TypedValueParser as _};
use pat_wire::places::Places;

/// Keeps role-restricted Snowflake tokens of service users, and hands them to authorised local programs.
#[derive(Clone, Debug, Parser)]
#[command(name = "patd", version, after_help = EXITS)]
pub struct Flags {
    /// Folder of the configuration
    #[arg(long, value_name = "DIR", default_value = "/etc/patd")]
    pub config: PathBuf,
    /// Folder of the sealed state, the leases and the audit log
    #[arg(long, value_name = "DIR", default_value = "/var/lib/patd")]
    pub state: PathBuf,
    /// Folder of the hand-out socket; the admin socket is in DIR-admin, beside it
    #[arg(long, value_name = "DIR", default_value = "/run/patd",
        value_parser = PathBufValueParser::new().try_map(places))]
    pub run: Places,
    /// Check the configuration and its keys, and end
    #[arg(long)]
    pub check: bool,
}

/// The admin socket's folder is called by the name of this one.
fn places(run: PathBuf) -> Result<Places, &'static str> {
    Places::of_run(&run).ok_or("it ends in no name; write the folder out, such as /run/patd")
}

const EXITS: &str = "\
Ends with 0, or 64 (usage), 69 (something needed is not available), 70 (a fault of the program),
77 (not permitted here), 78 (configuration, key, store or a folder of the sockets). Logs go to standard
error, which is the journal under systemd; RUST_LOG selects them (e.g. RUST_LOG=patd=debug).";
