//! Sites with objects of their own: what is theirs is theirs, but nothing that breaks the pattern is waved through.

use patd_core::names::User;
use patd_core::pattern::desired::{Evaluation, Management, Network, Source, TokenPolicy};
use patd_core::pattern::observed::Seen;
use patd_core::pattern::verify::Outcome;

use crate::world::{BROKER, ROLE, USER, World, effective, grant, known, texts};

fn ids(world: &World) -> Vec<String> {
    world.failed().into_iter().map(|(id, _)| id).collect()
}

#[test]
fn tokens_that_work_from_anywhere_are_drift_even_where_they_are_wanted() {
    let mut world = World::good();
    world.desired.tokens = TokenPolicy::Ours {
        default_days: 7,
        max_days: 7,
        is_limit: true,
        evaluation: Evaluation::NotEnforced,
    };
    world.reword("PATD_TOKENS_ONLY", "PAT_POLICY", "ENFORCED_REQUIRED", "NOT_ENFORCED");

    assert_eq!(ids(&world), ["network-enforced"]);
}

#[test]
fn a_policy_that_is_only_obeyed_where_there_is_one_may_be_wanted() {
    let mut world = World::good();
    world.desired.tokens = TokenPolicy::Ours {
        default_days: 7,
        max_days: 7,
        is_limit: true,
        evaluation: Evaluation::EnforcedNotRequired,
    };
    world.reword("PATD_TOKENS_ONLY", "PAT_POLICY", "ENFORCED_REQUIRED", "ENFORCED_NOT_REQUIRED");

    assert!(ids(&world).is_empty());
}

#[test]
fn the_sites_token_policy_chooses_the_life_but_not_whether_tokens_are_bound() {
    let mut world = World::good();
    let site = ["PATD", "POLICIES", "TOKENS_OF_OLD"].map(String::from);
    world.desired.tokens = TokenPolicy::Existing(site);
    world.user(USER).authentication_policy = Seen::Known(effective("TOKENS_OF_OLD", "USER"));
    world.reword("TOKENS_OF_OLD", "PAT_POLICY", "MAX_EXPIRY_IN_DAYS=7", "MAX_EXPIRY_IN_DAYS=90");
    assert!(ids(&world).is_empty(), "{:?}", world.failed());

    world.reword("TOKENS_OF_OLD", "PAT_POLICY", "SERVICE_USERS=true", "SERVICE_USERS=false");
    assert_eq!(ids(&world), ["restriction-required"]);
}

/// Another host may need longer tokens; what this one needs is less than that.
#[test]
fn a_longer_life_than_ours_is_right_unless_a_limit_is_written() {
    let mut world = World::good();
    let TokenPolicy::Ours { is_limit, .. } = &mut world.desired.tokens else { panic!("ours") };
    *is_limit = false;
    let life = |world: &mut World, from: &str, to: &str| {
        let [from, to] = [from, to].map(|days| format!("MAX_EXPIRY_IN_DAYS={days}"));
        world.reword("PATD_TOKENS_ONLY", "PAT_POLICY", &from, &to);
        ids(world)
    };

    assert!(life(&mut world, "7", "90").is_empty(), "{:?}", world.failed());
    assert_eq!(life(&mut world, "90", "6"), ["token-life"]);
}

#[test]
fn snowflakes_own_policy_is_no_policy_of_ours() {
    let mut world = World::good();
    let effective = known(&mut world.user(USER).authentication_policy);
    (effective.policy, effective.set_on) = (None, Some("SYSTEM".into()));

    let failed = ids(&world);

    let wanted =
        ["network-enforced", "restriction-required", "token-life", "token-policy", "tokens-only"];
    assert_eq!(failed, wanted);
}

#[test]
fn the_sites_own_role_may_hold_more_and_be_held_by_others_but_leads_nowhere() {
    let mut world = World::good();
    world.desired.users[0].role_management = Management::Existing;
    world.grant_to_role(ROLE, grant("INSERT", "TABLE", "D.S.T"));
    known(&mut world.role(ROLE).held_by_users).insert("CAROL".into());
    assert!(ids(&world).is_empty(), "{:?}", world.failed());
    let check = world.check("role-nothing-more", "user MIGUEL_CLI");
    assert!(check.evidence.contains("INSERT ON TABLE D.S.T"), "{check:?}");

    world.grant_to_role(ROLE, grant("CREATE USER", "ACCOUNT", "A"));
    world.grant_to_role(ROLE, grant("USAGE", "ROLE", "SYSADMIN"));
    assert_eq!(ids(&world), ["role-cannot-mint", "role-inherits-nothing"]);
}

#[test]
fn the_sites_broker_user_needs_no_policy_of_ours_but_a_key_only_one() {
    let mut world = World::good();
    world.desired.broker.management = Management::Existing;
    world.user(BROKER).authentication_policy = Seen::Known(effective("KEY_OF_OLD", "ACCOUNT"));
    world.user(BROKER).network_policy = Seen::Known(None);
    assert!(ids(&world).is_empty(), "{:?}", world.failed());

    world.reword("KEY_OF_OLD", "AUTHENTICATION_METHODS", "KEYPAIR", "ALL");
    assert_eq!(ids(&world), ["broker-key-only"]);
}

#[test]
fn addresses_other_hosts_were_seen_from_stay_only_with_as_seen() {
    let mut world = World::good();
    let rule = known(&mut world.observed.network_rule).as_mut().unwrap();
    rule.values = Seen::Known(texts(&["198.51.100.0/24", "192.0.2.7", "203.0.113.9"]));
    assert_eq!(ids(&world), ["network-sources"]);

    let Network::Allow { sources, .. } = &mut world.desired.network else { panic!() };
    sources.push(Source::AsSeen);
    assert!(ids(&world).is_empty());

    let rule = known(&mut world.observed.network_rule).as_mut().unwrap();
    rule.values = Seen::Known(texts(&["203.0.113.9"]));
    assert_eq!(ids(&world), ["network-sources"]);
}

#[test]
fn the_sites_network_policy_only_has_to_be_there() {
    let mut world = World::good();
    world.desired.network = Network::Existing { policy: "PATD_HOST1_NETWORK".into() };
    world.observed.network_rule = Seen::Known(None);
    assert!(ids(&world).is_empty());

    world.observed.network_policy = Seen::Known(None);
    assert_eq!(ids(&world), ["network-sources"]);
}

#[test]
fn cortex_may_come_through_public() {
    let mut world = World::good();
    let cortex = grant("USAGE", "DATABASE_ROLE", "SNOWFLAKE.CORTEX_USER");
    known(&mut world.role(ROLE).grants).remove(&cortex);
    assert_eq!(ids(&world), ["reaches-cortex"]);

    world.logins[0].public_database_roles = vec![cortex.name];
    assert!(ids(&world).is_empty());
}

#[test]
fn an_expired_token_is_gone_and_not_foreign() {
    let mut world = World::good();
    let token = world.token();
    token.name = "BY_HAND".into();
    (token.role, token.status) = (None, "EXPIRED".into());

    assert!(ids(&world).is_empty());
}

#[test]
fn a_declared_privilege_that_leads_out_of_the_role_is_no_less_one() {
    let mut world = World::good();
    let declared = patd_core::pattern::desired::Privilege {
        privilege: "OWNERSHIP".into(),
        on: "USER".into(),
        name: vec![USER.into()],
    };
    world.desired.users[0].privileges.push(declared);
    world.grant_to_role(ROLE, grant("OWNERSHIP", "USER", USER));

    assert_eq!(ids(&world), ["role-cannot-mint"]);
}

#[test]
fn an_attempt_that_left_the_one_role_in_place_is_no_way_out() {
    use patd_core::pattern::verify::Attempt;
    let mut world = World::good();
    world.logins[0].role_switch = Attempt::Accepted(ROLE.into());
    world.logins[0].secondary_switch = Attempt::Accepted(String::new());
    world.logins[0].other_role_login = Attempt::Accepted(ROLE.into());

    assert!(ids(&world).is_empty());
}

#[test]
fn a_check_of_one_user_says_nothing_about_another() {
    let mut world = World::good();
    world.properties(USER).has_password = Seen::Known(true);
    let of_user = world.check("no-password", "user MIGUEL_CLI");
    let of_account = world.check("persons-barred", "account");

    assert!(of_user.concerns(&User::new(USER)));
    assert!(!of_user.concerns(&User::new("OTHER_CLI")));
    assert!(of_account.concerns(&User::new("OTHER_CLI")));
    assert_eq!(of_user.outcome, Outcome::Failed);
}

#[test]
fn what_a_rotate_leaves_behind_is_ours_only_where_secrets_are_rotated() {
    for rotates in [false, true] {
        let mut world = World::good();
        world.desired.users[0].rotates = rotates;
        let token = world.token();
        token.rotated_to = Some(token.name.clone());
        token.name.push_str("_ROTATED_1744239049066");

        let failed: &[&str] = if rotates { &[] } else { &["no-foreign-token"] };
        assert_eq!(ids(&world), failed);
    }
}
