//! P8: an administrator may have the daemon run the plan it made itself, step by step, and nothing else: no SQL comes
//! in by a socket, nothing dangerous goes unconfirmed, nothing goes unwritten.

use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use pat_wire::admin::Reloaded;
use pat_wire::connection::BrokerError;
use pat_wire::error::ErrorCode;
use pat_wire::provision::{
    ObserveRequest, ProvisionRequest, Provisioned, RetireRequest, Retired, Without,
};
use patd_config::BrokerKey;
use patd_core::names::Account;
use patd_core::pattern::observed::Observed;
use patd_core::pattern::plan::{Plan, Step, plan};
use patd_snowflake::key::SigningKey;
use patd_snowflake::provision::fingerprint;
use snowflake_sim::engine::StatementKind;
use snowflake_sim::{Act, Fault, On};

use crate::program::Program;
use crate::world::{CONNECTION, USER, World, eventually, post};

/// A world whose broker may do everything, and whose configuration wants more than there is: two grants, and with
/// `more` of it.
fn wanting(more: &str) -> World {
    let mut world = prepared_wanting(more);
    world.start();
    world.hand_out(CONNECTION).unwrap();
    world
}

fn prepared_wanting(more: &str) -> World {
    let provision = "[provision]\nnetwork = [\"127.0.0.0/8\"]\n";
    let world = World::prepared_with(&format!("{provision}{more}"));
    let script = "GRANT ROLE ACCOUNTADMIN TO ROLE PATD_HOST1_ROLE; CREATE WAREHOUSE WH; CREATE WAREHOUSE WH2";
    world.sim.admin_script(script).unwrap();
    let path = format!("etc/users.d/{CONNECTION}.toml");
    let entry = std::fs::read_to_string(world.path(&path)).unwrap();
    let privileges = "privileges = [\"USAGE ON WAREHOUSE WH\", \"USAGE ON WAREHOUSE WH2\"]";
    world.write(&path, &format!("{entry}[provision]\n{privileges}\n"));
    world
}

const NO_SCOPES: &str = "bar_persons = false\nadmit_services = false\n";

fn look(world: &World, whole: bool) -> Observed {
    let without = Vec::new();
    world.admin("observe", &ObserveRequest { account: None, whole, without }).unwrap()
}

/// What `patctl` plans from what the daemon saw.
fn planned(world: &World, observed: &Observed) -> Plan {
    let config = patd_config::load(&world.path("etc")).unwrap();
    let pem = std::fs::read(world.path("admin-key.pem")).unwrap();
    let key = SigningKey::from_pem(&pem, None).unwrap();
    let key = BrokerKey { body: key.public_key_body(), fingerprint: key.fingerprint() };
    let desired = config.desired(&Account::new(world.sim.account()), Some(key)).unwrap();
    plan(&desired, observed, fingerprint(observed)).unwrap()
}

fn look_and_plan(world: &World) -> Plan {
    planned(world, &look(world, true))
}

fn run(world: &World, plan: &Plan, step: &Step, confirmed: &[&str]) -> Result<(), BrokerError> {
    let order = ProvisionRequest {
        account: None,
        fingerprint: plan.fingerprint.clone(),
        statement: step.statement.clone(),
        confirmed: confirmed.iter().map(|word| (*word).to_owned()).collect(),
    };
    world.admin::<Provisioned>("provision", &order).map(drop)
}

fn was_sent(world: &World, statement: &str) -> bool {
    world.sim.queries().iter().any(|query| query.text == statement)
}

fn is_of_another_plan(outcome: Result<(), BrokerError>) -> String {
    let refused = outcome.err().unwrap();
    assert_eq!(refused.code(), Some(ErrorCode::OtherPlan), "{refused}");
    refused.to_string()
}

/// What the log says about a statement.
fn record(world: &World, statement: &str) -> Vec<String> {
    let of_it = |record: &serde_json::Value| {
        let text = record["statement"].as_str() == Some(statement);
        (record["event"] == "provision" && text)
            .then(|| record["outcome"].as_str().unwrap().to_owned())
    };
    world.audit().iter().filter_map(of_it).collect()
}

#[test]
fn the_steps_of_the_daemons_own_plan_are_run_in_order_and_a_second_plan_is_empty() {
    let world = wanting(NO_SCOPES);
    let plan = look_and_plan(&world);
    assert_eq!(plan.steps.len(), 2, "{plan:#?}");

    for step in &plan.steps {
        run(&world, &plan, step, &[]).unwrap();
    }

    assert_eq!(look_and_plan(&world).steps, Vec::new());
    for step in &plan.steps {
        assert_eq!(record(&world, &step.statement), ["begun", "done"]);
    }
    let record = world.audit().into_iter().find(|record| record["event"] == "provision").unwrap();
    assert_eq!(record["subject"]["uid"], crate::world::own_uid());
    assert_eq!(record["account"], world.sim.account());
}

#[test]
fn a_statement_that_is_not_the_next_step_is_not_run() {
    let world = wanting(NO_SCOPES);
    let plan = look_and_plan(&world);
    let other = Step { statement: format!("DROP USER \"{USER}\""), ..plan.steps[0].clone() };

    for step in [&other, &plan.steps[1]] {
        let said = is_of_another_plan(run(&world, &plan, step, &["drop"]));
        assert!(said.contains(&plan.steps[0].statement), "it says which is next: {said}");
        assert!(!was_sent(&world, &step.statement));
        assert!(record(&world, &step.statement)[0].starts_with("not run"), "and the log has it");
    }

    run(&world, &plan, &plan.steps[0], &[]).unwrap();
    is_of_another_plan(run(&world, &plan, &plan.steps[0], &[]));
    run(&world, &plan, &plan.steps[1], &[]).unwrap();
    assert!(is_of_another_plan(run(&world, &plan, &other, &[])).contains("every step"));
}

#[test]
fn a_plan_of_another_look_is_not_run() {
    let world = wanting(NO_SCOPES);
    let plan = look_and_plan(&world);
    let other = Plan { fingerprint: "0".repeat(64), ..plan.clone() };

    is_of_another_plan(run(&world, &other, &plan.steps[0], &[]));

    assert!(!was_sent(&world, &plan.steps[0].statement));
    run(&world, &plan, &plan.steps[0], &[]).unwrap();
}

#[test]
fn without_a_look_there_is_nothing_to_run() {
    let world = wanting(NO_SCOPES);
    let plan = look_and_plan(&world);
    let no_plan = |world: &World| {
        let said = is_of_another_plan(run(world, &plan, &plan.steps[0], &[]));
        assert!(said.contains("there is no plan"), "{said}");
        assert!(!was_sent(world, &plan.steps[0].statement));
    };

    world.advance(Duration::from_secs(601));
    no_plan(&world);

    look(&world, true);
    let reloaded: Reloaded = world.admin("reload", &()).unwrap();
    assert!(reloaded.in_force);
    no_plan(&world);
}

#[test]
fn a_step_that_fails_ends_the_plan_and_what_became_of_it_is_told() {
    for (act, code, outcome) in [
        (
            Act::SqlError { code: "003001".into(), message: "Insufficient privileges".into() },
            ErrorCode::Upstream,
            "refused: 003001",
        ),
        (Act::DropAfterCommit, ErrorCode::Unclear, "unclear"),
    ] {
        let world = wanting(NO_SCOPES);
        let plan = look_and_plan(&world);
        world.sim.fault(Fault::next(On::Statement(StatementKind::Grant), act));

        let failed = run(&world, &plan, &plan.steps[0], &[]).err().unwrap();

        assert_eq!(failed.code(), Some(code), "{failed}");
        let record = record(&world, &plan.steps[0].statement);
        assert!(record[0] == "begun" && record[1].starts_with(outcome), "{record:?}");
        is_of_another_plan(run(&world, &plan, &plan.steps[0], &[]));
        let rest = look_and_plan(&world);
        for step in &rest.steps {
            run(&world, &rest, step, &[]).unwrap();
        }
        assert_eq!(look_and_plan(&world).steps, Vec::new());
    }
}

#[test]
fn what_could_lock_somebody_out_needs_its_own_confirmation() {
    let world = wanting("");
    let plan = look_and_plan(&world);
    let danger = plan.steps.iter().find(|step| step.danger.is_some()).unwrap().clone();
    for step in plan.steps.iter().take_while(|step| step.danger.is_none()) {
        run(&world, &plan, step, &[]).unwrap();
    }

    for confirmed in [&[][..], &["drop"], &["everything"]] {
        let said = is_of_another_plan(run(&world, &plan, &danger, confirmed));
        assert!(said.contains("account-policies"), "{said}");
        assert!(!was_sent(&world, &danger.statement));
    }

    run(&world, &plan, &danger, &["account-policies"]).unwrap();
    assert!(was_sent(&world, &danger.statement));
}

#[test]
fn what_a_person_left_out_is_in_no_step() {
    let world = wanting("");
    let asked =
        ObserveRequest { account: None, whole: true, without: vec![Without::AccountPolicies] };
    let observed: Observed = world.admin("observe", &asked).unwrap();
    let plan = planned(&world, &observed);
    let harmless: Vec<_> = plan.steps.iter().filter(|step| step.object != "account").collect();

    for step in harmless.iter().take(2) {
        run(&world, &plan, step, &[]).unwrap();
    }

    let said = is_of_another_plan(run(&world, &plan, harmless[2], &["account-policies"]));
    assert!(said.contains("every step"), "{said}");
}

#[test]
fn nothing_is_run_that_cannot_be_written_down() {
    let world = prepared_wanting(NO_SCOPES);
    let program = Program::start(&world, &[]);
    eventually("it serves", || world.hand_out_over_a_new_connection(CONNECTION));
    let plan = look_and_plan(&world);
    program.leave_the_log_no_room(&world);

    let refused = run(&world, &plan, &plan.steps[0], &[]).err().unwrap();

    assert_eq!(refused.code(), Some(ErrorCode::AuditUnavailable), "{refused}");
    assert!(!was_sent(&world, &plan.steps[0].statement));
}

#[test]
fn an_observation_ends_when_the_administrator_goes_and_holds_up_nobody_meanwhile() {
    let world = wanting(NO_SCOPES);
    world.sim.fault(Fault::always(On::Statement(StatementKind::Desc), Act::Hang));
    let mut stream = UnixStream::connect(world.places().admin).unwrap();
    stream.write_all(&post("/v1/observe", "{\"whole\": true}")).unwrap();
    let asked = ObserveRequest { account: None, whole: false, without: Vec::new() };
    eventually("the look is under way", || {
        (world.house().provisioning.looks.available_permits() == 0).then_some(())
    });
    let busy = world.admin::<Observed>("observe", &asked).err().unwrap();
    assert_eq!(busy.code(), Some(ErrorCode::Busy), "{busy}");
    assert!(world.hand_out(CONNECTION).is_ok());
    assert_eq!(world.slot(USER).state, "serving");

    drop(stream);
    world.sim.clear_faults();

    eventually("another may look", || world.admin::<Observed>("observe", &asked).ok());
}

#[test]
fn a_step_that_was_sent_is_written_down_though_the_administrator_went() {
    let world = wanting(NO_SCOPES);
    let plan = look_and_plan(&world);
    let step = &plan.steps[0];
    let slow = Act::Delay(Duration::from_millis(400));
    world.sim.fault(Fault::next(On::Statement(StatementKind::Grant), slow));
    let order = serde_json::json!({
        "fingerprint": plan.fingerprint, "statement": step.statement, "confirmed": []
    });
    let mut stream = UnixStream::connect(world.places().admin).unwrap();
    stream.write_all(&post("/v1/provision", &order.to_string())).unwrap();
    eventually("it is sent", || was_sent(&world, &step.statement).then_some(()));

    drop(stream);

    eventually("it is written down", || {
        (record(&world, &step.statement) == ["begun", "done"]).then_some(())
    });
    run(&world, &plan, &plan.steps[1], &[]).unwrap();
}

#[test]
fn who_retires_a_host_leaves_no_token_and_hears_what_is_left() {
    let world = wanting(NO_SCOPES);

    let retired: Retired = world.admin("retire", &RetireRequest::default()).unwrap();

    assert_eq!(retired.confirmed, [format!("{}/{USER}", world.sim.account())]);
    assert_eq!((retired.pending.len(), retired.host_id), (0, world.status().daemon.host_id));
    assert_eq!((retired.brokers[0].user.as_str(), retired.brokers.len()), ("PATD_HOST1", 1));
    assert!(world.live(USER).is_empty());
    let refused = world.hand_out(CONNECTION).err().unwrap();
    assert_eq!(refused.code(), Some(ErrorCode::Revoked));
    let other = RetireRequest { account: Some("OTHER".into()) };
    let unknown = world.admin::<Retired>("retire", &other).err().unwrap();
    assert_eq!(unknown.code(), Some(ErrorCode::UnknownAccount));
}
