//! The command line of the verb about the admin key.

use clap::{Args, Subcommand};

#[derive(Args, Debug)]
pub(crate) struct AdminKeyArgs {
    #[command(subcommand)]
    pub(crate) what: AdminKeyVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AdminKeyVerb {
    /// Put a new key in the place of the present one, here and at Snowflake; may be run again
    Rotate(RotateKeyArgs),
}

#[derive(Args, Debug)]
pub(crate) struct RotateKeyArgs {
    /// Account, where not every one of this host is meant
    #[arg(long, value_name = "ACCOUNT")]
    pub(crate) account: Option<String>,
}
