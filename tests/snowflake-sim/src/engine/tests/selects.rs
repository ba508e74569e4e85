//! SELECT over nothing, and what is outside the simulated set.

use super::*;
use crate::engine::ColumnType;

fn one(world: &mut World, session: &mut Session, sql: &str) -> Option<String> {
    world.run(session, sql).unwrap().rows[0][0].clone()
}

#[test]
fn a_session_can_ask_who_and_where_it_is() {
    let mut world = World::new();
    world.script(
        "grant usage on warehouse wh to role cli_role; alter user cli set default_warehouse = wh",
    );
    let secret = world.mint_cli();
    let mut session = world.login(&secret).unwrap();
    let id = session.id.to_string();
    for (function, wanted) in [
        ("current_user()", Some("CLI")),
        ("current_user", Some("CLI")),
        ("current_role()", Some("CLI_ROLE")),
        ("current_secondary_roles()", Some(r#"{"roles":"","value":""}"#)),
        ("current_available_roles()", Some(r#"["CLI_ROLE"]"#)),
        ("current_account()", Some("SIM12345")),
        ("current_account_name()", Some("MYACCOUNT")),
        ("current_organization_name()", Some("MYORG")),
        ("current_ip_address()", Some("127.0.0.1")),
        ("current_warehouse()", Some("WH")),
        ("current_database()", None),
        ("current_schema()", None),
        ("current_session()", Some(id.as_str())),
    ] {
        let answer = one(&mut world, &mut session, &format!("select {function}"));
        assert_eq!(answer.as_deref(), wanted, "{function}");
    }
}

#[test]
fn secondary_roles_are_told_as_json() {
    let mut world = World::new();
    world.admin("alter user miguel set network_policy = np");
    let secret = world.mint("miguel", "t", "");
    let mut session = world.login(&secret).unwrap();
    let told = one(&mut world, &mut session, "select current_secondary_roles()").unwrap();
    assert_eq!(told, r#"{"roles":"OTHER_ROLE,PUBLIC","value":"ALL"}"#);
}

#[test]
fn columns_are_named_by_alias_or_by_their_text_in_upper_case() {
    let mut world = World::new();
    let sql = "select current_user(), current_role() as r, 1, 'x' \"Mixed\", 2 n";
    let answer = world.admin(sql);
    let names: Vec<_> = answer.columns.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["CURRENT_USER()", "R", "1", "Mixed", "N"]);
    assert_eq!(answer.columns[2].kind, ColumnType::Fixed);
    let now = world.admin("SELECT current_timestamp()");
    assert_eq!(now.columns[0].kind, ColumnType::TimestampLtz);
    assert_eq!(now.rows[0][0], Some(START.wire()));
}

#[test]
fn the_statements_of_clients_and_tools_are_understood() {
    let mut world = World::new();
    for sql in [
        "select 1",
        "SELECT 1;",
        "use role \"ACCOUNTADMIN\"",
        "-- comment\nselect current_version()",
        "select null, true, -5, 'it''s'",
        "select current_role()::varchar",
    ] {
        world.admin(sql);
    }
}

#[test]
fn decode_pat_tells_state_name_and_user_and_hides_the_secret_in_the_heading() {
    let mut world = World::new();
    let secret = world.mint_cli();
    let answer = world.admin(&format!("select system$decode_pat('{secret}')"));
    assert!(!answer.columns[0].name.contains(&secret));
    let told = answer.rows[0][0].clone().unwrap();
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told, serde_json::json!({"STATE": "ACTIVE", "PAT_NAME": "T", "USER_NAME": "CLI"}));
    world.admin("alter user cli modify pat t set disabled = true");
    let answer = world.admin(&format!("select system$decode_pat('{secret}')"));
    assert!(answer.rows[0][0].as_ref().unwrap().contains("DISABLED"));
    assert_eq!(world.refused("select system$decode_pat('simpat_x')"), "399001");
}

#[test]
fn what_is_not_simulated_is_a_syntax_error_and_never_a_silent_success() {
    let mut world = World::new();
    for sql in [
        "",
        "insert into t values (1)",
        "create table t (a int)",
        "begin",
        "select",
        "select 1 2 3",
        "select from x",
        "alter user cli reset password",
        "alter user cli abort all queries",
        "show tables",
        "drop table t",
        "select 1; select 2",
        "alter user cli add pat",
        "grant usage on warehouse wh",
    ] {
        let error = world.as_role("ADMIN", "ACCOUNTADMIN", sql).unwrap_err();
        assert_eq!((error.code, error.sqlstate), ("001003", "42000"), "{sql}");
    }
    assert_eq!(world.refused("select uuid_string()"), "002140");
    assert_eq!(world.refused("select colour"), "000904");
}

#[test]
fn every_statement_is_recorded_verbatim_failed_or_not() {
    let mut world = World::new();
    let secret = world.mint_cli();
    let mut session = world.login(&secret).unwrap();
    let answer = world.run(&mut session, "select  1 -- why").unwrap();
    let error = world.run(&mut session, "drop user miguel").unwrap_err();
    let [.., good, bad] = world.engine.queries() else { panic!() };
    assert_eq!((good.text.as_str(), good.role.as_deref()), ("select  1 -- why", Some("CLI_ROLE")));
    assert_eq!((&good.query_id, good.session_id), (&answer.query_id, session.id));
    assert_eq!(bad.query_id, error.query_id);
    assert_eq!(bad.error.as_ref().unwrap().0, "003001");
}
