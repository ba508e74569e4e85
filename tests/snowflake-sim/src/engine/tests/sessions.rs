//! Open sessions, USE and ALTER SESSION.

use super::*;
use crate::engine::api::SecondaryRoles;

#[test]
fn a_restricted_session_cannot_switch_its_role() {
    let mut world = World::new();
    let secret = world.mint_cli();
    let mut session = world.login(&secret).unwrap();
    assert_eq!(world.run(&mut session, "use role other_role").unwrap_err().code, "399032");
    assert_eq!(world.run(&mut session, "use secondary roles all").unwrap_err().code, "399032");
    assert!(world.run(&mut session, "use role \"CLI_ROLE\"").is_ok());
    assert_eq!(session.role.as_deref(), Some("CLI_ROLE"));
}

#[test]
fn a_switch_decides_whether_a_restricted_session_may_say_secondary_roles_none() {
    for refused in [true, false] {
        let mut world = World::new();
        world.engine.switches_mut().restricted_session_refuses_secondary_none = refused;
        let secret = world.mint_cli();
        let mut session = world.login(&secret).unwrap();
        assert_eq!(world.run(&mut session, "use secondary roles none").is_err(), refused);
    }
}

#[test]
fn a_misbehaving_server_lets_a_restricted_session_leave_its_role() {
    let mut world = World::new();
    world.engine.switches_mut().restricted_sessions_may_switch = true;
    let secret = world.mint_cli();
    let mut session = world.login(&secret).unwrap();
    world.run(&mut session, "use role other_role").unwrap();
    assert_eq!(session.role.as_deref(), Some("OTHER_ROLE"));
    world.run(&mut session, "use secondary roles all").unwrap();
    assert_eq!(session.secondary_roles, SecondaryRoles::All);
}

#[test]
fn a_misbehaving_server_gives_a_restricted_login_the_role_it_asks_for() {
    for free in [false, true] {
        let mut world = World::new();
        world.engine.switches_mut().restricted_logins_may_choose = free;
        let secret = world.mint_cli();
        let attempt = LoginAttempt { role: Some("PUBLIC".into()), ..attempt(&secret) };
        let role = world.engine.login(&attempt, world.now).map(|session| session.role);
        assert_eq!(role.ok(), free.then(|| Some("PUBLIC".to_owned())));
    }
}

#[test]
fn a_free_session_uses_any_role_of_its_user() {
    let mut world = World::new();
    world.admin("alter user miguel set network_policy = np");
    let secret = world.mint("miguel", "t", "");
    let mut session = world.login(&secret).unwrap();
    world.run(&mut session, "use role other_role").unwrap();
    assert_eq!(session.role.as_deref(), Some("OTHER_ROLE"));
    assert_eq!(world.run(&mut session, "use role broker_role").unwrap_err().code, "399006");
    assert_eq!(world.run(&mut session, "use role nope").unwrap_err().code, "002003");
}

#[test]
fn an_open_session_is_stopped_when_its_address_no_longer_fits() {
    let mut world = World::new();
    let secret = world.mint_cli();
    let session = world.login(&secret).unwrap();
    let check = |world: &World, from: &str| {
        world.engine.check_open_session(&session, ip(from), world.now).map_err(|f| f.code)
    };
    assert_eq!(check(&world, "127.0.0.1"), Ok(()));
    assert_eq!(check(&world, "192.0.2.1"), Err("390422"));
    world.admin("alter network rule db.public.loopback set value_list = ('192.0.2.1')");
    assert_eq!(check(&world, "127.0.0.1"), Err("390422"));
    assert_eq!(check(&world, "192.0.2.1"), Ok(()));
}

#[test]
fn a_session_ends_when_its_user_is_disabled_or_dropped() {
    for end in ["alter user cli set disabled = true", "drop user cli"] {
        let mut world = World::new();
        let secret = world.mint_cli();
        let session = world.login(&secret).unwrap();
        world.admin(end);
        let verdict = world.engine.check_open_session(&session, ip("127.0.0.1"), world.now);
        assert_eq!(verdict.unwrap_err().code, "390111", "{end}");
    }
}

#[test]
fn switches_decide_whether_a_session_outlives_its_token_and_its_role() {
    for ends in [false, true] {
        for change in [
            "alter user cli remove pat t",
            "alter user cli modify pat t set disabled = true",
            "revoke role cli_role from user cli",
        ] {
            let mut world = World::new();
            world.engine.switches_mut().removed_pat_ends_sessions = ends;
            world.engine.switches_mut().revoked_role_ends_sessions = ends;
            let secret = world.mint_cli();
            let session = world.login(&secret).unwrap();
            world.admin(change);
            let verdict = world.engine.check_open_session(&session, ip("127.0.0.1"), world.now);
            assert_eq!(verdict.is_err(), ends, "{change}");
        }
    }
}

#[test]
fn use_moves_a_session_where_its_role_may_be() {
    let mut world = World::new();
    world.script(
        "grant usage on warehouse wh to role cli_role;
         grant usage on database db to role cli_role;
         grant usage on schema db.public to role cli_role",
    );
    let secret = world.mint_cli();
    let mut session = world.login(&secret).unwrap();
    for sql in ["use warehouse wh", "use database db", "use schema db.public", "use schema public"]
    {
        world.run(&mut session, sql).unwrap();
    }
    assert_eq!(session.warehouse.as_deref(), Some("WH"));
    assert_eq!(session.schema.as_deref(), Some("PUBLIC"));
    assert_eq!(world.run(&mut session, "use schema db.nope").unwrap_err().code, "002003");
    assert_eq!(world.run(&mut session, "use database nope").unwrap_err().code, "002003");
}

#[test]
fn a_name_without_a_place_needs_a_current_one() {
    let mut world = World::new();
    let sql = "create network rule r type = ipv4 value_list = ()";
    assert_eq!(world.refused(sql), "090106");
    assert_eq!(world.refused("create schema s"), "090105");
    let mut session = world.engine.admin_session("ADMIN", "ACCOUNTADMIN");
    world.run(&mut session, "use schema db.public").unwrap();
    assert!(world.run(&mut session, sql).is_ok());
}

#[test]
fn alter_session_sets_known_parameters_only_and_the_tag_reaches_the_history() {
    let mut world = World::new();
    let secret = world.mint_cli();
    let mut session = world.login(&secret).unwrap();
    world.run(&mut session, "alter session set query_tag = 'patd', timezone = 'UTC'").unwrap();
    world.run(&mut session, "select 1").unwrap();
    assert_eq!(world.engine.queries().last().unwrap().tag, "patd");
    let shown = world.run(&mut session, "show parameters like 'QUERY_TAG' in session").unwrap();
    assert_eq!(shown.cell(0, "value"), Some("patd"));
    assert_eq!(
        world.run(&mut session, "alter session set colour = 'red'").unwrap_err().code,
        "001006"
    );
    world.run(&mut session, "alter session unset query_tag").unwrap();
    assert!(!session.parameters.contains_key("QUERY_TAG"));
}

#[test]
fn the_control_apis_session_is_no_login() {
    let mut world = World::new();
    let session = world.engine.admin_session("ADMIN", "ACCOUNTADMIN");
    assert!(world.engine.logins().is_empty());
    assert!(world.engine.check_open_session(&session, ip("192.0.2.1"), world.now).is_ok());
}
