//! SQL API v2: handles, "still running", cancelling, and retries by request id.

use std::time::Duration;

use serde_json::json;
use snowflake_sim::{Act, Fault, On};

use crate::client::{Answer, Call};
use crate::world::{World, as_broker, with_pat};

const ADD: &str = "ALTER USER MIGUEL_CLI ADD PAT SECOND ROLE_RESTRICTION = 'MIGUEL_CLI_ROLE'";

fn handle(answer: &Answer) -> String {
    answer.json()["statementHandle"].as_str().unwrap().to_owned()
}

fn path(answer: &Answer) -> String {
    format!("/api/v2/statements/{}", handle(answer))
}

fn cancel(world: &World, handle: &str) -> Answer {
    let call = Call::post(format!("/api/v2/statements/{handle}/cancel"));
    world.send(&as_broker(call.json(&json!({})), &world.jwt()))
}

#[test]
fn an_asynchronous_submit_is_a_202_and_its_handle_has_the_result() {
    let world = World::new();
    let submitted =
        world.submit_to("/api/v2/statements?async=true", &json!({"statement": "select 'x'"}));
    assert_eq!((submitted.status, submitted.code().as_str()), (202, "333334"));
    let url = submitted.json()["statementStatusUrl"].as_str().unwrap().to_owned();
    let looked = world.look(&url);
    assert_eq!(looked.status, 200);
    assert_eq!(looked.json()["data"], json!([["x"]]));
}

#[test]
fn an_asynchronous_failure_is_told_by_its_handle() {
    let world = World::new();
    let submitted =
        world.submit_to("/api/v2/statements?async=true", &json!({"statement": "nonsense"}));
    assert_eq!(submitted.status, 202);
    let looked = world.look(&path(&submitted));
    assert_eq!((looked.status, looked.code().as_str()), (422, "001003"));
}

#[test]
fn a_202_may_come_unasked_and_more_than_once() {
    let world = World::new();
    world.sim.http_switches(|s| {
        s.always_202_first = true;
        s.polls_before_done = 2;
    });
    let submitted = world.statement("select 1");
    let looks: Vec<u16> = (0..4).map(|_| world.look(&path(&submitted)).status).collect();
    assert_eq!((submitted.status, looks.as_slice()), (202, [202, 202, 200, 200].as_slice()));
}

#[test]
fn a_handle_is_known_to_its_owner_alone_unless_shared() {
    let world = World::new();
    let submitted = world.statement("select 1");
    let stranger = || world.send(&with_pat(Call::get(path(&submitted)), &world.pat));
    let refused = stranger();
    assert_eq!((refused.status, refused.code().as_str()), (422, "000709"));
    assert_eq!(refused.json()["message"], format!("Statement {} not found", handle(&submitted)));
    world.sim.http_switches(|s| s.handles_are_shared = true);
    assert_eq!(stranger().status, 200);
    assert_eq!(world.look("/api/v2/statements/00000000-0000-0000-0000-000000000000").status, 422);
}

#[test]
fn a_handle_is_forgotten_after_a_day() {
    let world = World::new();
    let submitted = world.statement("select 1");
    world.sim.advance(Duration::from_secs(25 * 3600));
    assert_eq!(world.statement("select 2").status, 200);
    assert_eq!(world.look(&path(&submitted)).code(), "000709");
}

#[test]
fn a_running_statement_can_be_cancelled_and_stays_so() {
    let world = World::new();
    world.sim.fault(Fault::next(On::SqlApi, Act::NeverEnding202));
    let submitted = world.statement(ADD);
    assert_eq!(world.look(&path(&submitted)).status, 202);
    let cancelled = cancel(&world, &handle(&submitted));
    assert_eq!((cancelled.status, cancelled.code().as_str()), (200, "000604"));
    assert_eq!(cancelled.json()["sqlState"], "57014");
    let looked = world.look(&path(&submitted));
    assert_eq!((looked.status, looked.code().as_str()), (422, "000604"));
    assert_eq!(world.token_count(), 1, "what never ended did nothing");
}

#[test]
fn a_finished_or_unknown_statement_cannot_be_cancelled() {
    let world = World::new();
    let submitted = world.statement("select 1");
    assert_eq!(cancel(&world, &handle(&submitted)).code(), "000709");
    assert_eq!(cancel(&world, "nothing").code(), "000709");
}

#[test]
fn a_retry_of_what_succeeded_is_not_done_again() {
    let world = World::new();
    let url = "/api/v2/statements?requestId=one&retry=true";
    let body = json!({"statement": ADD});
    let (first, again) = (world.submit_to(url, &body), world.submit_to(url, &body));
    assert_eq!((first.status, again.status), (200, 200));
    assert_eq!(first.json(), again.json());
    assert_eq!(world.token_count(), 2);
}

#[test]
fn a_retry_may_hide_the_secret() {
    let world = World::new();
    world.sim.http_switches(|s| s.replay_shows_secret = false);
    let url = "/api/v2/statements?requestId=one&retry=true";
    let body = json!({"statement": ADD});
    assert!(world.submit_to(url, &body).json()["data"][0][1].is_string());
    assert_eq!(world.submit_to(url, &body).json()["data"], json!([["SECOND", null]]));
}

#[test]
fn the_same_request_id_without_retry_is_done_again() {
    let world = World::new();
    let body = json!({"statement": ADD});
    assert_eq!(world.submit_to("/api/v2/statements?requestId=one", &body).status, 200);
    let again = world.submit_to("/api/v2/statements?requestId=one", &body);
    assert_eq!(again.status, 422, "the name is taken: {again:?}");
}

#[test]
fn a_retry_of_what_failed_is_done_again() {
    let world = World::new();
    let url = "/api/v2/statements?requestId=one&retry=true";
    let body = json!({"statement": "SHOW USER PATS FOR USER LATER"});
    assert_eq!(world.submit_to(url, &body).status, 422);
    world
        .sim
        .admin_script(
            "CREATE USER LATER; GRANT MODIFY PROGRAMMATIC AUTHENTICATION METHODS ON USER LATER \
             TO ROLE BROKER_ROLE",
        )
        .unwrap();
    assert_eq!(world.submit_to(url, &body).status, 200);
}

#[test]
fn a_request_id_is_nobody_elses() {
    let world = World::new();
    let url = "/api/v2/statements?requestId=one&retry=true";
    let body = json!({"statement": "select current_user()"});
    assert_eq!(world.submit_to(url, &body).json()["data"], json!([["BROKER"]]));
    let other = world.send(&with_pat(Call::post(url).json(&body), &world.pat));
    assert_eq!(other.json()["data"], json!([["MIGUEL_CLI"]]));
}

#[test]
fn looking_at_a_handle_may_show_the_secret_or_not() {
    let world = World::new();
    let submitted = world.statement(ADD);
    assert_eq!(world.look(&path(&submitted)).json()["data"], submitted.json()["data"]);
    world.sim.http_switches(|s| s.status_shows_secret = false);
    assert_eq!(world.look(&path(&submitted)).json()["data"], json!([["SECOND", null]]));
}

#[test]
fn a_statement_that_outlives_its_timeout_is_a_408_and_not_done() {
    let world = World::new();
    world.sim.fault(Fault::next(On::SqlApi, Act::Delay(Duration::from_secs(30))));
    let answer = world.submit(&json!({"statement": ADD, "timeout": 10}));
    assert_eq!((answer.status, answer.code().as_str()), (408, "000630"));
    assert_eq!(world.token_count(), 1);
}

#[test]
fn a_statement_longer_than_45_seconds_is_a_202_until_its_time() {
    let world = World::new();
    world.sim.freeze_clock();
    world.sim.fault(Fault::next(On::SqlApi, Act::Delay(Duration::from_secs(90))));
    let submitted = world.statement("select 'late'");
    assert_eq!(submitted.status, 202);
    world.sim.advance(Duration::from_secs(89));
    assert_eq!(world.look(&path(&submitted)).status, 202);
    world.sim.advance(Duration::from_secs(1));
    assert_eq!(world.look(&path(&submitted)).json()["data"], json!([["late"]]));
}
