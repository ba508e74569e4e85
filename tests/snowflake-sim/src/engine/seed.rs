//! What a new account begins with: built-in roles, the SNOWFLAKE database, the user ADMIN.

use std::collections::BTreeMap;

use super::api::AccountIdentity;
use super::clock::Millis;
use super::state::{
    Database, Grantee, Kind, NetworkRule, Path, PrivilegeGrant, Role, RoleGrant, RoleRef, Schema,
    Securable, State, User, UserType,
};

/// When everything built in was created: 2020-01-01.
const CREATED: Millis = Millis(1_577_836_800_000);

const ROLES: [&str; 6] =
    ["ACCOUNTADMIN", "SECURITYADMIN", "USERADMIN", "SYSADMIN", "ORGADMIN", "PUBLIC"];

/// Which built-in role each built-in role inherits. Source: snowflake docs, security-access-control-overview.
const HIERARCHY: [(&str, &str); 3] = [
    ("SECURITYADMIN", "ACCOUNTADMIN"),
    ("SYSADMIN", "ACCOUNTADMIN"),
    ("USERADMIN", "SECURITYADMIN"),
];

/// What the built-in roles may do on the account.
const ACCOUNT_PRIVILEGES: [(&str, &str); 9] = [
    ("USERADMIN", "CREATE USER"),
    ("USERADMIN", "CREATE ROLE"),
    ("SECURITYADMIN", "MANAGE GRANTS"),
    ("SECURITYADMIN", "CREATE NETWORK POLICY"),
    ("SECURITYADMIN", "ATTACH POLICY"),
    ("SECURITYADMIN", "APPLY AUTHENTICATION POLICY"),
    ("SYSADMIN", "CREATE DATABASE"),
    ("SYSADMIN", "CREATE WAREHOUSE"),
    ("ACCOUNTADMIN", "MONITOR"),
];

const SNOWFLAKE: &str = "SNOWFLAKE";
const DATABASE_ROLES: [&str; 5] =
    ["CORTEX_USER", "GOVERNANCE_VIEWER", "OBJECT_VIEWER", "SECURITY_VIEWER", "USAGE_VIEWER"];
const SCHEMAS: [&str; 4] = ["ACCOUNT_USAGE", "CORTEX", "INFORMATION_SCHEMA", "NETWORK_SECURITY"];

/// Built-in rules; the networks are from the ranges reserved for documentation.
const RULES: [(&str, &str); 3] = [
    ("DBT_APAC_AWS", "198.51.100.0/26"),
    ("DBT_EMEA_AWS", "198.51.100.64/26"),
    ("GITHUBACTIONS_GLOBAL", "203.0.113.0/24"),
];

pub(super) fn account(account: AccountIdentity) -> State {
    let mut state = State::empty(account);
    add_roles(&mut state);
    add_snowflake_database(&mut state);
    add_admin(&mut state);
    state
}

fn add_roles(state: &mut State) {
    for name in ROLES {
        let role = Role { comment: String::new(), created_on: CREATED, built_in: true };
        state.roles.insert(name.to_owned(), role);
    }
    for (role, to) in HIERARCHY {
        give_role(state, RoleRef::Account(role.to_owned()), Grantee::role(to));
    }
    let account = Securable::named(Kind::Account, &state.account.name);
    for (role, privilege) in ACCOUNT_PRIVILEGES {
        give(state, privilege, &account, Grantee::role(role));
    }
}

fn add_snowflake_database(state: &mut State) {
    let role = || Role { comment: String::new(), created_on: CREATED, built_in: true };
    let schema = || Schema { comment: String::new(), created_on: CREATED };
    let database = Database {
        comment: String::new(),
        created_on: CREATED,
        built_in: true,
        schemas: SCHEMAS.into_iter().map(|name| (name.to_owned(), schema())).collect(),
        roles: DATABASE_ROLES.into_iter().map(|name| (name.to_owned(), role())).collect(),
    };
    state.databases.insert(SNOWFLAKE.to_owned(), database);
    let on = Securable::named(Kind::Database, SNOWFLAKE);
    state.grants.set_owner(&on, Grantee::role("ACCOUNTADMIN"), CREATED);
    for (name, network) in RULES {
        let path = Path::new([SNOWFLAKE, "NETWORK_SECURITY", name].map(str::to_owned).to_vec());
        state.network_rules.insert(path, built_in_rule(network));
    }
    let cortex = RoleRef::Database(Path::two(SNOWFLAKE, "CORTEX_USER"));
    give_role(state, cortex, Grantee::role("PUBLIC"));
}

fn built_in_rule(network: &str) -> NetworkRule {
    NetworkRule {
        kind: "IPV4".into(),
        mode: "INGRESS".into(),
        values: vec![network.to_owned()],
        comment: String::new(),
        created_on: CREATED,
    }
}

fn add_admin(state: &mut State) {
    let mut admin = User::new(state.next_id(), "ADMIN", CREATED);
    admin.kind = Some(UserType::Person);
    admin.default_role = Some("ACCOUNTADMIN".into());
    admin.texts = BTreeMap::new();
    state.users.insert("ADMIN".into(), admin);
    let on = Securable::user("ADMIN");
    state.grants.set_owner(&on, Grantee::role("ACCOUNTADMIN"), CREATED);
    for role in ["ACCOUNTADMIN", "ORGADMIN"] {
        give_role(state, RoleRef::Account(role.into()), Grantee::User("ADMIN".into()));
    }
}

fn give(state: &mut State, privilege: &str, on: &Securable, to: Grantee) {
    state.grants.add_privilege(PrivilegeGrant {
        privilege: privilege.to_owned(),
        on: on.clone(),
        to,
        with_grant_option: false,
        granted_by: String::new(),
        created_on: CREATED,
    });
}

fn give_role(state: &mut State, role: RoleRef, to: Grantee) {
    state.grants.add_role(RoleGrant { role, to, granted_by: String::new(), created_on: CREATED });
}
