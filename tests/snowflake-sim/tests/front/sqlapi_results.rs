//! SQL API v2: encodings, partitions and multi-statement results.

use std::io::Read as _;

use flate2::read::GzDecoder;
use serde_json::{Value, json};

use crate::world::{World, moment};

#[test]
fn a_timestamp_is_seconds_with_nine_decimals() {
    let world = World::new();
    let before = world.sim.clock().as_second();
    let body = world.statement("SHOW USER PATS FOR USER MIGUEL_CLI").json();
    let columns = body["resultSetMetaData"]["rowType"].as_array().unwrap();
    let at = columns.iter().position(|column| column["name"] == "expires_at").unwrap();
    assert_eq!(columns[at]["type"], "timestamp_ltz");
    assert_eq!(columns[at]["scale"], 9);
    let (seconds, decimals) = body["data"][0][at].as_str().unwrap().split_once('.').unwrap();
    let days = (seconds.parse::<i64>().unwrap() - before) as f64 / 86400.0;
    assert!((14.9..=15.1).contains(&days), "{days}");
    assert_eq!(decimals.len(), 9);
}

#[test]
fn a_number_and_a_boolean_are_text() {
    let world = World::new();
    let body = world.statement("select 1, true, 'x'").json();
    assert_eq!(body["data"], json!([["1", "true", "x"]]));
    let columns = body["resultSetMetaData"]["rowType"].as_array().unwrap();
    let types: Vec<&str> = columns.iter().map(|c| c["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["fixed", "boolean", "text"]);
}

#[test]
fn a_null_is_null_or_the_text_null_when_asked_for() {
    let world = World::new();
    let sql = json!({"statement": "SHOW USER PATS FOR USER MIGUEL_CLI"});
    let cell = |path: &str| {
        let body = world.submit_to(path, &sql).json();
        let columns = body["resultSetMetaData"]["rowType"].as_array().unwrap().clone();
        let at = columns.iter().position(|column| column["name"] == "rotated_to").unwrap();
        body["data"][0][at].clone()
    };
    assert_eq!(cell("/api/v2/statements"), Value::Null);
    assert_eq!(cell("/api/v2/statements?nullable=false"), json!("null"));
}

#[test]
fn a_large_result_comes_in_partitions_linked_to_each_other() {
    let world = World::new();
    world.sim.http_switches(|s| {
        s.rows_per_partition = 2;
        s.partitions_are_gzipped = false;
    });
    for name in ["A", "B", "C", "D"] {
        crate::world::add_pat(&world.sim, name);
    }
    let first = world.statement("SHOW USER PATS FOR USER MIGUEL_CLI");
    let body = first.json();
    let handle = body["statementHandle"].as_str().unwrap();
    assert_eq!(body["resultSetMetaData"]["numRows"], 5);
    let counts: Vec<&Value> = body["resultSetMetaData"]["partitionInfo"]
        .as_array()
        .unwrap()
        .iter()
        .map(|partition| &partition["rowCount"])
        .collect();
    assert_eq!(counts, [2, 2, 1]);
    assert_eq!(body["data"].as_array().unwrap().len(), 2);
    let link = first.header("link").unwrap();
    assert!(link.contains("rel=\"next\"") && !link.contains("rel=\"prev\""), "{link}");

    let path = |partition| format!("/api/v2/statements/{handle}?partition={partition}");
    let second = world.look(&path(1));
    assert_eq!(second.json()["data"].as_array().unwrap().len(), 2);
    assert!(second.json().get("resultSetMetaData").is_none());
    assert!(second.header("link").unwrap().contains("rel=\"prev\""));
    assert_eq!(world.look(&path(2)).json()["data"].as_array().unwrap().len(), 1);
    assert_eq!(world.look(&path(3)).status, 400);
}

#[test]
fn partitions_after_the_first_come_packed() {
    let world = World::new();
    world.sim.http_switches(|s| s.rows_per_partition = 1);
    crate::world::add_pat(&world.sim, "A");
    let first = world.statement("SHOW USER PATS FOR USER MIGUEL_CLI");
    assert_eq!(first.header("content-encoding"), None);
    let body = first.json();
    let handle = body["statementHandle"].as_str().unwrap();

    let second = world.look(&format!("/api/v2/statements/{handle}?partition=1"));

    assert_eq!(second.header("content-encoding"), Some("gzip"));
    let mut plain = String::new();
    GzDecoder::new(second.body.as_slice()).read_to_string(&mut plain).unwrap();
    let plain: Value = serde_json::from_str(&plain).unwrap();
    assert_eq!(plain["data"].as_array().unwrap().len(), 1);
}

fn several(sql: &str, count: Value) -> Value {
    json!({
        "statement": sql, "warehouse": "WH", "role": "BROKER_ROLE",
        "parameters": {"MULTI_STATEMENT_COUNT": count},
    })
}

#[test]
fn several_statements_need_their_number_said() {
    let world = World::new();
    let sql = "select 1; select 2";
    let refused = world.statement(sql);
    assert_eq!((refused.status, refused.code().as_str()), (422, "000008"));
    assert_eq!(
        refused.json()["message"],
        "Actual statement count 2 did not match the desired statement count 1."
    );
    assert_eq!(world.submit(&several(sql, json!("3"))).code(), "000008");
    assert_eq!(world.submit(&several(sql, json!("2"))).status, 200);
    assert_eq!(world.submit(&several(sql, json!(0))).status, 200);
}

#[test]
fn several_statements_are_fetched_one_by_one() {
    let world = World::new();
    let answer = world.submit(&several("use role BROKER_ROLE; select 'two'", json!("2"))).json();
    assert_eq!(answer["data"], json!([["Multiple statements executed successfully."]]));
    let handles = answer["statementHandles"].as_array().unwrap();
    assert_eq!(handles.len(), 2);
    let second = world.look(&format!("/api/v2/statements/{}", handles[1].as_str().unwrap()));
    assert_eq!(second.json()["data"], json!([["two"]]));
}

#[test]
fn a_failure_among_several_keeps_what_was_done_before_it() {
    let world = World::new();
    let add = "ALTER USER MIGUEL_CLI ADD PAT DONE ROLE_RESTRICTION = 'MIGUEL_CLI_ROLE'";
    let answer = world.submit(&several(&format!("{add}; nonsense"), json!("2")));
    assert_eq!(answer.status, 422);
    let body = answer.json();
    assert_eq!((body["code"].as_str(), body["sqlState"].as_str()), (Some("100132"), Some("P0000")));
    assert!(body["message"].as_str().unwrap().contains("syntax error"), "{body}");
    assert_eq!(world.token_count(), 2);
}

#[test]
fn several_statements_need_a_warehouse_and_take_no_binds() {
    let world = World::new();
    let mut body = several("select 1; select ?", json!("2"));
    body["bindings"] = json!({"1": {"type": "TEXT", "value": "x"}});
    assert_eq!(world.submit(&body).status, 422);
    let mut body = several("select 1; select 2", json!("2"));
    body.as_object_mut().unwrap().remove("warehouse");
    let answer = world.submit(&body);
    assert_eq!((answer.status, answer.code().as_str()), (422, "000606"));
}

#[test]
fn use_and_alter_session_run_only_among_several() {
    let world = World::new();
    for sql in ["use role BROKER_ROLE", "alter session set QUERY_TAG = 'x'"] {
        assert_eq!(world.statement(sql).status, 422, "{sql}");
        let among = several(&format!("{sql}; select 1"), json!("2"));
        assert_eq!(world.submit(&among).status, 200, "{sql}");
    }
}

#[test]
fn the_server_keeps_its_own_time() {
    let world = World::new();
    world.sim.set_clock(moment("2031-05-06T07:08:09Z"));
    let answer = world.statement("select 1");
    assert_eq!(answer.header("date"), Some("Tue, 06 May 2031 07:08:09 GMT"));
    let body = answer.json();
    assert_eq!(body["createdOn"], moment("2031-05-06T07:08:09Z").as_millisecond());
}
