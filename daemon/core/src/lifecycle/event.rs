//! What can happen to a slot: the passing of time, a person's wish, an answer of Snowflake's.

use std::collections::BTreeSet;

use crate::names::{Generation, IntentId, TokenName};
use crate::time::Timestamp;

/// Something the daemon tells the state machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The daemon started with this state loaded from disk; nothing it announced can be assumed done.
    Started,
    /// Time passed, or leases ended. `held` names the generations somebody still holds, or may hold.
    Tick {
        /// Generations with open leases; a generation whose holders are unknown counts as held.
        held: Vec<Generation>,
        /// A fresh random id, used if an intent is written.
        fresh: IntentId,
    },
    /// Whether the disk has room for another generation. Without it none is begun; what was begun goes on.
    Room {
        /// Whether it has.
        is_enough: bool,
    },
    /// A request found no secret to hand out. Nothing happens while there is one, or where only a person can help.
    Wanted {
        /// A fresh random id, used if an intent is written.
        fresh: IntentId,
    },
    /// A person asked for a rotation now.
    Rotate {
        /// Why the current secret is no longer trusted, if so.
        taint: Option<String>,
        /// A fresh random id, used if an intent is written.
        fresh: IntentId,
    },
    /// A person revoked the slot.
    Revoke,
    /// The daemon ends and its host with it: no token of ours is to outlive them. Unlike a revocation it is over when
    /// the daemon serves again, which tells it by `Enrol`.
    Retire,
    /// A person enrolled the slot (again), lifting tombstone, quarantine or fence.
    Enrol {
        /// A fresh random id, used if an intent is written.
        fresh: IntentId,
    },
    /// The configuration does not name the slot.
    Unconfigured,
    /// A person says that the user is gone at Snowflake, and with it every token. Not told of a slot that is configured.
    Gone,
    /// The pattern was looked at: these checks about the slot do not hold.
    Judged {
        /// Their ids.
        failed: BTreeSet<String>,
    },
    /// The answer to `Effect::Add`. When it is `Minted`, the daemon holds the secret in memory and stores
    /// it together with the state at the next `Effect::Store`.
    Added(AddOutcome),
    /// The answer to `Effect::Rotate`. When it is `Minted`, the secret is treated as that of an ADD.
    Rotated(RotateOutcome),
    /// The answer to `Effect::List`: every token of the user, ours or not.
    Listed(Result<Vec<TokenRow>, Failure>),
    /// The answer to `Effect::Probe`.
    Probed(ProbeOutcome),
    /// The answer to `Effect::Remove`.
    Removed {
        /// The name asked for.
        name: TokenName,
        /// The answer.
        outcome: RemoveOutcome,
    },
}

impl Event {
    /// Returns whether this is an answer that says something, a no included. None: it is no answer at all.
    pub fn is_clear_answer(&self) -> Option<bool> {
        let is_unclear = match self {
            Self::Added(outcome) => matches!(outcome, AddOutcome::Unclear(_)),
            Self::Rotated(outcome) => matches!(outcome, RotateOutcome::Unclear(_)),
            Self::Listed(outcome) => matches!(outcome, Err(Failure::Unclear(_))),
            Self::Removed { outcome, .. } => {
                matches!(outcome, RemoveOutcome::Failed(Failure::Unclear(_)))
            }
            Self::Probed(outcome) => matches!(outcome, ProbeOutcome::Unclear(_)),
            Self::Started
            | Self::Tick { .. }
            | Self::Room { .. }
            | Self::Wanted { .. }
            | Self::Rotate { .. }
            | Self::Revoke
            | Self::Retire
            | Self::Enrol { .. }
            | Self::Unconfigured
            | Self::Gone
            | Self::Judged { .. } => return None,
        };
        Some(!is_unclear)
    }
}

/// The answer to an ADD.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddOutcome {
    /// A secret came back in the expected shape, for the expected name.
    Minted,
    /// A definite no: nothing was made.
    Refused(Refusal),
    /// Anything else: it may or may not have happened.
    Unclear(String),
}

/// The answer to a ROTATE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RotateOutcome {
    /// A secret came back in the expected shape, for the expected name.
    Minted {
        /// The name that the secret before it has now.
        predecessor: TokenName,
    },
    /// A definite no: nothing was changed.
    Refused(Refusal),
    /// Anything else: it may or may not have happened.
    Unclear(String),
}

/// Why an admin call did not give an answer to act on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// A definite no.
    Refused(Refusal),
    /// No usable answer: timeout, 5xx, broken body, no route.
    Unclear(String),
}

/// A definite no of Snowflake's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What kind, as far as it is known.
    pub kind: RefusalKind,
    /// Snowflake's code, e.g. `003001`; empty if there was none.
    pub code: String,
    /// Snowflake's text.
    pub message: String,
}

/// What a person has to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalKind {
    /// The admin login itself failed (JWT, user disabled, key).
    AdminLogin,
    /// The admin login is refused from this address (390422, 390432).
    AdminNetwork,
    /// The acting role lacks a privilege, or the object does not exist for it.
    Privilege,
    /// 15 live tokens.
    LimitReached,
    /// A policy (authentication or network) forbids it.
    Policy,
    /// The role is not granted to the user.
    RoleNotGranted,
    /// The user is disabled.
    UserDisabled,
    /// The expiry asked for is above the policy's maximum.
    ExpiryTooLong,
    /// A token of that name exists already.
    NameTaken,
    /// Something else; the text says what.
    Other,
}

/// The answer to a probe: a driver login with the new secret, as the clients do it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbeOutcome {
    /// Expected user, expected role, no secondary roles.
    Proved,
    /// It logged in as someone or something else.
    Wrong {
        /// What it showed, e.g. `user MIGUEL_CLI, role PUBLIC`.
        shown: String,
    },
    /// Refused for where we are (390422, 390432): the secret may be good.
    RefusedHere {
        /// Snowflake's code.
        code: String,
        /// Snowflake's text, which names the address it saw.
        message: String,
    },
    /// Definitely refused for what it is (394400 and kin).
    RefusedSecret {
        /// Snowflake's code.
        code: String,
        /// Snowflake's text.
        message: String,
    },
    /// No usable answer.
    Unclear(String),
    /// Nobody was asked: the store does not have the secret.
    NoSecret(String),
}

/// The answer to a REMOVE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RemoveOutcome {
    /// It is gone now.
    Removed,
    /// It was not there.
    Absent,
    /// No answer to act on; SHOW will tell.
    Failed(Failure),
}

/// A row of SHOW USER PROGRAMMATIC ACCESS TOKENS, as far as decisions need it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRow {
    /// Name.
    pub name: TokenName,
    /// Role restriction; none means unrestricted.
    pub role: Option<crate::names::Role>,
    /// Expiry.
    pub expires_at: Option<Timestamp>,
    /// Status.
    pub status: TokenStatus,
}

/// A token's status at Snowflake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenStatus {
    /// `ACTIVE`.
    Active,
    /// `EXPIRED`.
    Expired,
    /// `DISABLED`.
    Disabled,
    /// A word this version does not know; counts as live.
    Unknown,
}
