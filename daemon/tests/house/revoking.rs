//! P2, P9: revocation is durable, stops hand-out at once, and stays until a person lifts it.

use pat_wire::admin::{EnrolRequest, Enrolled, RevokeRequest, Revoked};
use pat_wire::error::ErrorCode;
use pat_wire::message::WatchEvent;

use crate::world::{CONNECTION, USER, World, eventually};

#[test]
fn a_revoked_connection_hands_out_nothing_and_has_no_token_left() {
    let world = World::running();
    let handed = world.hand_out(CONNECTION).unwrap();
    let watch = world.watching(&handed.terms.lease);

    let revoked: Revoked =
        world.admin("revoke", &RevokeRequest::Connection(CONNECTION.into())).unwrap();

    assert_eq!(revoked.confirmed.len(), 1, "{revoked:?}");
    assert_eq!(watch.join().unwrap().unwrap(), WatchEvent::LeaseEnded);
    assert_eq!(world.hand_out(CONNECTION).err().unwrap().code(), Some(ErrorCode::Revoked));
    assert!(world.live(USER).is_empty());
}

#[test]
fn a_revocation_outlives_a_restart_and_is_carried_out_when_snowflake_is_back() {
    let mut world = World::running();
    world.hand_out(CONNECTION).unwrap();
    world.sim.stop_answering().unwrap();

    let revoked: Revoked = world.admin("revoke", &RevokeRequest::All).unwrap();
    world.stop();
    world.start();

    assert_eq!(revoked.pending.len(), 1, "{revoked:?}");
    assert_eq!(world.hand_out(CONNECTION).err().unwrap().code(), Some(ErrorCode::Revoked));
    world.sim.resume_answering().unwrap();
    eventually("the token is removed", || {
        world.advance(std::time::Duration::from_secs(60));
        world.live(USER).is_empty().then_some(())
    });
    eventually("it is confirmed", || (world.slot(USER).state == "revoked").then_some(()));
}

#[test]
fn enrolment_issues_again() {
    let world = World::running();
    world.hand_out(CONNECTION).unwrap();
    let _: Revoked = world.admin("revoke", &RevokeRequest::User(USER.into())).unwrap();

    let enrolled: Enrolled =
        world.admin("enrol", &EnrolRequest { connection: CONNECTION.into() }).unwrap();

    assert_eq!(enrolled.generation, 2);
    assert_eq!(world.hand_out(CONNECTION).unwrap().terms.generation, 2);
}

#[test]
fn a_revocation_that_the_disk_refuses_says_so_and_changes_nothing_and_it_heals_without_a_restart() {
    let world = World::running();
    world.hand_out(CONNECTION).unwrap();
    let block = world.block_slot_file();

    let refused = world.admin::<Revoked>("revoke", &RevokeRequest::All).err().unwrap();

    assert!(refused.to_string().contains("no tombstone could be written"), "{refused}");
    assert_eq!(world.hand_out(CONNECTION).unwrap().terms.generation, 1, "and none is in force");
    let is_told = || world.status().alarms.into_iter().any(|alarm| alarm.id == "state-not-stored");
    assert!(is_told(), "{:?}", world.status().alarms);
    std::fs::remove_dir(block).unwrap();
    eventually("the alarm goes by itself", || {
        world.advance(std::time::Duration::from_secs(11));
        (!is_told()).then_some(())
    });
    assert_eq!(world.hand_out(CONNECTION).unwrap().terms.generation, 1);
    let revoked: Revoked = world.admin("revoke", &RevokeRequest::All).unwrap();
    assert_eq!(revoked.confirmed.len(), 1, "{revoked:?}");
    assert!(world.live(USER).is_empty());
}

#[test]
fn what_does_not_exist_cannot_be_revoked() {
    let world = World::running();
    let refused = world
        .admin::<Revoked>("revoke", &RevokeRequest::Connection("nobody".into()))
        .err()
        .unwrap();
    assert_eq!(refused.code(), Some(ErrorCode::UnknownConnection));
}
