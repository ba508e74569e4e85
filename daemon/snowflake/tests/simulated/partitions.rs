//! Results in several partitions: read to their end, or not at all.

use patd_core::lifecycle::Failure;
use patd_core::names::User;
use patd_core::pattern::reading::Breadth;
use patd_snowflake::provision::{fingerprint, observe, run};
use snowflake_sim::{Act, Fault, HttpSwitches, On};

use crate::house::{House, known};
use crate::world::{USER, World};

/// Makes results come three rows at a time.
fn three_rows_each(switches: &mut HttpSwitches) {
    switches.rows_per_partition = 3;
}

fn unclear<T: std::fmt::Debug>(outcome: Result<T, Failure>) -> String {
    match outcome {
        Err(Failure::Unclear(why)) => why,
        other => panic!("not unclear: {other:?}"),
    }
}

#[tokio::test]
async fn a_list_of_tokens_is_read_over_all_its_partitions() {
    let world = World::new();
    for number in 1..=8 {
        world.secret(&format!("T{number}")).await;
    }
    for (packed, first_202) in [(true, false), (false, false), (true, true)] {
        world.sim.http_switches(three_rows_each);
        world.sim.http_switches(|s| {
            (s.partitions_are_gzipped, s.always_202_first) = (packed, first_202);
        });

        let listed = world.authority().list(&User::new(USER)).await.expect("a list");

        let names: Vec<&str> = listed.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(names, ["T1", "T2", "T3", "T4", "T5", "T6", "T7", "T8"], "{packed} {first_202}");
    }
}

#[tokio::test]
async fn a_partition_that_does_not_come_leaves_no_list() {
    let world = World::new();
    for number in 1..=8 {
        world.secret(&format!("T{number}")).await;
    }
    world.sim.http_switches(three_rows_each);
    // The second of two further partitions, in each way it can fail to come.
    for harm in [Act::Status(404), Act::Status(503), Act::DropBeforeCommit, Act::TruncateAt(9)] {
        world.sim.fault(Fault { on: On::Status, after: 1, times: u32::MAX, act: harm.clone() });

        let why = unclear(world.authority().list(&User::new(USER)).await);

        assert!(why.contains("partition 2"), "{harm:?}: {why}");
        world.sim.clear_faults();
    }
}

#[tokio::test]
async fn a_partition_that_comes_late_is_waited_for() {
    let world = World::new();
    for number in 1..=4 {
        world.secret(&format!("T{number}")).await;
    }
    world.sim.http_switches(three_rows_each);
    world.sim.fault(Fault { on: On::Status, after: 0, times: 2, act: Act::Status(503) });

    let listed = world.authority().list(&User::new(USER)).await.expect("a list");

    assert_eq!(listed.len(), 4);
    assert!(world.sim.faults_left().is_empty());
}

#[tokio::test]
async fn an_account_seen_three_rows_at_a_time_is_the_same_account() {
    let house = House::new();
    let made: Vec<String> =
        (0..25).map(|number| format!("CREATE USER P{number:02} TYPE = PERSON")).collect();
    house.admin(&made.join(";"));
    let at_once = house.seen_by_admin().await;
    house.sim.http_switches(three_rows_each);

    let in_pieces = house.seen_by_admin().await;

    assert_eq!(known(&in_pieces.persons).len(), 27);
    assert_eq!(in_pieces, at_once);
    assert_eq!(fingerprint(&in_pieces), fingerprint(&at_once));
}

#[tokio::test]
async fn a_partition_that_does_not_come_ends_the_observation() {
    let house = House::new();
    house.sim.http_switches(three_rows_each);
    house.sim.fault(Fault::always(On::Status, Act::Status(404)));

    let why = unclear(observe(&house.as_admin(), &house.desired, Breadth::Whole).await);

    assert!(why.contains("partition 1 of the result did not come"), "{why}");
}

#[tokio::test]
async fn a_step_whose_result_does_not_all_come_is_not_said_to_be_done() {
    let house = House::new();
    house.sim.http_switches(three_rows_each);
    house.sim.fault(Fault::always(On::Status, Act::Status(404)));

    unclear(run(&house.as_admin(), "SHOW ROLES").await);
}
