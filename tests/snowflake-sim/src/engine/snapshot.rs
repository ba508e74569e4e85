//! Views for tests: what the account holds, without any secret.

use serde::Serialize;

use super::Engine;
use super::clock::Millis;
use super::history::{LoginRecord, QueryRecord};
use super::state::{Token, User};

/// One token, as tests look at it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TokenView {
    /// CREDENTIAL_ID.
    pub id: u64,
    /// Name.
    pub name: String,
    /// SHA-256 of the secret, in hex.
    pub fingerprint: String,
    /// The one role it may be used for.
    pub role_restriction: Option<String>,
    /// ACTIVE, EXPIRED or DISABLED.
    pub status: &'static str,
    /// When it was created.
    pub created_on: Millis,
    /// When it expires.
    pub expires_at: Millis,
    /// The live token this is the predecessor of.
    pub rotated_to: Option<String>,
    /// When it last opened a session.
    pub last_used_on: Option<Millis>,
    /// Its comment.
    pub comment: Option<String>,
}

/// One user.
#[derive(Clone, Debug, Serialize)]
pub struct UserView {
    /// Number.
    pub id: u64,
    /// Name.
    pub name: String,
    /// LOGIN_NAME.
    pub login_name: String,
    /// TYPE in force.
    pub kind: &'static str,
    /// DISABLED.
    pub disabled: bool,
    /// DEFAULT_ROLE.
    pub default_role: Option<String>,
    /// Its own network policy.
    pub network_policy: Option<String>,
    /// Its own authentication policy.
    pub auth_policy: Option<String>,
    /// Fingerprints of its public keys.
    pub keys: Vec<String>,
    /// Its tokens.
    pub tokens: Vec<TokenView>,
}

/// One grant, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GrantView {
    /// Privilege, or `USAGE` for a role.
    pub privilege: String,
    /// Kind of object.
    pub on: String,
    /// Name of the object.
    pub name: String,
    /// ROLE, DATABASE_ROLE or USER.
    pub granted_to: &'static str,
    /// Who has it.
    pub grantee: String,
}

/// The whole account.
#[derive(Clone, Debug, Serialize)]
pub struct Snapshot {
    /// Users by name.
    pub users: Vec<UserView>,
    /// Account roles.
    pub roles: Vec<String>,
    /// Databases.
    pub databases: Vec<String>,
    /// Warehouses.
    pub warehouses: Vec<String>,
    /// Network rules, full names.
    pub network_rules: Vec<String>,
    /// Network policies.
    pub network_policies: Vec<String>,
    /// Authentication policies, full names.
    pub auth_policies: Vec<String>,
    /// The account's network policy.
    pub network_policy: Option<String>,
    /// All grants.
    pub grants: Vec<GrantView>,
}

impl Engine {
    /// Returns the tokens of a user, oldest name order as SHOW has it; none for an unknown user.
    pub fn tokens(&self, user: &str, now: Millis) -> Vec<TokenView> {
        let user = self.state.users.get(user);
        user.map(|user| self.token_views(user, now)).unwrap_or_default()
    }

    /// Returns every token secret ever made, for leak scans; the account itself keeps fingerprints only.
    pub fn secrets(&self) -> Vec<String> {
        self.random.issued().to_vec()
    }

    /// Returns every login, oldest first.
    pub fn logins(&self) -> &[LoginRecord] {
        &self.history.logins
    }

    /// Returns every statement, oldest first.
    pub fn queries(&self) -> &[QueryRecord] {
        &self.history.queries
    }

    /// Returns everything the account holds; secrets only as fingerprints.
    pub fn snapshot(&self, now: Millis) -> Snapshot {
        let state = &self.state;
        let names = |keys: Vec<&String>| keys.into_iter().cloned().collect();
        Snapshot {
            users: state.users.values().map(|user| self.user_view(user, now)).collect(),
            roles: names(state.roles.keys().collect()),
            databases: names(state.databases.keys().collect()),
            warehouses: names(state.warehouses.keys().collect()),
            network_rules: state.network_rules.keys().map(ToString::to_string).collect(),
            network_policies: names(state.network_policies.keys().collect()),
            auth_policies: state.auth_policies.keys().map(ToString::to_string).collect(),
            network_policy: state.network_policy.clone(),
            grants: self.grant_views(),
        }
    }

    fn token_views(&self, user: &User, now: Millis) -> Vec<TokenView> {
        let view = |token: &Token| TokenView {
            id: token.id,
            name: token.name.clone(),
            fingerprint: token.fingerprint.clone(),
            role_restriction: token.role_restriction.clone(),
            status: token.status(now, self.switches.status_when_both).name(),
            created_on: token.created_on,
            expires_at: token.expires_at,
            rotated_to: token.rotated_to.clone(),
            last_used_on: token.last_used_on,
            comment: token.comment.clone(),
        };
        user.tokens.iter().map(view).collect()
    }

    fn user_view(&self, user: &User, now: Millis) -> UserView {
        let keys = self.public_keys(&user.login_name, now);
        UserView {
            id: user.id,
            name: user.name.clone(),
            login_name: user.login_name.clone(),
            kind: user.effective_kind().name(),
            disabled: user.disabled,
            default_role: user.default_role.clone(),
            network_policy: user.network_policy.clone(),
            auth_policy: user.auth_policy.as_ref().map(ToString::to_string),
            keys: keys.into_iter().map(|key| key.fingerprint).collect(),
            tokens: self.token_views(user, now),
        }
    }

    fn grant_views(&self) -> Vec<GrantView> {
        let privileges = self.state.grants.privileges.iter().map(|grant| GrantView {
            privilege: grant.privilege.clone(),
            on: grant.on.kind.column(),
            name: grant.on.path.to_string(),
            granted_to: grant.to.word(),
            grantee: grant.to.name(),
        });
        let roles = self.state.grants.roles.iter().map(|grant| GrantView {
            privilege: "USAGE".into(),
            on: grant.role.securable().kind.column(),
            name: grant.role.to_string(),
            granted_to: grant.to.word(),
            grantee: grant.to.name(),
        });
        privileges.chain(roles).collect()
    }
}
