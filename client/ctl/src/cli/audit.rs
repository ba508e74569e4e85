//! The command lines of the verbs about what was recorded, and about who holds what.

use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{Args, Subcommand, ValueEnum};
use pat_wire::admin::Verdict;
use patd_audit::{Head, KINDS};

use super::SessionArgs;
use crate::time;

#[derive(Args, Debug)]
pub(crate) struct AuditArgs {
    #[command(subcommand)]
    pub(crate) what: Audited,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Audited {
    /// List every token that can be seen: whose it is, and who still uses which
    Tokens(SessionArgs),
    /// Show audit records: the newest, or those that are asked for
    Show(ShowArgs),
    /// Prove that the audit log is as it was written, or name the first record that is not
    Verify(ProofArgs),
}

#[derive(Args, Debug)]
pub(crate) struct ShowArgs {
    /// How many at the most; over 1000 only with --folder
    #[arg(short = 'n', long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) records: u32,
    /// Not before: 2026-11-22, 2026-11-22T10:00:00Z, or how long ago: 2h, 7d
    #[arg(long, value_name = "TIME", value_parser = time::moment)]
    pub(crate) since: Option<i64>,
    /// Before: as --since
    #[arg(long, value_name = "TIME", value_parser = time::moment)]
    pub(crate) until: Option<i64>,
    /// About this connection
    #[arg(long, value_name = "NAME")]
    pub(crate) connection: Option<String>,
    /// Of this user: a uid or the name of a local account
    #[arg(long, value_name = "UID")]
    pub(crate) uid: Option<String>,
    /// Of these kinds
    #[arg(long = "kind", value_name = "KIND", value_delimiter = ',', value_parser = PossibleValuesParser::new(KINDS))]
    pub(crate) kinds: Vec<String>,
    /// Requests for a secret that were granted, or refused
    #[arg(long, value_name = "DECISION")]
    pub(crate) decision: Option<Decision>,
    /// Read the log in this folder, instead of asking the daemon
    #[arg(long, value_name = "DIR")]
    pub(crate) folder: Option<PathBuf>,
}

/// What became of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decision(pub(crate) Verdict);

impl ValueEnum for Decision {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self(Verdict::Allow), Self(Verdict::Deny)]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(match self.0 {
            Verdict::Allow => "allow",
            Verdict::Deny => "deny",
        }))
    }
}

#[derive(Args, Debug)]
pub(crate) struct ProofArgs {
    /// Folder of the log, or of a copy
    #[arg(long, value_name = "DIR", default_value = "/var/lib/patd/audit")]
    pub(crate) folder: PathBuf,
    /// A record that must be in it, as the journal has it; may be given again
    #[arg(long = "head", value_name = "SEQ:HASH")]
    pub(crate) heads: Vec<Head>,
    /// Lines with such records, e.g. of journalctl -u patd; - is standard input
    #[arg(long = "heads", value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct LeasesArgs {
    /// Only of this connection
    #[arg(value_name = "CONNECTION")]
    pub(crate) connection: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct LeaseArgs {
    #[command(subcommand)]
    pub(crate) what: LeaseVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LeaseVerb {
    /// Treat a holder as gone, so that an older token is not kept for it; its process keeps the secret it has
    End(EndLeaseArgs),
}

#[derive(Args, Debug)]
pub(crate) struct EndLeaseArgs {
    /// The lease, or the first digits of it (eight at least)
    #[arg(value_name = "LEASE", value_parser = lease)]
    pub(crate) lease: String,
}

fn lease(text: &str) -> Result<String, String> {
    let is_one = (8..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
    match is_one {
        true => Ok(text.to_owned()),
        false => Err("write eight digits of it or more, as patctl leases shows them".to_owned()),
    }
}
