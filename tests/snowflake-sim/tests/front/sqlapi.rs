//! SQL API v2: a good request's answer, who may ask, and what a bad request is told.

use serde_json::{Value, json};

use crate::client::Call;
use crate::world::{World, as_broker, with_pat};

const SUBMIT: &str = "/api/v2/statements";

#[test]
fn a_statement_is_answered_with_the_documented_body() {
    let world = World::new();
    let answer = world.submit_to(
        "/api/v2/statements?requestId=8d0c4f1e-0000-4000-8000-000000000001",
        &json!({"statement": "ALTER USER MIGUEL_CLI ADD PAT SECOND ROLE_RESTRICTION = \
                              'MIGUEL_CLI_ROLE'"}),
    );
    assert_eq!(answer.status, 200, "{answer:?}");
    let body = answer.json();
    let meta = &body["resultSetMetaData"];
    assert_eq!(meta["numRows"], 1);
    assert_eq!(meta["format"], "jsonv2");
    assert_eq!(meta["partitionInfo"][0]["rowCount"], 1);
    assert_eq!(meta["rowType"][0]["name"], "token_name");
    assert_eq!(meta["rowType"][1]["name"], "token_secret");
    assert_eq!(meta["rowType"][1]["type"], "text");
    assert_eq!(body["data"][0][0], "SECOND");
    assert!(body["data"][0][1].as_str().unwrap().starts_with("simpat_"));
    assert_eq!(body["code"], "090001");
    assert_eq!(body["sqlState"], "00000");
    assert_eq!(body["message"], "Statement executed successfully.");
    let handle = body["statementHandle"].as_str().unwrap();
    assert_eq!(
        body["statementStatusUrl"],
        format!(
            "/api/v2/statements/{handle}?requestId=8d0c4f1e-0000-4000-8000-000000000001&partition=0"
        )
    );
    assert!(body["createdOn"].is_i64());
}

#[test]
fn a_failed_statement_is_a_422_with_code_state_and_handle() {
    let world = World::new();
    let answer = world.statement("SHOW USER PATS FOR USER NOBODY");
    assert_eq!(answer.status, 422);
    let body = answer.json();
    assert_eq!(body["code"], "002003");
    assert_eq!(body["sqlState"], "02000");
    assert!(body["message"].as_str().unwrap().contains("does not exist or not authorized"));
    assert!(!body["statementHandle"].as_str().unwrap().is_empty());
}

#[test]
fn a_token_as_bearer_logs_its_user_in_under_its_role() {
    let world = World::new();
    let call =
        Call::post(SUBMIT).json(&json!({"statement": "select current_user(), current_role()"}));
    let answer = world.send(&with_pat(call, &world.pat));
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json()["data"], json!([["MIGUEL_CLI", "MIGUEL_CLI_ROLE"]]));
}

#[test]
fn a_request_without_a_bearer_is_told_so() {
    let world = World::new();
    let answer = world.send(&Call::post(SUBMIT).json(&json!({"statement": "select 1"})));
    assert_eq!((answer.status, answer.code().as_str()), (401, "390101"));
}

#[test]
fn the_token_type_decides_how_a_bearer_is_judged() {
    let world = World::new();
    let (pat, jwt) = (world.pat.clone(), world.jwt());
    let table = [
        (&pat, Some("PROGRAMMATIC_ACCESS_TOKEN"), 200, ""),
        (&pat, Some("KEYPAIR_JWT"), 401, "390144"),
        (&pat, Some("OAUTH"), 401, "390303"),
        (&pat, Some("WORKLOAD"), 401, "390303"),
        (&pat, None, 200, ""),
        (&jwt, Some("KEYPAIR_JWT"), 200, ""),
        (&jwt, Some("PROGRAMMATIC_ACCESS_TOKEN"), 401, "394400"),
        (&jwt, Some("OAUTH"), 401, "390303"),
        (&jwt, None, 200, ""),
    ];
    for (token, kind, status, code) in table {
        let mut call = Call::post(SUBMIT)
            .json(&json!({"statement": "select 1"}))
            .header("Authorization", format!("Bearer {token}"));
        if let Some(kind) = kind {
            call = call.header("X-Snowflake-Authorization-Token-Type", kind);
        }
        let answer = world.send(&call);
        assert_eq!(answer.status, status, "{kind:?}: {answer:?}");
        if status != 200 {
            assert_eq!(answer.code(), code, "{kind:?}");
        }
    }
}

#[test]
fn a_missing_token_type_may_mean_oauth() {
    let world = World::new();
    world.sim.http_switches(|s| s.missing_token_type_is_oauth = true);
    let call = Call::post(SUBMIT)
        .json(&json!({"statement": "select 1"}))
        .header("Authorization", format!("Bearer {}", world.pat));
    assert_eq!(world.send(&call).code(), "390303");
}

#[test]
fn a_malformed_request_is_refused_by_what_is_wrong_with_it() {
    let world = World::new();
    let jwt = world.jwt();
    let good = || as_broker(Call::post(SUBMIT), &jwt).json(&json!({"statement": "select 1"}));
    assert_eq!(world.send(&good()).status, 200);

    let refused = |call: &Call| {
        let answer = world.send(call);
        let code = if answer.body.is_empty() { String::new() } else { answer.code() };
        (answer.status, code)
    };
    let invalid = (400, "390142".to_owned());
    assert_eq!(refused(&good().bytes("no json")), invalid);
    assert_eq!(refused(&good().bytes(r#"{"timeout": 60}"#)), invalid, "no statement");
    assert_eq!(refused(&good().bytes(r#"{"statement": "select 1", "Role": "X"}"#)), invalid);
    assert_eq!(refused(&good().without("User-Agent")), invalid);
    assert_eq!(refused(&good().header("Content-Type", "text/plain")).0, 415);
    assert_eq!(refused(&as_broker(Call::get(SUBMIT), &jwt)), (405, String::new()));
    assert_eq!(refused(&as_broker(Call::post("/api/v2/statement"), &jwt)).0, 404);
    let typed = good().header("Content-Type", "application/json; charset=utf-8");
    assert_eq!(refused(&typed).0, 200);
}

#[test]
fn an_account_without_the_sql_api_answers_403() {
    let world = World::new();
    world.sim.http_switches(|s| s.sql_api_enabled = false);
    assert_eq!(world.statement("select 1").status, 403);
}

#[test]
fn context_fields_are_case_sensitive() {
    let world = World::new();
    let asked = |role: &str| {
        let call =
            Call::post(SUBMIT).json(&json!({"statement": "select current_role()", "role": role}));
        world.send(&with_pat(call, &world.pat))
    };
    assert_eq!(asked("MIGUEL_CLI_ROLE").json()["data"], json!([["MIGUEL_CLI_ROLE"]]));
    assert_eq!(asked("miguel_cli_role").status, 401);
}

#[test]
fn the_context_of_the_request_is_the_context_of_the_statement() {
    let world = World::new();
    let body = json!({
        "statement": "select current_role(), current_warehouse()",
        "role": "BROKER_ROLE", "warehouse": "WH",
    });
    assert_eq!(world.submit(&body).json()["data"], json!([["BROKER_ROLE", "WH"]]));
}

#[test]
fn a_parameter_that_is_not_simulated_is_refused_not_ignored() {
    let world = World::new();
    let body = json!({"statement": "select 1", "parameters": {"rows_per_resultset": 1}});
    let answer = world.submit(&body);
    assert_eq!((answer.status, answer.code().as_str()), (422, "001008"));
    let body = json!({"statement": "select 1", "parameters": {"QUERY_TAG": "x"}});
    assert_eq!(world.submit(&body).status, 200);
}

#[test]
fn a_bind_variable_gets_its_value_or_the_documented_error() {
    let world = World::new();
    let bound = |kind: &str, value: Value| {
        let body = json!({
            "statement": "select ?", "bindings": {"1": {"type": kind, "value": value}},
        });
        world.submit(&body)
    };
    let text = bound("TEXT", json!("o'clock"));
    assert_eq!(text.json()["data"], json!([["o'clock"]]), "{text:?}");
    assert_eq!(bound("FIXED", json!("7")).json()["data"], json!([["7"]]));
    let refused = bound("FIXED", json!("seven"));
    assert_eq!((refused.status, refused.code().as_str()), (422, "100037"));
    assert_eq!(refused.json()["message"], "FIXED value 'seven' is not recognized");
}
