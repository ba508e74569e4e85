//! SHOW and DESCRIBE: the columns of a live account.

use super::*;

fn columns(world: &mut World, sql: &str) -> Vec<String> {
    world.admin(sql).columns.into_iter().map(|column| column.name).collect()
}

#[test]
fn show_users_has_the_columns_of_a_live_account() {
    let mut world = World::new();
    let wanted = "name created_on login_name display_name first_name last_name email mins_to_unlock \
                  days_to_expiry comment disabled must_change_password snowflake_lock \
                  default_warehouse default_namespace default_role default_secondary_roles \
                  ext_authn_duo ext_authn_uid mins_to_bypass_mfa owner last_success_login \
                  expires_at_time locked_until_time has_password has_rsa_public_key type has_mfa \
                  has_workload_identity";
    assert_eq!(columns(&mut world, "show users").join(" "), wanted);
    let shown = world.admin("show users like 'CLI'");
    assert_eq!(shown.cell(0, "type"), Some("SERVICE"));
    assert_eq!(shown.cell(0, "disabled"), Some("false"));
}

#[test]
fn describe_user_lists_property_value_default_description() {
    let mut world = World::new();
    let sql = "desc user cli";
    assert_eq!(columns(&mut world, sql), ["property", "value", "default", "description"]);
    let shown = world.admin(sql);
    for property in [
        "NAME",
        "COMMENT",
        "TYPE",
        "LOGIN_NAME",
        "DISABLED",
        "SNOWFLAKE_LOCK",
        "DAYS_TO_EXPIRY",
        "MINS_TO_UNLOCK",
        "DEFAULT_WAREHOUSE",
        "DEFAULT_NAMESPACE",
        "DEFAULT_ROLE",
        "DEFAULT_SECONDARY_ROLES",
        "HAS_MFA",
        "MINS_TO_BYPASS_NETWORK_POLICY",
        "RSA_PUBLIC_KEY",
        "RSA_PUBLIC_KEY_FP",
        "RSA_PUBLIC_KEY_LAST_SET_TIME",
        "RSA_PUBLIC_KEY_2",
        "RSA_PUBLIC_KEY_2_FP",
        "RSA_PUBLIC_KEY_2_LAST_SET_TIME",
        "PASSWORD_LAST_SET_TIME",
        "HAS_WORKLOAD_IDENTITY",
    ] {
        assert!(shown.column("property").contains(&property), "{property}");
    }
}

#[test]
fn shows_of_networks_and_policies_have_their_columns() {
    let mut world = World::new();
    world.admin("create authentication policy db.public.ap");
    let table = [
        (
            "show network policies",
            "created_on name comment entries_in_allowed_ip_list entries_in_blocked_ip_list \
             entries_in_allowed_network_rules entries_in_blocked_network_rules",
        ),
        ("desc network policy np", "name value"),
        (
            "show network rules",
            "created_on name database_name schema_name owner comment type mode \
             entries_in_valuelist owner_role_type",
        ),
        (
            "desc network rule db.public.loopback",
            "created_on name database_name schema_name owner comment type mode value_list",
        ),
        (
            "show authentication policies",
            "created_on name database_name schema_name kind owner comment owner_role_type options",
        ),
        (
            "show authentication policies on user cli",
            "created_on name database_name schema_name kind owner comment owner_role_type options \
             set_on",
        ),
        ("desc authentication policy db.public.ap", "property value default description"),
        (
            "show parameters like 'NETWORK_POLICY' in account",
            "key value default level description type",
        ),
        (
            "show grants on user cli",
            "created_on privilege granted_on name granted_to grantee_name grant_option granted_by",
        ),
        (
            "show roles",
            "created_on name is_default is_current is_inherited assigned_to_users \
             granted_to_roles granted_roles owner comment",
        ),
    ];
    for (sql, wanted) in table {
        assert_eq!(columns(&mut world, sql).join(" "), wanted, "{sql}");
    }
    let shown = world.admin("show network policies like 'NP'");
    assert_eq!(shown.cell(0, "entries_in_allowed_network_rules"), Some("1"));
    assert_eq!(
        world.admin("show authentication policies").cell(0, "kind"),
        Some("AUTHENTICATION_POLICY")
    );
}

#[test]
fn like_starts_with_and_limit_choose_rows() {
    let mut world = World::new();
    assert_eq!(world.admin("show roles like 'CLI%'").column("name"), ["CLI_ROLE"]);
    assert_eq!(world.admin("show roles starts with 'SYS'").column("name"), ["SYSADMIN"]);
    assert_eq!(world.admin("show roles limit 2").rows.len(), 2);
    assert_eq!(world.admin("show databases").column("name"), ["DB", "SNOWFLAKE"]);
    assert_eq!(
        world.admin("show schemas in database db").column("name"),
        ["INFORMATION_SCHEMA", "PUBLIC"]
    );
    assert_eq!(world.admin("show warehouses").column("name"), ["WH"]);
}

#[test]
fn a_role_is_shown_what_it_holds_something_on() {
    let mut world = World::new();
    world.admin("create authentication policy db.public.ap");
    let seen =
        |world: &mut World, sql: &str| world.as_role("CLI", "CLI_ROLE", sql).unwrap().rows.len();
    for sql in [
        "show warehouses",
        "show network policies",
        "show authentication policies",
        "show databases",
    ] {
        assert_eq!(seen(&mut world, sql), 0, "{sql}");
    }
    world.script("grant usage on warehouse wh to role cli_role; grant usage on network policy np to role cli_role");
    assert_eq!(seen(&mut world, "show warehouses"), 1);
    assert_eq!(seen(&mut world, "show network policies"), 1);
    let users = world.as_role("CLI", "CLI_ROLE", "show users like 'MIGUEL'").unwrap();
    assert_eq!(users.cell(0, "name"), Some("MIGUEL"));
    assert_eq!(users.cell(0, "default_role"), None, "only the name of a foreign user is shown");
    assert_eq!(world.as_role("CLI", "CLI_ROLE", "desc user miguel").unwrap_err().code, "003001");
    for sql in [
        "desc user miguel",
        "show parameters like 'NETWORK_POLICY' for user miguel",
        "show authentication policies on user miguel",
        "desc authentication policy db.public.ap",
    ] {
        assert_eq!(world.as_role("CLI", "CLI_ROLE", sql).unwrap_err().code, "003001", "{sql}");
    }
}

#[test]
fn limit_from_turns_pages_in_order_of_name() {
    let mut world = World::new();
    world.script("create user u1; create user u2; create user u3; create user \"u\"");
    let mut names = |sql: &str| -> Vec<String> {
        world.admin(sql).column("name").into_iter().map(str::to_owned).collect()
    };
    let (mut turned, mut last) = (Vec::new(), String::new());
    loop {
        let page = names(&format!("show users limit 2 from '{last}'"));
        assert!(page.len() <= 2);
        let Some(end) = page.last() else { break };
        last.clone_from(end);
        turned.extend(page);
    }
    assert_eq!(turned, names("show users"));
    assert_eq!(world.refused("show users from 'U1'"), "001003");
}
