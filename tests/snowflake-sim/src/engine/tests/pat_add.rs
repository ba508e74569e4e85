//! ADD PROGRAMMATIC ACCESS TOKEN.

use super::*;
use crate::engine::switches::{CrossRoleMint, LiteralNames};

#[test]
fn add_returns_name_and_secret_once_and_nothing_else_ever_shows_the_secret() {
    let mut world = World::new();
    let answer = world.admin("alter user cli add pat t role_restriction = 'CLI_ROLE'");
    let names: Vec<_> = answer.columns.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["token_name", "token_secret"]);
    assert_eq!(answer.cell(0, "token_name"), Some("T"));
    let secret = answer.cell(0, "token_secret").unwrap();
    assert!(secret.starts_with("simpat_"));
    let shown = format!("{:?}", world.admin("show user pats for user cli"));
    let snapshot = serde_json::to_string(&world.engine.snapshot(world.now)).unwrap();
    let history = format!("{:?}", world.engine.queries());
    for place in [&shown, &snapshot, &history] {
        assert!(!place.contains(secret));
    }
}

#[test]
fn pat_is_a_synonym_of_programmatic_access_token_everywhere() {
    let mut world = World::new();
    world.script(
        "alter user cli add programmatic access token t role_restriction = 'CLI_ROLE';
         alter user cli rotate programmatic access token t;
         alter user cli modify programmatic access token t set comment = 'x';
         show user programmatic access tokens for user cli;
         alter user cli remove programmatic access token t",
    );
}

#[test]
fn a_token_name_behaves_as_an_identifier() {
    let mut world = World::new();
    world.mint("cli", "MiXed", "role_restriction = 'CLI_ROLE'");
    world.mint("cli", "\"my token\"", "role_restriction = 'CLI_ROLE'");
    let names = world.admin("show user pats for user cli");
    assert_eq!(names.column("name"), ["MIXED", "my token"]);
    let long = "x".repeat(256);
    assert_eq!(
        world.refused(&format!("alter user cli add pat {long} role_restriction = 'CLI_ROLE'")),
        "399004"
    );
    assert_eq!(
        world.refused("alter user cli add pat \"\" role_restriction = 'CLI_ROLE'"),
        "001003"
    );
    assert_eq!(world.refused("alter user cli add pat \"CLI\".\"T\""), "001003");
}

#[test]
fn a_token_name_is_unique_per_user_only() {
    let mut world = World::new();
    world.mint_cli();
    assert_eq!(world.refused("alter user cli add pat t role_restriction = 'CLI_ROLE'"), "399002");
    world.mint("miguel", "t", "");
}

#[test]
fn add_if_not_exists_on_an_existing_name_succeeds_without_a_secret() {
    let mut world = World::new();
    let secret = world.mint_cli();
    let answer =
        world.admin("alter user cli add pat if not exists t role_restriction = 'CLI_ROLE'");
    assert_eq!(answer.cell(0, "token_secret"), None);
    assert!(answer.columns.iter().all(|column| column.name != "token_secret"));
    assert_eq!(world.engine.tokens("CLI", world.now).len(), 1);
    assert!(world.login(&secret).is_ok());
    let fresh = world.admin("alter user cli add pat if not exists u role_restriction = 'CLI_ROLE'");
    assert!(fresh.cell(0, "token_secret").is_some());
}

#[test]
fn without_a_user_name_the_current_user_is_meant() {
    let mut world = World::new();
    let answer = world.as_role("MIGUEL", "CLI_ROLE", "alter user add pat mine").unwrap();
    assert_eq!(answer.cell(0, "token_name"), Some("MINE"));
    assert_eq!(world.engine.tokens("MIGUEL", world.now).len(), 1);
}

#[test]
fn the_default_expiry_is_15_days_and_the_longest_365() {
    let mut world = World::new();
    world.mint_cli();
    let expires = |world: &World| world.engine.tokens("CLI", world.now)[0].expires_at;
    assert_eq!(expires(&world), START.plus_days(15));
    for (days, code) in [(0, "399008"), (366, "399008"), (-1, "399008")] {
        let sql = format!(
            "alter user cli add pat d role_restriction = 'CLI_ROLE' days_to_expiry = {days}"
        );
        assert_eq!(world.refused(&sql), code, "{days}");
    }
    for days in [1, 365] {
        world.mint(
            "cli",
            &format!("d{days}"),
            &format!("role_restriction = 'CLI_ROLE' days_to_expiry = {days}"),
        );
    }
}

#[test]
fn bypass_minutes_run_from_1_to_1440_and_count_down() {
    let mut world = World::new();
    for minutes in [0, 1441] {
        let sql = format!(
            "alter user miguel add pat b mins_to_bypass_network_policy_requirement = {minutes}"
        );
        assert_eq!(world.refused(&sql), "399009");
    }
    world.mint("miguel", "b", "mins_to_bypass_network_policy_requirement = 10");
    let left = |world: &mut World| {
        let shown = world.admin("show user pats for user miguel");
        shown.cell(0, "mins_to_bypass_network_policy_requirement").map(str::to_owned)
    };
    assert_eq!(left(&mut world).as_deref(), Some("10"));
    world.now = world.now.plus_minutes(4);
    assert_eq!(left(&mut world).as_deref(), Some("6"));
    world.now = world.now.plus_minutes(6);
    assert_eq!(left(&mut world), None);
}

#[test]
fn a_service_agent_cannot_have_bypass_minutes() {
    let mut world = World::new();
    world.script("create user agent type = service_agent; grant role cli_role to user agent");
    let options = "role_restriction = 'CLI_ROLE' mins_to_bypass_network_policy_requirement = 5";
    assert_eq!(world.refused(&format!("alter user agent add pat a {options}")), "399010");
}

#[test]
fn an_unknown_option_is_an_error() {
    let mut world = World::new();
    assert_eq!(world.refused("alter user miguel add pat x secret = 'y'"), "001006");
    assert_eq!(world.refused("alter user miguel add pat x days_to_expiry = 'soon'"), "001008");
    assert_eq!(world.refused("alter user miguel add pat x extra"), "001003");
}

#[test]
fn fifteen_live_tokens_are_the_limit_disabled_ones_count_expired_ones_do_not() {
    let mut world = World::new();
    for n in 0..14 {
        world.mint("cli", &format!("t{n}"), "role_restriction = 'CLI_ROLE' days_to_expiry = 9");
    }
    world.mint("cli", "short", "role_restriction = 'CLI_ROLE' days_to_expiry = 1");
    world.admin("alter user cli modify pat t0 set disabled = true");
    let add = "alter user cli add pat one_more role_restriction = 'CLI_ROLE'";
    assert_eq!(world.refused(add), "399003");
    world.days(1);
    world.admin(add);
}

#[test]
fn rotated_predecessors_count_against_the_limit() {
    let mut world = World::new();
    for n in 0..14 {
        world.mint("cli", &format!("t{n}"), "role_restriction = 'CLI_ROLE'");
    }
    world.admin("alter user cli rotate pat t0");
    assert_eq!(world.refused("alter user cli add pat x role_restriction = 'CLI_ROLE'"), "399003");
}

#[test]
fn service_types_need_a_role_restriction_and_persons_do_not() {
    let mut world = World::new();
    world.script(
        "create user legacy type = legacy_service network_policy = np;
         create user agent type = service_agent",
    );
    for user in ["cli", "legacy", "agent"] {
        assert_eq!(world.refused(&format!("alter user {user} add pat x")), "399005", "{user}");
    }
    world.admin("alter user miguel add pat x");
    world.admin("create user untyped");
    world.admin("alter user untyped add pat x");
}

#[test]
fn the_restricting_role_must_be_granted_already() {
    let mut world = World::new();
    world.admin("create role never_granted");
    for role in ["NEVER_GRANTED", "NO_SUCH_ROLE"] {
        let sql = format!("alter user cli add pat x role_restriction = '{role}'");
        assert_eq!(world.refused(&sql), "399006", "{role}");
    }
    let roles = world.admin("show grants to user cli");
    assert_eq!(roles.column("role"), ["CLI_ROLE", "OTHER_ROLE"], "the restriction granted nothing");
}

#[test]
fn the_restricting_role_may_be_a_literal_an_identifier_or_quoted() {
    let mut world = World::new();
    for (name, role) in
        [("a", "'CLI_ROLE'"), ("b", "cli_role"), ("c", "\"CLI_ROLE\""), ("d", "'cli_role'")]
    {
        world.mint("cli", name, &format!("role_restriction = {role}"));
    }
    let shown = world.admin("show user pats for user cli");
    assert_eq!(shown.column("role_restriction"), ["CLI_ROLE"; 4]);
}

#[test]
fn a_switch_decides_whether_a_literal_is_also_tried_in_upper_case() {
    let mut world = World::new();
    world.engine.switches_mut().literal_names = LiteralNames::Exact;
    assert_eq!(world.refused("alter user cli add pat x role_restriction = 'cli_role'"), "399006");
}

#[test]
fn a_service_user_needs_a_network_policy_before_add_and_agents_and_persons_do_not() {
    let mut world = World::new();
    world.script(
        "create user bare type = service; grant role cli_role to user bare;
         create user legacy type = legacy_service; grant role cli_role to user legacy;
         create user agent type = service_agent; grant role cli_role to user agent",
    );
    let add = |user: &str| format!("alter user {user} add pat x role_restriction = 'CLI_ROLE'");
    assert_eq!(world.refused(&add("bare")), "399011");
    assert_eq!(world.refused(&add("legacy")), "399011");
    world.admin(&add("agent"));
    world.admin(&add("miguel"));
}

#[test]
fn a_network_policy_on_the_account_is_enough() {
    let mut world = World::new();
    world.script("create user bare type = service; grant role cli_role to user bare");
    world.admin("alter account set network_policy = np");
    let secret = world.mint("bare", "x", "role_restriction = 'CLI_ROLE'");
    assert!(world.login(&secret).is_ok());
}

#[test]
fn a_switch_decides_whether_an_ip_list_alone_satisfies_the_requirement() {
    for enough in [true, false] {
        let mut world = World::new();
        world.engine.switches_mut().ip_list_satisfies_policy_requirement = enough;
        world.script(
            "create network policy listed allowed_ip_list = ('127.0.0.1');
             alter user cli set network_policy = listed",
        );
        let add = "alter user cli add pat x role_restriction = 'CLI_ROLE'";
        assert_eq!(world.as_role("ADMIN", "ACCOUNTADMIN", add).is_ok(), enough);
    }
}

#[test]
fn add_is_permitted_in_a_token_session_but_for_another_role_only_by_a_switch() {
    let mut world = World::new();
    world.script("grant modify programmatic authentication methods on user cli to role cli_role");
    let secret = world.mint_cli();
    let mut session = world.login(&secret).unwrap();
    let same = "alter user cli add pat same role_restriction = 'CLI_ROLE'";
    let other = "alter user cli add pat other role_restriction = 'OTHER_ROLE'";
    assert!(world.run(&mut session, same).is_ok());
    assert_eq!(world.run(&mut session, other).unwrap_err().code, "399014");
    world.engine.switches_mut().cross_role_mint = CrossRoleMint::Allowed;
    assert!(world.run(&mut session, other).is_ok());
}

#[test]
fn a_missing_user_is_said_to_be_missing_and_if_exists_makes_it_a_success() {
    let mut world = World::new();
    let error = world.as_role("ADMIN", "ACCOUNTADMIN", "alter user nobody add pat x").unwrap_err();
    assert_eq!((error.code, error.sqlstate), ("002003", "02000"));
    assert!(error.message.contains("'NOBODY' does not exist or not authorized"), "{error}");
    world.admin("alter user if exists nobody add pat x");
    world.admin("alter user if exists cli add pat x role_restriction = 'CLI_ROLE'");
}
