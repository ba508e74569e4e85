//! What the daemon answers when the answer is no: a stable code, a sentence and the next step.

use serde::{Deserialize, Serialize};

/// The one text for every refusal of identity or policy: a stranger learns nothing from it.
pub const REFUSAL_TEXT: &str = "refused (ask root: patctl explain)";

/// Why there is no answer, stable across versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorCode {
    /// Identity or policy; the cause is in the audit log only.
    Refused,
    /// The peer has several connections and named none; `connections` lists its own.
    WhichConnection,
    /// The peer may have this connection, but not by this delivery.
    DeliveryNotAllowed,
    /// No secret can be handed out now (offline, being issued); the message says which.
    NotReady,
    /// The slot is revoked and stays so until it is enrolled.
    Revoked,
    /// Too many requests of this uid, or in total.
    Busy,
    /// The lease is not known (ended, or from before a restart).
    UnknownLease,
    /// The audit log cannot be written, so nothing is released.
    AuditUnavailable,
    /// No such connection (admin socket only; a stranger sees `Refused`).
    UnknownConnection,
    /// The request is not one this version understands.
    Malformed,
    /// The request is larger than the limits.
    TooLarge,
    /// No such path.
    NotFound,
    /// No such account, or several and none was named (admin socket only).
    UnknownAccount,
    /// The daemon's own plan does not have this step next, or has none (admin socket only).
    OtherPlan,
    /// It was sent to Snowflake, and whether it was done is not known.
    Unclear,
    /// The request could not be carried out at Snowflake; the message says why.
    Upstream,
    /// A fault of the daemon; its log has the cause.
    Internal,
}

impl ErrorCode {
    /// Returns the HTTP status that goes with the code.
    pub fn http_status(self) -> u16 {
        match self {
            Self::Refused => 403,
            Self::WhichConnection | Self::DeliveryNotAllowed | Self::Revoked | Self::OtherPlan => {
                409
            }
            Self::NotReady | Self::AuditUnavailable => 503,
            Self::Busy => 429,
            Self::UnknownLease
            | Self::NotFound
            | Self::UnknownConnection
            | Self::UnknownAccount => 404,
            Self::Malformed => 400,
            Self::TooLarge => 413,
            Self::Upstream => 502,
            Self::Unclear => 504,
            Self::Internal => 500,
        }
    }
}

/// The body of every answer that is not 200.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorReply {
    /// The stable code.
    pub code: ErrorCode,
    /// What happened and where; lower case, no full stop.
    pub message: String,
    /// What to do next; empty where there is nothing to add.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub next_step: String,
    /// The caller's own connections, with [`ErrorCode::WhichConnection`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub connections: Vec<String>,
}
