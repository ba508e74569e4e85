//! Roles, grants, hierarchy, ownership.

use super::*;

#[test]
fn a_role_inherits_what_the_roles_granted_to_it_hold() {
    let mut world = World::new();
    world.script(
        "create role child; create role parent; grant role child to role parent;
         grant create role on account to role child; grant role parent to user miguel",
    );
    assert!(world.as_role("MIGUEL", "PARENT", "create role made").is_ok());
    world.admin("revoke role child from role parent");
    assert_eq!(world.as_role("MIGUEL", "PARENT", "create role again").unwrap_err().code, "003001");
}

#[test]
fn granting_in_a_circle_is_refused() {
    let mut world = World::new();
    world.script("create role a; create role b; grant role a to role b");
    assert_eq!(world.refused("grant role b to role a"), "399052");
    assert_eq!(world.refused("grant role a to role a"), "399052");
}

#[test]
fn granting_a_role_needs_its_ownership_or_manage_grants() {
    let mut world = World::new();
    world.script(
        "create role owner; create role granter; grant manage grants on account to role granter",
    );
    let grant = "grant role cli_role to user broker";
    assert_eq!(world.as_role("MIGUEL", "OWNER", grant).unwrap_err().code, "003001");
    assert!(world.as_role("MIGUEL", "GRANTER", grant).is_ok());
    assert!(world.as_role("MIGUEL", "GRANTER", "revoke role cli_role from user broker").is_ok());
    world.admin("grant ownership on role cli_role to role owner");
    assert!(world.as_role("MIGUEL", "OWNER", grant).is_ok());
}

#[test]
fn granting_a_privilege_needs_ownership_its_grant_option_or_manage_grants() {
    let mut world = World::new();
    world.script("create role holder; create role taker");
    let grant = "grant usage on warehouse wh to role taker";
    assert_eq!(world.as_role("MIGUEL", "HOLDER", grant).unwrap_err().code, "003001");
    world.admin("grant usage on warehouse wh to role holder");
    assert_eq!(world.as_role("MIGUEL", "HOLDER", grant).unwrap_err().code, "003001");
    world.admin("grant usage on warehouse wh to role holder with grant option");
    assert!(world.as_role("MIGUEL", "HOLDER", grant).is_ok());
    world.admin("revoke grant option for usage on warehouse wh from role holder");
    assert_eq!(world.as_role("MIGUEL", "HOLDER", grant).unwrap_err().code, "003001");
}

#[test]
fn ownership_moves_only_when_other_grants_are_copied_or_revoked() {
    let mut world = World::new();
    world.admin("create role heir");
    assert_eq!(world.refused("grant ownership on user cli to role heir"), "399051");
    world.admin("grant ownership on user cli to role heir copy current grants");
    let on_cli = world.admin("show grants on user cli");
    assert_eq!(on_cli.column("grantee_name"), ["BROKER_ROLE", "HEIR"]);
    world.admin("grant ownership on user cli to role sysadmin revoke current grants");
    let on_cli = world.admin("show grants on user cli");
    assert_eq!(on_cli.column("grantee_name"), ["SYSADMIN"]);
}

#[test]
fn only_privileges_that_exist_on_a_kind_can_be_granted() {
    let mut world = World::new();
    for sql in [
        "grant usage on user cli to role cli_role",
        "grant create user on database db to role cli_role",
        "grant teleport on warehouse wh to role cli_role",
    ] {
        assert_eq!(world.refused(sql), "399053", "{sql}");
    }
    assert_eq!(world.refused("grant usage on warehouse nope to role cli_role"), "002003");
    assert_eq!(world.refused("grant usage on warehouse wh to role nope"), "002003");
    assert_eq!(world.refused("grant role nope to user cli"), "002003");
}

#[test]
fn all_privileges_are_every_one_but_ownership() {
    let mut world = World::new();
    world.admin("grant all privileges on warehouse wh to role cli_role");
    let held = world.admin("show grants to role cli_role");
    assert_eq!(held.column("privilege"), ["MODIFY", "MONITOR", "OPERATE", "USAGE"]);
}

#[test]
fn privileges_can_be_granted_to_a_user_and_count_with_secondary_roles() {
    let mut world = World::new();
    world.script(
        "alter user miguel set network_policy = np;
         grant create role on account to user miguel;
         grant modify programmatic authentication methods on user cli to user miguel",
    );
    let secret = world.mint("miguel", "t", "");
    let mut session = world.login(&secret).unwrap();
    assert!(world.run(&mut session, "show user pats for user cli").is_ok());
    assert_eq!(
        world.run(&mut session, "create role nope").unwrap_err().code,
        "003001",
        "secondary roles never count for creating"
    );
    world.run(&mut session, "use secondary roles none").unwrap();
    let error = world.run(&mut session, "show user pats for user cli").unwrap_err();
    assert_eq!(error.code, "003001");
}

#[test]
fn secondary_roles_count_where_they_are_active() {
    let mut world = World::new();
    world.script(
        "alter user miguel set network_policy = np;
         grant modify programmatic authentication methods on user cli to role other_role",
    );
    let secret = world.mint("miguel", "t", "");
    let mut session = world.login(&secret).unwrap();
    assert!(world.run(&mut session, "show user pats for user cli").is_ok());
    let secret = world.mint("miguel", "r", "role_restriction = 'CLI_ROLE'");
    let mut session = world.login(&secret).unwrap();
    let error = world.run(&mut session, "show user pats for user cli").unwrap_err();
    assert_eq!(error.code, "003001");
}

#[test]
fn a_database_role_is_created_granted_shown_and_dropped() {
    let mut world = World::new();
    world.script(
        "create database role db.reader;
         grant usage on schema db.public to database role db.reader;
         grant database role db.reader to role cli_role",
    );
    let shown = world.admin("show database roles in database db");
    assert_eq!(shown.column("name"), ["READER"]);
    let held = world.admin("show grants to role cli_role");
    assert_eq!(held.column("name"), ["DB.READER"]);
    assert_eq!(held.column("granted_on"), ["DATABASE_ROLE"]);
    world.script("revoke database role db.reader from role cli_role; drop database role db.reader");
    assert!(world.admin("show grants to role cli_role").rows.is_empty());
}

#[test]
fn cortex_user_belongs_to_public_and_can_be_taken_away() {
    let mut world = World::new();
    let holders = world.admin("show grants of database role snowflake.cortex_user");
    assert_eq!(holders.column("grantee_name"), ["PUBLIC"]);
    world.script(
        "revoke database role snowflake.cortex_user from role public;
         grant database role snowflake.cortex_user to role cli_role",
    );
    let holders = world.admin("show grants of database role snowflake.cortex_user");
    assert_eq!(holders.column("grantee_name"), ["CLI_ROLE"]);
}

#[test]
fn grants_are_shown_to_a_user_to_a_role_of_a_role_and_on_an_object() {
    let mut world = World::new();
    let to_user = world.admin("show grants to user cli");
    assert_eq!(to_user.column("role"), ["CLI_ROLE", "OTHER_ROLE"]);
    assert_eq!(to_user.column("granted_to"), ["USER", "USER"]);
    let to_role = world.admin("show grants to role broker_role");
    assert_eq!(to_role.column("privilege"), ["MODIFY PROGRAMMATIC AUTHENTICATION METHODS"]);
    assert_eq!(to_role.column("granted_on"), ["USER"]);
    assert_eq!(to_role.column("name"), ["CLI"]);
    let of_role = world.admin("show grants of role cli_role");
    assert_eq!(of_role.column("grantee_name"), ["CLI", "MIGUEL"]);
    let on_user = world.admin("show grants on user cli");
    assert_eq!(on_user.column("grantee_name"), ["ACCOUNTADMIN", "BROKER_ROLE"]);
    let own = world.as_role("CLI", "CLI_ROLE", "show grants").unwrap();
    assert_eq!(own.column("role"), ["CLI_ROLE", "OTHER_ROLE"]);
}

#[test]
fn what_a_role_cannot_see_is_refused_by_show_grants() {
    let mut world = World::new();
    for sql in [
        "show grants to user miguel",
        "show grants to role broker_role",
        "show grants on user miguel",
    ] {
        assert_eq!(world.as_role("CLI", "CLI_ROLE", sql).unwrap_err().code, "003001", "{sql}");
    }
    let own = world.as_role("BROKER", "BROKER_ROLE", "show grants to role broker_role");
    assert_eq!(own.unwrap().rows.len(), 1);
}

#[test]
fn built_in_roles_form_the_documented_hierarchy_and_cannot_be_dropped() {
    let mut world = World::new();
    for (role, holder) in [
        ("securityadmin", "ACCOUNTADMIN"),
        ("sysadmin", "ACCOUNTADMIN"),
        ("useradmin", "SECURITYADMIN"),
    ] {
        let holders = world.admin(&format!("show grants of role {role}"));
        assert!(holders.column("grantee_name").contains(&holder), "{role}");
    }
    world.admin("grant ownership on role public to role accountadmin");
    for sql in ["drop role public", "alter role public rename to private"] {
        assert_eq!(world.refused(sql), "399054", "{sql}");
    }
}

#[test]
fn dropping_a_role_gives_what_it_owned_to_the_dropping_role() {
    let mut world = World::new();
    world.script("create role owner; grant create user on account to role owner");
    world.as_role("MIGUEL", "OWNER", "create user owned").unwrap();
    world.admin("drop role owner");
    let shown = world.admin("show users like 'OWNED'");
    assert_eq!(shown.cell(0, "owner"), Some("ACCOUNTADMIN"));
}

#[test]
fn a_renamed_role_keeps_its_grants() {
    let mut world = World::new();
    world.script(
        "grant usage on warehouse wh to role cli_role; alter role cli_role rename to new_role",
    );
    assert_eq!(world.admin("show grants to role new_role").rows.len(), 1);
    assert_eq!(world.admin("show grants of role new_role").rows.len(), 2);
}

#[test]
fn what_public_holds_everybody_holds() {
    let mut world = World::new();
    let sql = "use warehouse wh";
    assert_eq!(world.as_role("CLI", "CLI_ROLE", sql).unwrap_err().code, "003001");
    world.admin("grant usage on warehouse wh to role public");
    assert!(world.as_role("CLI", "CLI_ROLE", sql).is_ok());
}

#[test]
fn the_snowflake_database_cannot_be_dropped_by_its_owner() {
    let mut world = World::new();
    assert_eq!(world.refused("drop database snowflake"), "399054");
}
