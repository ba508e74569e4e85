//! Users and their types.

use std::collections::BTreeMap;

use super::{KeyPair, Path, PublicKey, Token};
use crate::engine::clock::Millis;

/// The TYPE property. Source: snowflake docs, user-guide/admin-user-management.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum UserType {
    Person,
    Service,
    LegacyService,
    ServiceAgent,
}

impl UserType {
    pub(in crate::engine) const ALL: [Self; 4] =
        [Self::Person, Self::Service, Self::LegacyService, Self::ServiceAgent];

    pub(in crate::engine) fn name(self) -> &'static str {
        match self {
            Self::Person => "PERSON",
            Self::Service => "SERVICE",
            Self::LegacyService => "LEGACY_SERVICE",
            Self::ServiceAgent => "SERVICE_AGENT",
        }
    }

    pub(in crate::engine) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(name))
    }
}

/// A user and what hangs on it.
#[derive(Clone)]
pub(in crate::engine) struct User {
    pub(in crate::engine) id: u64,
    pub(in crate::engine) name: String,
    pub(in crate::engine) login_name: String,
    /// As set; none counts as PERSON.
    pub(in crate::engine) kind: Option<UserType>,
    pub(in crate::engine) disabled: bool,
    pub(in crate::engine) default_role: Option<String>,
    pub(in crate::engine) default_warehouse: Option<String>,
    pub(in crate::engine) default_namespace: Option<String>,
    /// DEFAULT_SECONDARY_ROLES = ('ALL'), the default; `()` is false.
    pub(in crate::engine) all_secondary_roles: bool,
    /// DISPLAY_NAME, FIRST_NAME, EMAIL, COMMENT and the like, only when set.
    pub(in crate::engine) texts: BTreeMap<String, String>,
    pub(in crate::engine) password: Option<String>,
    pub(in crate::engine) must_change_password: bool,
    pub(in crate::engine) rsa_keys: [Option<PublicKey>; 2],
    pub(in crate::engine) key_pairs: Vec<KeyPair>,
    pub(in crate::engine) tokens: Vec<Token>,
    pub(in crate::engine) network_policy: Option<String>,
    pub(in crate::engine) auth_policy: Option<Path>,
    pub(in crate::engine) created_on: Millis,
    /// DAYS_TO_EXPIRY of the user itself.
    pub(in crate::engine) expires_at: Option<Millis>,
    pub(in crate::engine) failed_passwords: u32,
    pub(in crate::engine) locked_until: Option<Millis>,
    pub(in crate::engine) last_login: Option<Millis>,
}

impl User {
    pub(in crate::engine) fn new(id: u64, name: &str, created_on: Millis) -> Self {
        Self {
            id,
            name: name.to_owned(),
            login_name: name.to_owned(),
            kind: None,
            disabled: false,
            default_role: None,
            default_warehouse: None,
            default_namespace: None,
            all_secondary_roles: true,
            texts: BTreeMap::new(),
            password: None,
            must_change_password: false,
            rsa_keys: [None, None],
            key_pairs: Vec::new(),
            tokens: Vec::new(),
            network_policy: None,
            auth_policy: None,
            created_on,
            expires_at: None,
            failed_passwords: 0,
            locked_until: None,
            last_login: None,
        }
    }

    /// Returns the type in force: a user without one is a person.
    pub(in crate::engine) fn effective_kind(&self) -> UserType {
        self.kind.unwrap_or(UserType::Person)
    }

    pub(in crate::engine) fn is_person(&self) -> bool {
        self.effective_kind() == UserType::Person
    }

    pub(in crate::engine) fn token(&self, name: &str) -> Option<&Token> {
        self.tokens.iter().find(|token| token.name == name)
    }

    pub(in crate::engine) fn token_mut(&mut self, name: &str) -> Option<&mut Token> {
        self.tokens.iter_mut().find(|token| token.name == name)
    }

    /// Returns how many tokens count against the limit: disabled ones and predecessors do, expired ones do not.
    /// Source: snowflake docs, alter-user-add-programmatic-access-token.
    pub(in crate::engine) fn live_tokens(&self, now: Millis) -> usize {
        self.tokens.iter().filter(|token| !token.is_expired(now)).count()
    }

    pub(in crate::engine) fn is_locked(&self, now: Millis) -> bool {
        self.locked_until.is_some_and(|until| until > now)
    }

    pub(in crate::engine) fn is_expired(&self, now: Millis) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }
}
