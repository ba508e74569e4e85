//! Network rules, network policies, authentication policies.

use super::Path;
use crate::engine::clock::Millis;

/// A network rule; type and mode never change.
#[derive(Clone, Debug)]
pub(in crate::engine) struct NetworkRule {
    pub(in crate::engine) kind: String,
    pub(in crate::engine) mode: String,
    pub(in crate::engine) values: Vec<String>,
    pub(in crate::engine) comment: String,
    pub(in crate::engine) created_on: Millis,
}

/// A network policy: names of rules, and the older address lists.
#[derive(Clone, Debug)]
pub(in crate::engine) struct NetworkPolicy {
    pub(in crate::engine) allowed_rules: Vec<Path>,
    pub(in crate::engine) blocked_rules: Vec<Path>,
    pub(in crate::engine) allowed_ips: Vec<String>,
    pub(in crate::engine) blocked_ips: Vec<String>,
    pub(in crate::engine) comment: String,
    pub(in crate::engine) created_on: Millis,
}

/// NETWORK_POLICY_EVALUATION of a PAT policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum Evaluation {
    EnforcedRequired,
    EnforcedNotRequired,
    NotEnforced,
}

impl Evaluation {
    pub(in crate::engine) const ALL: [Self; 3] =
        [Self::EnforcedRequired, Self::EnforcedNotRequired, Self::NotEnforced];

    pub(in crate::engine) fn name(self) -> &'static str {
        match self {
            Self::EnforcedRequired => "ENFORCED_REQUIRED",
            Self::EnforcedNotRequired => "ENFORCED_NOT_REQUIRED",
            Self::NotEnforced => "NOT_ENFORCED",
        }
    }
}

/// The PAT_POLICY of an authentication policy. Source: snowflake docs, user-guide/programmatic-access-tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::engine) struct PatPolicy {
    pub(in crate::engine) default_days: i64,
    pub(in crate::engine) max_days: i64,
    pub(in crate::engine) evaluation: Evaluation,
    pub(in crate::engine) restrict_services: bool,
    pub(in crate::engine) restrict_persons: bool,
    pub(in crate::engine) blocked_roles: Vec<String>,
}

impl Default for PatPolicy {
    fn default() -> Self {
        Self {
            default_days: 15,
            max_days: 365,
            evaluation: Evaluation::EnforcedRequired,
            restrict_services: true,
            restrict_persons: false,
            blocked_roles: Vec::new(),
        }
    }
}

/// An authentication policy.
#[derive(Clone, Debug)]
pub(in crate::engine) struct AuthPolicy {
    pub(in crate::engine) methods: Vec<String>,
    pub(in crate::engine) client_types: Vec<String>,
    /// Client type and minimum version.
    pub(in crate::engine) client_policy: Vec<(String, String)>,
    pub(in crate::engine) security_integrations: Vec<String>,
    pub(in crate::engine) mfa_enrollment: String,
    pub(in crate::engine) mfa_policy: Vec<(String, String)>,
    pub(in crate::engine) workload_policy: Vec<(String, String)>,
    pub(in crate::engine) pat: PatPolicy,
    pub(in crate::engine) comment: Option<String>,
    pub(in crate::engine) created_on: Millis,
}

impl AuthPolicy {
    /// Returns an untouched policy, which is also the built-in one.
    pub(in crate::engine) fn untouched(created_on: Millis) -> Self {
        let all = || vec!["ALL".to_owned()];
        Self {
            methods: all(),
            client_types: all(),
            client_policy: Vec::new(),
            security_integrations: all(),
            mfa_enrollment: "OPTIONAL".into(),
            mfa_policy: Vec::new(),
            workload_policy: Vec::new(),
            pat: PatPolicy::default(),
            comment: None,
            created_on,
        }
    }

    pub(in crate::engine) fn allows_method(&self, method: &str) -> bool {
        self.methods.iter().any(|m| m == "ALL" || m == method)
    }
}

/// Whom an authentication policy on the account covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::engine) enum PolicyScope {
    Account,
    Persons,
    Services,
}

impl PolicyScope {
    /// Returns the word used in the `options` column of SHOW.
    pub(in crate::engine) fn name(self) -> &'static str {
        match self {
            Self::Account => "ACCOUNT",
            Self::Persons => "PERSON_USERS",
            Self::Services => "SERVICE_USERS",
        }
    }
}
