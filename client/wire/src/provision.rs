//! Requests and replies of the admin socket about the pattern at Snowflake. What was observed, checked or shown by a
//! login travels as the JSON of the core's own types, which this crate does not know. Nothing here can carry a secret.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Has the daemon look at an account. The reply is the JSON of the core's `Observed`; the daemon keeps it for a while,
/// with the plan that follows from it and from its own configuration, so that [`ProvisionRequest`] can run that plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObserveRequest {
    /// The account; none means "the only one".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Every user of the account, or only the broker, the service users and what they are under.
    pub whole: bool,
    /// What the plan leaves out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without: Vec<Without>,
}

/// Something that a plan may leave out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Without {
    /// The policies for all persons and all service users.
    AccountPolicies,
}

/// Has the daemon run the next step of the plan it made itself. It is named by its text, and by the fingerprint of the
/// observation: the daemon takes no SQL from a socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProvisionRequest {
    /// The account; none means "the only one".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Of the observation that the plan was made of.
    pub fingerprint: String,
    /// The next step, byte for byte.
    pub statement: String,
    /// The dangers a person confirmed, in the words of `patctl apply --confirm`.
    #[serde(default)]
    pub confirmed: Vec<String>,
}

/// The step was run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provisioned {}

/// Has the daemon log in with the current secret of a connection and try to leave its one role. The reply is the JSON
/// of the core's `Evidence`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceRequest {
    /// The connection.
    pub connection: String,
}

/// Asks what the watch found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DriftRequest {
    /// The account; none means every one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Whether the daemon looks again before it answers.
    #[serde(default)]
    pub look: bool,
}

/// What the watch found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drift {
    /// One row an account, by name.
    pub accounts: Vec<AccountDrift>,
}

/// What the watch found in one account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountDrift {
    /// The account.
    pub account: String,
    /// When it was last looked at, with success: seconds since 1970, UTC. None: not since the daemon started.
    pub looked_at: Option<i64>,
    /// Why the last look brought nothing, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// The checks that do not hold and those that could not be made: a list of the core's `Check`.
    pub checks: Value,
    /// Slots that are not handed out, by name, with the ids of the checks that stop them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held_back: Vec<HeldBack>,
}

/// A slot that is not handed out because a check of `freeze_on` does not hold, or was not made yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldBack {
    /// `ACCOUNT/USER`.
    pub slot: String,
    /// The checks that do not hold; none: the slot was never looked at.
    pub checks: Vec<String>,
}

/// In a status: how an account stands with the watch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watched {
    /// The account.
    pub account: String,
    /// When it was last looked at, with success: seconds since 1970, UTC.
    pub looked_at: Option<i64>,
    /// How many checks do not hold; each is an alarm.
    pub failed: u32,
    /// How many checks the broker's role cannot make.
    pub not_checked: u32,
    /// The fingerprint of the admin key the daemon logs in with: `SHA256:…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin_key: Option<String>,
}

/// Takes this host out of service: a tombstone for every slot, of one account or of all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetireRequest {
    /// The account; none means every one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
}

/// What is left of this host at Snowflake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retired {
    /// The random id of this host's lineage, as it appears in token names.
    pub host_id: String,
    /// Slots whose tokens are gone at Snowflake, confirmed.
    pub confirmed: Vec<String>,
    /// Slots whose tokens are not yet confirmed gone: removal is retried for ever.
    pub pending: Vec<String>,
    /// The broker users, which only an administrator of the account can drop.
    pub brokers: Vec<RetiredBroker>,
}

/// A broker user that is left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetiredBroker {
    /// The account.
    pub account: String,
    /// The user.
    pub user: String,
    /// Its role.
    pub role: String,
}
