//! What the account holds: plain data and look-ups. Rules and privileges live with the statements.

mod containers;
mod grants;
mod keys;
mod names;
mod policies;
mod tokens;
mod users;

use std::collections::BTreeMap;

pub(super) use containers::{Database, Role, Schema, Warehouse};
pub(super) use grants::{
    Grantee, Grants, Kind, OWNERSHIP, PrivilegeGrant, RoleGrant, RoleRef, Securable,
};
pub(super) use keys::{KeyPair, PublicKey};
pub(super) use names::Path;
pub(super) use policies::{
    AuthPolicy, Evaluation, NetworkPolicy, NetworkRule, PatPolicy, PolicyScope,
};
pub(super) use tokens::{Token, fingerprint};
pub(super) use users::{User, UserType};

use super::api::AccountIdentity;

/// Everything the account holds.
#[derive(Clone)]
pub(super) struct State {
    pub(super) account: AccountIdentity,
    pub(super) users: BTreeMap<String, User>,
    pub(super) roles: BTreeMap<String, Role>,
    pub(super) databases: BTreeMap<String, Database>,
    pub(super) warehouses: BTreeMap<String, Warehouse>,
    pub(super) network_rules: BTreeMap<Path, NetworkRule>,
    pub(super) network_policies: BTreeMap<String, NetworkPolicy>,
    pub(super) auth_policies: BTreeMap<Path, AuthPolicy>,
    pub(super) grants: Grants,
    /// The account's NETWORK_POLICY parameter.
    pub(super) network_policy: Option<String>,
    /// Authentication policies attached to the account, by whom they cover.
    pub(super) account_auth_policies: BTreeMap<PolicyScope, Path>,
    last_id: u64,
}

impl State {
    pub(super) fn empty(account: AccountIdentity) -> Self {
        Self {
            account,
            users: BTreeMap::new(),
            roles: BTreeMap::new(),
            databases: BTreeMap::new(),
            warehouses: BTreeMap::new(),
            network_rules: BTreeMap::new(),
            network_policies: BTreeMap::new(),
            auth_policies: BTreeMap::new(),
            grants: Grants::default(),
            network_policy: None,
            account_auth_policies: BTreeMap::new(),
            last_id: 1000,
        }
    }

    /// Returns a number no object of this account has had.
    pub(super) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// Returns whether the object exists.
    pub(super) fn holds(&self, on: &Securable) -> bool {
        let path = &on.path;
        match on.kind {
            Kind::Account => true,
            Kind::User => self.users.contains_key(path.leaf()),
            Kind::Role => self.roles.contains_key(path.leaf()),
            Kind::Database => self.databases.contains_key(path.leaf()),
            Kind::Warehouse => self.warehouses.contains_key(path.leaf()),
            Kind::NetworkPolicy => self.network_policies.contains_key(path.leaf()),
            Kind::NetworkRule => self.network_rules.contains_key(path),
            Kind::AuthenticationPolicy => self.auth_policies.contains_key(path),
            Kind::Schema => self.schema(path).is_some(),
            Kind::DatabaseRole => self.database_role(path).is_some(),
        }
    }

    /// Returns the schema at a two-part path.
    pub(super) fn schema(&self, path: &Path) -> Option<&Schema> {
        let (database, schema) = path.pair()?;
        self.databases.get(database)?.schemas.get(schema)
    }

    /// Returns the database role at a two-part path.
    pub(super) fn database_role(&self, path: &Path) -> Option<&Role> {
        let (database, role) = path.pair()?;
        self.databases.get(database)?.roles.get(role)
    }

    /// Returns the user whose LOGIN_NAME this is, whatever its case.
    pub(super) fn user_by_login(&self, login_name: &str) -> Option<&User> {
        self.users.values().find(|u| u.login_name.eq_ignore_ascii_case(login_name))
    }

    /// Returns the user with that number.
    pub(super) fn user_by_id(&self, id: u64) -> Option<&User> {
        self.users.values().find(|u| u.id == id)
    }

    /// Returns the token with this secret's fingerprint, and its user.
    pub(super) fn token_by_fingerprint(&self, fingerprint: &str) -> Option<(&User, &Token)> {
        self.users.values().find_map(|user| {
            user.tokens.iter().find(|t| t.fingerprint == fingerprint).map(|token| (user, token))
        })
    }

    /// Forgets every grant on, to and by way of an object that is being dropped; what it owned goes to `heir`.
    pub(super) fn release(&mut self, on: &Securable, heir: Option<&Grantee>) {
        self.grants.forget_object(on);
        if let Some(gone) = Grantee::of(on) {
            self.grants.forget_grantee(&gone, heir);
        }
    }
}
