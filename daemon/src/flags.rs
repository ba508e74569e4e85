//! The command line of `patd`. Paths only: everything else is in the configuration.

use std::path::PathBuf;

use clap::Parser;

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
    /// Folder of the sockets
    #[arg(long, value_name = "DIR", default_value = "/run/patd")]
    pub run: PathBuf,
    /// Check the configuration and its keys, and end
    #[arg(long)]
    pub check: bool,
}

const EXITS: &str = "\
Ends with 0, or 64 (usage), 69 (something needed is not available), 70 (a fault of the program),
77 (not permitted here), 78 (configuration, key, store or folder of the sockets). Logs go to standard
error, which is the journal under systemd; RUST_LOG selects them (e.g. RUST_LOG=patd=debug).";
