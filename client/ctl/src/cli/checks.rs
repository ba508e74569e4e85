//! The command lines of the verbs that prove the pattern.

use clap::Args;

use super::SessionArgs;

#[derive(Args, Debug)]
pub(crate) struct VerifyArgs {
    /// Only what concerns this connection [default: every service user of the account]
    #[arg(value_name = "CONNECTION")]
    pub(crate) of: Option<String>,
    #[command(flatten)]
    pub(crate) session: SessionArgs,
}

#[derive(Args, Debug)]
pub(crate) struct DriftArgs {
    /// Only this account [default: every account of this host]
    #[arg(long, value_name = "ACCOUNT")]
    pub(crate) account: Option<String>,
    /// Have the daemon look again first
    #[arg(long)]
    pub(crate) look: bool,
}
