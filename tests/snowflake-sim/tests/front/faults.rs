//! Every act of a planted fault: what is done, and what arrives.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use snowflake_sim::engine::StatementKind;
use snowflake_sim::{Act, Fault, On};

use crate::client::{Answer, Call};
use crate::world::{World, as_broker, login_call, query_call};

const ADD: &str = "ALTER USER MIGUEL_CLI ADD PAT SECOND ROLE_RESTRICTION = 'MIGUEL_CLI_ROLE'";
const ADD_PAT: On = On::Statement(StatementKind::AddPat);

/// What became of one ADD under a fault.
struct Harmed {
    answer: std::io::Result<Answer>,
    tokens: usize,
}

fn add_under(act: Act) -> Harmed {
    let world = World::new();
    world.sim.fault(Fault::next(ADD_PAT, act));
    let call = Call::post("/api/v2/statements").json(&json!({"statement": ADD}));
    let call = as_broker(call, &world.jwt()).patience(Duration::from_millis(300));
    let answer = call.send(world.sim.port());
    assert!(world.sim.faults_left().is_empty(), "the fault was used up");
    Harmed { answer, tokens: world.token_count() }
}

impl Harmed {
    fn json(&self) -> Value {
        self.answer.as_ref().expect("an answer").json()
    }

    fn names(&self) -> Vec<String> {
        let body = self.json();
        let columns = body["resultSetMetaData"]["rowType"].as_array().unwrap();
        columns.iter().map(|column| column["name"].as_str().unwrap().to_owned()).collect()
    }

    fn broken(&self) -> bool {
        matches!(&self.answer, Err(error) if error.kind() != ErrorKind::WouldBlock)
    }
}

#[test]
fn a_status_is_answered_with_its_body_and_nothing_is_done() {
    for (status, code) in [(429, "390505"), (401, "390303"), (400, "390142")] {
        let harmed = add_under(Act::Status(status));
        let answer = harmed.answer.as_ref().unwrap();
        assert_eq!((answer.status, answer.code().as_str(), harmed.tokens), (status, code, 1));
    }
    for status in [500, 502, 503, 504, 522] {
        let harmed = add_under(Act::Status(status));
        assert_eq!((harmed.answer.unwrap().status, harmed.tokens), (status, 1));
    }
}

#[test]
fn an_sql_error_is_answered_and_nothing_is_done() {
    let act = Act::SqlError { code: "000605".to_owned(), message: "not today".to_owned() };
    let harmed = add_under(act);
    let answer = harmed.answer.as_ref().unwrap();
    assert_eq!((answer.status, harmed.tokens), (422, 1));
    assert_eq!(
        (harmed.json()["code"].as_str(), harmed.json()["message"].as_str()),
        (Some("000605"), Some("not today"))
    );
}

#[test]
fn a_connection_dropped_before_the_commit_did_nothing() {
    let harmed = add_under(Act::DropBeforeCommit);
    assert!(harmed.broken(), "{:?}", harmed.answer);
    assert_eq!(harmed.tokens, 1);
}

#[test]
fn a_connection_dropped_after_the_commit_did_it() {
    let harmed = add_under(Act::DropAfterCommit);
    assert!(harmed.broken(), "{:?}", harmed.answer);
    assert_eq!(harmed.tokens, 2);
}

#[test]
fn a_truncated_answer_is_cut_at_exactly_that_byte() {
    for length in [0, 1, 100, 700] {
        let harmed = add_under(Act::TruncateAt(length));
        let answer = harmed.answer.unwrap();
        assert_eq!((answer.status, answer.body.len(), harmed.tokens), (200, length, 2));
        let promised: usize = answer.header("content-length").unwrap().parse().unwrap();
        assert!(promised > length);
    }
}

#[test]
fn an_answer_may_have_other_columns_more_columns_or_swapped_ones() {
    assert_eq!(add_under(Act::WrongColumns).names(), ["unexpected_0", "unexpected_1"]);
    assert_eq!(add_under(Act::SwapColumns).names(), ["token_secret", "token_name"]);
    assert_eq!(add_under(Act::ExtraColumn).names(), ["surprise", "token_name", "token_secret"]);
    let swapped = add_under(Act::SwapColumns);
    assert_eq!(swapped.json()["data"][0][1], "SECOND", "values move with their columns");
    assert_eq!(swapped.tokens, 2);
}

#[test]
fn an_answer_may_have_no_row_a_row_twice_or_another_tokens_name() {
    let empty = add_under(Act::NoRows);
    assert_eq!((&empty.json()["data"], empty.tokens), (&json!([]), 2));
    assert_eq!(empty.json()["resultSetMetaData"]["numRows"], 0);
    let twice = add_under(Act::DuplicateRow);
    assert_eq!(twice.json()["data"][0], twice.json()["data"][1]);
    assert_eq!(add_under(Act::OtherTokenName).json()["data"][0][0], "ANOTHER_TOKEN");
}

#[test]
fn a_delayed_answer_is_done_at_once_and_comes_late() {
    let world = World::new();
    let delay = Duration::from_millis(200);
    world.sim.fault(Fault::next(ADD_PAT, Act::Delay(delay)));
    let started = Instant::now();
    assert_eq!(world.statement(ADD).status, 200);
    assert!(started.elapsed() >= delay);

    // A client that gives up has the statement done all the same.
    world.sim.fault(Fault::next(On::SqlApi, Act::Delay(Duration::from_secs(30))));
    let call = Call::post("/api/v2/statements")
        .json(&json!({"statement": ADD.replace("SECOND", "THIRD")}));
    let call = as_broker(call, &world.jwt()).patience(Duration::from_millis(100));
    assert_eq!(call.send(world.sim.port()).unwrap_err().kind(), ErrorKind::WouldBlock);
    assert_eq!(world.token_count(), 3);
}

#[test]
fn a_hanging_request_is_never_answered_and_does_nothing() {
    let harmed = add_under(Act::Hang);
    assert_eq!(harmed.answer.unwrap_err().kind(), ErrorKind::WouldBlock);
    assert_eq!(harmed.tokens, 1);
}

#[test]
fn a_never_ending_statement_stays_a_202() {
    let world = World::new();
    world.sim.fault(Fault::next(ADD_PAT, Act::NeverEnding202));
    let submitted = world.statement(ADD);
    assert_eq!(submitted.status, 202);
    let handle = submitted.json()["statementHandle"].as_str().unwrap().to_owned();
    world.sim.advance(Duration::from_secs(3600));
    for _ in 0..5 {
        assert_eq!(world.look(&format!("/api/v2/statements/{handle}")).status, 202);
    }
    assert_eq!(world.token_count(), 1);
}

#[test]
fn a_fault_acts_from_its_number_on_as_often_as_it_says() {
    let world = World::new();
    world.sim.fault(Fault { on: On::SqlApi, after: 1, times: 2, act: Act::Status(503) });
    let seen: Vec<u16> = (0..5).map(|_| world.statement("select 1").status).collect();
    assert_eq!(seen, [200, 503, 503, 200, 200]);
}

#[test]
fn a_fault_waits_for_its_own_kind_of_request() {
    let world = World::new();
    let session = world.login()["token"].as_str().unwrap().to_owned();
    let statuses = |on: On| {
        world.sim.fault(Fault::always(on, Act::Status(503)));
        let seen = [
            world.send(&login_call(&world.pat)).status,
            world.send(&query_call(&session, "select 1")).status,
            world.send(&query_call(&session, "show user pats")).status,
            world.statement("select 1").status,
            world.send(&Call::post("/session/heartbeat")).status,
        ];
        assert_eq!(world.sim.faults_left().len(), 1);
        world.sim.clear_faults();
        seen
    };
    assert_eq!(statuses(On::Login), [503, 200, 200, 200, 200]);
    assert_eq!(statuses(On::Query), [200, 503, 503, 200, 200]);
    assert_eq!(statuses(On::SqlApi), [200, 200, 200, 503, 200]);
    assert_eq!(statuses(On::Statement(StatementKind::ShowPats)), [200, 200, 503, 200, 200]);
    assert_eq!(statuses(On::Statement(StatementKind::Select)), [200, 503, 200, 503, 200]);
    assert_eq!(statuses(On::Any), [503; 5]);
}

#[test]
fn a_driver_login_and_query_can_be_harmed_the_same_ways() {
    let world = World::new();
    let login = login_call(&world.pat).patience(Duration::from_millis(300));
    let port = world.sim.port();
    let error = Act::SqlError { code: "390189".to_owned(), message: "no such role".to_owned() };
    world.sim.fault(Fault::next(On::Login, error.clone()));
    assert_eq!(login.send(port).unwrap().code(), "390189");
    world.sim.fault(Fault::next(On::Login, Act::DropAfterCommit));
    let before = world.sim.logins().len();
    assert!(login.send(port).is_err());
    assert_eq!(world.sim.logins().len(), before + 1, "the login happened");
    world.sim.fault(Fault::next(On::Login, Act::DropBeforeCommit));
    assert!(login.send(port).is_err());
    assert_eq!(world.sim.logins().len(), before + 1);

    let session = world.login()["token"].as_str().unwrap().to_owned();
    world.sim.fault(Fault::next(On::Query, error));
    assert_eq!(world.query(&session, "select 1")["code"], "390189");
    world.sim.fault(Fault::next(On::Query, Act::NoRows));
    assert_eq!(world.query(&session, "select 1")["data"]["rowset"], json!([]));
    world.sim.fault(Fault::next(On::Query, Act::TruncateAt(10)));
    assert_eq!(world.send(&query_call(&session, "select 1")).body.len(), 10);
    world.sim.fault(Fault::next(On::Query, Act::NeverEnding202));
    let call = query_call(&session, "select 1").patience(Duration::from_millis(100));
    assert_eq!(call.send(port).unwrap_err().kind(), ErrorKind::WouldBlock);
}
