//! Which policy is in force for a user, after precedence.

use super::clock::Millis;
use super::state::{AuthPolicy, NetworkPolicy, Path, PolicyScope, State, User, UserType};
use super::switches::Switches;

/// The authentication policy in force for a user.
pub(super) struct EffectivePolicy {
    /// Its name; none for the built-in one.
    pub(super) path: Option<Path>,
    pub(super) policy: AuthPolicy,
    /// USER, ACCOUNT or SYSTEM, as SHOW … ON USER prints it.
    pub(super) set_on: &'static str,
}

impl State {
    /// Returns the name of the network policy in force: the user's own, else the account's.
    /// Source: snowflake docs, user-guide/network-policies (precedence).
    pub(super) fn effective_network_policy(&self, user: &User) -> Option<&NetworkPolicy> {
        let name = user.network_policy.as_ref().or(self.network_policy.as_ref())?;
        self.network_policies.get(name)
    }

    /// Returns the authentication policy in force: user, then user type, then account, then built-in.
    /// Source: snowflake docs, user-guide/authentication-policies.
    pub(super) fn effective_auth_policy(&self, user: &User, rules: &Switches) -> EffectivePolicy {
        let on_account = |scope| self.account_auth_policies.get(&scope).map(|p| (p, "ACCOUNT"));
        let by_type = || scope_of(user, rules).and_then(on_account);
        let named = user
            .auth_policy
            .as_ref()
            .map(|path| (path, "USER"))
            .or_else(by_type)
            .or_else(|| on_account(PolicyScope::Account));
        let found = named.and_then(|(path, on)| Some((path, self.auth_policies.get(path)?, on)));
        match found {
            Some((path, policy, set_on)) => {
                EffectivePolicy { path: Some(path.clone()), policy: policy.clone(), set_on }
            }
            None => EffectivePolicy {
                path: None,
                policy: AuthPolicy::untouched(Millis(0)),
                set_on: "SYSTEM",
            },
        }
    }
}

/// Returns the user-type scope that covers the user.
fn scope_of(user: &User, rules: &Switches) -> Option<PolicyScope> {
    match user.effective_kind() {
        UserType::Person => Some(PolicyScope::Persons),
        UserType::Service | UserType::LegacyService => Some(PolicyScope::Services),
        UserType::ServiceAgent => {
            rules.service_scope_covers_agents.then_some(PolicyScope::Services)
        }
    }
}
