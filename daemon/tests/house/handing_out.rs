//! P1, P7: what is handed out, when, and what stands in the log about it.

use pat_wire::error::ErrorCode;
use pat_wire::limits::{BODY_BYTES, FRESH_SECRET_WAIT};
use pat_wire::message::{Delivery, EntryForm, HandOutRequest, List};
use snowflake_sim::engine::StatementKind;
use snowflake_sim::{Act, Fault, On};

use crate::world::{CONNECTION, ROLE, USER, World, eventually, own_uid};

#[test]
fn the_first_request_waits_for_the_first_secret_and_gets_it_with_its_terms() {
    let world = World::running();

    let handed = world.hand_out(CONNECTION).unwrap();

    let terms = &handed.terms;
    assert_eq!((terms.user.as_str(), terms.role.as_str()), (USER, ROLE));
    assert_eq!((terms.generation, terms.deliver), (1, Delivery::Home));
    assert_eq!(terms.entry_form, EntryForm::Password);
    assert_eq!(terms.port, Some(world.sim.port()));
    assert!(handed.secret.expose().starts_with("simpat_"));
    assert!(world.sim.secrets().iter().any(|secret| secret == handed.secret.expose()));
}

#[test]
fn a_secret_was_proven_by_a_login_before_anyone_got_it() {
    let world = World::running();
    world.hand_out(CONNECTION).unwrap();

    let logins = world.sim.logins();
    assert!(
        logins.iter().any(|login| login.user.as_deref() == Some(USER) && login.failure.is_none()),
        "{logins:?}"
    );
}

#[test]
fn a_secret_is_proven_in_the_form_in_which_its_clients_present_it() {
    for (first, second, is_proven) in
        [("token", "token", true), ("token", "password", false), ("password", "password", false)]
    {
        let mut world = World::prepared();
        world.entry("second", USER, ROLE, own_uid());
        for (connection, form) in [(CONNECTION, first), ("second", second)] {
            let path = format!("etc/users.d/{connection}.toml");
            let entry = std::fs::read_to_string(world.path(&path)).unwrap();
            world.write(&path, &format!("entry_form = \"{form}\"\n{entry}"));
        }
        world.sim.http_switches(|switches| switches.authenticator_required = true);
        world.start();

        let state = eventually("the login was tried", || {
            let slot = world.slot(USER);
            (slot.state == "serving" || slot.problem.is_some()).then_some(slot)
        });

        assert_eq!(state.state == "serving", is_proven, "{first} and {second}: {state:?}");
        let refused = state.problem.is_some_and(|problem| problem.id == "probe-refused");
        assert_eq!(refused, !is_proven, "{first} and {second}");
    }
}

#[test]
fn with_snowflake_down_a_valid_secret_is_still_handed_out() {
    let world = World::running();
    let first = world.hand_out(CONNECTION).unwrap();
    world.sim.stop_answering().unwrap();

    let again = world.hand_out(CONNECTION).unwrap();

    assert_eq!(again.secret.expose(), first.secret.expose());
    assert_ne!(again.terms.lease, first.terms.lease);
}

#[test]
fn after_a_restart_with_snowflake_down_the_sealed_secret_is_handed_out() {
    let mut world = World::running();
    let before = world.hand_out(CONNECTION).unwrap();
    world.stop();
    world.sim.stop_answering().unwrap();

    world.start();

    assert_eq!(world.hand_out(CONNECTION).unwrap().secret.expose(), before.secret.expose());
}

#[test]
fn with_snowflake_down_and_no_secret_the_answer_says_so() {
    let mut world = World::prepared();
    world.sim.stop_answering().unwrap();
    world.start();

    let refused = std::thread::scope(|scope| {
        let asking = scope.spawn(|| world.hand_out(CONNECTION).err().unwrap());
        eventually("the answer", || {
            world.advance(std::time::Duration::from_secs(1));
            asking.is_finished().then_some(())
        });
        asking.join().unwrap()
    });

    assert_eq!(refused.code(), Some(ErrorCode::NotReady));
    assert!(refused.to_string().contains("no usable answer"), "{refused}");
}

#[test]
fn an_expired_secret_is_replaced_before_anything_is_handed_out() {
    let world = World::running();
    let first = world.hand_out(CONNECTION).unwrap();
    let eight_days = std::time::Duration::from_secs(8 * 86_400);
    world.sim.advance(eight_days);
    world.clock.advance(eight_days);

    let second = world.hand_out(CONNECTION).unwrap();

    assert_eq!(second.terms.generation, 2);
    assert_ne!(second.secret.expose(), first.secret.expose());
}

#[test]
fn after_a_long_outage_the_first_request_waits_for_a_secret_that_is_made_for_it() {
    let world = without_a_secret_for_long();
    world.sim.resume_answering().unwrap();

    let handed = world.hand_out(CONNECTION).unwrap();

    assert_eq!(handed.terms.generation, 1);
}

#[test]
fn while_the_outage_lasts_callers_in_a_loop_are_told_at_once_and_cause_one_try() {
    let world = without_a_secret_for_long();
    world.sim.resume_answering().unwrap();
    world.sim.fault(Fault::always(On::SqlApi, Act::Status(503)));
    let tries = failures(&world);
    let began = std::time::Instant::now();

    for _ in 0..20 {
        let refused = world.hand_out(CONNECTION).err().unwrap();
        assert_eq!(refused.code(), Some(ErrorCode::NotReady), "{refused}");
    }

    assert!(began.elapsed() < FRESH_SECRET_WAIT, "{:?}", began.elapsed());
    assert_eq!(failures(&world), tries + 1, "time stood still");
    world.advance(std::time::Duration::from_secs(10));
    world.sim.clear_faults();
    assert!(world.hand_out(CONNECTION).is_ok());
}

#[test]
fn after_an_outage_that_outlived_the_secret_the_first_request_gets_a_new_one() {
    let world = World::running();
    world.hand_out(CONNECTION).unwrap();
    world.sim.stop_answering().unwrap();
    world.advance(std::time::Duration::from_secs(8 * 86_400));
    wait_for_long(&world);
    world.sim.resume_answering().unwrap();

    assert_eq!(world.hand_out(CONNECTION).unwrap().terms.generation, 2);
}

/// A world without a secret whose next try by itself is more than a minute away. Snowflake does not answer.
fn without_a_secret_for_long() -> World {
    let mut world = World::prepared();
    world.sim.stop_answering().unwrap();
    world.start();
    wait_for_long(&world);
    world
}

/// Lets time pass until each slot's next try by itself is more than a minute away.
fn wait_for_long(world: &World) {
    eventually("the slot waits for long", || {
        world.advance(std::time::Duration::from_secs(5));
        waits_for_long(world).then_some(())
    });
}

/// How many tries of the one slot went wrong in a row.
fn failures(world: &World) -> u32 {
    let slots = world.house().slots.all();
    slots[0].view().slot.trouble.as_ref().map_or(0, |trouble| trouble.times)
}

fn waits_for_long(world: &World) -> bool {
    let slots = world.house().slots.all();
    slots.iter().all(|slot| {
        let view = slot.view();
        let retry_at = view.slot.trouble.as_ref().map(|trouble| trouble.retry_at);
        view.is_at_rest() && retry_at.is_some_and(|at| at.since(world.clock.now()) > 60)
    })
}

#[test]
fn a_wrong_wall_clock_alone_refuses_nothing() {
    let mut world = World::running();
    let before = world.hand_out(CONNECTION).unwrap();
    world.stop();
    world.sim.stop_answering().unwrap();
    world.clock.set_wall(world.clock.read().wall + 30 * 86_400);
    world.start();

    let handed = world.hand_out(CONNECTION).unwrap();

    assert_eq!(handed.secret.expose(), before.secret.expose());
}

#[test]
fn a_slot_that_hangs_stalls_no_other() {
    let mut world = World::prepared();
    world.entry("ana_cli", "ANA_CLI", "ANA_CLI_ROLE", own_uid());
    world.sim.fault(Fault::next(On::Statement(StatementKind::AddPat), Act::Hang));
    world.start();

    let served = eventually("one of two slots serves", || {
        [CONNECTION, "ana_cli"].into_iter().find(|name| {
            let user = if *name == CONNECTION { USER } else { "ANA_CLI" };
            world.slot(user).state == "serving"
        })
    });

    assert!(world.hand_out(served).is_ok());
}

#[test]
fn the_record_of_a_release_names_the_lease_and_no_secret() {
    let world = World::running();
    let handed = world.hand_out(CONNECTION).unwrap();

    let audit = world.audit();

    let allow = audit.iter().find(|record| record["event"] == "allow").unwrap();
    assert_eq!(allow["lease"], handed.terms.lease);
    assert_eq!(allow["subject"]["uid"], own_uid());
    assert_eq!(allow["generation"], 1);
    let text = std::fs::read_to_string(world.path("state/audit/audit.jsonl")).unwrap();
    assert!(world.sim.secrets().iter().all(|secret| !text.contains(secret.as_str())));
    let seqs: Vec<_> = audit.iter().filter_map(|record| record["seq"].as_u64()).collect();
    assert!(seqs.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{seqs:?}");
}

#[test]
fn a_peer_sees_its_own_connections_and_whether_they_are_ready() {
    let mut world = World::prepared();
    world.entry("ana_cli", "ANA_CLI", "ANA_CLI_ROLE", own_uid() + 1);
    world.start();
    world.hand_out(CONNECTION).unwrap();

    let broker = world.knock("patd.sock");
    let List { connections } = broker.ask_plainly("POST", "/v1/list", BODY_BYTES).unwrap();

    assert_eq!(connections.len(), 1);
    assert_eq!((connections[0].connection.as_str(), connections[0].ready), (CONNECTION, true));
    assert_eq!(connections[0].deliver, [Delivery::Home, Delivery::Env]);
}

#[test]
fn the_delivery_asked_for_is_the_one_granted() {
    let world = World::running();
    let request = HandOutRequest {
        connection: Some(CONNECTION.into()),
        deliver: Some(Delivery::Env),
        replaces: None,
    };
    assert_eq!(world.ask_for(&request).unwrap().terms.deliver, Delivery::Env);
}
