//! The control API over HTTP, and the program that offers it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use snowflake_sim::Options;

use crate::client::{Answer, Call};
use crate::world::{World, login_call};

fn world() -> World {
    World::with(Options { control: true, ..Options::default() })
}

fn control(port: u16, verb: &str, body: &Value) -> Answer {
    Call::post(format!("/control/{verb}")).json(body).send(port).expect("an answer")
}

fn ask(world: &World, verb: &str, body: Value) -> Value {
    let answer = control(world.sim.port(), verb, &body);
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

#[test]
fn the_control_api_answers_only_when_it_was_asked_for() {
    let without = World::new();
    assert_eq!(control(without.sim.port(), "snapshot", &json!({})).status, 404);
    let with = world();
    assert_eq!(control(with.sim.port(), "nonsense", &json!({})).status, 404);
    assert_eq!(with.send(&Call::get("/control/snapshot")).status, 405);
}

#[test]
fn a_script_runs_as_the_administrator() {
    let world = world();
    let sql = "USE ROLE SECURITYADMIN; select current_user(), current_role()";
    let answer = ask(&world, "script", json!({"sql": sql}));
    assert_eq!(answer["results"][1]["rows"], json!([["ADMIN", "SECURITYADMIN"]]));
    let failed = control(world.sim.port(), "script", &json!({"sql": "nonsense"}));
    assert_eq!(failed.status, 400);
    assert!(failed.json()["error"].as_str().unwrap().starts_with("001003"), "{failed:?}");
}

#[test]
fn the_clock_is_set_moved_and_let_go() {
    let world = world();
    let set = ask(&world, "clock", json!({"set": "2030-01-01T00:00:00Z"}));
    assert_eq!(set["now"], "2030-01-01T00:00:00Z");
    let moved = ask(&world, "clock", json!({"advance_seconds": 90}));
    assert_eq!(moved["now"], "2030-01-01T00:01:30Z");
    ask(&world, "clock", json!({"follow_real_time": true}));
    let off = jiff::Timestamp::now().duration_since(world.sim.clock()).as_secs();
    assert!(off.abs() <= 2, "{off}");
    let frozen = ask(&world, "clock", json!({"freeze": true}));
    assert_eq!(ask(&world, "clock", json!({})), frozen);
}

#[test]
fn a_fault_is_planted_listed_and_cleared() {
    let world = world();
    let fault = json!({"on": {"statement": "add_pat"}, "act": {"status": 503}, "times": 3});
    let left = ask(&world, "fault", fault)["left"].clone();
    assert_eq!(left[0]["times"], 3);
    assert_eq!(world.sim.faults_left().len(), 1);
    ask(&world, "fault", json!({"clear": true}));
    assert!(world.sim.faults_left().is_empty());
    let login = json!({"on": "login", "act": "drop_before_commit"});
    ask(&world, "fault", login);
    assert!(login_call(&world.pat).send(world.sim.port()).is_err());
    let delay = json!({"on": "any", "act": {"delay": {"secs": 1, "nanos": 0}}});
    ask(&world, "fault", delay);
    let wrong = control(world.sim.port(), "fault", &json!({"on": "login", "act": "explode"}));
    assert_eq!(wrong.status, 400);
}

#[test]
fn switches_of_both_layers_are_set_by_name() {
    let world = world();
    let all =
        ask(&world, "switches", json!({"sql_api_enabled": false, "forced_login_role": "PUBLIC"}));
    assert_eq!(
        (&all["sql_api_enabled"], &all["forced_login_role"]),
        (&json!(false), &json!("PUBLIC"))
    );
    assert_eq!(world.login()["sessionInfo"]["roleName"], "PUBLIC");
    assert_eq!(world.statement("select 1").status, 403);
    let unknown = control(world.sim.port(), "switches", &json!({"no_such": true}));
    assert_eq!(unknown.status, 400);
}

#[test]
fn history_snapshot_and_secrets_tell_what_happened() {
    let world = world();
    let session = world.login()["token"].clone();
    let history = ask(&world, "history", json!({}));
    let logins = history["logins"].as_array().unwrap();
    assert_eq!(logins.last().unwrap()["user"], "MIGUEL_CLI");
    assert!(!history["queries"].as_array().unwrap().is_empty());
    let snapshot = ask(&world, "snapshot", json!({}));
    assert!(snapshot.to_string().contains("MIGUEL_CLI_ROLE"));
    assert_eq!(snapshot, world.sim.snapshot_json());
    let secrets = ask(&world, "secrets", json!({}));
    assert!(secrets["secrets"].as_array().unwrap().contains(&session));
}

#[test]
fn the_believed_address_is_set() {
    let world = world();
    ask(&world, "address", json!({"client": "203.0.113.9"}));
    assert_eq!(world.send(&login_call(&world.pat)).code(), "390422");
    ask(&world, "address", json!({"client": null}));
    assert_eq!(world.send(&login_call(&world.pat)).json()["success"], true);
}

#[test]
fn a_stop_over_http_silences_the_protocols_and_not_the_control_api() {
    let world = world();
    ask(&world, "stop", json!({}));
    assert!(login_call(&world.pat).send(world.sim.port()).is_err());
    ask(&world, "resume", json!({}));
    assert_eq!(world.send(&login_call(&world.pat)).json()["success"], true);
}

/// The program, ended when the promise is over.
struct Program {
    child: Child,
    line: String,
}

impl Program {
    fn start(arguments: &[&str]) -> Program {
        let mut child = Command::new(env!("CARGO_BIN_EXE_snowflake-sim"))
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program");
        let mut line = String::new();
        let out = child.stdout.take().expect("its output");
        BufReader::new(out).read_line(&mut line).expect("a line");
        Program { child, line }
    }

    fn port(&self) -> u16 {
        self.line.trim().rsplit(':').next().unwrap().parse().expect("a port")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.child.kill().expect("it runs until then");
        self.child.wait().expect("its end");
    }
}

#[test]
fn the_program_says_where_it_is_when_it_is_ready() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("world.sql");
    std::fs::write(&script, "CREATE ROLE FROM_THE_SCRIPT;").unwrap();
    let program = Program::start(&["--seed", "7", "--script", script.to_str().unwrap()]);
    let expected = format!("snowflake-sim ready on http://127.0.0.1:{}\n", program.port());
    assert_eq!(program.line, expected);
    let snapshot = control(program.port(), "snapshot", &json!({})).json();
    assert!(snapshot.to_string().contains("FROM_THE_SCRIPT"));
}

#[test]
fn the_program_speaks_tls_and_writes_its_ca() {
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    let program = Program::start(&["--tls", "--ca-out", ca.to_str().unwrap()]);
    assert!(program.line.starts_with("snowflake-sim ready on https://"), "{}", program.line);
    let pem = std::fs::read_to_string(&ca).unwrap();
    let call = Call::post("/control/history").json(&json!({}));
    assert_eq!(call.send_tls(program.port(), Some(&pem)).unwrap().status, 200);
}

#[test]
fn the_program_fails_when_its_script_does() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("bad.sql");
    std::fs::write(&script, "nonsense").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_snowflake-sim"))
        .args(["--script", script.to_str().unwrap()])
        .output()
        .unwrap();
    assert!(!output.status.success());
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("bad.sql: 001003"), "{told}");
}
