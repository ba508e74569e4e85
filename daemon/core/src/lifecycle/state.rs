//! What is known about one slot, exactly as it is persisted (sealed) after every `Effect::Store`.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::names::{Generation, HostId, IntentId, Role, TokenName};
use crate::time::Timestamp;

use super::Rules;

/// The whole state of a slot. Its secrets are kept beside it by the daemon, keyed by generation; the
/// core names generations only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// This host's lineage; its tokens' names begin with it.
    pub host: HostId,
    /// The highest generation ever intended. Strictly increases.
    pub last_generation: Generation,
    /// What is handed out now: proven and promoted, never anything else.
    pub serving: Option<Held>,
    /// Older generations whose tokens live until their leases end.
    pub draining: Vec<Draining>,
    /// The operation in flight: at most one.
    pub work: Work,
    /// Whether the slot may issue at all.
    pub standing: Standing,
    /// When the next rotation is due. Survives restarts: a restart never implies a rotation.
    pub due_at: Option<Timestamp>,
    /// The window by which `due_at` was chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_by: Option<String>,
    /// The last failure, with when to try again. None after success.
    pub trouble: Option<Trouble>,
    /// Why the serving secret is no longer trusted. Kept until it is replaced, across refusals and restarts.
    #[serde(default)]
    pub taint: Option<String>,
    /// Tokens of ours that may exist, or come to exist, though nobody keeps their secret.
    #[serde(default)]
    pub doubts: Vec<Doubt>,
    /// Tokens of this host id up to this generation are someone else's, unless named here. Set when a fence is lifted.
    #[serde(default)]
    pub base: Generation,
    /// The ids of the checks that did not hold when the pattern was last looked at. None: for this slot, it never was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<BTreeSet<String>>,
    /// The newest token left behind by a ROTATE that is accounted for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotated: Option<TokenName>,
    /// Whether the tombstone is the daemon's own, made when it ended: it is lifted when the daemon serves again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retired: bool,
    /// Whether the tombstone stands for what a lost store may have known: this slot was there when the store was rebuilt.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rebuilt: bool,
    /// What the daemon was last asked to do. Never persisted: after a start nothing is in flight.
    #[serde(skip)]
    pub flight: Flight,
}

/// A secret that exists at Snowflake and whose bytes the daemon holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Which secret.
    pub generation: Generation,
    /// Its token's name at Snowflake.
    pub name: TokenName,
    /// The role it was issued for.
    pub role: Role,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When the server says it expires (read back by SHOW), or what was asked for until then.
    pub expires_at: Timestamp,
}

/// An older generation on its way out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draining {
    /// The generation.
    pub held: Held,
    /// When it stopped being handed out.
    pub since: Timestamp,
    /// When nobody was found to hold it any more.
    pub released_at: Option<Timestamp>,
    /// Whether it is no longer trusted and goes at once.
    pub tainted: bool,
}

/// The durable note that is written before an ADD or a ROTATE is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// Its id, part of the token's name.
    pub id: IntentId,
    /// The generation it makes.
    pub generation: Generation,
    /// The name it will have: for an ADD the idempotency key, for a ROTATE the name that stays.
    pub name: TokenName,
    /// The role it is restricted to.
    pub role: Role,
    /// When it was written.
    pub at: Timestamp,
    /// Whether the generation being replaced is tainted.
    pub tainted: bool,
    /// For a ROTATE: how many hours the secret that is under the name now goes on working. None: an ADD.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlap: Option<u32>,
}

/// A token of ours without a secret: an ADD without an answer that SHOW did not list but that may still be carried
/// out, or one that was held when the slot was revoked. Or a ROTATE that may still be carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doubt {
    /// The name the token would have.
    pub name: TokenName,
    /// From then on, what SHOW does not list cannot turn up any more.
    pub until: Timestamp,
    /// Whether it is a ROTATE of that name that may still be carried out, and not an ADD.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rotates: bool,
}

/// What is known only while the daemon runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flight {
    /// The one call whose answer is awaited.
    pub asked: Option<Asked>,
    /// An unused random id, for the next intent.
    pub fresh: Option<IntentId>,
    /// When Snowflake's list is looked at next though nothing is due.
    pub survey_at: Option<Timestamp>,
    /// How often removing a drained token failed in a row, and when it is tried again.
    pub drain_pause: Option<(u32, Timestamp)>,
    /// The requests that found no secret and let the slot try at once.
    pub wishes: Option<Box<Wishes>>,
    /// The token last removed: SHOW must not list it any more.
    pub removed: Option<TokenName>,
    /// Whether the disk has too little room to begin another generation.
    pub is_cramped: bool,
    /// Whether Snowflake's list, when last seen, had a token of this lineage as disabled.
    pub saw_disabled: bool,
}

/// Requests that found no secret, one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wishes {
    /// When the last of them let the slot try at once.
    pub last: Timestamp,
    /// What Snowflake had refused before it, if it was a refusal.
    pub refusal: Option<String>,
    /// How many of them followed that same refusal.
    pub in_vain: u32,
    /// The terms then.
    pub rules: Rules,
}

/// A call to Snowflake that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// `Effect::Add`
    Add,
    /// `Effect::Rotate`
    Rotate,
    /// `Effect::List`
    List,
    /// `Effect::Probe`
    Probe(Generation),
    /// `Effect::Remove`
    Remove(TokenName),
}

/// The operation in flight.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Work {
    /// None.
    Idle,
    /// An ADD or a ROTATE was announced; whether Snowflake carried it out is not known until it answers or SHOW tells.
    Issuing(Intent),
    /// A new secret is sealed on disk and not proven yet.
    Proving {
        /// The new secret.
        staged: Held,
        /// What it came from.
        intent: Intent,
    },
    /// A token of ours that nobody may have (orphan, or proven wrong) is being removed.
    Discarding {
        /// Its name.
        name: TokenName,
        /// Why it goes.
        why: String,
    },
}

/// Whether the slot may issue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Yes.
    Enrolled,
    /// A probe showed another user or role: nothing new is issued until a person says so.
    Quarantined {
        /// What the probe showed.
        shown: String,
    },
    /// Revoked, sticky until `enrol`. `confirmed` once SHOW listed none of our tokens.
    Tombstoned {
        /// Since when.
        at: Timestamp,
        /// Whether Snowflake no longer has any token of this lineage.
        confirmed: bool,
    },
    /// Someone else writes our lineage.
    Fenced {
        /// The token we did not write.
        foreign: TokenName,
    },
}

/// A failure that is waited out or waits for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// Stable id, e.g. `add-refused-limit`, `offline`, `probe-network-policy`.
    pub id: String,
    /// What happened (server text; never a secret).
    pub message: String,
    /// What a person can do.
    pub next_step: String,
    /// How many times in a row.
    pub times: u32,
    /// When it is tried again by itself.
    pub retry_at: Timestamp,
}
