//! Logins with tokens and passwords.

use super::*;
use crate::engine::switches::{MissingPolicyCode, RestrictedDefault};
use crate::engine::{Credential, SecondaryRoles};

#[test]
fn a_restricted_token_gives_exactly_its_role_and_no_secondary_roles() {
    let mut world = World::new();
    world.admin("alter user cli set default_secondary_roles = ('ALL') default_role = other_role");
    let secret = world.mint_cli();
    let session = world.login(&secret).unwrap();
    assert_eq!(session.role.as_deref(), Some("CLI_ROLE"));
    assert_eq!(session.secondary_roles, SecondaryRoles::None);
    assert_eq!(session.user, "CLI");
    assert!(matches!(session.credential, Credential::Pat { .. }));
}

#[test]
fn an_unrestricted_token_gives_the_default_role_and_secondary_roles() {
    let mut world = World::new();
    let secret = world.mint("miguel", "t", "mins_to_bypass_network_policy_requirement = 60");
    let session = world.login(&secret).unwrap();
    assert_eq!(session.role.as_deref(), Some("CLI_ROLE"));
    assert_eq!(session.secondary_roles, SecondaryRoles::All);
    let other = LoginAttempt { role: Some("other_role".into()), ..attempt(&secret) };
    let session = world.engine.login(&other, world.now).unwrap();
    assert_eq!(session.role.as_deref(), Some("OTHER_ROLE"));
    let foreign = LoginAttempt { role: Some("broker_role".into()), ..attempt(&secret) };
    assert_eq!(world.engine.login(&foreign, world.now).unwrap_err().code, "390189");
}

#[test]
fn a_token_is_refused_generically_for_many_causes() {
    let mut world = World::new();
    let secret = world.mint("cli", "t", "role_restriction = 'CLI_ROLE' days_to_expiry = 1");
    let other_user = LoginAttempt { login_name: Some("MIGUEL".into()), ..attempt(&secret) };
    let other_role = LoginAttempt { role: Some("OTHER_ROLE".into()), ..attempt(&secret) };
    for attempt in [attempt("simpat_garbage"), other_user, other_role] {
        let failure = world.engine.login(&attempt, world.now).unwrap_err();
        assert_eq!(failure.code, "394400");
        assert_eq!(failure.message, "Programmatic access token is invalid.");
    }
    world.days(1);
    assert_eq!(world.login_code(&secret), "394400");
}

#[test]
fn a_token_is_as_good_as_a_password_and_its_login_name_may_be_any_case() {
    let mut world = World::new();
    let secret = world.mint_cli();
    let method = LoginMethod::Password { password: secret.clone() };
    let login = LoginAttempt { login_name: Some("cli".into()), method, ..attempt("") };
    assert!(world.engine.login(&login, world.now).is_ok());
    let garbage = LoginMethod::Password { password: "simpat_garbage".into() };
    let login = LoginAttempt { method: garbage, ..login };
    assert_eq!(world.engine.login(&login, world.now).unwrap_err().code, "394400");
}

#[test]
fn the_role_on_the_sql_api_is_case_sensitive() {
    let mut world = World::new();
    let secret = world.mint_cli();
    let with = |role: &str, via| LoginAttempt { role: Some(role.into()), via, ..attempt(&secret) };
    assert!(world.engine.login(&with("cli_role", Via::Driver), world.now).is_ok());
    assert!(world.engine.login(&with("CLI_ROLE", Via::SqlApi), world.now).is_ok());
    assert!(world.engine.login(&with("cli_role", Via::SqlApi), world.now).is_err());
}

#[test]
fn a_role_that_is_revoked_or_dropped_kills_the_token_at_login() {
    let mut world = World::new();
    let secret = world.mint_cli();
    world.admin("revoke role cli_role from user cli");
    assert_eq!(world.login_code(&secret), "394400");
    let mut world = World::new();
    let secret = world.mint_cli();
    world.admin("drop role cli_role");
    assert_eq!(world.login_code(&secret), "394400");
}

#[test]
fn a_switch_decides_whether_granting_the_role_again_revives_the_token() {
    for revives in [true, false] {
        let mut world = World::new();
        world.engine.switches_mut().regrant_revives_token = revives;
        let secret = world.mint_cli();
        world.script("revoke role cli_role from user cli; grant role cli_role to user cli");
        assert_eq!(world.login(&secret).is_ok(), revives);
    }
}

#[test]
fn disabling_a_user_disables_all_tokens_and_enabling_it_does_not_enable_them() {
    let mut world = World::new();
    let secret = world.mint_cli();
    world.admin("alter user cli set disabled = true");
    assert_eq!(world.admin("show user pats for user cli").column("status"), ["DISABLED"]);
    world.admin("alter user cli set disabled = false");
    assert_eq!(world.login_code(&secret), "394400");
    world.admin("alter user cli modify pat t set disabled = false");
    assert!(world.login(&secret).is_ok());
}

#[test]
fn five_wrong_passwords_lock_a_user_for_15_minutes_and_leave_tokens_alone() {
    let mut world = World::new();
    world.admin("alter user miguel set password = 'right'");
    let secret = world.mint("miguel", "t", "mins_to_bypass_network_policy_requirement = 60");
    let login = |world: &mut World, password: &str| {
        let method = LoginMethod::Password { password: password.into() };
        let login = LoginAttempt { login_name: Some("MIGUEL".into()), method, ..attempt("") };
        world.engine.login(&login, world.now).map(drop).map_err(|failure| failure.code)
    };
    for _ in 0..4 {
        assert_eq!(login(&mut world, "wrong"), Err("390100"));
    }
    assert_eq!(login(&mut world, "right"), Ok(()), "and counting begins again");
    for _ in 0..5 {
        assert_eq!(login(&mut world, "wrong"), Err("390100"));
    }
    assert_eq!(login(&mut world, "right"), Err("390100"));
    assert!(world.login(&secret).is_ok());
    assert_eq!(world.admin("show user pats for user miguel").column("status"), ["ACTIVE"]);
    world.now = world.now.plus_minutes(15);
    assert_eq!(login(&mut world, "right"), Ok(()));
}

#[test]
fn an_address_outside_the_policy_is_named_in_the_refusal() {
    let mut world = World::new();
    let secret = world.mint_cli();
    let elsewhere = LoginAttempt { client_ip: ip("192.0.2.1"), ..attempt(&secret) };
    let failure = world.engine.login(&elsewhere, world.now).unwrap_err();
    assert_eq!(failure.code, "390422");
    assert_eq!(
        failure.message,
        "Incoming request with IP/Token 192.0.2.1 is not allowed to access Snowflake."
    );
}

#[test]
fn a_person_without_a_network_policy_may_create_a_token_but_not_use_it() {
    let mut world = World::new();
    let secret = world.mint("miguel", "t", "");
    assert_eq!(world.login_code(&secret), "390432");
    world.engine.switches_mut().missing_network_policy = MissingPolicyCode::Generic;
    assert_eq!(world.login_code(&secret), "394400");
}

#[test]
fn bypass_minutes_waive_the_need_for_a_policy_but_never_the_policy() {
    let mut world = World::new();
    let options = "mins_to_bypass_network_policy_requirement = 10";
    let secret = world.mint("miguel", "t", options);
    assert!(world.login(&secret).is_ok());
    world.now = world.now.plus_minutes(10);
    assert_eq!(world.login_code(&secret), "390432");
    let secret = world.mint("miguel", "u", options);
    world.admin("alter user miguel set network_policy = np");
    let elsewhere = LoginAttempt { client_ip: ip("192.0.2.1"), ..attempt(&secret) };
    assert_eq!(world.engine.login(&elsewhere, world.now).unwrap_err().code, "390422");
}

#[test]
fn a_service_token_needs_its_network_policy_at_every_login_and_an_agent_does_not() {
    let mut world = World::new();
    let secret = world.mint_cli();
    world.script(
        "alter user cli unset network_policy;
         create user agent type = service_agent; grant role cli_role to user agent",
    );
    assert_eq!(world.login_code(&secret), "390432");
    world.admin("alter user cli modify pat t set mins_to_bypass_network_policy_requirement = 60");
    assert_eq!(world.login_code(&secret), "390432", "the bypass is for persons");
    let agent = world.mint("agent", "a", "role_restriction = 'CLI_ROLE'");
    assert!(world.login(&agent).is_ok());
}

#[test]
fn a_switch_decides_the_role_when_none_is_asked_and_the_default_differs() {
    let mut world = World::new();
    world.admin("alter user cli set default_role = other_role");
    let secret = world.mint_cli();
    assert!(world.login(&secret).is_ok());
    world.engine.switches_mut().restricted_default = RestrictedDefault::DefaultRoleOrFailure;
    assert_eq!(world.login_code(&secret), "394400");
    let explicit = LoginAttempt { role: Some("CLI_ROLE".into()), ..attempt(&secret) };
    assert!(world.engine.login(&explicit, world.now).is_ok());
}

#[test]
fn misbehaviour_switches_log_in_under_another_role_or_user_or_with_secondary_roles() {
    let mut world = World::new();
    let secret = world.mint_cli();
    world.engine.switches_mut().forced_login_role = Some("OTHER_ROLE".into());
    world.engine.switches_mut().forced_login_user = Some("MIGUEL".into());
    world.engine.switches_mut().restricted_sessions_have_secondary_roles = true;
    let mut session = world.login(&secret).unwrap();
    let sql = "select current_user() as u, current_role() as r, current_secondary_roles() as s";
    let seen = world.run(&mut session, sql).unwrap();
    assert_eq!(seen.cell(0, "u"), Some("MIGUEL"));
    assert_eq!(seen.cell(0, "r"), Some("OTHER_ROLE"));
    assert!(seen.cell(0, "s").unwrap().contains("ALL"));
}

#[test]
fn every_login_is_recorded_with_factor_and_credential_or_failure() {
    let mut world = World::new();
    let secret = world.mint_cli();
    world.login(&secret).unwrap();
    world.login_code("simpat_garbage");
    let [good, bad] = world.engine.logins() else { panic!() };
    assert_eq!(good.user.as_deref(), Some("CLI"));
    assert_eq!(good.first_factor, "PROGRAMMATIC_ACCESS_TOKEN");
    assert_eq!(good.first_factor_id, Some(world.engine.tokens("CLI", world.now)[0].id));
    assert_eq!(bad.user, None);
    assert_eq!(bad.failure.as_ref().unwrap().code, "394400");
}

#[test]
fn a_session_stands_where_the_client_asked_as_far_as_its_role_may() {
    let mut world = World::new();
    world.script(
        "grant usage on warehouse wh to role cli_role;
         grant usage on database db to role cli_role;
         grant usage on schema db.public to role cli_role;
         alter user cli set default_warehouse = wh default_namespace = db.public",
    );
    let secret = world.mint_cli();
    let session = world.login(&secret).unwrap();
    assert_eq!(session.warehouse.as_deref(), Some("WH"));
    assert_eq!(
        (session.database.as_deref(), session.schema.as_deref()),
        (Some("DB"), Some("PUBLIC"))
    );
    world.admin("revoke usage on warehouse wh from role cli_role");
    let login = LoginAttempt {
        database: Some("db".into()),
        warehouse: Some("WH".into()),
        ..attempt(&secret)
    };
    let session = world.engine.login(&login, world.now).unwrap();
    assert_eq!(session.warehouse, None);
    assert_eq!(session.schema.as_deref(), Some("PUBLIC"));
}
