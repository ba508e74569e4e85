//! What the objects of ours are called at Snowflake. Plan, reading and verify all ask here.

use super::desired::{Broker, Desired, Home, Management, Network, Source, TokenPolicy};
pub use super::desired::{KEY_ONLY, OUR_COMMENT, PERSONS, SERVICES, TOKENS_ONLY};

/// The full name of an object in a schema: database, schema, name.
pub type FullName = [String; 3];

/// Returns a full name as observations spell it: unquoted parts with dots between.
pub fn dotted(name: &FullName) -> String {
    name.join(".")
}

impl Home {
    /// Returns the full name of an object that lives here.
    pub fn holds(&self, name: &str) -> FullName {
        [self.database.clone(), self.schema.clone(), name.to_owned()]
    }
}

impl Desired {
    /// Returns the network policy that broker and service users are put under.
    pub fn network_policy(&self) -> &str {
        match &self.network {
            Network::Existing { policy } | Network::Allow { policy, .. } => policy,
        }
    }

    /// Returns our network rule; none where nothing needs it (a policy of the site's, or of named rules alone).
    pub fn network_rule(&self) -> Option<FullName> {
        let Network::Allow { policy, sources } = &self.network else { return None };
        let own = sources.iter().any(|source| !matches!(source, Source::Rule(_)));
        own.then(|| self.home.holds(&format!("{policy}_INGRESS")))
    }

    /// Returns the authentication policy the service users are put under.
    pub fn token_policy(&self) -> FullName {
        match &self.tokens {
            TokenPolicy::Existing(name) => name.clone(),
            TokenPolicy::Ours { .. } => self.home.holds(TOKENS_ONLY),
        }
    }

    /// Returns the authentication policy the broker's user is put under; none where that user is the site's.
    pub fn broker_policy(&self) -> Option<FullName> {
        self.broker.is_ours().then(|| self.home.holds(KEY_ONLY))
    }

    /// Returns every authentication policy that is wanted, ours and the site's.
    pub fn authentication_policies(&self) -> Vec<FullName> {
        let persons = self.scopes.bar_persons.then(|| self.home.holds(PERSONS));
        let services = self.scopes.admit_services.then(|| self.home.holds(SERVICES));
        let of_users = [Some(self.token_policy()), self.broker_policy()];
        of_users.into_iter().chain([persons, services]).flatten().collect()
    }

    /// Returns whether anything of ours lives in the home schema.
    pub fn needs_home(&self) -> bool {
        let tokens = matches!(self.tokens, TokenPolicy::Ours { .. });
        let scopes = self.scopes.bar_persons || self.scopes.admit_services;
        tokens || scopes || self.broker.is_ours() || self.network_rule().is_some()
    }
}

impl Broker {
    /// Returns whether user and role are made and changed by us.
    pub fn is_ours(&self) -> bool {
        self.management == Management::Ours
    }
}
