//! What is there at Snowflake, as far as the acting role can see. Facts only: no judgement, nothing volatile
//! (no last login, no counting minutes), so that the same account gives the same bytes.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::lifecycle::lineage::{self, Lineage};
use crate::names::TokenName;

/// A fact, or why it could not be seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Seen<T> {
    /// Seen. `None` inside means "is not there".
    Known(T),
    /// Not to be seen by the acting role.
    Hidden {
        /// The privilege that would show it.
        needs: String,
    },
}

/// What was read of one account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// Who looked.
    pub acting: Acting,
    /// The home database's owner.
    pub database: Seen<Option<Owned>>,
    /// The home schema's owner.
    pub schema: Seen<Option<Owned>>,
    /// The wanted roles, by name.
    pub roles: BTreeMap<String, Seen<Option<RoleFacts>>>,
    /// The wanted users, by name: the broker's and the service users.
    pub users: BTreeMap<String, Seen<Option<UserFacts>>>,
    /// Our network rule.
    pub network_rule: Seen<Option<NetworkRule>>,
    /// The wanted network policy.
    pub network_policy: Seen<Option<NetworkPolicy>>,
    /// The network policy of the account, which governs every user without one of its own.
    pub account_network_policy: Seen<Option<String>>,
    /// Authentication policies by full name (`DB.SCHEMA.NAME`, unquoted parts): ours, and each one attached
    /// to the account or to a user looked at.
    pub authentication_policies: BTreeMap<String, Seen<Option<AuthenticationPolicy>>>,
    /// What is attached at account level.
    pub scopes: Seen<ScopePolicies>,
    /// Every user of TYPE PERSON or without a type, by name.
    pub persons: Seen<BTreeMap<String, Person>>,
    /// Every other user that is not one of ours, by name: who a policy for all service users would hit.
    pub other_services: Seen<BTreeMap<String, OtherService>>,
}

/// Who looked, and what it may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acting {
    /// `CURRENT_USER()`.
    pub user: String,
    /// `CURRENT_ROLE()`.
    pub role: String,
    /// `CURRENT_IP_ADDRESS()`.
    pub address: Option<String>,
    /// `ORGANISATION-ACCOUNT`, as Snowflake spells the two, where it tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// How it logged in, where Snowflake tells: a policy must not take that away.
    pub method: Option<String>,
    /// The role and every role it inherits.
    pub roles: BTreeSet<String>,
    /// The privileges of these roles on the account and on what is wanted, as `PRIVILEGE ON KIND NAME` with the kind in
    /// SQL words (`OWNERSHIP ON NETWORK POLICY X`; account level: `CREATE USER ON ACCOUNT`).
    pub privileges: Seen<BTreeSet<String>>,
}

/// An object with an owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owned {
    /// The owning role.
    pub owner: String,
    /// Its comment.
    pub comment: String,
}

/// A role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleFacts {
    /// Owner and comment.
    pub owned: Owned,
    /// What was granted to it.
    pub grants: Seen<BTreeSet<Grant>>,
    /// Roles that hold it.
    pub held_by_roles: Seen<BTreeSet<String>>,
    /// Users that hold it.
    pub held_by_users: Seen<BTreeSet<String>>,
}

/// One grant: a privilege on an object, or (`USAGE` on `ROLE` or `DATABASE_ROLE`) a role.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Grant {
    /// `USAGE`, `OWNERSHIP`, …
    pub privilege: String,
    /// `WAREHOUSE`, `ROLE`, `DATABASE_ROLE`, `ACCOUNT`, `USER`, … as SHOW GRANTS says it.
    pub on: String,
    /// The full name, its parts joined by dots, without quotes.
    pub name: String,
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserFacts {
    /// Owning role; hidden where the acting role sees only the name.
    pub owner: Seen<String>,
    /// Properties; hidden without OWNERSHIP or MANAGE GRANTS.
    pub properties: Seen<UserProperties>,
    /// Roles granted to it, and privileges granted straight to it.
    pub grants: Seen<BTreeSet<Grant>>,
    /// Privileges others hold on it: role → privileges. Who is no role is `USER X`, `DATABASE_ROLE DB.X`.
    pub grants_on: Seen<BTreeMap<String, BTreeSet<String>>>,
    /// `NETWORK_POLICY` set on the user itself.
    pub network_policy: Seen<Option<String>>,
    /// The effective authentication policy.
    pub authentication_policy: Seen<Effective>,
    /// Its tokens in order of name, without expired ones: those vanish by themselves.
    pub tokens: Seen<Vec<Token>>,
    /// Its named key pairs (legacy slots apart), without expired ones.
    pub key_pairs: Seen<BTreeSet<String>>,
}

/// Properties of a user (snowflake docs: desc-user).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserProperties {
    /// `PERSON`, `SERVICE`, …; none means a person.
    pub user_type: Option<String>,
    /// Its login name.
    pub login_name: String,
    /// Disabled.
    pub disabled: bool,
    /// Comment.
    pub comment: String,
    /// Default role.
    pub default_role: Option<String>,
    /// Whether `DEFAULT_SECONDARY_ROLES` is empty.
    pub no_secondary_roles: bool,
    /// Default warehouse.
    pub default_warehouse: Option<String>,
    /// Whether it has a password; hidden where neither DESCRIBE nor SHOW tells.
    pub has_password: Seen<bool>,
    /// Fingerprints of the two legacy key slots, `SHA256:…`.
    pub key_fingerprints: [Option<String>; 2],
    /// Whether it has a workload identity; hidden where neither DESCRIBE nor SHOW tells.
    pub has_workload_identity: Seen<bool>,
}

/// A token, as SHOW lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Name.
    pub name: String,
    /// The role it is restricted to.
    pub role: Option<String>,
    /// `ACTIVE` or `DISABLED`.
    pub status: String,
    /// Comment.
    pub comment: String,
    /// Who made it.
    pub created_by: Option<String>,
    /// Seconds since 1970, UTC.
    pub expires_at: Option<i64>,
    /// Its successor, if it was rotated away.
    pub rotated_to: Option<String>,
}

/// The authentication policy that governs a user, and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effective {
    /// Full name; none for Snowflake's built-in one.
    pub policy: Option<String>,
    /// `USER`, `ACCOUNT`, `SYSTEM`, as `set_on` says it.
    pub set_on: Option<String>,
}

/// A network rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkRule {
    /// Owner and comment.
    pub owned: Owned,
    /// `IPV4`, …
    pub kind: String,
    /// `INGRESS`, …
    pub mode: String,
    /// Its values.
    pub values: Seen<BTreeSet<String>>,
}

/// A network policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkPolicy {
    /// Comment.
    pub comment: String,
    /// Its lists, by property name (`ALLOWED_NETWORK_RULE_LIST`, …): full names or addresses.
    pub lists: Seen<BTreeMap<String, BTreeSet<String>>>,
}

/// An authentication policy: every property DESC shows but names, owner and comment, as Snowflake's text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthenticationPolicy {
    /// Owner and comment.
    pub owned: Owned,
    /// `AUTHENTICATION_METHODS` → `[ALL]`, `PAT_POLICY` → `{…}`, `MFA_ENROLLMENT` → `OPTIONAL`, …
    pub properties: BTreeMap<String, String>,
}

/// Full names of the policies attached at account level.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScopePolicies {
    /// For the whole account.
    pub account: Option<String>,
    /// `FOR ALL PERSON USERS`.
    pub persons: Option<String>,
    /// `FOR ALL SERVICE USERS`.
    pub services: Option<String>,
}

/// A user of TYPE PERSON or NULL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Disabled.
    pub disabled: bool,
    /// The effective authentication policy.
    pub policy: Seen<Effective>,
    /// Names of its live tokens; where its own list is hidden, as a view knew them up to two hours ago.
    pub live_tokens: Seen<BTreeSet<String>>,
}

/// A service user that is not ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherService {
    /// Its type.
    pub user_type: String,
    /// Disabled.
    pub disabled: bool,
    /// Methods it is known to have something for: `PASSWORD`, `KEYPAIR`, `WORKLOAD_IDENTITY`.
    pub methods: BTreeSet<String>,
    /// The effective authentication policy.
    pub policy: Seen<Effective>,
}

impl Observed {
    /// Returns what of it lasts: all but our own tokens in their ordinary life, which come and go with each rotation.
    /// A plan made before one is as good after it.
    pub fn lasting(&self) -> Self {
        let mut lasting = self.clone();
        for user in lasting.users.values_mut() {
            if let Seen::Known(Some(facts)) = user
                && let Seen::Known(tokens) = &mut facts.tokens
            {
                tokens.retain(|token| !token.rotates());
            }
        }
        lasting
    }
}

impl Token {
    /// Returns whether it is of our making, of this host or another: by name and comment. What a person's ROTATE
    /// leaves behind, `<NAME>_ROTATED_<time>`, is not.
    pub fn is_ours(&self) -> bool {
        let lineage = Lineage::read(&TokenName::new(&self.name));
        lineage.is_some_and(|lineage| self.comment.starts_with(&written(&lineage)))
    }

    /// Returns whether it can come of a ROTATE of a token of ours: the name that stays, of which it is not documented whether
    /// it keeps its comment, or what a secret before it was moved to
    /// (snowflake docs: alter-user-rotate-programmatic-access-token).
    pub fn is_of_a_rotation(&self) -> bool {
        let Some(lineage) = lineage::of(&TokenName::new(&self.name)) else { return false };
        let stays = lineage.name();
        let leads = match &self.rotated_to {
            None => self.name == stays.as_str(),
            Some(successor) => self.name != stays.as_str() && successor == stays.as_str(),
        };
        leads && (self.comment.is_empty() || self.comment.starts_with(&written(&lineage)))
    }

    /// One of ours that nobody has touched since: as made, it works, and for one role only. Whose a ROTATE was cannot be
    /// seen here, so one is a change like any other.
    fn rotates(&self) -> bool {
        self.is_ours()
            && self.role.is_some()
            && self.status == "ACTIVE"
            && self.rotated_to.is_none()
    }
}

/// How the comment of a token of ours begins.
fn written(lineage: &Lineage) -> String {
    format!("patd1 host={} gen={} ", lineage.host, lineage.generation)
}

impl<T> Seen<T> {
    /// Returns the fact, if it was seen.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(fact) => Some(fact),
            Self::Hidden { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> Token {
        Token {
            name: "PATD_0A1B2C3D_G3_FEDCBA".into(),
            role: Some("R".into()),
            status: "ACTIVE".into(),
            comment: "patd1 host=0A1B2C3D gen=3 intent=FEDCBA".into(),
            created_by: Some("BROKER".into()),
            expires_at: Some(1_800_000_000),
            rotated_to: None,
        }
    }

    #[test]
    fn a_token_of_ours_in_its_ordinary_life_is_told_from_every_other() {
        assert!(token().rotates());
        type Change = fn(&mut Token);
        let changes: [Change; 6] = [
            |token| token.name = "MINE".into(),
            |token| token.name.push_str("_ROTATED_1744239049066"),
            |token| token.comment = "patd1 host=0A1B2C3D gen=4 intent=FEDCBA".into(),
            |token| token.role = None,
            |token| token.status = "DISABLED".into(),
            |token| token.rotated_to = Some("PATD_0A1B2C3D_G3_FEDCBA".into()),
        ];
        for change in changes {
            let mut other = token();
            change(&mut other);
            assert!(!other.rotates(), "{other:?}");
        }
    }

    #[test]
    fn what_a_rotate_makes_of_a_token_of_ours_is_told_from_every_other() {
        let stays = token().name;
        let left = || Token {
            name: format!("{stays}_ROTATED_1744239049066"),
            rotated_to: Some(stays.clone()),
            ..token()
        };
        let bare = Token { comment: String::new(), ..token() };
        assert!(left().is_of_a_rotation() && bare.is_of_a_rotation() && !left().rotates());
        assert!(!left().is_ours() && !bare.is_ours());
        for other in [
            Token { rotated_to: None, ..left() },
            Token { rotated_to: Some("MINE".into()), ..left() },
            Token { comment: "by hand".into(), ..left() },
            Token { name: "MINE_ROTATED_1744239049066".into(), ..left() },
            Token { rotated_to: Some(stays.clone()), ..token() },
        ] {
            assert!(!other.is_of_a_rotation(), "{other:?}");
        }
    }
}
