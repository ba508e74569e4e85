//! Authentication policies.

use super::*;

fn policy(world: &mut World, body: &str) {
    world.admin(&format!("create or alter authentication policy db.public.ap {body}"));
}

fn attach(world: &mut World) {
    world.admin("alter user cli set authentication policy db.public.ap force");
}

const ADD: &str = "alter user cli add pat x role_restriction = 'CLI_ROLE'";

#[test]
fn an_untouched_policy_describes_itself_as_a_live_account_does() {
    let mut world = World::new();
    policy(&mut world, "");
    let shown = world.admin("desc authentication policy db.public.ap");
    let value = |property: &str| {
        let row = shown.rows.iter().find(|row| row[0].as_deref() == Some(property)).unwrap();
        row[1].clone().unwrap()
    };
    for (property, wanted) in [
        ("NAME", "AP"),
        ("OWNER", "ACCOUNTADMIN"),
        ("AUTHENTICATION_METHODS", "[ALL]"),
        ("CLIENT_TYPES", "[ALL]"),
        ("CLIENT_POLICY", "{}"),
        ("SECURITY_INTEGRATIONS", "[ALL]"),
        ("MFA_ENROLLMENT", "OPTIONAL"),
        ("COMMENT", "null"),
        (
            "PAT_POLICY",
            "{DEFAULT_EXPIRY_IN_DAYS=15, MAX_EXPIRY_IN_DAYS=365, \
             NETWORK_POLICY_EVALUATION=ENFORCED_REQUIRED, \
             REQUIRE_ROLE_RESTRICTION_FOR_SERVICE_USERS=true, \
             REQUIRE_ROLE_RESTRICTION_FOR_PERSON_USERS=false, BLOCKED_ROLES_LIST=[]}",
        ),
        (
            "WORKLOAD_IDENTITY_POLICY",
            "{ALLOWED_PROVIDERS=[ALL], ALLOWED_AWS_ACCOUNTS=[ALL], ALLOWED_AWS_PARTITIONS=[ALL], \
             ALLOWED_AZURE_ISSUERS=[ALL], ALLOWED_OIDC_ISSUERS=[ALL]}",
        ),
    ] {
        assert_eq!(value(property), wanted, "{property}");
    }
}

#[test]
fn what_was_set_is_described_without_quotes_and_with_lists_in_brackets() {
    let mut world = World::new();
    policy(
        &mut world,
        "mfa_policy = (allowed_methods = ('PASSKEY', 'DUO') enforce_mfa_on_external_authentication = 'ALL') \
         workload_identity_policy = (allowed_aws_accounts = ('111122223333'))",
    );
    let shown = world.admin("desc authentication policy db.public.ap").rows;
    let value = |property: &str| {
        shown.iter().find(|row| row[0].as_deref() == Some(property)).unwrap()[1].clone().unwrap()
    };
    assert_eq!(
        value("MFA_POLICY"),
        "{ALLOWED_METHODS=[PASSKEY, DUO], ENFORCE_MFA_ON_EXTERNAL_AUTHENTICATION=ALL}"
    );
    assert!(value("WORKLOAD_IDENTITY_POLICY").contains("ALLOWED_AWS_ACCOUNTS=[111122223333],"));
}

#[test]
fn a_policy_without_the_method_stops_minting_and_using() {
    let mut world = World::new();
    let secret = world.mint_cli();
    policy(&mut world, "authentication_methods = ('KEYPAIR', 'PASSWORD')");
    attach(&mut world);
    assert_eq!(world.refused(ADD), "399012");
    assert_eq!(world.login_code(&secret), "390202");
    policy(&mut world, "authentication_methods = ('KEYPAIR', 'PROGRAMMATIC_ACCESS_TOKEN')");
    assert!(world.login(&secret).is_ok());
    world.admin(ADD);
}

#[test]
fn the_address_is_judged_before_the_method() {
    let mut world = World::new();
    let secret = world.mint_cli();
    policy(&mut world, "authentication_methods = ('KEYPAIR')");
    attach(&mut world);
    let elsewhere = LoginAttempt { client_ip: ip("192.0.2.1"), ..attempt(&secret) };
    assert_eq!(world.engine.login(&elsewhere, world.now).unwrap_err().code, "390422");
}

#[test]
fn default_and_longest_expiry_come_from_the_policy() {
    let mut world = World::new();
    policy(&mut world, "pat_policy = (default_expiry_in_days = 7 max_expiry_in_days = 30)");
    attach(&mut world);
    world.mint_cli();
    assert_eq!(world.engine.tokens("CLI", world.now)[0].expires_at, START.plus_days(7));
    assert_eq!(world.refused(&format!("{ADD} days_to_expiry = 31")), "399008");
    world.admin(&format!("{ADD} days_to_expiry = 30"));
}

#[test]
fn lowering_the_longest_expiry_kills_tokens_with_a_longer_span() {
    let mut world = World::new();
    let long = world.mint("cli", "long", "role_restriction = 'CLI_ROLE' days_to_expiry = 90");
    let short = world.mint("cli", "short", "role_restriction = 'CLI_ROLE' days_to_expiry = 20");
    policy(&mut world, "pat_policy = (max_expiry_in_days = 30)");
    attach(&mut world);
    assert_eq!(world.login_code(&long), "394400");
    assert!(world.login(&short).is_ok());
}

#[test]
fn the_role_restriction_requirement_can_be_lifted_and_put_back() {
    let mut world = World::new();
    policy(&mut world, "pat_policy = (require_role_restriction_for_service_users = false)");
    attach(&mut world);
    let free = world.mint("cli", "free", "");
    assert!(world.login(&free).is_ok());
    policy(&mut world, "pat_policy = (require_role_restriction_for_service_users = true)");
    assert_eq!(world.login_code(&free), "394400");
    assert_eq!(world.refused("alter user cli add pat y"), "399005");
}

#[test]
fn persons_can_be_required_to_restrict_too() {
    let mut world = World::new();
    world.admin("alter user miguel set network_policy = np");
    let free = world.mint("miguel", "free", "");
    assert!(world.login(&free).is_ok());
    policy(&mut world, "pat_policy = (require_role_restriction_for_person_users = true)");
    world.admin("alter user miguel set authentication policy db.public.ap");
    assert_eq!(world.login_code(&free), "394400");
    assert_eq!(world.refused("alter user miguel add pat y"), "399005");
}

#[test]
fn a_blocked_role_cannot_be_minted_for_or_logged_in_with_but_unrestricted_tokens_pass() {
    let mut world = World::new();
    world.admin("alter user miguel set network_policy = np");
    let restricted = world.mint_cli();
    let free = world.mint("miguel", "free", "");
    policy(&mut world, "pat_policy = (blocked_roles_list = ('CLI_ROLE', 'ACCOUNTADMIN'))");
    attach(&mut world);
    world.admin("alter user miguel set authentication policy db.public.ap");
    assert_eq!(world.login_code(&restricted), "394400");
    assert_eq!(world.refused(ADD), "399007");
    assert!(world.login(&free).is_ok());
    world.mint("miguel", "no_restriction_needed", "");
}

#[test]
fn network_policy_evaluation_has_three_values() {
    let table = [
        ("ENFORCED_REQUIRED", Err("399011"), "390432", "390422"),
        ("ENFORCED_NOT_REQUIRED", Ok(()), "", "390422"),
        ("NOT_ENFORCED", Ok(()), "", ""),
    ];
    for (value, minting, without, outside) in table {
        let mut world = World::new();
        let secret = world.mint_cli();
        policy(&mut world, &format!("pat_policy = (network_policy_evaluation = {value})"));
        attach(&mut world);
        let code = |login: Result<Session, LoginFailure>| login.err().map_or("", |f| f.code);
        let elsewhere = LoginAttempt { client_ip: ip("192.0.2.1"), ..attempt(&secret) };
        assert_eq!(code(world.engine.login(&elsewhere, world.now)), outside, "{value}");
        world.admin("alter user cli unset network_policy");
        assert_eq!(code(world.login(&secret)), without, "{value}");
        let minted = world.as_role("ADMIN", "ACCOUNTADMIN", ADD).map(drop).map_err(|e| e.code);
        assert_eq!(minted, minting, "{value}");
    }
}

#[test]
fn the_users_policy_beats_the_user_types_which_beats_the_accounts() {
    let mut world = World::new();
    world.script(
        "create authentication policy db.public.on_user;
         create authentication policy db.public.on_type;
         create authentication policy db.public.on_account;
         alter account set authentication policy db.public.on_account;
         alter account set authentication policy db.public.on_type for all service users;
         alter user cli set authentication policy db.public.on_user",
    );
    let mut effective = |user: &str| {
        let shown = world.admin(&format!("show authentication policies on user {user}"));
        let set_on = shown.cell(0, "set_on").unwrap().to_owned();
        (shown.cell(0, "name").unwrap().to_owned(), set_on)
    };
    let pair = |name: &str, on: &str| (name.to_owned(), on.to_owned());
    assert_eq!(effective("cli"), pair("ON_USER", "USER"));
    assert_eq!(effective("broker"), pair("ON_TYPE", "ACCOUNT"));
    assert_eq!(effective("miguel"), pair("ON_ACCOUNT", "ACCOUNT"));
    world.script(
        "alter user cli unset authentication policy;
         alter account unset authentication policy for all service users;
         alter account unset authentication policy",
    );
    let shown = world.admin("show authentication policies on user cli");
    assert_eq!(shown.cell(0, "set_on"), Some("SYSTEM"));
    assert_eq!(shown.cell(0, "database_name"), None);
}

#[test]
fn person_scope_covers_untyped_users_and_a_switch_decides_about_agents() {
    let mut world = World::new();
    world.script(
        "create user untyped; create user agent type = service_agent;
         create authentication policy db.public.p; create authentication policy db.public.s;
         alter account set authentication policy db.public.p for all person users;
         alter account set authentication policy db.public.s for all service users",
    );
    let name = |world: &mut World, user: &str| {
        let shown = world.admin(&format!("show authentication policies on user {user}"));
        shown.cell(0, "name").unwrap().to_owned()
    };
    assert_eq!(name(&mut world, "untyped"), "P");
    assert_eq!(name(&mut world, "agent"), "BUILT-IN");
    world.engine.switches_mut().service_scope_covers_agents = true;
    assert_eq!(name(&mut world, "agent"), "S");
    let shown = world.admin("show authentication policies in schema db.public");
    assert_eq!(shown.cell(0, "options"), Some(r#"{"target_scopes":["PERSON_USERS"]}"#));
}

#[test]
fn replacing_an_attached_policy_needs_force() {
    let mut world = World::new();
    world.script(
        "create authentication policy db.public.a; create authentication policy db.public.b",
    );
    for target in ["user cli", "account"] {
        world.admin(&format!("alter {target} set authentication policy db.public.a"));
        let second = format!("alter {target} set authentication policy db.public.b");
        assert_eq!(world.refused(&second), "399042", "{target}");
        world.admin(&format!("{second} force"));
        world.admin(&format!("alter {target} unset authentication policy"));
        let error = world.refused(&format!("alter {target} unset authentication policy"));
        assert_eq!(error, "399043", "{target}");
    }
}

#[test]
fn a_switch_decides_whether_force_on_the_account_detaches_users() {
    for detaches in [true, false] {
        let mut world = World::new();
        world.engine.switches_mut().account_force_detaches_users = detaches;
        policy(&mut world, "");
        attach(&mut world);
        world.admin("alter account set authentication policy db.public.ap force");
        let shown = world.admin("show authentication policies on user cli");
        assert_eq!(shown.cell(0, "set_on"), Some(if detaches { "ACCOUNT" } else { "USER" }));
    }
}

#[test]
fn an_attached_policy_cannot_be_dropped() {
    let mut world = World::new();
    policy(&mut world, "");
    attach(&mut world);
    assert_eq!(world.refused("drop authentication policy db.public.ap"), "399041");
    world.script(
        "alter user cli unset authentication policy; drop authentication policy db.public.ap",
    );
}

#[test]
fn a_renamed_policy_stays_attached() {
    let mut world = World::new();
    policy(&mut world, "");
    attach(&mut world);
    world.admin("alter authentication policy db.public.ap rename to renamed");
    let shown = world.admin("show authentication policies on user cli");
    assert_eq!(shown.cell(0, "name"), Some("RENAMED"));
}

#[test]
fn a_switch_decides_whether_set_pat_policy_resets_what_it_leaves_out() {
    for (resets, wanted) in [(true, 365), (false, 30)] {
        let mut world = World::new();
        world.engine.switches_mut().set_pat_policy_resets_others = resets;
        policy(&mut world, "pat_policy = (max_expiry_in_days = 30)");
        world.admin("alter authentication policy db.public.ap set pat_policy = (default_expiry_in_days = 5)");
        let shown = format!("{:?}", world.admin("desc authentication policy db.public.ap"));
        assert!(shown.contains(&format!("MAX_EXPIRY_IN_DAYS={wanted}")), "{resets}");
    }
}

#[test]
fn a_policy_is_refused_for_values_out_of_range_or_unknown() {
    let mut world = World::new();
    for (body, code) in [
        ("authentication_methods = ('MAGIC')", "001008"),
        ("client_types = ('TELEX')", "001008"),
        ("mfa_enrollment = 'SOMETIMES'", "001008"),
        ("pat_policy = (max_expiry_in_days = 366)", "001008"),
        ("pat_policy = (default_expiry_in_days = 31 max_expiry_in_days = 30)", "001008"),
        ("pat_policy = (default_expiry_in_days = 0)", "001008"),
        ("pat_policy = (network_policy_evaluation = maybe)", "001008"),
        ("pat_policy = (colour = 'red')", "001006"),
        ("colour = 'red'", "001006"),
    ] {
        assert_eq!(
            world.refused(&format!("create authentication policy db.public.p {body}")),
            code,
            "{body}"
        );
    }
}

#[test]
fn a_driver_version_needs_drivers_among_the_client_types() {
    let mut world = World::new();
    let sql = "create authentication policy db.public.p client_types = ('SNOWFLAKE_UI') \
               client_policy = (GO_DRIVER = (MINIMUM_VERSION = '1.14.1'))";
    let error = world.as_role("ADMIN", "ACCOUNTADMIN", sql).unwrap_err();
    assert_eq!((error.code, error.sqlstate), ("004800", "22023"));
    assert_eq!(
        error.message,
        "Authentication policy can not contain CLIENT_POLICY of 'GO_DRIVER' without including \
         'DRIVERS' in CLIENT_TYPES."
    );
    world.admin("create authentication policy db.public.p client_types = ('SNOWFLAKE_UI') client_policy = (SQL_API = (MINIMUM_VERSION = '1'))");
}

#[test]
fn client_types_restrict_drivers_and_never_the_sql_api() {
    let mut world = World::new();
    let secret = world.mint_cli();
    policy(&mut world, "client_types = ('SNOWFLAKE_CLI')");
    attach(&mut world);
    assert_eq!(world.login_code(&secret), "390202");
    let cli = LoginAttempt { client_type: "SNOWCLI.SQL".into(), ..attempt(&secret) };
    assert!(world.engine.login(&cli, world.now).is_ok());
    let api = LoginAttempt { via: Via::SqlApi, ..attempt(&secret) };
    assert!(world.engine.login(&api, world.now).is_ok());
}

#[test]
fn attaching_needs_the_privilege_on_the_account_or_on_the_user() {
    let mut world = World::new();
    world.script(
        "create authentication policy db.public.ap; create role attacher;
         grant usage on database db to role attacher; grant usage on schema db.public to role attacher",
    );
    let attach = "alter user cli set authentication policy db.public.ap force";
    assert_eq!(world.as_role("MIGUEL", "ATTACHER", attach).unwrap_err().code, "003001");
    for (on, from) in [("account", "account"), ("user cli", "user cli")] {
        world.admin(&format!("grant apply authentication policy on {on} to role attacher"));
        assert!(world.as_role("MIGUEL", "ATTACHER", attach).is_ok(), "{on}");
        world.admin(&format!("revoke apply authentication policy on {from} from role attacher"));
    }
    assert_eq!(world.as_role("MIGUEL", "ATTACHER", attach).unwrap_err().code, "003001");
}
