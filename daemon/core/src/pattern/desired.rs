//! What is wanted at Snowflake. Built from trusted configuration; says nothing about how to get there.

use serde::{Deserialize, Serialize};

use crate::names::{Account, Role, User};

/// Everything the pattern wants of one account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Desired {
    /// The account.
    pub account: Account,
    /// The role printed SQL runs under, e.g. `ACCOUNTADMIN`. Nothing of the broker's ever holds it.
    pub run_as: Role,
    /// Where rules and policies of ours live.
    pub home: Home,
    /// The resident admin login of this host.
    pub broker: Broker,
    /// From where broker and service users may connect.
    pub network: Network,
    /// How the service users may log in.
    pub tokens: TokenPolicy,
    /// The service users, by name.
    pub users: Vec<ServiceUser>,
    /// The two account-level policies.
    pub scopes: Scopes,
}

/// Whether an object is ours to make and change, or the site's, only to be checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Management {
    /// Made when missing, changed when different.
    Ours,
    /// The site's own: used and checked, never changed.
    Existing,
}

/// A database and schema for network rules and policies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Home {
    /// The database.
    pub database: String,
    /// The schema.
    pub schema: String,
    /// Whose they are.
    pub management: Management,
}

/// The resident admin login: a user that can do nothing but manage tokens of the registered users.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Broker {
    /// Its user.
    pub user: User,
    /// Its role.
    pub role: Role,
    /// The RSA public key: base64 of the DER, without PEM lines. None: the key is not ours to set in this run.
    pub public_key: Option<String>,
    /// `SHA256:…` of that key, as Snowflake prints it: by it an observation shows whether the key is set.
    #[serde(default)]
    pub key_fingerprint: Option<String>,
    /// Whether it may replace its own key.
    pub replaces_own_key: bool,
    /// Broker roles of other hosts: they may manage tokens of the same users, and verify does not wonder at them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_roles: Vec<Role>,
    /// Whose the user and the role are.
    pub management: Management,
}

/// The network policy that Snowflake demands of service users
/// (snowflake docs: programmatic-access-tokens, "Network policy requirements").
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Network {
    /// A policy of the site's: attached, never changed.
    Existing {
        /// Its name.
        policy: String,
    },
    /// A policy of ours.
    Allow {
        /// Its name; our rule in the home schema is called `<policy>_INGRESS`.
        policy: String,
        /// What it lets in.
        sources: Vec<Source>,
    },
}

/// From where one may connect.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// An IPv4 address or range: `192.0.2.7`, `198.51.100.0/24`.
    Range(String),
    /// A network rule of Snowflake's or the site's, by its full name in three parts:
    /// `SNOWFLAKE.NETWORK_SECURITY.DBT_APAC_AWS` (snowflake docs: network-rules).
    Rule([String; 3]),
    /// The address Snowflake itself saw this run come from. Addresses the rule already holds stay.
    AsSeen,
}

/// The authentication policy of the service users.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TokenPolicy {
    /// A policy of the site's, by its full name in three parts: attached, never changed.
    Existing([String; 3]),
    /// Ours, `PATD_TOKENS_ONLY` in the home schema: tokens and nothing else, each bound to a role.
    Ours {
        /// Life of a token that says nothing, in days.
        default_days: u32,
        /// Longest life, in days: what our own tokens need, or the limit that somebody wrote.
        max_days: u32,
        /// Whether that is a limit: then a longer one at Snowflake is lowered to it. The policy is every host's, so otherwise
        /// a longer one stays.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_limit: bool,
        /// What a network policy means to a token.
        evaluation: Evaluation,
    },
}

/// `NETWORK_POLICY_EVALUATION` of a token policy (snowflake docs: create-authentication-policy, PAT_POLICY).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evaluation {
    /// There must be one, and it is obeyed.
    EnforcedRequired,
    /// It is obeyed where there is one.
    EnforcedNotRequired,
    /// It is ignored: a token works from anywhere. Needs a confirmation of its own, and is drift for ever.
    NotEnforced,
}

/// One service user with its one role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceUser {
    /// The user.
    pub user: User,
    /// Whose it is. `Existing` still gets tokens, and the grants tokens need.
    pub user_management: Management,
    /// Its role.
    pub role: Role,
    /// Whose it is.
    pub role_management: Management,
    /// Whether the role is granted to SYSADMIN, so that its objects are not orphaned.
    pub to_sysadmin: bool,
    /// A default warehouse for the user.
    pub warehouse: Option<String>,
    /// What the role may use. What it holds beyond this is reported by verify, never revoked.
    pub privileges: Vec<Privilege>,
    /// Database roles the role holds, in two parts: `SNOWFLAKE.CORTEX_USER`.
    pub database_roles: Vec<[String; 2]>,
    /// Whether its secrets are replaced by ROTATE, which leaves tokens of other names behind for a while.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rotates: bool,
}

/// A privilege of the role on an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Privilege {
    /// `USAGE`, `SELECT`, …: upper case words.
    pub privilege: String,
    /// `WAREHOUSE`, `DATABASE`, `SCHEMA`, `TABLE`, `VIEW`, …: upper case words.
    pub on: String,
    /// The parts of its name, as SHOW spells them.
    pub name: Vec<String>,
}

/// The policies for all person users and all service users of the account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scopes {
    /// Whether person users lose the token method: `PATD_PERSONS` in the home schema.
    pub bar_persons: bool,
    /// Whether service users keep key pair, OAuth and workload identity and gain tokens: `PATD_SERVICES`.
    pub admit_services: bool,
    /// Roles no token may be restricted to, where the account knows BLOCKED_ROLES_LIST.
    pub blocked_roles: Vec<Role>,
}

impl Evaluation {
    /// Returns Snowflake's word.
    pub fn as_sql(self) -> &'static str {
        match self {
            Self::EnforcedRequired => "ENFORCED_REQUIRED",
            Self::EnforcedNotRequired => "ENFORCED_NOT_REQUIRED",
            Self::NotEnforced => "NOT_ENFORCED",
        }
    }
}

/// The authentication policy of the service users.
pub const TOKENS_ONLY: &str = "PATD_TOKENS_ONLY";
/// The authentication policy of the broker.
pub const KEY_ONLY: &str = "PATD_KEY_ONLY";
/// The policy for all person users of the account.
pub const PERSONS: &str = "PATD_PERSONS";
/// The policy for all service users of the account.
pub const SERVICES: &str = "PATD_SERVICES";
/// The comment that marks an object as ours.
pub const OUR_COMMENT: &str = "PAT Broker";
