//! Requests and replies of the hand-out socket. A hand-out is encoded and decoded by hand, so that
//! its secret never passes through a serialiser's intermediate copies.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::secret::Secret;

/// How the secret reaches the child.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Delivery {
    /// A private `SNOWFLAKE_HOME` on tmpfs.
    Home,
    /// Environment variables only.
    Env,
}

/// The form of the generated entry in `connections.toml`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EntryForm {
    /// `password = "<PAT>"`, no authenticator.
    Password,
    /// `authenticator = "PROGRAMMATIC_ACCESS_TOKEN"` and `token = "<PAT>"`.
    Token,
}

/// Asks for the current secret of a connection. A claim: it may narrow what the peer may have, never widen it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandOutRequest {
    /// The connection; none means "my only one".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<String>,
    /// The delivery; none means the entry's first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deliver: Option<Delivery>,
    /// The lease this one takes over from, of the same uid: a refresh by the helper.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
}

/// Everything a hand-out says besides the secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// The lease: 32 hexadecimal digits. Names the hand-out in watches and in the audit log; not a secret,
    /// and of no use to another uid.
    pub lease: String,
    /// The generation of the secret.
    pub generation: u64,
    /// The connection's name, which `-c` takes.
    pub connection: String,
    /// The delivery granted.
    pub deliver: Delivery,
    /// When the token expires at Snowflake: seconds since 1970, UTC.
    pub expires_at: i64,
    /// Whether the kernel showed the daemon the gate (egid `patclient`).
    pub gated: bool,
    /// The form of the generated entry.
    pub entry_form: EntryForm,
    /// Whether the user's other connections are kept.
    pub keep_connections: bool,
    /// Snowflake account identifier.
    pub account: String,
    /// Service user.
    pub user: String,
    /// The one role.
    pub role: String,
    /// Optional session defaults and endpoint, written to the entry as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warehouse: Option<String>,
    /// See `warehouse`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// See `warehouse`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Host to connect to, where it is not the account's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Port, where it is not 443.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// `http` or `https`, where it is not `https`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// For the `env` delivery: variable name → what it carries (`secret`, `user`, `role`, `account`, `host`,
    /// `warehouse`, `database`, `schema`). Empty: `SNOWFLAKE_CONNECTIONS` with the whole entry.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
}

/// The current secret of a connection, with its terms. No `Debug`.
pub struct HandOut {
    /// What may be logged.
    pub terms: Terms,
    /// What may not.
    pub secret: Secret,
}

/// One connection the peer may have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// The connection's name.
    pub connection: String,
    /// Service user.
    pub user: String,
    /// The one role.
    pub role: String,
    /// Deliveries the entry allows, the default first.
    pub deliver: Vec<Delivery>,
    /// Whether a secret can be handed out now.
    pub ready: bool,
}

/// The caller's own connections.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct List {
    /// In order of name.
    pub connections: Vec<Listed>,
}

/// Asks to be told when a lease's generation is no longer the current one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WatchRequest {
    /// The lease of an earlier hand-out to the same uid.
    pub lease: String,
}

/// What a watch ends with. It never carries a secret: ask for a new hand-out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WatchEvent {
    /// There is a newer generation.
    GenerationChanged,
    /// The lease was ended (revoked, or by an administrator).
    LeaseEnded,
}

/// The reply to a watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchReply {
    /// What happened.
    pub event: WatchEvent,
}
