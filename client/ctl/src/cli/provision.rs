//! The command lines of the verbs that look at an account and change it.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use patd_core::pattern::plan::Confirmation;

/// Who asks Snowflake: by default the daemon, with the resident credential.
#[derive(Args, Debug, Default)]
pub(crate) struct SessionArgs {
    /// Log in as this user of your own, with --key-file; the key never reaches the daemon
    #[arg(long = "as", value_name = "USER", requires = "key_file", conflicts_with = "via")]
    pub(crate) user: Option<String>,
    /// Private key of that user (PKCS#8, mode 0400 or 0600)
    #[arg(long, value_name = "FILE", requires = "user")]
    pub(crate) key_file: Option<PathBuf>,
    /// Use a session of your own CLI: browser login, MFA, whatever it is set up with
    #[arg(long, value_enum)]
    pub(crate) via: Option<Via>,
    /// With --via: the connection of that CLI [default: its own default]
    #[arg(short = 'c', long, value_name = "NAME", requires = "via")]
    pub(crate) connection: Option<String>,
    /// Role to act as [default: run_as of the configuration; with --via that of the connection]
    #[arg(long, value_name = "ROLE")]
    pub(crate) role: Option<String>,
    /// Account, where this host has several
    #[arg(long, value_name = "ACCOUNT")]
    pub(crate) account: Option<String>,
}

/// Somebody else's session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Via {
    /// Snowflake's own CLI
    Snow,
}

/// What need not be asked any more.
#[derive(Args, Debug, Default)]
pub(crate) struct ConsentArgs {
    /// Do not ask whether to begin
    #[arg(long)]
    pub(crate) yes: bool,
    /// Confirm dangerous changes: account-policies, replace-policy, drop, any-network, shorter-life
    #[arg(long, value_name = "WHAT", value_delimiter = ',', value_parser = confirmation)]
    pub(crate) confirm: Vec<Confirmation>,
    /// Begin although the role seems to lack a privilege that a step needs
    #[arg(long)]
    pub(crate) anyway: bool,
}

/// What is left out of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Without {
    /// The policies for all person users and all service users
    AccountPolicies,
}

#[derive(Args, Debug)]
pub(crate) struct PlanArgs {
    /// Also write the plan to a file that "apply" takes
    #[arg(long, value_name = "FILE", conflicts_with = "offline")]
    pub(crate) out: Option<PathBuf>,
    /// Print the statements as a script
    #[arg(long)]
    pub(crate) sql: bool,
    /// Ask nobody: assume an empty account, in statements that can be run again
    #[arg(long)]
    pub(crate) offline: bool,
    /// With --offline: address or range from which broker and service users connect; repeatable
    #[arg(long, value_name = "CIDR", value_delimiter = ',', requires = "offline")]
    pub(crate) network_cidr: Vec<String>,
    /// Leave something out
    #[arg(long, value_enum, value_name = "WHAT", value_delimiter = ',')]
    pub(crate) without: Vec<Without>,
    #[command(flatten)]
    pub(crate) session: SessionArgs,
}

#[derive(Args, Debug)]
pub(crate) struct ApplyArgs {
    /// A plan that "plan --out" wrote: nothing else is run
    #[arg(value_name = "FILE", conflicts_with = "without")]
    pub(crate) file: Option<PathBuf>,
    /// Leave something out
    #[arg(long, value_enum, value_name = "WHAT", value_delimiter = ',')]
    pub(crate) without: Vec<Without>,
    #[command(flatten)]
    pub(crate) consent: ConsentArgs,
    #[command(flatten)]
    pub(crate) session: SessionArgs,
}

#[derive(Args, Debug)]
pub(crate) struct BootstrapArgs {
    /// What to print
    #[arg(long, value_enum, default_value_t = Format::Sql)]
    pub(crate) format: Format,
    /// Only the new public key of the broker's user, after "patctl init" made a new key
    #[arg(long)]
    pub(crate) renew: bool,
    /// Address or range from which broker and service users connect, e.g. 192.0.2.7/32; repeatable
    #[arg(long, value_name = "CIDR", value_delimiter = ',')]
    pub(crate) network_cidr: Vec<String>,
    /// Network policy: an existing one, or with --network-cidr the name of ours
    #[arg(long, value_name = "NAME")]
    pub(crate) network_policy: Option<String>,
    /// Database for network rule and policies [default: as configured, else PATD]
    #[arg(long, value_name = "DATABASE")]
    pub(crate) database: Option<String>,
    /// Schema for network rule and policies [default: as configured, else POLICIES]
    #[arg(long, value_name = "SCHEMA")]
    pub(crate) schema: Option<String>,
    /// Role that will run the script [default: as configured, else ACCOUNTADMIN]
    #[arg(long, value_name = "ROLE")]
    pub(crate) run_as: Option<String>,
    /// Account, where this host has several
    #[arg(long, value_name = "ACCOUNT")]
    pub(crate) account: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// SQL statements
    Sql,
    /// Resources of Snowflake's Terraform provider
    Terraform,
    /// Statements as JSON, each with its reason and the privilege it needs
    Json,
}

/// Returns the word of a confirmation.
pub(crate) fn word(confirmation: Confirmation) -> &'static str {
    match confirmation {
        Confirmation::AccountPolicies => "account-policies",
        Confirmation::ReplacePolicy => "replace-policy",
        Confirmation::Drop => "drop",
        Confirmation::AnyNetwork => "any-network",
        Confirmation::ShorterLife => "shorter-life",
    }
}

fn confirmation(text: &str) -> Result<Confirmation, String> {
    let known = CONFIRMATIONS.into_iter().find(|known| word(*known) == text);
    known.ok_or_else(|| format!("write {}", CONFIRMATIONS.map(word).join(", ")))
}

const CONFIRMATIONS: [Confirmation; 5] = [
    Confirmation::AccountPolicies,
    Confirmation::ReplacePolicy,
    Confirmation::Drop,
    Confirmation::AnyNetwork,
    Confirmation::ShorterLife,
];
