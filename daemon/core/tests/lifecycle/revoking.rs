//! Revocation: durable before it acts, carried out to the last token, and lifted by a person only.

use patd_core::lifecycle::{Event, Slot, Standing, Why};
use patd_core::names::Generation;

use crate::server::{Fault, Maker};
use crate::world::{DAY, HOUR, World};

#[test]
fn a_revocation_is_durable_before_it_acts_and_removes_all_of_our_lineage_for_ever() {
    let mut world = World::serving();
    world.lease();
    world.rotate(None);
    world.run();
    world.server.plant(
        "PATD_0A1B2C3D_G1_000001_ROTATED_1744239049066",
        Maker::Us,
        world.clock.plus(90 * DAY),
    );
    world.server.plant("SOMEONE_ELSES", Maker::Stranger, world.clock.plus(90 * DAY));
    world.server.offline = true;

    world.take(&Event::Revoke);
    assert!(matches!(world.on_disk().standing, Standing::Tombstoned { confirmed: false, .. }));
    assert!(world.leases.is_empty());
    assert_eq!(world.slot.may_hand_out(world.now(), &world.rules), Err(Why::Revoked));
    world.run_for(3 * DAY);
    assert_eq!((world.ours(), world.slot.word()), (3, "revoking"));
    world.crash();
    world.server.offline = false;
    world.run_for(HOUR);

    assert_eq!((world.ours(), world.slot.word()), (0, "revoked"));
    assert_eq!(world.server.live(&[Maker::Stranger]), 1);
    world.run_for(30 * DAY);
    assert_eq!(world.slot.word(), "revoked");
}

#[test]
fn a_revocation_waits_for_an_add_that_may_still_land() {
    let mut world = World::serving();
    world.rotate(None);
    world.deliver_with(Fault::Late(45));

    world.take(&Event::Revoke);
    world.run_for(44);
    assert_eq!((world.ours(), world.slot.word()), (0, "revoking"));
    world.run_for(30);

    assert_eq!((world.ours(), world.slot.word()), (0, "revoked"));
}

#[test]
fn a_token_that_reappears_after_a_revocation_is_removed_again() {
    let mut world = World::serving();
    world.take(&Event::Revoke);
    world.run();
    assert_eq!(world.slot.word(), "revoked");

    world.server.plant("PATD_0A1B2C3D_G1_00000A", Maker::Us, world.clock.plus(DAY));
    world.run_for(2 * HOUR);

    assert_eq!((world.ours(), world.slot.word()), (0, "revoked"));
}

#[test]
fn only_enrol_lifts_a_tombstone() {
    let mut world = World::serving();
    world.take(&Event::Revoke);
    world.run();

    world.rotate(None);
    world.crash();
    world.run_for(30 * DAY);
    assert_eq!((world.slot.word(), world.slot.may_rotate()), ("revoked", Err(Why::Revoked)));

    world.enrol();
    world.run();
    assert_eq!(world.slot.current().unwrap().generation, Generation(2));
    assert!(world.is_healthy());
}

#[test]
fn a_slot_of_a_rebuilt_store_issues_nothing_before_a_person_enrols_it() {
    let mut world = rebuilt();
    assert_eq!(world.slot.word(), "unenrolled");
    assert!(world.alarms.contains_key("unenrolled"));

    world.rotate(None);
    world.crash();
    world.run_for(30 * DAY);
    assert_eq!((world.ours(), world.slot.word()), (0, "unenrolled"));
    assert!(world.alarms.contains_key("unenrolled"), "said again at each start");
    assert_eq!(world.slot.may_rotate(), Err(Why::Unenrolled));

    world.enrol();
    world.run();
    assert!(world.is_healthy() && world.alarms.is_empty());
    world.crash();
    world.run();
    assert!(world.is_healthy() && world.alarms.is_empty(), "it is over for good");
}

#[test]
fn a_slot_of_a_rebuilt_store_can_be_left_revoked() {
    let mut world = rebuilt();

    world.take(&Event::Revoke);
    world.run();

    assert_eq!((world.slot.word(), world.alarms.is_empty()), ("revoked", true));
    assert_eq!(world.on_disk().may_rotate(), Err(Why::Revoked));
}

/// A slot as the first start of a rebuilt store makes it; nobody had to do anything for it to be looked at.
fn rebuilt() -> World {
    let mut world = World::new();
    world.slot = Slot::rebuilt(world.slot.host.clone(), world.now());
    // Which stores it, as the daemon did before.
    world.take(&Event::Judged { failed: [].into() });
    world.start();
    world.run();
    world
}
