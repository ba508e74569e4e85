//! The command line. No secret is ever an argument.

mod admin_key;
mod audit;
mod checks;
mod cortex;
mod lifecycle;
mod provision;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use pat_wire::connection::ADMIN_SOCKET;
use patd_config::KeySource;

use crate::answer::Exit;

pub(crate) use admin_key::{AdminKeyArgs, AdminKeyVerb, RotateKeyArgs};
pub(crate) use audit::{
    AuditArgs, Audited, EndLeaseArgs, LeaseArgs, LeaseVerb, LeasesArgs, ProofArgs, ShowArgs,
};
pub(crate) use checks::{DriftArgs, VerifyArgs};
pub(crate) use cortex::{CortexSettingsArgs, INSTALLED as CORTEX_SETTINGS};
pub(crate) use lifecycle::{AdoptArgs, DestroyArgs, ManifestArgs, ManifestVerb, RetireArgs, Whose};
pub(crate) use provision::{
    ApplyArgs, BootstrapArgs, ConsentArgs, Format, PlanArgs, SessionArgs, Via, Without, word,
};

/// Inspects, rotates, revokes and sets up the role-restricted Snowflake tokens that patd keeps.
#[derive(Debug, Parser)]
#[command(name = "patctl", version)]
pub(crate) struct Cli {
    /// Print one JSON document on standard output, of failures too
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Admin socket of the daemon
    #[arg(long, global = true, value_name = "PATH", default_value = ADMIN_SOCKET)]
    pub(crate) socket: PathBuf,
    /// Folder of the configuration
    #[arg(long, global = true, value_name = "DIR", default_value = "/etc/patd")]
    pub(crate) config: PathBuf,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

impl Cli {
    /// Reads the command line; help, version and mistakes are printed here.
    pub(crate) fn parse_or_explain() -> Result<Self, ExitCode> {
        let matches = with_exits(Self::command()).try_get_matches();
        let cli = matches.and_then(|mut matches| Self::from_arg_matches_mut(&mut matches));
        cli.map_err(|error| {
            let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            match error.print() {
                Ok(()) if asked => ExitCode::from(Exit::Ok),
                Ok(()) | Err(_) => ExitCode::from(Exit::Usage),
            }
        })
    }
}

/// The exit codes are below every help: that of a verb's own verbs (`audit verify`) too.
fn with_exits(command: clap::Command) -> clap::Command {
    command.after_help(EXITS).mut_subcommands(with_exits)
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Show the daemon, its tokens, and what a person must act on
    Status(StatusArgs),
    /// Put a new token in the place of a connection's, or of every one's, now
    Rotate(RotateArgs),
    /// Stop hand-out and remove the tokens at Snowflake, until "enrol"
    Revoke(RevokeArgs),
    /// Issue again after a revocation, a quarantine, a fence or a rebuilt store
    Enrol(ConnectionArgs),
    /// Write an entry: who may use which service user, under which name
    Add(AddArgs),
    /// Delete an entry; its token is kept (see "revoke")
    Remove(ConnectionArgs),
    /// Check the configuration and show every fault
    Validate,
    /// Say why a request of a user is or would be refused
    Explain(ExplainArgs),
    /// Show the newest audit records
    Log(LogArgs),
    /// Show who holds which token
    Leases(LeasesArgs),
    /// Print the daemon's numbers for monitoring, or keep a file of them
    Metrics(MetricsArgs),
    /// Look after one lease
    Lease(LeaseArgs),
    /// Make configuration and keys of this host; what is there already stays
    Init(InitArgs),
    /// Print what a security admin runs once at Snowflake; may be run again
    Bootstrap(BootstrapArgs),
    /// Show what differs from the wanted pattern at Snowflake, and every statement that would mend it
    Plan(PlanArgs),
    /// Bring an account to the wanted pattern, statement by statement; may be run again
    Apply(ApplyArgs),
    /// Prove the pattern: one line a check, by what Snowflake shows and by real logins
    Verify(VerifyArgs),
    /// Show what the daemon's hourly look found different from the pattern
    Drift(DriftArgs),
    /// Look at this host, the way to each account and your own files: one line a check, with the fix
    Doctor,
    /// What was recorded, that it is as it was written, and which tokens an account has
    Audit(AuditArgs),
    /// Take over a service user that others made, and list what else has tokens there
    Adopt(AdoptArgs),
    /// Write down, show, or replay elsewhere what is wanted of an account
    Manifest(ManifestArgs),
    /// Take down a service user, or everything of PAT Broker's, and keep a record
    Destroy(DestroyArgs),
    /// End this host's tokens and broker, or those of a lost one
    Retire(RetireArgs),
    /// Look after the key this host logs in with at Snowflake
    AdminKey(AdminKeyArgs),
    /// Print Cortex's managed settings for this host, or check a file of them
    CortexSettings(CortexSettingsArgs),
    /// Set a lost or damaged store aside, so that the daemon starts a new one
    Rebuild(RebuildArgs),
    /// Print what a shell offers after Tab
    #[command(hide = true)]
    Completions(CompletionsArgs),
}

#[derive(Args, Debug)]
pub(crate) struct StatusArgs {
    /// Show it again every so many seconds [default: 2], until Ctrl-C
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "2", value_parser = clap::value_parser!(u32).range(1..=3_600))]
    pub(crate) watch: Option<u32>,
}

#[derive(Args, Debug)]
pub(crate) struct MetricsArgs {
    /// Put them in the place of this file, for the textfile collector of node_exporter
    #[arg(long, value_name = "PATH")]
    pub(crate) textfile: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct ConnectionArgs {
    /// The connection, as -c names it
    #[arg(value_name = "CONNECTION")]
    pub(crate) connection: String,
}

#[derive(Args, Debug)]
pub(crate) struct RotateArgs {
    /// The connection, as -c names it
    #[arg(value_name = "CONNECTION", required_unless_present = "all", conflicts_with = "all")]
    pub(crate) connection: Option<String>,
    /// Every token of this host but those that are revoked, one after the other
    #[arg(long)]
    pub(crate) all: bool,
    /// Why the present token is no longer trusted: it is removed as soon as the new one is proven
    #[arg(long, value_name = "TEXT")]
    pub(crate) taint: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct RevokeArgs {
    #[command(flatten)]
    pub(crate) what: RevokedArgs,
    /// With --user: there is no such user at Snowflake any more, nor a connection of it: forget it
    #[arg(long, requires = "user")]
    pub(crate) gone: bool,
}

/// What is revoked: one of these.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub(crate) struct RevokedArgs {
    /// The connection, as -c names it
    #[arg(value_name = "CONNECTION")]
    pub(crate) connection: Option<String>,
    /// Every token of this service user, in every account
    #[arg(long, value_name = "USER")]
    pub(crate) user: Option<String>,
    /// Every token of this host
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Args, Debug, Default)]
pub(crate) struct AddArgs {
    /// The name that -c will take
    #[arg(value_name = "NAME")]
    pub(crate) connection: String,
    /// Service user, as SHOW USERS spells it
    #[arg(long, value_name = "USER")]
    pub(crate) user: String,
    /// The one role of its tokens, as SHOW ROLES spells it
    #[arg(long, value_name = "ROLE")]
    pub(crate) role: String,
    /// Local accounts that may have it, by name or uid
    #[arg(long = "for", value_name = "LOCALUSER", value_delimiter = ',', required = true)]
    pub(crate) local_users: Vec<String>,
    /// Account, where this host has several
    #[arg(long, value_name = "ACCOUNT")]
    pub(crate) account: Option<String>,
    /// Session default
    #[arg(long, value_name = "WAREHOUSE")]
    pub(crate) warehouse: Option<String>,
    /// Session default
    #[arg(long, value_name = "DATABASE")]
    pub(crate) database: Option<String>,
    /// Session default
    #[arg(long, value_name = "SCHEMA")]
    pub(crate) schema: Option<String>,
    /// How the secret reaches the program: home, env; the default first
    #[arg(long, value_name = "DELIVERY", value_delimiter = ',')]
    pub(crate) deliver: Vec<String>,
    /// How the generated entry carries the token: password (default) or token
    #[arg(long, value_name = "FORM")]
    pub(crate) entry_form: Option<String>,
    /// Life of a token, 1 to 365 days; rotated at half of it
    #[arg(long, value_name = "DAYS")]
    pub(crate) days_to_expiry: Option<i64>,
    /// Only through the packaged pat-exec
    #[arg(long)]
    pub(crate) gate_required: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ExplainArgs {
    /// Who asks: a uid or the name of a local account [default: who was refused of late]
    #[arg(long, value_name = "UID")]
    pub(crate) uid: Option<String>,
    /// The connection; without it, the only one of that user
    #[arg(value_name = "NAME")]
    pub(crate) connection: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct LogArgs {
    /// How many records
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) records: u32,
}

#[derive(Args, Debug)]
pub(crate) struct InitArgs {
    /// Account identifier, e.g. MYORG-MYACCOUNT (asked for on a terminal)
    #[arg(long, value_name = "ACCOUNT")]
    pub(crate) account: Option<String>,
    /// Broker user of this host [default: PATD_ and the host's name]
    #[arg(long, value_name = "USER")]
    pub(crate) admin_user: Option<String>,
    /// Its role [default: the user's name and _ROLE]
    #[arg(long, value_name = "ROLE")]
    pub(crate) admin_role: Option<String>,
    /// Where the admin key is kept: systemd-credential:NAME, file:PATH, keyring:NAME
    #[arg(long, value_name = "SOURCE")]
    pub(crate) admin_key: Option<KeySource>,
    /// Where the key of the store is kept: systemd-credential:NAME, file:PATH, keyring:NAME
    #[arg(long, value_name = "SOURCE")]
    pub(crate) root_key: Option<KeySource>,
    /// Host of the account, where it is not the usual one
    #[arg(long, value_name = "HOST")]
    pub(crate) host: Option<String>,
    /// Port of the account's host
    #[arg(long, value_name = "PORT")]
    pub(crate) port: Option<u16>,
    /// https, or http for a simulator on this machine
    #[arg(long, value_name = "PROTOCOL")]
    pub(crate) protocol: Option<String>,
    /// Certificates to trust besides the system's
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Folder of the daemon's state
    #[arg(long, value_name = "DIR", default_value = PACKAGED_STATE)]
    pub(crate) state: PathBuf,
    /// Also write the admin's public key to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) public_key_out: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Args, Debug)]
pub(crate) struct RebuildArgs {
    /// Folder of the daemon's state
    #[arg(long, value_name = "DIR", default_value = PACKAGED_STATE)]
    pub(crate) state: PathBuf,
    /// Yes, what was revoked is forgotten: nothing is issued before enrol says so, for each connection
    #[arg(long)]
    pub(crate) yes: bool,
}

/// Where systemd's StateDirectory= is.
pub(crate) const PACKAGED_STATE: &str = "/var/lib/patd";

const EXITS: &str = "\
Exit codes:
  0   done
  1   failed, or (rotate --all) one of them did, or (explain) the request would be refused,
      or (verify, drift, doctor) a check fails, or (audit verify) a record is not as it
      was written
  2   there are alarms (status), or something is still under way (revoke, retire);
      there are changes (plan, destroy --plan, manifest replay --plan, adopt),
      findings (adopt) or warnings (doctor); something could not be seen (verify,
      drift, audit tokens, audit verify, retire --host)
  64  the command line cannot be understood
  69  no daemon answers
  77  not permitted
  78  the configuration has faults";
