//! The driver protocol: logins as the clients send them, queries, and sessions that end.

use std::io::Write;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::client::{Answer, Call};
use crate::world::{ACCOUNT, World, in_session, login_call, login_with, query_call, rsa_key};

fn code(world: &World, call: &Call) -> Option<String> {
    let answer = world.send(call);
    assert_eq!(answer.status, 200, "failures of this protocol are 200s: {answer:?}");
    answer.json()["code"].as_str().map(str::to_owned)
}

fn token(data: &Value) -> &str {
    data["token"].as_str().unwrap()
}

fn renew(world: &World, master: &str, session: &str) -> Answer {
    let body = json!({"oldSessionToken": session, "requestType": "RENEW"});
    world.send(&in_session(Call::post("/session/token-request"), master).json(&body))
}

#[test]
fn a_login_by_token_opens_a_session_under_its_role() {
    let world = World::new();
    let data = world.login();
    assert!(token(&data).starts_with("simsess_"));
    assert!(data["masterToken"].as_str().unwrap().starts_with("simsess_"));
    assert_ne!(data["masterToken"], data["token"]);
    assert_eq!(data["validityInSeconds"], 3600);
    assert_eq!(data["masterValidityInSeconds"], 14400);
    assert_eq!(data["sessionInfo"]["roleName"], "MIGUEL_CLI_ROLE");
    let answer = world.query(token(&data), "select current_user(), current_role()");
    assert_eq!(answer["data"]["rowset"], json!([["MIGUEL_CLI", "MIGUEL_CLI_ROLE"]]));
}

#[test]
fn a_token_in_the_password_field_is_as_good() {
    let world = World::new();
    for authenticator in [Value::Null, json!("SNOWFLAKE")] {
        let mut data = json!({"LOGIN_NAME": "MIGUEL_CLI", "PASSWORD": world.pat});
        if !authenticator.is_null() {
            data["AUTHENTICATOR"] = authenticator;
        }
        let answer = world.send(&login_with(data)).json();
        assert_eq!(answer["data"]["sessionInfo"]["roleName"], "MIGUEL_CLI_ROLE");
    }
}

#[test]
fn a_token_alone_needs_no_login_name() {
    let world = World::new();
    let data = json!({"AUTHENTICATOR": "programmatic_access_token", "TOKEN": world.pat});
    let answer = world.send(&login_with(data)).json();
    assert_eq!(answer["success"], true, "{answer}");
}

#[test]
fn a_gzipped_body_is_read() {
    let world = World::new();
    let plain = json!({"data": {"AUTHENTICATOR": "PROGRAMMATIC_ACCESS_TOKEN", "TOKEN": world.pat}});
    let mut zipped = GzEncoder::new(Vec::new(), Compression::default());
    zipped.write_all(plain.to_string().as_bytes()).unwrap();
    let call = Call::post("/session/v1/login-request")
        .header("Content-Type", "application/json")
        .header("Content-Encoding", "gzip")
        .bytes(zipped.finish().unwrap());
    assert_eq!(world.send(&call).json()["success"], true);
    assert_eq!(world.send(&call.bytes("no gzip")).status, 400);
}

#[test]
fn a_key_pair_logs_in_when_it_is_the_named_users() {
    let world = World::new();
    let by = |user: &str| {
        login_with(json!({
            "LOGIN_NAME": user, "AUTHENTICATOR": "SNOWFLAKE_JWT", "TOKEN": world.jwt(),
        }))
    };
    assert_eq!(code(&world, &by("broker")), None);
    assert_eq!(code(&world, &by("MIGUEL_CLI")).as_deref(), Some("390144"));
    let forged = rsa_key().jwt(&rsa_key().claims(ACCOUNT, "MIGUEL_CLI", 0, i64::MAX / 2000));
    let data = json!({"AUTHENTICATOR": "SNOWFLAKE_JWT", "TOKEN": forged});
    assert_eq!(code(&world, &login_with(data)).as_deref(), Some("390144"));
}

#[test]
fn a_refused_login_has_the_documented_shape() {
    let world = World::new();
    let answer = world.send(&login_call("simpat_garbage"));
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.json(),
        json!({
            "data": {"nextAction": "RETRY_LOGIN", "authnMethod": "PAT", "signInOptions": {}},
            "code": "394400", "message": "Programmatic access token is invalid.",
            "success": false, "headers": null,
        })
    );
}

#[test]
fn every_way_to_fail_a_login_has_its_code() {
    let world = World::new();
    let pat = world.pat.clone();
    let with = |data: Value| code(&world, &login_with(data));
    let expect = |code: &str| Some(code.to_owned());
    assert_eq!(with(json!({"AUTHENTICATOR": "PROGRAMMATIC_ACCESS_TOKEN"})), expect("394400"));
    assert_eq!(with(json!({"AUTHENTICATOR": "OAUTH", "TOKEN": pat})), expect("390303"));
    assert_eq!(with(json!({"LOGIN_NAME": "MIGUEL_CLI", "PASSWORD": "x"})), expect("390100"));
    assert_eq!(with(json!({"AUTHENTICATOR": "MAGIC", "TOKEN": pat})), expect("390195"));
    let other = json!({
        "LOGIN_NAME": "BROKER", "AUTHENTICATOR": "PROGRAMMATIC_ACCESS_TOKEN", "TOKEN": pat,
    });
    assert_eq!(with(other), expect("394400"));
    let role = Call::post("/session/v1/login-request?roleName=BROKER_ROLE")
        .json(&json!({"data": {"AUTHENTICATOR": "PROGRAMMATIC_ACCESS_TOKEN", "TOKEN": pat}}));
    assert_eq!(code(&world, &role), expect("394400"));
    world.sim.set_client_address(Some([203, 0, 113, 9].into()));
    assert_eq!(code(&world, &login_call(&pat)), expect("390422"));
    world.sim.set_client_address(None);
    world.sim.admin_script("ALTER USER MIGUEL_CLI UNSET NETWORK_POLICY").unwrap();
    assert_eq!(code(&world, &login_call(&pat)), expect("390432"));
    assert_eq!(code(&world, &Call::post("/session/v1/login-request")), expect("390142"));
}

#[test]
fn a_login_takes_its_context_from_the_query_string() {
    let world = World::new();
    let path = "/session/v1/login-request?request_id=1&roleName=miguel_cli_role&warehouse=wh";
    let call = Call::post(path)
        .json(&json!({"data": {"AUTHENTICATOR": "PROGRAMMATIC_ACCESS_TOKEN", "TOKEN": world.pat}}));
    let answer = world.send(&call).json();
    assert_eq!(answer["data"]["sessionInfo"]["roleName"], "MIGUEL_CLI_ROLE");
    assert_eq!(answer["data"]["sessionInfo"]["warehouseName"], "WH");
}

#[test]
fn the_login_history_tells_user_factor_role_client_and_result() {
    let world = World::new();
    world.login();
    code(&world, &login_call("simpat_garbage"));
    let logins = world.sim.logins();
    let [good, bad] = &logins[logins.len() - 2..] else { panic!("two logins") };
    assert_eq!(good.user.as_deref(), Some("MIGUEL_CLI"));
    assert_eq!(good.first_factor, "PROGRAMMATIC_ACCESS_TOKEN");
    assert_eq!(good.role.as_deref(), Some("MIGUEL_CLI_ROLE"));
    assert_eq!(good.client_type, "PythonConnector");
    assert_eq!(good.client_version, "4.7.5");
    assert_eq!(good.client_ip, "127.0.0.1");
    assert!(good.failure.is_none());
    assert_eq!(bad.failure.as_ref().unwrap().code, "394400");
    assert_eq!(bad.role, None);
}

#[test]
fn the_server_can_be_made_to_log_in_under_another_role() {
    let world = World::new();
    world.sim.switches(|s| s.forced_login_role = Some("PUBLIC".to_owned()));
    assert_eq!(world.login()["sessionInfo"]["roleName"], "PUBLIC");
    assert_eq!(world.sim.logins().pop().unwrap().role.as_deref(), Some("PUBLIC"));
}

#[test]
fn the_statements_clients_send_first_work() {
    let world = World::new();
    let data = world.login();
    for sql in [
        "select 1",
        "SELECT 'x'",
        "select current_timestamp()",
        "alter session set query_tag = 'tour'",
        "use warehouse WH",
        "select 1;",
        "show user pats",
    ] {
        let answer = world.query(token(&data), sql);
        assert_eq!(answer["success"], true, "{sql}: {answer}");
    }
}

#[test]
fn a_result_has_row_types_and_rows_of_text() {
    let world = World::new();
    let data = world.login();
    let answer = world.query(token(&data), "select 1, 'x', true, null");
    let result = &answer["data"];
    let types: Vec<&str> = result["rowtype"]
        .as_array()
        .unwrap()
        .iter()
        .map(|column| column["type"].as_str().unwrap())
        .collect();
    assert_eq!(types[..3], ["fixed", "text", "boolean"]);
    assert_eq!(result["rowset"], json!([["1", "x", "1", null]]), "a boolean is 1 or 0 here");
    assert_eq!(result["queryResultFormat"], "json");
    assert_eq!((&result["total"], &result["returned"]), (&json!(1), &json!(1)));
    assert!(result["queryId"].is_string());
    assert_eq!(result["finalRoleName"], "MIGUEL_CLI_ROLE");
}

#[test]
fn the_parameters_of_the_session_come_with_the_login_and_with_every_result() {
    let world = World::new();
    let data = world.login();
    let value = |parameters: &Value, name: &str| {
        let all = parameters.as_array().unwrap();
        let found = all.iter().find(|parameter| parameter["name"] == name);
        found.map(|parameter| parameter["value"].clone()).unwrap_or_default()
    };
    assert_eq!(value(&data["parameters"], "TIMEZONE"), "Etc/UTC");
    world.query(token(&data), "alter session set query_tag = 'tour'");
    let answer = world.query(token(&data), "select 1");
    assert_eq!(value(&answer["data"]["parameters"], "TIMEZONE"), "Etc/UTC");
    assert_eq!(value(&answer["data"]["parameters"], "QUERY_TAG"), "tour");
}

#[test]
fn what_a_statement_changes_in_a_session_stays() {
    let world = World::new();
    let data = json!({"AUTHENTICATOR": "SNOWFLAKE_JWT", "TOKEN": world.jwt()});
    let opened = world.send(&login_with(data)).json();
    let session = opened["data"]["token"].as_str().unwrap().to_owned();
    assert_eq!(world.query(&session, "use role \"PUBLIC\"")["data"]["finalRoleName"], "PUBLIC");
    let asked = world.query(&session, "select current_role()");
    assert_eq!(asked["data"]["rowset"], json!([["PUBLIC"]]));
}

#[test]
fn a_failed_query_has_code_state_and_query_id() {
    let world = World::new();
    let data = world.login();
    let answer = world.query(token(&data), "nonsense");
    assert_eq!(answer["success"], false);
    assert_eq!(answer["code"], "001003");
    assert_eq!(answer["data"]["sqlState"], "42000");
    assert!(answer["data"]["queryId"].is_string());
    assert_eq!(world.query(token(&data), "select 1; select 2")["code"], "000008");
    assert_eq!(world.query(token(&data), "  -- nothing")["code"], "000900");
    let empty = in_session(Call::post("/queries/v1/query-request"), token(&data)).json(&json!({}));
    assert_eq!(code(&world, &empty).as_deref(), Some("000900"));
}

#[test]
fn a_session_token_lives_an_hour_and_is_renewed_by_its_master() {
    let world = World::new();
    world.sim.freeze_clock();
    let data = world.login();
    let (session, master) = (token(&data), data["masterToken"].as_str().unwrap());
    world.sim.advance(Duration::from_secs(3599));
    assert_eq!(world.query(session, "select 1")["success"], true);
    world.sim.advance(Duration::from_secs(1));
    assert_eq!(world.query(session, "select 1")["code"], "390112");

    let renewed = renew(&world, master, session).json();
    assert_eq!(renewed["success"], true, "{renewed}");
    assert_eq!(renewed["data"]["validityInSecondsST"], 3600);
    assert_eq!(renewed["data"]["sessionId"], data["sessionId"]);
    let fresh = renewed["data"]["sessionToken"].as_str().unwrap();
    assert_eq!(world.query(fresh, "select 1")["success"], true);
    assert_eq!(world.query(session, "select 1")["code"], "390112", "the old one is over");
    assert_eq!(renew(&world, master, session).code(), "390114", "the old master too");
}

#[test]
fn a_master_token_lives_four_hours() {
    let world = World::new();
    world.sim.freeze_clock();
    let data = world.login();
    let master = data["masterToken"].as_str().unwrap();
    world.sim.advance(Duration::from_secs(14_399));
    assert!(renew(&world, master, token(&data)).json()["success"].as_bool().unwrap());
    let data = world.login();
    world.sim.advance(Duration::from_secs(14_400));
    let master = data["masterToken"].as_str().unwrap();
    assert_eq!(renew(&world, master, token(&data)).code(), "390114");
}

#[test]
fn a_token_is_good_only_for_what_it_was_made_for() {
    let world = World::new();
    let data = world.login();
    let master = data["masterToken"].as_str().unwrap();
    assert_eq!(world.query(master, "select 1")["code"], "390111");
    assert_eq!(renew(&world, token(&data), token(&data)).code(), "390111");
    assert_eq!(world.query("simsess_unknown", "select 1")["code"], "390111");
    let bare = Call::post("/queries/v1/query-request").json(&json!({"sqlText": "select 1"}));
    assert_eq!(code(&world, &bare).as_deref(), Some("390111"));
    let wrong = in_session(Call::post("/session/token-request"), master)
        .json(&json!({"requestType": "CLONE"}));
    assert_eq!(code(&world, &wrong).as_deref(), Some("390400"));
}

#[test]
fn a_deleted_session_is_gone_for_good() {
    let world = World::new();
    let data = world.login();
    let other = world.login();
    let delete = in_session(Call::post("/session?delete=true"), token(&data));
    assert_eq!(code(&world, &delete), None);
    assert_eq!(world.query(token(&data), "select 1")["code"], "390111");
    let master = data["masterToken"].as_str().unwrap();
    assert_eq!(renew(&world, master, token(&data)).code(), "390111");
    assert_eq!(code(&world, &delete).as_deref(), Some("390111"));
    assert_eq!(world.query(token(&other), "select 1")["success"], true);
}

#[test]
fn heartbeat_and_abort_need_a_session_and_telemetry_needs_none() {
    let world = World::new();
    let data = world.login();
    for path in ["/session/heartbeat", "/queries/v1/abort-request"] {
        assert_eq!(code(&world, &in_session(Call::post(path), token(&data))), None);
        assert_eq!(code(&world, &Call::post(path)).as_deref(), Some("390111"), "{path}");
    }
    let telemetry = Call::post("/telemetry/send").json(&json!({"logs": []}));
    assert_eq!(world.send(&telemetry).json()["success"], true);
}

#[test]
fn an_open_session_is_stopped_when_the_address_no_longer_fits() {
    let world = World::new();
    let data = world.login();
    world.sim.set_client_address(Some([203, 0, 113, 9].into()));
    assert_eq!(world.query(token(&data), "select 1")["code"], "390422");
    world.sim.set_client_address(None);
    assert_eq!(world.query(token(&data), "select 1")["success"], true);
}

#[test]
fn an_open_session_outlives_its_token_but_not_its_user() {
    let world = World::new();
    let data = world.login();
    world.sim.admin_script("ALTER USER MIGUEL_CLI REMOVE PAT FIRST").unwrap();
    assert_eq!(world.query(token(&data), "select 1")["success"], true);
    assert_eq!(code(&world, &login_call(&world.pat)).as_deref(), Some("394400"));
    world.sim.admin_script("ALTER USER MIGUEL_CLI SET DISABLED = TRUE").unwrap();
    assert_eq!(world.query(token(&data), "select 1")["success"], false);
}

#[test]
fn wrong_methods_and_paths_are_405_and_404() {
    let world = World::new();
    assert_eq!(world.send(&Call::get("/session/v1/login-request")).status, 405);
    assert_eq!(world.send(&Call::post("/session/v2/login-request")).status, 404);
    assert_eq!(world.send(&query_call("x", "select 1")).status, 200);
}

#[test]
fn the_same_seed_gives_the_same_tokens() {
    let (one, same) = (World::new(), World::new());
    assert_eq!(one.pat, same.pat);
    assert_eq!(one.login()["token"], same.login()["token"]);
}

#[test]
fn every_secret_ever_made_can_be_searched_for() {
    let world = World::new();
    let data = world.login();
    world.sim.admin_script("ALTER USER MIGUEL_CLI REMOVE PAT FIRST").unwrap();
    let secrets = world.sim.secrets();
    for secret in [&world.pat, token(&data), data["masterToken"].as_str().unwrap()] {
        assert!(secrets.iter().any(|known| known == secret), "{secret}");
    }
}
