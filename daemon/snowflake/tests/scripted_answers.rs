//! Answers on the wire that are late, broken, endless or from someone else: each has its one classification, an
//! ADD is never sent twice for any of them, and no secret shows in a reason.

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "helpers of tests")]

mod scripted;

use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pat_wire::secret::Secret;
use patd_core::lifecycle::{Failure, Intent, ProbeOutcome, RefusalKind, RemoveOutcome};
use patd_core::names::{Generation, HostId, IntentId, Role, TokenName, User};
use patd_core::time::Timestamp;
use patd_snowflake::authority::{AddToken, Added, AdminLogin, Authority};
use patd_snowflake::http::{Client, Limits};
use patd_snowflake::key::SigningKey;
use patd_snowflake::probe::{Expected, Form, probe};
use scripted::{Scripted, answer};
use serde_json::{Value, json};

const SECRET: &str = "simpat_hush";
const HANDLE: &str = "01b2c3d4-0000-0000-0000-000000000001";

static KEY: LazyLock<Arc<SigningKey>> =
    LazyLock::new(|| Arc::new(SigningKey::generate().expect("key").0));

async fn authority(answers: Vec<String>) -> (Scripted, Authority) {
    let server = Scripted::start(answers).await;
    let second = Duration::from_secs(1);
    let limits = Limits { connect: second, request: second, poll: second * 3, body: 4096 };
    let client = Client::with_limits(&server.endpoint(), limits).expect("client");
    let login = AdminLogin {
        user: User::new("PATD_HOST1"),
        role: Role::new("PATD_HOST1_ROLE"),
        key: Arc::clone(&KEY),
    };
    (server, Authority::with_client(client, login))
}

fn token() -> AddToken {
    AddToken {
        user: User::new("MIGUEL_CLI"),
        days_to_expiry: 7,
        host: HostId::new("0A1B2C3D"),
        intent: Intent {
            id: IntentId::new("A1B2C3"),
            generation: Generation(1),
            name: TokenName::new("T1"),
            role: Role::new("MIGUEL_CLI_ROLE"),
            at: Timestamp(0),
            tainted: false,
            overlap: None,
        },
    }
}

fn minted_body() -> String {
    json!({
        "resultSetMetaData": {
            "numRows": 1, "format": "jsonv2", "partitionInfo": [{"rowCount": 1}],
            "rowType": [{"name": "token_name"}, {"name": "token_secret"}],
        },
        "data": [["T1", SECRET]], "code": "090001", "statementHandle": HANDLE,
    })
    .to_string()
}

fn notice(code: &str, message: &str) -> String {
    json!({"code": code, "message": message, "sqlState": "02000", "statementHandle": HANDLE})
        .to_string()
}

fn running() -> String {
    answer(202, "", &notice("333334", "Asynchronous execution in progress."))
}

/// What came of an ADD, in a form that can be compared and printed.
async fn added(authority: &Authority) -> Result<String, Failure> {
    match authority.add(&token()).await {
        Added::Minted(secret) => Ok(secret.expose().to_owned()),
        Added::Refused(refusal) => Err(Failure::Refused(refusal)),
        Added::Unclear(reason) => Err(Failure::Unclear(reason)),
    }
}

#[tokio::test]
async fn an_answer_nobody_can_read_is_unclear_and_never_repeated() {
    let minted = minted_body();
    let table = [
        ("no answer", String::new()),
        ("half a head", "HTTP/1.1 200".to_owned()),
        ("no http", "hello\r\n\r\n".to_owned()),
        ("broken off", answer(200, "", &minted)[..160].to_owned()),
        ("short but well framed", answer(200, "", &minted[..minted.len() - 9])),
        ("too large", answer(200, "", &format!("{minted}{}", " ".repeat(4096)))),
        ("too large, not announced", format!("HTTP/1.1 200 X\r\n\r\n{minted}{}", " ".repeat(4096))),
        ("redirect", answer(307, "Location: http://127.0.0.1:1/\r\n", &minted)),
        ("no content", answer(204, "", "")),
        ("created", answer(201, "", &minted)),
        ("gateway", answer(502, "", &format!("<html>{SECRET}</html>"))),
        ("server error", answer(500, "", &notice("000603", SECRET))),
        ("statement timeout", answer(408, "", &notice("000604", "timeout"))),
        ("cancelled", answer(422, "", &notice("000604", "SQL execution canceled"))),
        ("cut off", answer(422, "", &notice("000630", "Statement reached its timeout"))),
        ("a portal's page", answer(403, "", &format!("<html>{SECRET}</html>"))),
        ("running, no handle", answer(202, "", r#"{"code":"333334"}"#)),
        ("running, path as handle", answer(202, "", r#"{"statementHandle":"../x?y"}"#)),
    ];
    for (what, bytes) in table {
        let (server, authority) = authority(vec![bytes]).await;
        let Err(Failure::Unclear(reason)) = added(&authority).await else {
            panic!("{what} was taken for an answer");
        };
        assert!(!reason.contains("hush") && !reason.is_empty(), "{what}: {reason}");
        assert_eq!(server.requests().len(), 1, "{what}");
    }
}

#[tokio::test]
async fn a_host_where_nobody_listens_is_unclear_and_says_so() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("listener");
    let port = listener.local_addr().expect("address").port();
    drop(listener);
    let (server, _) = authority(vec![]).await;
    let account = server.endpoint().account().clone();
    let nobody =
        patd_snowflake::endpoint::Endpoint::new(account, "127.0.0.1", port, false, None, None);
    let login = AdminLogin { user: User::new("U"), role: Role::new("R"), key: Arc::clone(&KEY) };
    let authority = Authority::new(&nobody.expect("endpoint"), login).expect("authority");

    let Err(Failure::Unclear(reason)) = added(&authority).await else {
        panic!("an answer from nobody")
    };

    assert!(reason.contains("127.0.0.1") && reason.contains("refused"), "{reason}");
}

#[tokio::test]
async fn a_definite_no_is_a_refusal_with_its_kind() {
    let table = [
        (401, "390144", "JWT token is invalid. [x]", RefusalKind::AdminLogin),
        (401, "390432", "Network policy is required.", RefusalKind::AdminNetwork),
        (
            403,
            "390422",
            "Incoming request with IP/Token 1.2.3.4 is not allowed to access Snowflake.",
            RefusalKind::AdminNetwork,
        ),
        (
            422,
            "003001",
            "SQL access control error: Insufficient privileges",
            RefusalKind::Privilege,
        ),
        (
            422,
            "002003",
            "User 'MIGUEL_CLI' does not exist or not authorized.",
            RefusalKind::Privilege,
        ),
    ];
    for (status, code, message, kind) in table {
        let (server, authority) = authority(vec![answer(status, "", &notice(code, message))]).await;
        let Err(Failure::Refused(refusal)) = added(&authority).await else {
            panic!("{code}: no refusal")
        };
        assert_eq!((refusal.kind, refusal.code.as_str()), (kind, code));
        assert_eq!(refusal.message, message);
        assert_eq!(server.requests().len(), 1, "{code}");
    }
}

#[tokio::test]
async fn too_many_requests_is_no_word_about_the_statement_and_is_counted() {
    let busy = answer(429, "", &notice("390505", "Too many requests."));
    let (server, authority) = authority(vec![busy]).await;

    let Err(Failure::Unclear(reason)) = added(&authority).await else { panic!("an outcome") };

    assert!(reason.contains("HTTP 429") && reason.contains("390505"), "{reason}");
    assert_eq!((server.requests().len(), authority.client().throttled()), (1, 1));
}

#[tokio::test]
async fn a_statement_that_takes_long_is_asked_for_until_it_is_done() {
    let busy = answer(429, "", &notice("390505", "Too many requests."));
    let done = answer(200, "", &minted_body());
    let (server, authority) = authority(vec![running(), busy, String::new(), done]).await;

    assert_eq!(added(&authority).await, Ok(SECRET.to_owned()));

    let requests = server.requests();
    assert_eq!(requests.len(), 4);
    assert!(requests[0].starts_with("POST /api/v2/statements?requestId="));
    for request in &requests[1..] {
        assert!(request.starts_with(&format!("GET /api/v2/statements/{HANDLE} ")), "{request}");
    }
}

#[tokio::test]
async fn a_statement_that_never_ends_is_unclear_within_the_bound() {
    let (server, authority) = authority(vec![running()]).await;

    let Err(Failure::Unclear(reason)) = added(&authority).await else { panic!("an outcome") };

    assert!(reason.contains("still running"), "{reason}");
    let requests = server.requests();
    assert_eq!(requests.iter().filter(|request| request.starts_with("POST")).count(), 1);
}

#[tokio::test]
async fn the_question_being_refused_is_not_the_statement_being_refused() {
    let gone = answer(422, "", &notice("000709", "Statement not found"));
    let login = answer(401, "", &notice("390144", "JWT token is invalid."));
    for second in [gone, login] {
        let (_server, authority) = authority(vec![running(), second]).await;
        assert!(matches!(added(&authority).await, Err(Failure::Unclear(_))));
    }
    let failed = answer(422, "", &notice("003001", "Insufficient privileges"));
    let (_server, authority) = authority(vec![running(), failed]).await;
    assert!(matches!(added(&authority).await, Err(Failure::Refused(_))));
}

#[tokio::test]
async fn a_clock_that_differs_is_corrected_once_and_reported() {
    let refused = answer(401, &date(3600), &notice("390144", "JWT token is invalid. [x]"));
    let minted = answer(200, &date(3600), &minted_body());
    let (server, authority) = authority(vec![refused, minted]).await;

    assert_eq!(added(&authority).await, Ok(SECRET.to_owned()));

    let issued: Vec<i64> = server.requests().iter().map(|request| issued_at(request)).collect();
    assert_eq!(issued.len(), 2);
    assert!((3595..=3601).contains(&(issued[1] - issued[0])), "{issued:?}");
    assert!(authority.skew().is_some_and(|skew| (3598..=3600).contains(&skew)));
    assert!((3597..=3602).contains(&authority.server_time().since(local())));
}

#[tokio::test]
async fn a_second_refusal_of_a_corrected_clock_is_final() {
    let refused = answer(401, &date(-7200), &notice("390144", "JWT token is invalid. [x]"));
    let (server, authority) = authority(vec![refused]).await;

    let Err(Failure::Refused(refusal)) = added(&authority).await else { panic!("no refusal") };

    assert_eq!(refusal.kind, RefusalKind::AdminLogin);
    assert!(refusal.message.contains("clock"), "{}", refusal.message);
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_refused_jwt_with_clocks_in_step_is_not_tried_again() {
    let refused = answer(401, &date(5), &notice("390144", "JWT token is invalid. [x]"));
    let (server, authority) = authority(vec![refused]).await;

    assert!(matches!(added(&authority).await, Err(Failure::Refused(_))));

    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_remove_tells_gone_from_never_there_from_unknown_user() {
    let absent = notice("399001", "Programmatic access token T1 not found.");
    let nobody = notice("002003", "User 'MIGUEL_CLI' does not exist or not authorized.");
    let removed = json!({
        "resultSetMetaData": {"numRows": 1, "rowType": [{"name": "status"}]},
        "data": [["Programmatic access token T1 successfully removed."]], "code": "090001",
    });
    let outcome = async |status, body: &str| {
        let (_server, authority) = authority(vec![answer(status, "", body)]).await;
        authority.remove(&User::new("MIGUEL_CLI"), &TokenName::new("T1")).await
    };
    assert_eq!(outcome(200, &removed.to_string()).await, RemoveOutcome::Removed);
    assert_eq!(outcome(422, &absent).await, RemoveOutcome::Absent);
    let refused = outcome(422, &nobody).await;
    assert!(matches!(refused, RemoveOutcome::Failed(Failure::Refused(_))), "{refused:?}");
    assert!(matches!(outcome(503, "").await, RemoveOutcome::Failed(Failure::Unclear(_))));
}

#[tokio::test]
async fn a_probe_asks_for_the_role_and_ends_its_session() {
    let opened =
        json!({"success": true, "data": {"token": "simsess_one", "masterToken": "simsess_two"}});
    let columns = ["CURRENT_USER()", "CURRENT_ROLE()", "CURRENT_SECONDARY_ROLES()"];
    let columns: Vec<Value> = columns.iter().map(|name| json!({"name": name})).collect();
    let row = json!([["M", "R", r#"{"roles":"","value":""}"#]]);
    let shown = json!({"success": true, "data": {"rowtype": columns, "rowset": row}});
    let answers = [opened, shown, json!({"success": true})];
    let answers = answers.map(|body| answer(200, "", &body.to_string())).to_vec();
    let server = Scripted::start(answers).await;
    let client = Client::new(&server.endpoint()).expect("client");
    let expected = Expected { user: User::new("M"), role: Role::new("R") };

    let outcome = probe(&client, &Secret::new(SECRET.into()), &expected, Form::Token).await;

    assert_eq!(outcome, ProbeOutcome::Proved);
    let requests = server.requests();
    let [login, query, end] = requests.as_slice() else { panic!("{} requests", requests.len()) };
    assert!(login.starts_with("POST /session/v1/login-request?request_id="), "{login}");
    assert!(login.lines().next().is_some_and(|line| line.contains("&roleName=R ")), "{login}");
    assert!(query.starts_with("POST /queries/v1/query-request?requestId="), "{query}");
    assert!(end.starts_with("POST /session?delete=true&"), "{end}");
    for request in [query, end] {
        assert!(request.contains(r#"Snowflake Token="simsess_one""#), "{request}");
        assert!(!request.contains(SECRET), "{request}");
    }
}

#[tokio::test]
async fn a_request_says_what_it_must_and_no_more() {
    let (server, authority) = authority(vec![answer(200, "", &minted_body())]).await;

    assert_eq!(added(&authority).await, Ok(SECRET.to_owned()));

    let requests = server.requests();
    let (head, body) = requests[0].split_once("\r\n\r\n").expect("head");
    let head = head.to_lowercase();
    assert!(head.contains("x-snowflake-authorization-token-type: keypair_jwt"), "{head}");
    assert!(head.contains("user-agent: pat-broker/"), "{head}");
    assert!(!head.contains("retry="), "{head}");
    let body: Value = serde_json::from_str(body).expect("json");
    assert_eq!(body["role"], "PATD_HOST1_ROLE");
    let statement = body["statement"].as_str().expect("text");
    assert!(statement.starts_with(r#"ALTER USER "MIGUEL_CLI" ADD PROGRAMMATIC ACCESS TOKEN "T1""#));
}

/// Returns a Date header that many seconds from now.
fn date(offset: i64) -> String {
    let moment = jiff::Timestamp::from_second(local().plus(offset).0).expect("moment");
    format!("Date: {}\r\n", moment.strftime("%a, %d %b %Y %H:%M:%S GMT"))
}

fn local() -> Timestamp {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    Timestamp(i64::try_from(now.as_secs()).expect("seconds"))
}

/// Returns the `iat` of the JWT in a request.
fn issued_at(request: &str) -> i64 {
    let token = request.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("authorization").then(|| value.trim_start_matches("Bearer "))
    });
    let claims = token.expect("a token").split('.').nth(1).expect("claims");
    let claims = URL_SAFE_NO_PAD.decode(claims).expect("base64url");
    serde_json::from_slice::<Value>(&claims).expect("json")["iat"].as_i64().expect("iat")
}
