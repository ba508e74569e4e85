//! Which privilege a statement needs, and whether the acting role has it. An estimate for people, made before
//! anything runs: Snowflake alone decides.

use std::collections::BTreeSet;

use super::step::Held;
use crate::pattern::desired::Desired;
use crate::pattern::observed::{Observed, Seen};
use crate::pattern::ours::dotted;

/// Privileges a statement needs: of each line, any one.
#[derive(Clone, Debug)]
pub(super) struct Need(Vec<Vec<String>>);

impl Need {
    /// Needs one privilege, as SHOW GRANTS says it: `CREATE USER ON ACCOUNT`.
    pub(super) fn one(privilege: impl Into<String>) -> Self {
        Self(vec![vec![privilege.into()]])
    }

    /// Needs any of these.
    pub(super) fn any<const N: usize>(privileges: [String; N]) -> Self {
        Self(vec![privileges.into()])
    }

    /// Needs ownership of an object.
    pub(super) fn ownership(kind: &str, name: &str) -> Self {
        Self::one(ownership(kind, name))
    }

    /// Needs what granting something on, or as, an object needs (snowflake docs: grant-privilege, grant-role).
    pub(super) fn granting(kind: &str, name: &str) -> Self {
        Self::any([ownership(kind, name), "MANAGE GRANTS ON ACCOUNT".to_owned()])
    }

    /// Needs all of another need as well.
    pub(super) fn and(mut self, mut other: Self) -> Self {
        self.0.append(&mut other.0);
        self
    }
}

impl std::fmt::Display for Need {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let lines: Vec<String> = self.0.iter().map(|any| any.join(" or ")).collect();
        f.write_str(&lines.join("; and "))
    }
}

/// What the acting role has.
pub(super) struct Rights {
    held: BTreeSet<String>,
    roles: BTreeSet<String>,
    complete: bool,
}

impl Rights {
    /// Gathers what the acting role is seen to have, owns, or has because it is, or inherits, a system role.
    pub(super) fn of(desired: &Desired, observed: &Observed) -> Self {
        let acting = &observed.acting;
        let mut roles = acting.roles.clone();
        roles.insert(acting.role.clone());
        for (role, inherited) in INHERITED {
            if roles.contains(role) {
                roles.extend(inherited.iter().map(|&role| role.to_owned()));
            }
        }
        let (mut held, complete) = match &acting.privileges {
            Seen::Known(privileges) => (privileges.clone(), true),
            Seen::Hidden { .. } => (BTreeSet::new(), false),
        };
        let of_system = SYSTEM.iter().filter(|(role, _)| roles.contains(*role));
        held.extend(of_system.flat_map(|(_, granted)| granted.iter().map(|&text| text.to_owned())));
        let owned = owners(desired, observed).into_iter();
        held.extend(owned.filter(|(owner, _)| roles.contains(owner)).map(|(_, owns)| owns));
        Self { held, roles, complete }
    }

    /// Notes that the acting role makes an object, and so will own it.
    pub(super) fn make(&mut self, kind: &str, name: &str) {
        self.held.insert(ownership(kind, name));
    }

    /// Returns whether the acting role is, or inherits, this role.
    pub(super) fn acts_as(&self, role: &str) -> bool {
        self.roles.contains(role)
    }

    /// Returns whether a need is met.
    pub(super) fn held(&self, need: &Need) -> Held {
        let met = |any: &Vec<String>| any.iter().any(|one| self.held.contains(one));
        match (need.0.iter().all(met), self.complete) {
            (true, _) => Held::Yes,
            (false, true) => Held::No,
            (false, false) => Held::Unknown,
        }
    }
}

fn ownership(kind: &str, name: &str) -> String {
    format!("OWNERSHIP ON {kind} {name}")
}

/// Returns each owner that was seen, with what it owns.
fn owners(desired: &Desired, observed: &Observed) -> Vec<(String, String)> {
    let mut owners = Vec::new();
    let mut owns = |owner: &str, kind: &str, name: &str| {
        owners.push((owner.to_owned(), ownership(kind, name)));
    };
    let home = &desired.home;
    if let Seen::Known(Some(database)) = &observed.database {
        owns(&database.owner, "DATABASE", &home.database);
    }
    if let Seen::Known(Some(schema)) = &observed.schema {
        owns(&schema.owner, "SCHEMA", &format!("{}.{}", home.database, home.schema));
    }
    if let (Seen::Known(Some(rule)), Some(name)) = (&observed.network_rule, desired.network_rule())
    {
        owns(&rule.owned.owner, "NETWORK RULE", &dotted(&name));
    }
    for (name, role) in &observed.roles {
        if let Seen::Known(Some(role)) = role {
            owns(&role.owned.owner, "ROLE", name);
        }
    }
    for (name, user) in &observed.users {
        if let Seen::Known(Some(user)) = user
            && let Seen::Known(owner) = &user.owner
        {
            owns(owner, "USER", name);
        }
    }
    for (name, policy) in &observed.authentication_policies {
        if let Seen::Known(Some(policy)) = policy {
            owns(&policy.owned.owner, "AUTHENTICATION POLICY", name);
        }
    }
    owners
}

/// What Snowflake's system roles inherit (snowflake docs: security-access-control-overview, "System-defined roles").
const INHERITED: [(&str, &[&str]); 2] = [
    ("ACCOUNTADMIN", &["SECURITYADMIN", "USERADMIN", "SYSADMIN"]),
    ("SECURITYADMIN", &["USERADMIN"]),
];

/// What Snowflake's system roles may do from the first day (same page, and security-access-control-privileges).
const SYSTEM: [(&str, &[&str]); 3] = [
    ("USERADMIN", &["CREATE USER ON ACCOUNT", "CREATE ROLE ON ACCOUNT"]),
    (
        "SECURITYADMIN",
        &[
            "MANAGE GRANTS ON ACCOUNT",
            "CREATE NETWORK POLICY ON ACCOUNT",
            "ATTACH POLICY ON ACCOUNT",
            "APPLY AUTHENTICATION POLICY ON ACCOUNT",
        ],
    ),
    ("SYSADMIN", &["CREATE DATABASE ON ACCOUNT", "CREATE WAREHOUSE ON ACCOUNT"]),
];
