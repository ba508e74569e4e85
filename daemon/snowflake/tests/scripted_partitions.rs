//! Results in several partitions as no honest Snowflake gives them: none of them is a list, however close it comes.

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "helpers of tests")]

mod scripted;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use patd_core::lifecycle::Failure;
use patd_core::names::{Role, User};
use patd_core::sql::{Kind, Statement};
use patd_snowflake::authority::AdminLogin;
use patd_snowflake::http::{Client, Limits};
use patd_snowflake::key::SigningKey;
use patd_snowflake::sql_api::{SqlApi, Table};
use scripted::{Scripted, answer};
use serde_json::{Value, json};

static KEY: LazyLock<Arc<SigningKey>> =
    LazyLock::new(|| Arc::new(SigningKey::generate().expect("key").0));

const HANDLE: &str = "01b2c3d4-0000-0000-0000-000000000001";

/// The first partition: one row of three, in two partitions.
fn first(change: impl FnOnce(&mut Value)) -> String {
    let mut body = json!({
        "resultSetMetaData": {
            "numRows": 3, "format": "jsonv2",
            "partitionInfo": [{"rowCount": 1}, {"rowCount": 2}],
            "rowType": [{"name": "name"}],
        },
        "data": [["A"]], "code": "090001", "statementHandle": HANDLE,
    });
    change(&mut body);
    answer(200, "", &body.to_string())
}

fn second(body: &str) -> String {
    answer(200, "", body)
}

async fn table(answers: Vec<String>) -> (Scripted, Result<Table, Failure>) {
    let server = Scripted::start(answers).await;
    let second = Duration::from_secs(1);
    let limits = Limits { connect: second, request: second, poll: second, body: 4096 };
    let client = Client::with_limits(&server.endpoint(), limits).expect("client");
    let login = AdminLogin { user: User::new("B"), role: Role::new("R"), key: Arc::clone(&KEY) };
    let statement =
        Statement { text: "SHOW ROLES".into(), kind: Kind::Look, why: "to see them".into() };
    let table = SqlApi::new(client, login).table(&statement).await;
    (server, table)
}

#[tokio::test]
async fn two_partitions_are_one_list_in_their_order() {
    let (server, table) = table(vec![first(|_| ()), second(r#"{"data":[["B"],[null]]}"#)]).await;

    let table = table.expect("a table");
    assert_eq!(table.column("name").expect("a column"), [Some("A"), Some("B"), None]);
    let requests = server.requests();
    assert_eq!(requests.len(), 2);
    let wanted = format!("GET /api/v2/statements/{HANDLE}?partition=1 HTTP/1.1");
    assert!(requests.iter().any(|request| request.starts_with(&wanted)), "{requests:?}");
}

#[tokio::test]
async fn a_partition_that_is_not_what_was_announced_leaves_no_list() {
    let table_of = [
        ("a row short", second(r#"{"data":[["B"]]}"#)),
        ("a row more", second(r#"{"data":[["B"],["C"],["D"]]}"#)),
        ("empty", second(r#"{"data":[]}"#)),
        ("no data", second("{}")),
        ("no JSON", second("<html>")),
        ("broken off", second(r#"{"data":[["B"],"#)),
        ("too wide", second(r#"{"data":[["B","x"],["C","x"]]}"#)),
        ("the first again", first(|_| ())),
        ("not packed as it says", answer(200, "Content-Encoding: gzip\r\n", "{}")),
        ("packed as nobody knows", answer(200, "Content-Encoding: br\r\n", "{}")),
        ("too large", second(&format!(r#"{{"data":[["B"],["{}"]]}}"#, "C".repeat(4000)))),
        ("not to be had", answer(422, "", r#"{"code":"000709","message":"not found"}"#)),
        ("refused", answer(422, "", r#"{"code":"003001","message":"Insufficient privileges"}"#)),
        ("not allowed", answer(401, "", r#"{"code":"390144","message":"JWT"}"#)),
        ("no such partition", answer(400, "", "")),
    ];
    for (what, other) in table_of {
        let (_, table) = table(vec![first(|_| ()), other]).await;
        assert!(matches!(table, Err(Failure::Unclear(_))), "{what}: {table:?}");
    }
}

#[tokio::test]
async fn a_result_that_does_not_say_where_the_rest_is_leaves_no_list() {
    let rest = || second(r#"{"data":[["B"],["C"]]}"#);
    type Change = fn(&mut Value);
    let changes: [(&str, Change); 5] = [
        ("no handle", |body| body["statementHandle"] = json!("")),
        ("a path for a handle", |body| body["statementHandle"] = json!("../../x?y")),
        ("more rows than come", |body| body["resultSetMetaData"]["numRows"] = json!(4)),
        ("fewer rows than come", |body| body["resultSetMetaData"]["numRows"] = json!(1)),
        ("kept back", |body| body["code"] = json!("391908")),
    ];
    for (what, change) in changes {
        let (_, table) = table(vec![first(change), rest()]).await;
        assert!(matches!(table, Err(Failure::Unclear(_))), "{what}: {table:?}");
    }
    // How many rows each has is no more than a hint; how many there are is not.
    let (_, table) = table(vec![
        first(|body| body["resultSetMetaData"]["partitionInfo"] = json!([{}, {}])),
        rest(),
    ])
    .await;
    assert_eq!(table.expect("a table").len(), 3);
}
