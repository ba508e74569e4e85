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
    /// What keeps tokens from being replaced for now: an account that does not answer, statements used up. What a person
    /// must act on is among the alarms instead.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held_up: Vec<Problem>,
    /// Entries that cannot serve yet, with the reason (a local account that does not exist).
    pub inert: Vec<Problem>,
    /// What a person must act on. Non-empty: `patctl status` exits non-zero.
    pub alarms: Vec<Problem>,
    /// What failed when the daemon looked at itself and its host at its start.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub self_check: Vec<Problem>,
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
    /// Whether its memory can be swapped out: `locked`, or `not locked` and why.
    #[serde(default)]
    pub memory: String,
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
    /// State in one word: `empty`, `issuing`, `proving`, `serving`, `draining`, `quarantined`, `revoking`, `revoked`, `fenced`,
    /// `unenrolled`.
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
    /// Every slot of a service user that is gone at Snowflake and that the configuration does not name: they are forgotten.
    Gone(String),
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
    /// Which; all, if nothing is said.
    #[serde(default, skip_serializing_if = "LogFilter::is_empty")]
    pub picks: LogFilter,
}

/// Which audit records are wanted. Every wish narrows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogFilter {
    /// Not before: seconds since 1970, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<i64>,
    /// Before: seconds since 1970, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
    /// About this connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<String>,
    /// Of this uid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// Of one of these kinds (the record's `event`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<String>,
    /// With this outcome of a request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Verdict>,
}

impl LogFilter {
    /// Returns whether it has no wish.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What became of a request for a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It was granted.
    Allow,
    /// It was refused.
    Deny,
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

/// Every open lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseList {
    /// By connection, the oldest first.
    pub leases: Vec<LeaseRow>,
}

/// One generation in one process's hands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseRow {
    /// Its id: 32 hexadecimal digits.
    pub lease: String,
    /// The connection it was granted for; none if it is from an older version's journal.
    pub connection: Option<String>,
    /// `ACCOUNT/USER`.
    pub slot: String,
    /// The generation held.
    pub generation: u64,
    /// Whether that is the one served now.
    pub is_current: bool,
    /// Who holds it; none if nobody knows (the journal was damaged).
    pub holder: Option<LeaseHolder>,
    /// When it was granted: seconds since 1970, UTC.
    pub since: Option<i64>,
    /// Whether the kernel showed the gate.
    pub gated: Option<bool>,
    /// Whether the holder waits to hear of a newer generation.
    pub watched: bool,
}

/// The process that holds a lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseHolder {
    /// Effective uid at connect.
    pub uid: u32,
    /// Process id.
    pub pid: i32,
    /// The system manager's unit it runs in now.
    pub unit: Option<String>,
    /// What the process calls itself now: for the eye only.
    pub program: Option<String>,
}

/// Ends a lease: its holder counts as gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndLeaseRequest {
    /// Its id, or the beginning of it if no other begins so (eight digits at least).
    pub lease: String,
}

/// The lease that was ended. The process keeps the secret it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedLease {
    /// The lease as it was.
    pub ended: LeaseRow,
    /// Leases of the same generation that are left.
    pub left: u32,
}
