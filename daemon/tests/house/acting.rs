//! P9: what an administrator has done is written down before and after, though the administrator does not wait for it.

use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use snowflake_sim::{Act, Fault, On};

use crate::world::{CONNECTION, PATIENCE, USER, World, eventually, post};

#[test]
fn whoever_hangs_up_leaves_an_act_that_is_carried_to_its_end_and_both_its_records() {
    let world = World::running();
    let lease = world.hand_out(CONNECTION).unwrap().terms.lease;
    let connection = format!("{{\"connection\":\"{CONNECTION}\"}}");
    let end_lease = format!("{{\"lease\":\"{lease}\"}}");
    let acts = [
        ("rotate", connection.as_str()),
        ("evidence", &connection),
        ("end-lease", &end_lease),
        ("revoke", "\"all\""),
        ("enrol", &connection),
        ("retire", "{}"),
    ];
    for (verb, body) in acts {
        let slow = Act::Delay(Duration::from_secs(3));
        world.sim.fault(Fault::always(On::SqlApi, slow.clone()));
        world.sim.fault(Fault::always(On::Login, slow));

        hang_up_on(&world, verb, body);

        world.sim.clear_faults();
        let outcomes = eventually(verb, || both(&world, verb));
        assert_eq!(outcomes, ["begun", "done"], "{verb}");
    }
    assert!(world.live(USER).is_empty(), "the last of them was to retire");
}

#[test]
fn whoever_hangs_up_on_a_reload_leaves_both_its_records() {
    let world = World::running();
    let held_up = world.house().reloading.blocking_lock();

    hang_up_on(&world, "reload", "");

    drop(held_up);
    assert_eq!(eventually("it is over", || both(&world, "reload")), ["begun", "done"]);
}

#[test]
fn an_act_that_the_end_of_the_daemon_overtakes_is_on_record_as_not_known() {
    let mut world = World::running();
    world.hand_out(CONNECTION).unwrap();
    world.sim.fault(Fault::always(On::SqlApi, Act::Hang));
    let _waiting = begin(&world, "rotate", &format!("{{\"connection\":\"{CONNECTION}\"}}"));

    world.stop();

    let outcomes = outcomes(&world, "rotate");
    assert!(outcomes.len() == 2 && outcomes[1].starts_with("not known"), "{outcomes:?}");
    assert_eq!(world.audit().last().unwrap()["event"], "stop");
}

/// Asks for an act, and closes the own side once it is begun. Returns when the daemon has let go of the connection.
fn hang_up_on(world: &World, verb: &str, body: &str) {
    let mut stream = begin(world, verb, body);
    stream.shutdown(Shutdown::Write).unwrap();
    stream.read_to_end(&mut Vec::new()).unwrap();
}

/// Asks for an act. Returns when it is begun.
fn begin(world: &World, verb: &str, body: &str) -> UnixStream {
    let mut stream = UnixStream::connect(world.places().admin).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(&post(&format!("/v1/{verb}"), body)).unwrap();
    eventually("it is begun", || (!outcomes(world, verb).is_empty()).then_some(()));
    stream
}

fn both(world: &World, verb: &str) -> Option<Vec<String>> {
    let outcomes = outcomes(world, verb);
    (outcomes.len() > 1).then_some(outcomes)
}

fn outcomes(world: &World, verb: &str) -> Vec<String> {
    let acts = world.audit().into_iter().filter(|record| record["verb"] == verb);
    acts.map(|record| record["outcome"].as_str().unwrap().to_owned()).collect()
}
