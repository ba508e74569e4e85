//! Which privileges there are, by kind of object.

use crate::engine::errors::{SqlError, WRONG_PRIVILEGE};
use crate::engine::state::Kind;

/// Returns the privileges a list names on a kind of object; ALL is every one of them.
pub(super) fn spelled_out(privileges: &[String], kind: Kind) -> Result<Vec<String>, SqlError> {
    let known = grantable(kind);
    let mut found = Vec::new();
    for privilege in privileges {
        match privilege.as_str() {
            "ALL" | "ALL PRIVILEGES" => found.extend(known.iter().map(|p| (*p).to_owned())),
            one if known.contains(&one) => found.push(one.to_owned()),
            other => return Err(wrong_privilege(other, kind)),
        }
    }
    Ok(found)
}

/// Returns what can be granted on a kind of object, OWNERSHIP aside.
/// Source: snowflake docs, user-guide/security-access-control-privileges.
pub(super) fn grantable(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Account => &[
            "APPLY AUTHENTICATION POLICY",
            "ATTACH POLICY",
            "CREATE DATABASE",
            "CREATE NETWORK POLICY",
            "CREATE ROLE",
            "CREATE USER",
            "CREATE WAREHOUSE",
            "MANAGE GRANTS",
            "MONITOR",
        ],
        Kind::User => &["APPLY AUTHENTICATION POLICY", super::pats::PRIVILEGE, "MONITOR"],
        Kind::Role | Kind::DatabaseRole => &[],
        Kind::Database => &[
            "CREATE DATABASE ROLE",
            "CREATE SCHEMA",
            "IMPORTED PRIVILEGES",
            "MODIFY",
            "MONITOR",
            "USAGE",
        ],
        Kind::Schema => &[
            "CREATE AUTHENTICATION POLICY",
            "CREATE NETWORK RULE",
            "CREATE TABLE",
            "CREATE VIEW",
            "MODIFY",
            "MONITOR",
            "USAGE",
        ],
        Kind::Warehouse => &["MODIFY", "MONITOR", "OPERATE", "USAGE"],
        Kind::NetworkRule | Kind::NetworkPolicy => &["USAGE"],
        Kind::AuthenticationPolicy => &["APPLY"],
    }
}

pub(super) fn wrong_privilege(privilege: &str, kind: Kind) -> SqlError {
    WRONG_PRIVILEGE
        .compilation(format!("Privilege '{privilege}' cannot be granted on {}.", kind.words()))
}
