//! The command lines of the verbs that take over what others made, carry it to another account, and take it down.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use patd_core::pattern::desired::Management;

use super::{ConsentArgs, SessionArgs, Without};

/// Whose a user or role is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Whose {
    /// Made and changed by PAT Broker
    Ours,
    /// The site's own: it gets tokens, and is never changed
    Existing,
}

impl From<Whose> for Management {
    fn from(whose: Whose) -> Self {
        match whose {
            Whose::Ours => Self::Ours,
            Whose::Existing => Self::Existing,
        }
    }
}

#[derive(Args, Debug)]
pub(crate) struct AdoptArgs {
    /// The connection, as -c will name it; its entry is written where there is none
    #[arg(value_name = "CONNECTION")]
    pub(crate) name: String,
    /// Service user that is there, as SHOW USERS spells it
    #[arg(long = "user", value_name = "USER")]
    pub(crate) service_user: Option<String>,
    /// The one role of its tokens, as SHOW ROLES spells it
    #[arg(long, value_name = "ROLE")]
    pub(crate) token_role: Option<String>,
    /// Local accounts that may have it, by name or uid
    #[arg(long = "for", value_name = "LOCALUSER", value_delimiter = ',')]
    pub(crate) local_users: Vec<String>,
    /// Take user and role from this file, which snow-utils-pat wrote
    #[arg(long, value_name = "FILE")]
    pub(crate) manifest: Option<PathBuf>,
    /// Whose the user is [default: existing]
    #[arg(long, value_enum, value_name = "WHOSE")]
    pub(crate) user_is: Option<Whose>,
    /// Whose the role is [default: existing]
    #[arg(long, value_enum, value_name = "WHOSE")]
    pub(crate) role_is: Option<Whose>,
    /// Also remove this token, which PAT Broker did not make; repeatable
    #[arg(long, value_name = "NAME")]
    pub(crate) remove_token: Vec<String>,
    #[command(flatten)]
    pub(crate) consent: ConsentArgs,
    #[command(flatten)]
    pub(crate) session: SessionArgs,
}

/// What is done with a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ManifestVerb {
    /// Write down what is wanted of an account, why, and how it stands
    Export,
    /// Show what a manifest says
    Show,
    /// Bring the account of --account to what a manifest says
    Replay,
}

#[derive(Args, Debug)]
pub(crate) struct ManifestArgs {
    /// What to do
    #[arg(value_enum, value_name = "ACTION")]
    pub(crate) verb: ManifestVerb,
    /// The manifest; "export" prints it where no file is named
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// With "export": ask nobody how the account stands
    #[arg(long)]
    pub(crate) offline: bool,
    /// With "replay": leave something out
    #[arg(long, value_enum, value_name = "WHAT", value_delimiter = ',')]
    pub(crate) without: Vec<Without>,
    #[command(flatten)]
    pub(crate) only: OnlyArgs,
    #[command(flatten)]
    pub(crate) consent: ConsentArgs,
    #[command(flatten)]
    pub(crate) session: SessionArgs,
}

/// Look first, and run nothing.
#[derive(Args, Debug, Default)]
pub(crate) struct OnlyArgs {
    /// Only show what would be run
    #[arg(long)]
    pub(crate) plan: bool,
    /// Only print what would be run, as a script
    #[arg(long, conflicts_with = "plan")]
    pub(crate) sql: bool,
}

#[derive(Args, Debug)]
pub(crate) struct DestroyArgs {
    /// The connection whose service user is destroyed, with its tokens and its role
    #[arg(value_name = "CONNECTION", required_unless_present = "all", conflicts_with = "all")]
    pub(crate) name: Option<String>,
    /// Everything of PAT Broker's in the account: every service user, the broker, policies and rules
    #[arg(long)]
    pub(crate) all: bool,
    /// No daemon of this host keeps these tokens: go on without telling one
    #[arg(long)]
    pub(crate) without_daemon: bool,
    #[command(flatten)]
    pub(crate) only: OnlyArgs,
    #[command(flatten)]
    pub(crate) consent: ConsentArgs,
    #[command(flatten)]
    pub(crate) session: SessionArgs,
}

#[derive(Args, Debug)]
pub(crate) struct RetireArgs {
    /// Another host, by the id in its tokens' names (PATD_ID_G…): a lost laptop
    #[arg(long, value_name = "ID")]
    pub(crate) host: Option<String>,
    /// With --host: also look at the tokens of this user, which no entry here names; repeatable
    #[arg(long = "user", value_name = "USER", requires = "host")]
    pub(crate) users: Vec<String>,
    /// With --host: its broker user, which is dropped first, so that no new token is made
    #[arg(long, value_name = "USER", requires = "host")]
    pub(crate) broker: Option<String>,
    /// With --broker: the role of that user [default: its name and _ROLE]
    #[arg(long, value_name = "ROLE", requires = "broker")]
    pub(crate) broker_role: Option<String>,
    #[command(flatten)]
    pub(crate) consent: ConsentArgs,
    #[command(flatten)]
    pub(crate) session: SessionArgs,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use crate::cli::Cli;

    #[test]
    fn no_two_arguments_of_a_verb_are_taken_for_one() {
        Cli::command().debug_assert();
    }
}
