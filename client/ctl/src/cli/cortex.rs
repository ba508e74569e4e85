//! The command line of the verb that writes Cortex's managed settings.

use std::path::PathBuf;

use clap::Args;

#[derive(Args, Debug)]
pub(crate) struct CortexSettingsArgs {
    /// Oldest version of the Cortex CLI that may run, e.g. 1.1.0
    #[arg(long, value_name = "VERSION", conflicts_with = "check")]
    pub(crate) minimum_version: Option<String>,
    /// Put them into this file, in the place of what it says, instead of printing them
    #[arg(long, value_name = "FILE", conflicts_with = "check")]
    pub(crate) out: Option<PathBuf>,
    /// Read a file and say what in it breaks the private home or allows the dangerous mode
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = INSTALLED)]
    pub(crate) check: Option<PathBuf>,
}

/// Where Cortex reads it (snowflake docs: cortex-code/managed-settings).
pub(crate) const INSTALLED: &str = "/etc/cortex/managed-settings.json";
