//! ACCOUNT_USAGE views and POLICY_REFERENCES.

use super::*;

const CREDENTIALS: &str = "snowflake.account_usage.credentials";

#[test]
fn credentials_tell_of_live_tokens_with_their_details() {
    let mut world = World::new();
    let secret = world.mint("cli", "t", "role_restriction = 'CLI_ROLE' comment = 'c' mins_to_bypass_network_policy_requirement = 60");
    world.login(&secret).unwrap();
    world.mint("cli", "gone", "role_restriction = 'CLI_ROLE'");
    world.admin("alter user cli remove pat gone");
    let rows = world.admin(&format!("select * from {CREDENTIALS} where user_name = 'CLI'"));
    assert_eq!(rows.column("NAME"), ["T"], "deleted credentials are absent");
    assert_eq!(rows.cell(0, "TYPE"), Some("PAT"));
    assert_eq!(rows.cell(0, "DOMAIN"), Some("PROGRAMMATIC_ACCESS_TOKEN"));
    assert_eq!(rows.cell(0, "STATUS"), Some("ACTIVE"));
    assert_eq!(rows.cell(0, "LAST_USED_ON"), Some(world.now.wire().as_str()));
    assert_eq!(rows.cell(0, "CREATED_BY"), Some("ADMIN"));
    let details: serde_json::Value =
        serde_json::from_str(rows.cell(0, "ADDITIONAL_DETAILS").unwrap()).unwrap();
    let wanted = serde_json::json!({
        "MINS_TO_BYPASS_NETWORK_POLICY_REQUIREMENT": 60, "ROLE_RESTRICTION": ["CLI_ROLE"],
    });
    assert_eq!(details, wanted);
}

#[test]
fn details_have_keys_only_when_set() {
    let mut world = World::new();
    world.mint("miguel", "t", "");
    let rows = world.admin(&format!("select additional_details from {CREDENTIALS}"));
    assert_eq!(rows.column("ADDITIONAL_DETAILS"), ["{}"]);
    world.admin("alter user miguel rotate pat t");
    let sql = format!("select additional_details from {CREDENTIALS} where name like 'T_ROTATED%'");
    let rows = world.admin(&sql);
    assert_eq!(rows.column("ADDITIONAL_DETAILS"), [r#"{"ROTATED_TO":"T"}"#]);
}

#[test]
fn the_views_lag_by_the_minutes_of_the_switch() {
    let mut world = World::new();
    world.engine.switches_mut().account_usage_latency_minutes = 120;
    world.mint_cli();
    let sql = format!("select name from {CREDENTIALS}");
    assert!(world.admin(&sql).rows.is_empty());
    world.hours(2);
    assert_eq!(world.admin(&sql).column("NAME"), ["T"]);
}

#[test]
fn the_login_history_joins_the_credential_and_the_session() {
    let mut world = World::new();
    let secret = world.mint_cli();
    let session = world.login(&secret).unwrap();
    world.login_code("simpat_garbage");
    let rows = world.admin(
        "select event_id, user_name, is_success, error_code, first_authentication_factor f, \
         first_authentication_factor_id id, client_ip, reported_client_type \
         from snowflake.account_usage.login_history order by event_id desc",
    );
    assert_eq!(rows.column("IS_SUCCESS"), ["NO", "YES"]);
    assert_eq!(rows.cell(0, "USER_NAME"), None);
    assert_eq!(rows.cell(0, "ERROR_CODE"), Some("394400"));
    assert_eq!(rows.cell(1, "F"), Some("PROGRAMMATIC_ACCESS_TOKEN"));
    let id = rows.cell(1, "ID").unwrap().to_owned();
    let named =
        world.admin(&format!("select name from {CREDENTIALS} where credential_id = '{id}'"));
    assert_eq!(named.column("NAME"), ["T"]);
    let event = rows.cell(1, "EVENT_ID").unwrap().to_owned();
    let sessions = world.admin(&format!(
        "select session_id from snowflake.account_usage.sessions where login_event_id = {event}"
    ));
    assert_eq!(sessions.column("SESSION_ID"), [session.id.to_string()]);
}

#[test]
fn the_query_history_has_the_text_of_add_and_no_secret() {
    let mut world = World::new();
    let secret = world.mint_cli();
    let rows = world.admin(
        "select query_text, query_type, execution_status from snowflake.account_usage.query_history \
         where query_text ilike '%add pat%' limit 5",
    );
    assert_eq!(rows.column("QUERY_TYPE"), ["ALTER_USER"]);
    assert_eq!(rows.column("EXECUTION_STATUS"), ["SUCCESS"]);
    assert!(!format!("{rows:?}").contains(&secret));
}

#[test]
fn rows_are_filtered_sorted_and_cut() {
    let mut world = World::new();
    for name in ["a", "b", "c"] {
        world.mint("miguel", name, "");
        world.hours(1);
    }
    let names = |world: &mut World, tail: &str| -> Vec<String> {
        let rows = world.admin(&format!("select name from {CREDENTIALS} {tail}"));
        rows.column("NAME").into_iter().map(str::to_owned).collect()
    };
    assert_eq!(names(&mut world, "order by created_on desc limit 2"), ["C", "B"]);
    assert_eq!(names(&mut world, "where name in ('A', 'C') and user_name = 'MIGUEL'"), ["A", "C"]);
    assert_eq!(names(&mut world, "where not (name = 'A' or name = 'B')"), ["C"]);
    assert_eq!(names(&mut world, "where comment is null and name <> 'A'"), ["B", "C"]);
    assert_eq!(names(&mut world, "where comment is not null"), Vec::<String>::new());
    assert_eq!(names(&mut world, "where name not in ('A') and name >= 'C'"), ["C"]);
}

#[test]
fn the_views_need_a_viewer_role_or_imported_privileges() {
    let mut world = World::new();
    let sql = format!("select name from {CREDENTIALS}");
    assert_eq!(world.as_role("MIGUEL", "CLI_ROLE", &sql).unwrap_err().code, "003001");
    world.admin("grant database role snowflake.security_viewer to role cli_role");
    assert!(world.as_role("MIGUEL", "CLI_ROLE", &sql).is_ok());
    let queries = "select query_id from snowflake.account_usage.query_history";
    assert_eq!(world.as_role("MIGUEL", "CLI_ROLE", queries).unwrap_err().code, "003001");
    world.admin("grant imported privileges on database snowflake to role cli_role");
    assert!(world.as_role("MIGUEL", "CLI_ROLE", queries).is_ok());
    assert_eq!(world.refused("select * from snowflake.account_usage.tables"), "002003");
    assert_eq!(world.refused("select * from db.public.credentials"), "002003");
}

#[test]
fn policy_references_show_direct_attachments_only() {
    let mut world = World::new();
    world.script("create authentication policy db.public.ap; alter user cli set authentication policy db.public.ap");
    let by_user = world.admin(
        "select policy_name, policy_kind, policy_status from table(db.information_schema.policy_references(\
         ref_entity_name => 'cli', ref_entity_domain => 'USER'))",
    );
    assert_eq!(by_user.column("POLICY_KIND"), ["NETWORK_POLICY", "AUTHENTICATION_POLICY"]);
    assert_eq!(by_user.column("POLICY_STATUS"), ["ACTIVE", "ACTIVE"]);
    let by_policy = world.admin(
        "select * from table(db.information_schema.policy_references(policy_name => 'NP', policy_kind => 'NETWORK_POLICY'))",
    );
    assert_eq!(by_policy.columns.len(), 14);
    assert_eq!(by_policy.column("REF_ENTITY_NAME"), ["BROKER", "CLI"]);
    let by_name = world.admin(
        "select ref_entity_name from table(db.information_schema.policy_references(policy_name => 'db.public.ap'))",
    );
    assert_eq!(by_name.column("REF_ENTITY_NAME"), ["CLI"]);
    let nobody = world.admin(
        "select * from table(db.information_schema.policy_references(ref_entity_name => 'miguel', ref_entity_domain => 'USER'))",
    );
    assert!(nobody.rows.is_empty());
}

#[test]
fn policy_references_need_a_database_and_the_policy() {
    let mut world = World::new();
    let call = "information_schema.policy_references(policy_name => 'NP', policy_kind => 'NETWORK_POLICY'))";
    assert_eq!(world.refused(&format!("select * from table({call}")), "090105");
    world.admin("grant usage on database db to role cli_role");
    let sql = format!("select * from table(db.{call}");
    assert_eq!(world.as_role("MIGUEL", "CLI_ROLE", &sql).unwrap_err().code, "003001");
    let on_user = "select * from table(db.information_schema.policy_references(\
                   ref_entity_name => 'CLI', ref_entity_domain => 'USER'))";
    assert!(world.as_role("MIGUEL", "CLI_ROLE", on_user).unwrap().rows.is_empty());
    world.admin("grant attach policy on account to role cli_role");
    assert_eq!(world.as_role("MIGUEL", "CLI_ROLE", on_user).unwrap().rows.len(), 1);
    assert!(world.as_role("MIGUEL", "CLI_ROLE", &sql).is_ok());
    assert_eq!(world.refused("select * from table(db.information_schema.tables())"), "002140");
}

#[test]
fn credentials_tell_who_altered_a_token_last_and_when() {
    let mut world = World::new();
    world.mint_cli();
    world.hours(3);
    let modify = "alter user cli modify pat t set comment = 'x'";
    world.as_role("BROKER", "BROKER_ROLE", modify).unwrap();
    let rows = world
        .admin(&format!("select created_on, last_altered, last_altered_by from {CREDENTIALS}"));
    assert_eq!(rows.cell(0, "CREATED_ON"), Some(START.wire().as_str()));
    assert_eq!(rows.cell(0, "LAST_ALTERED"), Some(world.now.wire().as_str()));
    assert_eq!(rows.cell(0, "LAST_ALTERED_BY"), Some("BROKER"));
}
