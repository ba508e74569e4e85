//! Network rules and policies.

use super::*;

#[test]
fn a_rule_keeps_type_and_mode_for_life_and_has_no_if_not_exists() {
    let mut world = World::new();
    assert_eq!(
        world.refused("create network rule if not exists db.public.r type = ipv4 value_list = ()"),
        "001003"
    );
    assert_eq!(world.refused("alter network rule db.public.loopback set type = ipv6"), "001006");
    assert_eq!(
        world
            .refused("create or alter network rule db.public.loopback type = ipv6 value_list = ()"),
        "399046"
    );
    world.admin("create network rule db.public.empty type = ipv4 value_list = ()");
    let shown = world.admin("desc network rule db.public.empty");
    assert_eq!(shown.cell(0, "mode"), Some("INGRESS"), "the default mode");
}

#[test]
fn a_rule_is_refused_for_a_bad_type_mode_or_value() {
    let mut world = World::new();
    for (tail, code) in [
        ("type = ipv9 value_list = ()", "001008"),
        ("type = ipv4 value_list = () mode = sideways", "001008"),
        ("type = ipv4 value_list = ('300.1.1.1')", "399046"),
        ("type = ipv4", "399046"),
        ("value_list = ()", "399046"),
    ] {
        assert_eq!(
            world.refused(&format!("create network rule db.public.r {tail}")),
            code,
            "{tail}"
        );
    }
}

#[test]
fn changing_a_rule_moves_who_may_log_in_at_once() {
    let mut world = World::new();
    let secret = world.mint_cli();
    world.admin("alter network rule db.public.loopback set value_list = ('10.0.0.0/8')");
    assert_eq!(world.login_code(&secret), "390422");
    let inside = LoginAttempt { client_ip: ip("10.1.2.3"), ..attempt(&secret) };
    assert!(world.engine.login(&inside, world.now).is_ok());
}

#[test]
fn a_rule_in_use_cannot_be_dropped_nor_its_schema() {
    let mut world = World::new();
    assert_eq!(world.refused("drop network rule db.public.loopback"), "399045");
    assert_eq!(world.refused("drop schema db.public"), "399041");
    assert_eq!(world.refused("drop database db"), "399041");
    world.script(
        "alter network policy np remove allowed_network_rule_list = ('db.public.loopback');
         drop network rule db.public.loopback",
    );
    assert_eq!(world.refused("drop network rule db.public.loopback"), "002003");
    world.admin("drop network rule if exists db.public.loopback");
}

#[test]
fn an_attached_policy_cannot_be_replaced_or_dropped_but_altered() {
    let mut world = World::new();
    assert_eq!(world.refused("create or replace network policy np"), "399041");
    assert_eq!(world.refused("create or alter network policy np"), "399041");
    assert_eq!(world.refused("drop network policy np"), "399041");
    world.admin("alter network policy np set comment = 'x'");
    world.script(
        "alter user cli unset network_policy; alter user broker unset network_policy;
         create or replace network policy np; drop network policy np",
    );
}

#[test]
fn rules_are_added_to_and_removed_from_a_policy() {
    let mut world = World::new();
    world.script(
        "create network rule db.public.office type = ipv4 value_list = ('10.0.0.0/8', '192.0.2.1');
         alter network policy np add allowed_network_rule_list = ('DB.PUBLIC.OFFICE');
         alter network policy np add blocked_network_rule_list = (db.public.loopback)",
    );
    let shown = world.admin("desc network policy np");
    assert_eq!(shown.column("name"), ["ALLOWED_NETWORK_RULE_LIST", "BLOCKED_NETWORK_RULE_LIST"]);
    assert_eq!(
        shown.column("value"),
        [
            r#"[{"fullyQualifiedRuleName":"DB.PUBLIC.LOOPBACK"},{"fullyQualifiedRuleName":"DB.PUBLIC.OFFICE"}]"#,
            r#"[{"fullyQualifiedRuleName":"DB.PUBLIC.LOOPBACK"}]"#,
        ]
    );
    let secret = world.mint_cli();
    assert_eq!(world.login_code(&secret), "390422", "block beats allow");
    let office = LoginAttempt { client_ip: ip("10.9.9.9"), ..attempt(&secret) };
    assert!(world.engine.login(&office, world.now).is_ok());
}

#[test]
fn the_users_policy_beats_the_accounts_and_attaching_evicts_the_one_before() {
    let mut world = World::new();
    let secret = world.mint_cli();
    world.script(
        "create network policy nowhere allowed_ip_list = ('192.0.2.9');
         alter account set network_policy = nowhere",
    );
    assert!(world.login(&secret).is_ok());
    world.admin("alter user cli set network_policy = nowhere");
    assert_eq!(world.login_code(&secret), "390422");
    let parameter = world.admin("show parameters like 'NETWORK_POLICY' for user cli");
    assert_eq!(parameter.cell(0, "value"), Some("NOWHERE"));
    assert_eq!(parameter.cell(0, "level"), Some("USER"));
    world.admin("alter user cli unset network_policy");
    let parameter = world.admin("show parameters like 'NETWORK_POLICY' for user cli");
    assert_eq!(parameter.cell(0, "level"), Some("ACCOUNT"));
}

#[test]
fn nobody_can_set_an_account_policy_that_shuts_themselves_out() {
    let mut world = World::new();
    world.script(
        "create network policy nowhere allowed_ip_list = ('192.0.2.9');
         alter user admin set password = 'p'",
    );
    let method = LoginMethod::Password { password: "p".into() };
    let login = LoginAttempt { login_name: Some("ADMIN".into()), method, ..attempt("") };
    let mut session = world.engine.login(&login, world.now).unwrap();
    let set = |policy: &str| format!("alter account set network_policy = {policy}");
    assert_eq!(world.run(&mut session, &set("nowhere")).unwrap_err().code, "399044");
    assert!(world.run(&mut session, &set("np")).is_ok());
    assert!(world.run(&mut session, "alter account unset network_policy").is_ok());
}

#[test]
fn an_ip_list_is_ipv4_and_not_endless() {
    let mut world = World::new();
    assert_eq!(world.refused("create network policy p allowed_ip_list = ('::1')"), "399046");
    let long = vec!["'192.168.100.100'"; 7000].join(",");
    assert_eq!(
        world.refused(&format!("create network policy p allowed_ip_list = ({long})")),
        "399046"
    );
}

#[test]
fn a_policy_names_only_rules_that_exist_and_built_in_rules_do() {
    let mut world = World::new();
    assert_eq!(
        world.refused("create network policy p allowed_network_rule_list = ('db.public.nope')"),
        "002003"
    );
    world.admin("create network policy p allowed_network_rule_list = ('SNOWFLAKE.NETWORK_SECURITY.GITHUBACTIONS_GLOBAL')");
    let shown = world.admin("show network rules in snowflake.network_security");
    assert!(shown.column("name").contains(&"GITHUBACTIONS_GLOBAL"));
    assert!(shown.columns.iter().all(|column| column.name != "value_list"));
}

#[test]
fn setting_a_users_policy_needs_the_user_and_usage_on_the_policy() {
    let mut world = World::new();
    world.script(
        "create role owner; grant ownership on user cli to role owner revoke current grants",
    );
    let set = "alter user cli set network_policy = np";
    assert_eq!(world.as_role("MIGUEL", "OWNER", set).unwrap_err().code, "003001");
    world.admin("grant usage on network policy np to role owner");
    assert!(world.as_role("MIGUEL", "OWNER", set).is_ok());
}
