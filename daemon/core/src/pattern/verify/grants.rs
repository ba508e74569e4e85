//! What a grant means to the pattern: whether it is wanted, and whether it leads out of the one role.

use crate::names::{Role, User};
use crate::pattern::desired::{Privilege, ServiceUser};
use crate::pattern::observed::Grant;

/// Returns whether the grant is the membership in a role.
pub(super) fn is_role(grant: &Grant) -> bool {
    grant.privilege == "USAGE" && kind(grant) == "ROLE"
}

/// Returns whether the grant is the membership in this role.
pub(super) fn is_the_role(grant: &Grant, role: &Role) -> bool {
    is_role(grant) && grant.name == role.as_str()
}

/// Returns whether the grant is the membership in this database role.
pub(super) fn is_database_role(grant: &Grant, role: &[String; 2]) -> bool {
    grant.privilege == "USAGE" && kind(grant) == "DATABASE ROLE" && grant.name == role.join(".")
}

/// Returns whether the grant is the privilege that makes tokens and keys of this user.
pub(super) fn mints_for(grant: &Grant, user: &User) -> bool {
    privilege(&grant.privilege) == MINT && grant.on == "USER" && grant.name == user.as_str()
}

/// Returns whether somebody who holds this privilege on a user can make tokens or keys for it, or act as it.
pub(super) fn leads_into_a_user(held: &str) -> bool {
    privilege(held) != "MONITOR"
}

/// Returns whether the privilege is the one a broker needs on a user.
pub(super) fn is_mint(held: &str) -> bool {
    privilege(held) == MINT
}

/// Returns whether the role could make a token, a user, a role or a policy with it, or hand out privileges.
pub(super) fn widens(grant: &Grant) -> bool {
    match kind(grant).as_str() {
        "ACCOUNT" => WIDENING.contains(&privilege(&grant.privilege).as_str()),
        "USER" => leads_into_a_user(&grant.privilege),
        "ROLE"
        | "NETWORK POLICY"
        | "NETWORK RULE"
        | "AUTHENTICATION POLICY"
        | "INTEGRATION"
        | "SECURITY INTEGRATION"
        | "PASSWORD POLICY"
        | "SESSION POLICY" => grant.privilege == "OWNERSHIP",
        _ => false,
    }
}

/// Returns whether the role owns an object it may have made itself: what a session makes belongs to its role.
pub(super) fn is_own_making(grant: &Grant) -> bool {
    grant.privilege == "OWNERSHIP" && !widens(grant)
}

/// Returns whether it only looks: the optional Watch privileges of a broker.
pub(super) fn only_looks(grant: &Grant) -> bool {
    let held = privilege(&grant.privilege);
    matches!(held.as_str(), "MONITOR" | "REFERENCES" | "IMPORTED PRIVILEGES")
        || held == "USAGE" && matches!(kind(grant).as_str(), "DATABASE" | "SCHEMA" | "WAREHOUSE")
        || held == "USAGE" && kind(grant) == "DATABASE ROLE" && grant.name.starts_with("SNOWFLAKE.")
}

/// Returns whether this user's entry declares the grant.
pub(super) fn is_declared(grant: &Grant, wanted: &ServiceUser) -> bool {
    let of_privilege = |declared: &Privilege| is_privilege(grant, declared);
    wanted.privileges.iter().any(of_privilege)
        || wanted.database_roles.iter().any(|role| is_database_role(grant, role))
        || wanted.warehouse.as_deref().is_some_and(|name| {
            grant.privilege == "USAGE" && kind(grant) == "WAREHOUSE" && grant.name == name
        })
}

/// Returns whether the grant is this declared privilege.
pub(super) fn is_privilege(grant: &Grant, declared: &Privilege) -> bool {
    privilege(&grant.privilege) == declared.privilege
        && kind(grant) == declared.on
        && grant.name == declared.name.join(".")
}

/// Returns the grant as a person reads it.
pub(super) fn said(grant: &Grant) -> String {
    match kind(grant).as_str() {
        "ACCOUNT" => format!("{} ON ACCOUNT", grant.privilege),
        "ROLE" if grant.privilege == "USAGE" => format!("role {}", grant.name),
        kind => format!("{} ON {kind} {}", grant.privilege, grant.name),
    }
}

/// SHOW GRANTS spells kinds of two words with an underscore, statements without.
fn kind(grant: &Grant) -> String {
    grant.on.replace('_', " ")
}

fn privilege(held: &str) -> String {
    held.replace('_', " ")
}

/// snowflake docs: programmatic-access-tokens, key-pair-auth.
const MINT: &str = "MODIFY PROGRAMMATIC AUTHENTICATION METHODS";

/// snowflake docs: security-access-control-privileges, "Global privileges".
const WIDENING: [&str; 14] = [
    "MANAGE GRANTS",
    "OWNERSHIP",
    "CREATE USER",
    "CREATE ROLE",
    "CREATE NETWORK POLICY",
    "CREATE INTEGRATION",
    "CREATE SECURITY INTEGRATION",
    "CREATE ACCOUNT",
    "CREATE SHARE",
    "APPLY AUTHENTICATION POLICY",
    "APPLY PASSWORD POLICY",
    "APPLY SESSION POLICY",
    "ATTACH POLICY",
    "PURCHASE DATA EXCHANGE LISTING",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(privilege: &str, on: &str, name: &str) -> Grant {
        Grant { privilege: privilege.into(), on: on.into(), name: name.into() }
    }

    #[test]
    fn what_leads_out_of_the_one_role_is_known_as_such() {
        for (privilege, on) in [
            ("MANAGE GRANTS", "ACCOUNT"),
            ("CREATE USER", "ACCOUNT"),
            ("CREATE ROLE", "ACCOUNT"),
            ("APPLY AUTHENTICATION POLICY", "ACCOUNT"),
            ("OWNERSHIP", "USER"),
            ("MODIFY PROGRAMMATIC AUTHENTICATION METHODS", "USER"),
            ("MODIFY_PROGRAMMATIC_AUTHENTICATION_METHODS", "USER"),
            ("IMPERSONATE", "USER"),
            ("OWNERSHIP", "ROLE"),
            ("OWNERSHIP", "NETWORK_POLICY"),
            ("OWNERSHIP", "NETWORK_RULE"),
            ("OWNERSHIP", "AUTHENTICATION_POLICY"),
        ] {
            assert!(widens(&grant(privilege, on, "X")), "{privilege} ON {on}");
            assert!(!is_own_making(&grant(privilege, on, "X")), "{privilege} ON {on}");
        }
        for (privilege, on) in [
            ("MONITOR", "USER"),
            ("USAGE", "WAREHOUSE"),
            ("SELECT", "TABLE"),
            ("OWNERSHIP", "TABLE"),
            ("MONITOR USAGE", "ACCOUNT"),
        ] {
            assert!(!widens(&grant(privilege, on, "X")), "{privilege} ON {on}");
        }
        assert!(is_own_making(&grant("OWNERSHIP", "TABLE", "D.S.T")));
    }

    #[test]
    fn a_watch_privilege_only_looks() {
        for (privilege, on, name) in [
            ("MONITOR", "USER", "M"),
            ("IMPORTED PRIVILEGES", "DATABASE", "SNOWFLAKE"),
            ("USAGE", "WAREHOUSE", "WH"),
            ("USAGE", "DATABASE_ROLE", "SNOWFLAKE.SECURITY_VIEWER"),
        ] {
            assert!(only_looks(&grant(privilege, on, name)), "{privilege} ON {on}");
        }
        for (privilege, on, name) in [
            ("USAGE", "ROLE", "X"),
            ("SELECT", "TABLE", "D.S.T"),
            ("USAGE", "DATABASE_ROLE", "DATA.WRITER"),
            ("MANAGE GRANTS", "ACCOUNT", "A"),
        ] {
            assert!(!only_looks(&grant(privilege, on, name)), "{privilege} ON {on}");
        }
    }
}
