//! Whose a token is: fences, other hosts, places that are left for people.

use patd_core::lifecycle::Event;
use patd_core::names::{Generation, TokenName};

use crate::server::Maker;
use crate::world::{DAY, HOUR, World};

#[test]
fn a_generation_we_did_not_write_fences_the_slot_and_nothing_is_touched() {
    let mut world = World::serving();
    world.server.plant("PATD_0A1B2C3D_G7_ABCDEF", Maker::Clone, world.clock.plus(7 * DAY));
    world.rotate(None);
    world.run_for(DAY);

    assert_eq!((world.slot.word(), world.ours()), ("fenced", 1));
    assert!(world.alarms.contains_key("fenced"));
    assert!(world.slot.may_hand_out(world.now(), &world.rules).is_ok());

    world.enrol();
    world.run_for(HOUR);
    assert_eq!(world.slot.current().unwrap().generation, Generation(8));
    assert_eq!((world.ours(), world.server.live(&[Maker::Clone])), (1, 1));
    assert!(world.is_healthy());
}

#[test]
fn our_generation_under_another_intent_fences_the_slot() {
    let mut world = World::serving();
    world.server.plant("PATD_0A1B2C3D_G1_ABCDEF", Maker::Clone, world.clock.plus(7 * DAY));

    world.run_for(2 * HOUR);

    assert_eq!(world.slot.word(), "fenced");
}

#[test]
fn a_lost_state_is_fenced_off_by_its_own_tokens() {
    let mut old = World::serving();
    old.rotate(None);
    old.run();
    let mut world = World::new();
    world.server = old.server;

    world.start();
    world.run_for(HOUR);

    assert_eq!((world.slot.word(), world.ours()), ("fenced", 2));
}

#[test]
fn nothing_is_added_from_thirteen_live_tokens_on() {
    let mut world = World::serving();
    for n in 0..12 {
        world.server.plant(&format!("OTHER{n}"), Maker::Stranger, world.clock.plus(30 * DAY));
    }
    world.rotate(None);
    world.run_for(DAY);

    assert_eq!(world.slot.current().unwrap().generation, Generation(1));
    assert!(world.alarms["token-limit"].message.contains("13 live tokens"));
    assert_eq!(world.server.live(&[Maker::Stranger]), 12);

    world.server.tokens.retain(|token| token.row.name != TokenName::new("OTHER3"));
    world.run_for(HOUR);
    assert!(world.is_healthy());
}

#[test]
fn another_hosts_tokens_are_neither_a_fence_nor_an_orphan_nor_revoked() {
    let mut world = World::serving();
    world.server.plant("PATD_FFFFFFFF_G9_ABCDEF", Maker::Stranger, world.clock.plus(90 * DAY));
    world.rotate(None);
    world.run_for(DAY);
    assert!(world.is_healthy());

    world.take(&Event::Revoke);
    world.run_for(DAY);

    assert_eq!((world.slot.word(), world.server.live(&[Maker::Stranger])), ("revoked", 1));
}
