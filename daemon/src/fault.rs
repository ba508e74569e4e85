//! Why the daemon does not start, as an exit code (sysexits) and one line with every cause.

use std::io;
use std::process::ExitCode;

use crate::sockets::SocketError;

/// What kept the daemon from starting or from ending in order.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// Core files or debuggers could not be ruled out.
    #[error(
        "the process cannot be hardened; run patd under its unit, or as a user that may lower its own limits"
    )]
    Harden(#[source] io::Error),
    /// Peers could not be told apart here.
    #[error(
        "this is a user namespace in which uids and gids of the host have no meaning; remove PrivateUsers= from the unit, or run outside the container"
    )]
    UserNamespace,
    /// The configuration has faults.
    #[error("{0}")]
    Config(#[from] patd_config::ConfigErrors),
    /// There is no root key.
    #[error("the root key cannot be read")]
    RootKey(#[source] patd_keys::KeyError),
    /// An account cannot be used.
    #[error(transparent)]
    Upstream(#[from] crate::upstream::UpstreamError),
    /// A later version was here.
    #[error(transparent)]
    Format(#[from] crate::formats::LaterFormat),
    /// The store does not open.
    #[error(transparent)]
    Store(#[from] crate::store::OpenError),
    /// The store opened and cannot be read.
    #[error(transparent)]
    State(#[from] crate::store::StoreError),
    /// What was revoked could be issued again.
    #[error(transparent)]
    Rebuild(#[from] crate::rebuilding::RebuildError),
    /// The boot has no name, so that holders could not be found again.
    #[error("the id of this boot is hidden; set Environment=PATD_BOOT_ID=%b in the unit")]
    BootId(#[source] io::Error),
    /// No record can be kept.
    #[error(transparent)]
    Audit(#[from] crate::audit::AuditError),
    /// Holders would be forgotten.
    #[error(transparent)]
    Journal(#[from] crate::leases::JournalError),
    /// Nobody could connect.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// Threads, signals or descriptors are not to be had.
    #[error("the runtime cannot be started; check the unit's LimitNOFILE= and TasksMax=")]
    Runtime(#[source] io::Error),
    /// The ticks did not start.
    #[error("the scheduler cannot be started; report it")]
    Schedule(#[from] tokio_cron_scheduler::JobSchedulerError),
}

impl Fault {
    /// Returns the sysexits code that goes with it.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Socket(SocketError::Folder(_))
            | Self::Config(_)
            | Self::RootKey(_)
            | Self::Upstream(_)
            | Self::Format(_)
            | Self::Store(_)
            | Self::State(_)
            | Self::Rebuild(_)
            | Self::BootId(_) => CONFIG,
            Self::Harden(_) | Self::UserNamespace => NO_PERMISSION,
            Self::Audit(_) | Self::Journal(_) | Self::Socket(_) | Self::Runtime(_) => UNAVAILABLE,
            Self::Schedule(_) => SOFTWARE,
        }
    }

    /// Says it once, with every cause, and returns the exit code.
    pub fn tell(&self) -> ExitCode {
        tracing::error!(error = %patd_snowflake::chain::chain(self), "Not started");
        ExitCode::from(self.exit_code())
    }
}

/// sysexits.h: a service that is needed is not there.
const UNAVAILABLE: u8 = 69;
/// sysexits.h: a fault of the program itself.
const SOFTWARE: u8 = 70;
/// sysexits.h: not permitted.
const NO_PERMISSION: u8 = 77;
/// sysexits.h: something is configured wrongly.
const CONFIG: u8 = 78;
/// sysexits.h: the command line was used wrongly.
pub(crate) const USAGE: u8 = 64;
