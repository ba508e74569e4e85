//! `[provision]`: the single-role pattern as it is wanted of each account, in the words of the core. Checked in
//! `check`; nothing here asks Snowflake.

use patd_core::names::{Account, Role, SlotId, User};
use patd_core::pattern::desired::{
    Broker, Desired, Home, Management, Network, Scopes, ServiceUser, Source, TokenPolicy,
};
use patd_core::pattern::verify::Id;

use crate::{Config, object};

/// What is wanted of an account besides its broker and service users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provision {
    /// Whether the account has a `[provision]`; if not, all the rest are documented defaults.
    pub is_written: bool,
    /// The role that printed SQL runs under.
    pub run_as: Role,
    /// Where rules and policies of ours live.
    pub home: Home,
    /// From where broker and service users may connect.
    pub network: Network,
    /// How service users may log in.
    pub tokens: TokenPolicy,
    /// The two account-level policies.
    pub scopes: Scopes,
    /// Broker roles of other hosts, which may make tokens for the same users.
    pub other_brokers: Vec<Role>,
    /// Checks that stop hand-out while they fail.
    pub freeze_on: Vec<Id>,
}

/// The public key of an account's broker user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerKey {
    /// Base64 of its DER, without PEM lines.
    pub body: String,
    /// `SHA256:…`, as Snowflake names it.
    pub fingerprint: String,
}

impl Config {
    /// Returns what is wanted of the service user of a slot; none if the slot is not configured.
    pub fn service_user(&self, slot: &SlotId) -> Option<ServiceUser> {
        let plain = || Some(plain(slot.user.clone(), self.slots.get(slot)?.role.clone()));
        self.service_users.get(slot).cloned().or_else(plain)
    }

    /// Returns everything the pattern wants of an account; none if the account is not configured. The broker's
    /// public key is not in the configuration: without it, the key is not ours to set in this run.
    pub fn desired(&self, account: &Account, key: Option<BrokerKey>) -> Option<Desired> {
        let admin = &self.accounts.get(account)?.admin;
        let provision = self.provision.get(account)?;
        let (public_key, key_fingerprint) = key.map(|key| (key.body, key.fingerprint)).unzip();
        let slots = self.slots.keys().filter(|slot| slot.account == *account);
        Some(Desired {
            account: account.clone(),
            run_as: provision.run_as.clone(),
            home: provision.home.clone(),
            broker: Broker {
                user: admin.user.clone(),
                role: admin.role.clone(),
                public_key,
                key_fingerprint,
                replaces_own_key: true,
                management: Management::Ours,
                other_roles: provision.other_brokers.clone(),
            },
            network: provision.network.clone(),
            tokens: provision.tokens.clone(),
            users: slots.filter_map(|slot| self.service_user(slot)).collect(),
            scopes: provision.scopes.clone(),
        })
    }
}

/// Returns what is wanted of a service user of which no entry says anything but its role.
pub(crate) fn plain(user: User, role: Role) -> ServiceUser {
    ServiceUser {
        user,
        user_management: Management::Ours,
        role,
        role_management: Management::Ours,
        to_sysadmin: false,
        warehouse: None,
        privileges: Vec::new(),
        database_roles: vec![CORTEX.map(str::to_owned)],
        rotates: false,
    }
}

/// Without it a perfect token meets an agent that cannot reach a model (snowflake docs: cortex-code-cli).
pub(crate) const CORTEX: [&str; 2] = ["SNOWFLAKE", "CORTEX_USER"];

/// Returns what a text of `network` means.
///
/// # Errors
/// What is wrong with it, and the next step.
pub fn source(text: &str) -> Result<Source, (String, String)> {
    object::source(text).map_err(|wrong| (wrong.what, wrong.next_step))
}
