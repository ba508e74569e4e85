//! Requests and replies of the admin socket. Nothing here can carry a secret.

use serde::{Deserialize, Serialize};

use crate::provision::Watched;

/// What `patctl status` shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The daemon itself.
    pub daemon: DaemonStatus,
    /// One row a slot, by name.
    pub slots: Vec<SlotStatus>,
    /// Entries that cannot serve yet, with the reason (a local account that does not exist).
    pub inert: Vec<Problem>,
    /// What a person must act on. Non-empty: `patctl status` exits non-zero.
    pub alarms: Vec<Problem>,
    /// How the pattern stands, one row an account.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub watched: Vec<Watched>,
}

/// Facts about the running daemon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaemonStatus {
    /// Version of the package.
    pub version: String,
    /// Process id.
    pub pid: i32,
    /// Start: seconds since 1970, UTC.
    pub started_at: i64,
    /// The random id of this host's lineage, as it appears in token names.
    pub host_id: String,
    /// How peers are identified: `uid-gid` (any kernel), `pidfd` (6.5 and later), `pidfs` (6.9 and later),
    /// `pidfd-info` (6.13 and later).
    pub peer_tier: String,
    /// What becomes of files that a peer passes: `refused` (6.16 and later) or `dropped`.
    #[serde(default)]
    pub passed_files: String,
    /// The root key's provider with its label, e.g. `systemd-credential (host key)`.
    pub root_key: String,
    /// Who owns the trusted configuration: `root`, or `the daemon's own uid`.
    pub config_owner: String,
}

/// One managed token: account × user × host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotStatus {
    /// `ACCOUNT/USER`.
    pub slot: String,
    /// Connections that share it.
    pub connections: Vec<String>,
    /// The one role.
    pub role: String,
    /// State in one word: `empty`, `issuing`, `proving`, `serving`, `draining`, `quarantined`, `revoking`, `revoked`, `fenced`.
    pub state: String,
    /// The generation handed out now.
    pub generation: Option<u64>,
    /// Its expiry at Snowflake: seconds since 1970, UTC.
    pub expires_at: Option<i64>,
    /// When the next rotation is due: seconds since 1970, UTC.
    pub due_at: Option<i64>,
    /// Leases that are open, of any generation.
    pub leases: u32,
    /// Of these, how many hold an older generation than the one served now.
    pub leases_on_older: u32,
    /// What is wrong, if anything.
    pub problem: Option<Problem>,
}

/// Something to act on or to know: a stable id, a sentence, the next step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Stable id, e.g. `probe-wrong-role`.
    pub id: String,
    /// What it is about: a slot, a connection, a file.
    pub subject: String,
    /// What happened.
    pub message: String,
    /// What to do.
    pub next_step: String,
}

/// Rotates the slot of a connection now and waits for the outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RotateRequest {
    /// The connection.
    pub connection: String,
    /// Why the current secret is no longer trusted: its token is removed as soon as the new one is proven.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taint: Option<String>,
}

/// The outcome of a rotation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotated {
    /// `ACCOUNT/USER`.
    pub slot: String,
    /// The generation before.
    pub from: Option<u64>,
    /// The generation now served.
    pub to: u64,
    /// Leases that still hold older generations; their token is removed when they end or move.
    pub leases_on_older: u32,
}

/// What a revocation covers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RevokeRequest {
    /// The slot of one connection.
    Connection(String),
    /// Every slot of a service user.
    User(String),
    /// Every slot of this host.
    All,
}

/// What a revocation has reached so far. The tombstones are durable in every case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revoked {
    /// Slots whose tokens are gone at Snowflake, confirmed.
    pub confirmed: Vec<String>,
    /// Slots whose tokens are not yet confirmed gone: hand-out has stopped, removal is retried for ever.
    pub pending: Vec<String>,
}

/// Lifts the tombstone of a connection's slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnrolRequest {
    /// The connection.
    pub connection: String,
}

/// The slot that is issued again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolled {
    /// `ACCOUNT/USER`.
    pub slot: String,
    /// The generation served after enrolment.
    pub generation: u64,
}

/// Asks why a request of this uid is or would be refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExplainRequest {
    /// The uid.
    pub uid: u32,
    /// The connection; none means "its only one".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<String>,
}

/// The answer to [`ExplainRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// Whether the request would be allowed.
    pub allowed: bool,
    /// The reason in one sentence.
    pub reason: String,
    /// What to change, if it should be allowed.
    pub next_step: String,
    /// The selectors found for the uid.
    pub selectors: Vec<String>,
    /// Every entry looked at, with whether and why it matched.
    pub entries: Vec<String>,
}

/// Asks for the newest audit records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogRequest {
    /// How many, at the most 1,000.
    pub limit: u32,
}

/// Audit records, oldest first, each one line of JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogPage {
    /// The lines.
    pub records: Vec<String>,
}

/// The outcome of a reload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reloaded {
    /// Whether the new configuration is in force.
    pub in_force: bool,
    /// Faults, if it is not; the old configuration stays.
    pub faults: Vec<String>,
}
