//! P1: whether the pattern holds is looked at again and again; what does not hold is an alarm, and stops hand-out
//! where `freeze_on` says so, across restarts too. P7: without `freeze_on` none of this touches a hand-out.

use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use pat_wire::admin::Problem;
use pat_wire::error::ErrorCode;
use pat_wire::provision::{AccountDrift, Drift, DriftRequest, EvidenceRequest, Watched};
use patd_core::pattern::verify::{Attempt, Check, Evidence};
use snowflake_sim::engine::StatementKind;
use snowflake_sim::{Act, Fault, On};

use crate::world::{CONNECTION, ROLE, USER, World, eventually, post};

const HOUR: Duration = Duration::from_secs(3_600);

/// A world whose broker has no rights it should not have, with these guards.
fn guarded_by(freeze_on: &str) -> World {
    let world = World::prepared_with(&format!("[provision]\nfreeze_on = [{freeze_on}]\n"));
    world.sim.admin_script(NOT_OF_ANA).unwrap();
    world
}

fn unguarded() -> World {
    let mut world = World::prepared();
    world.sim.admin_script(NOT_OF_ANA).unwrap();
    world.start();
    world.hand_out(CONNECTION).unwrap();
    world
}

fn drift(world: &World, look: bool) -> AccountDrift {
    let asked = DriftRequest { account: None, look };
    eventually("nobody else is looking", || match world.admin::<Drift>("drift", &asked) {
        Ok(mut drift) => drift.accounts.pop(),
        Err(busy) if busy.code() == Some(ErrorCode::Busy) => None,
        Err(other) => panic!("{other}"),
    })
}

fn checks(drift: &AccountDrift) -> Vec<Check> {
    serde_json::from_value(drift.checks.clone()).unwrap()
}

fn watched(world: &World) -> Watched {
    world.status().watched.remove(0)
}

fn alarm(world: &World, id: &str) -> Option<Problem> {
    world.status().alarms.into_iter().find(|alarm| alarm.id == id)
}

/// Lets time pass in steps, and waits after each a moment for what it may bring about.
fn in_time<T>(world: &World, step: Duration, what: &str, question: impl Fn() -> Option<T>) -> T {
    for _ in 0..30 {
        world.advance(step);
        let moment = Instant::now() + Duration::from_millis(500);
        while Instant::now() < moment {
            if let Some(answer) = question() {
                return answer;
            }
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }
    panic!("not within thirty steps of {step:?}: {what}")
}

fn somebody_adds_a_token(world: &World) {
    let add = format!(
        "ALTER USER \"{USER}\" ADD PROGRAMMATIC ACCESS TOKEN BY_HAND ROLE_RESTRICTION = '{ROLE}'"
    );
    world.sim.admin_script(&add).unwrap();
}

fn somebody_removes_it(world: &World) {
    let remove = format!("ALTER USER \"{USER}\" REMOVE PROGRAMMATIC ACCESS TOKEN BY_HAND");
    world.sim.admin_script(&remove).unwrap();
}

#[test]
fn a_minute_after_the_start_a_bootstrapped_account_shows_no_drift() {
    let world = unguarded();
    assert_eq!(watched(&world).looked_at, None);

    world.advance(Duration::from_secs(61));

    let watched = eventually("it was looked at", || {
        Some(watched(&world)).filter(|watched| watched.looked_at.is_some())
    });
    assert_eq!((watched.failed, world.status().alarms), (0, Vec::new()));
    assert!(watched.not_checked > 0, "a least broker does not see everything, and says so");
    let drift = drift(&world, false);
    assert_eq!(drift.looked_at, watched.looked_at);
    assert_eq!(u32::try_from(checks(&drift).len()).unwrap(), watched.not_checked);
}

#[test]
fn an_hour_later_it_is_looked_at_again_and_drift_is_an_alarm_until_it_is_gone() {
    let world = unguarded();
    world.advance(Duration::from_secs(61));
    eventually("the first look", || watched(&world).looked_at);
    somebody_adds_a_token(&world);

    world.advance(HOUR * 2);

    let alarm = eventually("the alarm", || alarm(&world, "no-foreign-token"));
    assert_eq!(alarm.subject, format!("{} user {USER}", world.sim.account()));
    assert!(alarm.message.contains("BY_HAND"), "{alarm:?}");
    assert_eq!(watched(&world).failed, 1);
    assert!(world.hand_out(CONNECTION).is_ok(), "nobody asked to freeze anything");

    somebody_removes_it(&world);
    world.advance(HOUR * 2);
    eventually("the alarm is gone", || world.status().alarms.is_empty().then_some(()));
}

#[test]
fn a_new_generation_is_looked_at_soon() {
    let world = unguarded();
    world.advance(Duration::from_secs(61));
    let first = eventually("the first look", || watched(&world).looked_at);
    let order = pat_wire::admin::RotateRequest { connection: CONNECTION.into(), taint: None };
    let _rotated: pat_wire::admin::Rotated = world.admin("rotate", &order).unwrap();

    let second = in_time(&world, Duration::from_secs(60), "the second look", || {
        watched(&world).looked_at.filter(|at| *at > first)
    });

    assert!((600..1_200).contains(&(second - first)), "{}", second - first);
}

#[test]
fn a_login_that_may_leave_its_role_is_found_and_stops_hand_out_until_it_may_not() {
    let mut world = guarded_by("\"no-role-switch\"");
    world.start();
    let first = world.hand_out(CONNECTION).unwrap();
    world.sim.switches(|switches| switches.restricted_sessions_may_switch = true);

    let found = drift(&world, true);

    assert_eq!(found.held_back.len(), 1, "{found:?}");
    assert_eq!(found.held_back[0].checks, ["no-role-switch"]);
    let refused = world.hand_out(CONNECTION).err().unwrap();
    assert_eq!(refused.code(), Some(ErrorCode::NotReady));
    let said = refused.to_string();
    assert!(said.contains("held back") && said.contains("patctl drift"), "{said}");
    let problem = world.slot(USER).problem.unwrap();
    assert_eq!(problem.id, "held-back");
    assert!(problem.message.contains("no-role-switch"), "{problem:?}");
    assert_eq!(world.slot(USER).leases, 1, "what was handed out before is not cut");

    world.sim.switches(|switches| switches.restricted_sessions_may_switch = false);
    assert!(drift(&world, true).held_back.is_empty());
    assert_eq!(world.hand_out(CONNECTION).unwrap().secret.expose(), first.secret.expose());
}

#[test]
fn a_restart_without_snowflake_lifts_no_freeze() {
    let mut world = guarded_by("\"no-foreign-token\"");
    world.start();
    world.hand_out(CONNECTION).unwrap();
    somebody_adds_a_token(&world);
    assert_eq!(drift(&world, true).held_back.len(), 1);
    world.stop();
    world.sim.stop_answering().unwrap();

    world.start();

    assert!(world.hand_out(CONNECTION).is_err());
    world.advance(HOUR * 2);
    assert!(world.hand_out(CONNECTION).is_err(), "nor does time");

    world.sim.resume_answering().unwrap();
    somebody_removes_it(&world);
    drift(&world, true);
    assert!(world.hand_out(CONNECTION).is_ok());
}

#[test]
fn a_slot_that_was_found_right_is_handed_out_after_a_restart_without_snowflake() {
    let mut world = guarded_by("\"no-foreign-token\", \"no-role-switch\"");
    world.start();
    world.hand_out(CONNECTION).unwrap();
    world.stop();
    world.sim.stop_answering().unwrap();

    world.start();

    assert!(world.hand_out(CONNECTION).is_ok());
}

#[test]
fn before_the_first_look_nothing_is_handed_out_and_whoever_asks_waits_for_it() {
    let mut world = guarded_by("\"no-foreign-token\"");
    // Every look asks it; rotations and logins ask nothing of this kind.
    world.sim.fault(Fault::always(On::Statement(StatementKind::Desc), Act::Status(503)));
    world.start();
    eventually("the secret is there, and held back", || {
        world.slot(USER).problem.filter(|problem| problem.id == "held-back")
    });

    std::thread::scope(|scope| {
        let asking = scope.spawn(|| world.hand_out(CONNECTION));
        eventually("a look brought nothing", || drift(&world, false).failure);
        world.sim.clear_faults();
        in_time(&world, Duration::from_secs(31), "it is handed out", || {
            asking.is_finished().then_some(())
        });
        assert!(asking.join().unwrap().is_ok());
    });
}

#[test]
fn a_guard_that_cannot_be_seen_freezes_nothing_and_is_said() {
    let mut world = guarded_by("\"one-role\"");
    world.start();

    assert!(world.hand_out(CONNECTION).is_ok());

    let alarm = eventually("the alarm", || alarm(&world, "freeze-on-not-checked"));
    assert!(alarm.message.contains("one-role needs"), "{alarm:?}");
}

#[test]
fn a_guard_about_every_person_looks_at_every_person() {
    let mut world = guarded_by("\"persons-barred\"");
    world.sim.admin_script("GRANT MANAGE GRANTS ON ACCOUNT TO ROLE PATD_HOST1_ROLE").unwrap();
    world.start();

    let refused = world.hand_out(CONNECTION).err().unwrap();

    assert!(refused.to_string().contains("held back"), "{refused}");
    assert_eq!(drift(&world, false).held_back[0].checks, ["persons-barred"]);
}

#[test]
fn what_was_configured_away_leaves_no_alarm_and_no_freeze() {
    let mut world = guarded_by("\"no-foreign-token\"");
    world.start();
    world.hand_out(CONNECTION).unwrap();
    somebody_adds_a_token(&world);
    drift(&world, true);
    assert!(world.hand_out(CONNECTION).is_err());
    let file = std::fs::read_to_string(world.path("etc/patd.toml")).unwrap();
    world.write("etc/patd.toml", &file.replace("freeze_on = [\"no-foreign-token\"]", ""));

    let reloaded: pat_wire::admin::Reloaded = world.admin("reload", &()).unwrap();

    assert!(reloaded.in_force, "{reloaded:?}");
    assert!(world.hand_out(CONNECTION).is_ok(), "root said so");
    assert!(alarm(&world, "no-foreign-token").is_some(), "it is still found");
}

#[test]
fn an_account_that_cannot_be_looked_at_for_hours_is_an_alarm_and_hand_outs_go_on() {
    let world = unguarded();
    world.advance(Duration::from_secs(61));
    eventually("the first look", || watched(&world).looked_at);
    world.sim.stop_answering().unwrap();

    in_time(&world, HOUR, "the alarm", || alarm(&world, "not-watched"));
    assert!(drift(&world, false).looked_at.is_some(), "what was found before is still told");
    assert!(world.hand_out(CONNECTION).is_ok());

    world.sim.resume_answering().unwrap();
    in_time(&world, HOUR, "the alarm is gone", || {
        alarm(&world, "not-watched").is_none().then_some(())
    });
}

#[test]
fn a_secret_that_snowflake_refuses_is_an_alarm() {
    let world = unguarded();
    world.sim.fault(Fault::always(
        On::Login,
        Act::SqlError {
            code: "394400".into(),
            message: "Programmatic access token is invalid.".into(),
        },
    ));

    drift(&world, true);

    let alarm = alarm(&world, "login-refused").unwrap();
    assert!(alarm.message.contains("394400"), "{alarm:?}");
    world.sim.clear_faults();
    drift(&world, true);
    assert!(world.status().alarms.is_empty());
}

#[test]
fn the_watch_tries_a_generation_once_an_hour_whatever_happens() {
    let world = unguarded();
    let refused = || world.sim.logins().iter().filter(|login| login.failure.is_some()).count();
    let before = refused();

    for _ in 0..20 {
        world.advance(Duration::from_secs(60));
        eventually("the watch looked, or has no reason to", || watched(&world).looked_at);
    }

    assert!(refused() - before <= 1, "{:?}", world.sim.logins());
}

#[test]
fn evidence_is_what_a_login_with_the_current_secret_shows() {
    let world = unguarded();
    let asked = EvidenceRequest { connection: CONNECTION.into() };

    let evidence: Evidence = world.admin("evidence", &asked).unwrap();

    assert_eq!((evidence.user.as_str(), evidence.current_role.as_str()), (USER, ROLE));
    assert!(matches!(evidence.role_switch, Attempt::Refused(_)), "{evidence:?}");
    let shown = format!("{evidence:?}");
    assert!(world.sim.secrets().iter().all(|secret| !shown.contains(secret)));
    assert_eq!(world.sim.open_sessions(), 0, "the broker's own sessions are one request long");
    let record = world.audit().into_iter().rfind(|record| record["verb"] == "evidence").unwrap();
    assert_eq!(
        (record["object"].as_str(), record["outcome"].as_str()),
        (Some(CONNECTION), Some("done"))
    );

    let nobody = EvidenceRequest { connection: "nobody".into() };
    let unknown = world.admin::<Evidence>("evidence", &nobody).err().unwrap();
    assert_eq!(unknown.code(), Some(ErrorCode::UnknownConnection));
}

#[test]
fn a_session_is_ended_though_whoever_wanted_to_see_it_went() {
    let world = unguarded();
    let slow = Act::Delay(Duration::from_millis(200));
    world.sim.fault(Fault::always(On::Query, slow));
    let mut stream = UnixStream::connect(world.places().admin).unwrap();
    let asked = format!("{{\"connection\": \"{CONNECTION}\"}}");
    stream.write_all(&post("/v1/evidence", &asked)).unwrap();
    eventually("it is logged in", || (world.sim.open_sessions() > 0).then_some(()));

    drop(stream);

    eventually("it is logged out", || (world.sim.open_sessions() == 0).then_some(()));
}

#[test]
fn an_account_that_is_not_configured_has_no_drift_to_show() {
    let world = unguarded();
    let asked = DriftRequest { account: Some("OTHER".into()), look: false };
    let unknown = world.admin::<Drift>("drift", &asked).err().unwrap();
    assert_eq!(unknown.code(), Some(ErrorCode::UnknownAccount));
    assert!(unknown.to_string().contains(&world.sim.account()), "{unknown}");
}

const NOT_OF_ANA: &str =
    "REVOKE MODIFY PROGRAMMATIC AUTHENTICATION METHODS ON USER ANA_CLI FROM ROLE PATD_HOST1_ROLE";
