//! Behaviours that Snowflake does not document, or documents twice. Each is a switch; the default is
//! the likeliest. A broker must work under every setting.

use serde::{Deserialize, Serialize};

/// Every undocumented behaviour, settable by tests and by the control API.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Switches {
    /// Which PATs a session opened with a PAT may not modify, rotate or remove.
    pub pat_session_rule: PatSessionRule,
    /// Whether a session of a PAT restricted to one role may mint for another role.
    pub cross_role_mint: CrossRoleMint,
    /// What a missing network policy is called at login.
    pub missing_network_policy: MissingPolicyCode,
    /// Whether ALLOWED_IP_LIST alone counts as "has a network policy" for PATs.
    pub ip_list_satisfies_policy_requirement: bool,
    /// Days after which an expired token leaves SHOW: the docs say both 7 and 30.
    pub expired_rows_days: i64,
    /// What SHOW says of a token that is expired and disabled.
    pub status_when_both: TokenStatusWhenBoth,
    /// ROTATE without hours when less than 24 remain.
    pub default_grace: DefaultGrace,
    /// ROTATE when the user already has 15 live tokens.
    pub rotate_at_limit: RotateAtLimit,
    /// Whether ROTATE resets `created_on`.
    pub rotate_resets_created_on: bool,
    /// Whether ROTATE carries comment and bypass minutes over to the new secret.
    pub rotate_carries_comment: bool,
    /// Who keeps CREDENTIAL_ID at ROTATE.
    pub rotate_credential_id: CredentialId,
    /// Whether `rotated_to` of predecessors follows a rename of the live token.
    pub rename_moves_rotated_to: bool,
    /// Role of a restricted session when the client names none and DEFAULT_ROLE differs.
    pub restricted_default: RestrictedDefault,
    /// Whether granting a revoked role again revives the tokens restricted to it.
    pub regrant_revives_token: bool,
    /// Whether removing or disabling a PAT ends the sessions it opened.
    pub removed_pat_ends_sessions: bool,
    /// Whether revoking the role from the user ends sessions restricted to it.
    pub revoked_role_ends_sessions: bool,
    /// Whether USE SECONDARY ROLES NONE is refused in a restricted session, like USE ROLE.
    pub restricted_session_refuses_secondary_none: bool,
    /// Whether a restricted key pair works when the client names no role.
    pub restricted_key_needs_role: bool,
    /// Whether FOR ALL SERVICE USERS covers SERVICE_AGENT.
    pub service_scope_covers_agents: bool,
    /// Whether ALTER ACCOUNT SET AUTHENTICATION POLICY … FORCE detaches policies of users.
    pub account_force_detaches_users: bool,
    /// Whether ALTER … SET PAT_POLICY = (…) resets the properties left out.
    pub set_pat_policy_resets_others: bool,
    /// Whether CREATE OR REPLACE USER keeps the tokens.
    pub replace_user_keeps_tokens: bool,
    /// How a name inside a string literal is looked up.
    pub literal_names: LiteralNames,
    /// What an existing object is called that the role has no privilege on.
    pub unseen_object: UnseenObject,
    /// Delay of the ACCOUNT_USAGE views, in minutes (real: up to 120).
    pub account_usage_latency_minutes: i64,
    /// Rows of DESCRIBE USER, columns of SHOW USERS, and `target_scopes` in the options of SHOW AUTHENTICATION POLICIES
    /// that this release does not have: the docs differ on each.
    pub release_lacks: Vec<String>,
    /// Misbehaviour: every login with a token lands in this role, whatever was asked or restricted.
    pub forced_login_role: Option<String>,
    /// Misbehaviour: every login with a token lands as this user.
    pub forced_login_user: Option<String>,
    /// Misbehaviour: restricted sessions get all secondary roles.
    pub restricted_sessions_have_secondary_roles: bool,
    /// Misbehaviour: a restricted session may take every role of its user, and secondary roles.
    pub restricted_sessions_may_switch: bool,
    /// Misbehaviour: a login with a restricted token gets whichever role of its user it asks for.
    pub restricted_logins_may_choose: bool,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            pat_session_rule: PatSessionRule::SameUser,
            cross_role_mint: CrossRoleMint::Refused,
            missing_network_policy: MissingPolicyCode::Own,
            ip_list_satisfies_policy_requirement: true,
            expired_rows_days: 30,
            status_when_both: TokenStatusWhenBoth::Disabled,
            default_grace: DefaultGrace::Clamped,
            rotate_at_limit: RotateAtLimit::Refused,
            rotate_resets_created_on: true,
            rotate_carries_comment: true,
            rotate_credential_id: CredentialId::StaysWithName,
            rename_moves_rotated_to: true,
            restricted_default: RestrictedDefault::Restriction,
            regrant_revives_token: true,
            removed_pat_ends_sessions: false,
            revoked_role_ends_sessions: false,
            restricted_session_refuses_secondary_none: true,
            restricted_key_needs_role: true,
            service_scope_covers_agents: false,
            account_force_detaches_users: false,
            set_pat_policy_resets_others: true,
            replace_user_keeps_tokens: false,
            literal_names: LiteralNames::ExactThenUpper,
            unseen_object: UnseenObject::Insufficient,
            account_usage_latency_minutes: 0,
            release_lacks: Vec::new(),
            forced_login_role: None,
            forced_login_user: None,
            restricted_sessions_have_secondary_roles: false,
            restricted_sessions_may_switch: false,
            restricted_logins_may_choose: false,
        }
    }
}

impl Switches {
    /// Returns whether the release has no such row, column or option.
    pub(super) fn lacks(&self, name: &str) -> bool {
        self.release_lacks.iter().any(|lacking| lacking == name)
    }
}

/// Whose PATs a PAT session must leave alone: current docs say the same user's, older ones any.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PatSessionRule {
    /// PATs of the session's own user.
    SameUser,
    /// Every PAT.
    AnyUser,
}

/// Minting for another role from a restricted PAT session: refused in a field report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CrossRoleMint {
    /// Only PATs restricted to the session's own role.
    Refused,
    /// Any role.
    Allowed,
}

/// The code of a login without a network policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissingPolicyCode {
    /// 390432, `Network policy is required.`
    Own,
    /// 394400, the generic one.
    Generic,
}

/// Which status wins when a token is both expired and disabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenStatusWhenBoth {
    /// DISABLED, as documented for key pairs.
    Disabled,
    /// EXPIRED.
    Expired,
}

/// The default grace of 24 hours when fewer remain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DefaultGrace {
    /// Shortened to what remains.
    Clamped,
    /// Out of range: the statement fails.
    Refused,
}

/// ROTATE at the limit of live tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RotateAtLimit {
    /// Refused, as documented for key pairs.
    Refused,
    /// Allowed: the predecessor becomes the sixteenth.
    Allowed,
}

/// Who keeps the credential's number at ROTATE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialId {
    /// The live name; the predecessor gets a new one.
    StaysWithName,
    /// The old secret, now the predecessor; the live name gets a new one.
    MovesWithSecret,
}

/// The role of a restricted session whose client named none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RestrictedDefault {
    /// The role of the restriction.
    Restriction,
    /// DEFAULT_ROLE is asked for, and the login fails when it differs.
    DefaultRoleOrFailure,
}

/// How `'name'` finds an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LiteralNames {
    /// As spelled, and if there is none, in upper case.
    ExactThenUpper,
    /// As spelled only.
    Exact,
}

/// The error for an existing object on which the role holds nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnseenObject {
    /// 003001, insufficient privileges.
    Insufficient,
    /// 002003, does not exist or not authorized.
    DoesNotExist,
}
