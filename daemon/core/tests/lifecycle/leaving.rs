//! A slot that the configuration does not name any more, and one whose user is gone: nothing stays that nobody can end,
//! and nothing is forgotten that somebody may need.

use patd_core::lifecycle::{Effect, Event, RefusalKind, Slot, Standing, step};
use patd_core::names::{Generation, HostId};

use crate::server::Fault;
use crate::world::{DAY, HOST, HOUR, World};

/// A world in which nothing is issued, for there is no such user: Snowflake says what it says of what one may not see.
fn mistyped() -> World {
    let mut world = World::new();
    world.server.refuses = Some(RefusalKind::Privilege);
    world.start();
    world.run();
    assert!(world.alarms.contains_key("privilege-missing"), "{:#?}", world.slot);
    world
}

fn leave(world: &mut World) -> Vec<Effect> {
    let (_, effects) = step(&world.slot, &Event::Unconfigured, world.now(), &world.rules);
    world.take(&Event::Unconfigured);
    effects
}

#[test]
fn a_slot_that_never_had_a_token_is_forgotten_with_its_alarm_and_stays_so() {
    let mut world = mistyped();

    let effects = leave(&mut world);

    assert_eq!(effects, [Effect::Forget], "and nothing to come back for");
    assert!(world.slot.is_blank() && world.alarms.is_empty());
    world.crash();
    assert!(world.slot.trouble.is_none() && world.alarms.is_empty(), "{:#?}", world.slot);
    assert_eq!(leave(&mut world), [], "once");
}

#[test]
fn one_that_was_refused_its_token_is_forgotten_too() {
    let mut world = World::new();
    world.start();
    world.run_until_in_flight(|call| matches!(call, Effect::List));
    world.deliver_with(Fault::Refused(RefusalKind::RoleNotGranted));
    world.deliver();
    assert_eq!(world.slot.last_generation, Generation(1));

    leave(&mut world);

    assert!(world.slot.is_blank() && world.alarms.is_empty(), "{:#?}", world.slot);
}

#[test]
fn what_may_have_a_token_is_kept_and_only_its_trouble_is_over() {
    let mut world = World::serving();
    world.server.refuses = Some(RefusalKind::Privilege);
    world.rotate(None);
    world.run();
    let serving = world.slot.current().cloned();
    assert!(world.alarms.contains_key("privilege-missing"));

    let effects = leave(&mut world);

    assert_eq!(effects.first(), Some(&Effect::Store));
    assert!(!effects.contains(&Effect::Forget), "{effects:?}");
    assert_eq!((world.slot.current().cloned(), world.slot.trouble.is_none()), (serving, true));
    assert!(world.alarms.is_empty());
    world.crash();
    assert!(world.alarms.is_empty(), "it does not come back");
}

#[test]
fn an_add_that_may_still_land_is_not_forgotten() {
    let mut world = World::new();
    world.start();
    world.run_until_in_flight(|call| matches!(call, Effect::List));
    world.deliver_with(Fault::Late(45));
    world.run();
    assert!(!world.slot.doubts.is_empty(), "{:#?}", world.slot);

    leave(&mut world);

    assert!(!world.slot.doubts.is_empty() && world.slot.trouble.is_none());
}

#[test]
fn while_a_call_is_on_its_way_nothing_is_forgotten_and_none_follows_it() {
    let mut world = World::new();
    world.start();
    world.run_until_in_flight(|call| matches!(call, Effect::List));

    assert_eq!(leave(&mut world), []);
    world.deliver();
    leave(&mut world);

    assert_eq!(world.call_words(), ["list"], "no token is made for it");
    assert!(world.slot.is_blank());
}

#[test]
fn what_a_person_said_and_what_waits_for_a_person_is_not_forgotten() {
    let mut revoked = World::new();
    revoked.start();
    revoked.take(&Event::Revoke);
    revoked.run();
    let mut fenced = World::serving();
    fenced.clone_writes();
    fenced.run_for(2 * HOUR);
    assert_eq!((revoked.slot.word(), fenced.slot.word()), ("revoked", "fenced"));

    for mut world in [revoked, fenced] {
        let before = world.slot.standing.clone();
        assert_eq!(leave(&mut world), []);
        world.crash();
        assert_eq!(world.slot.standing, before);
    }
}

#[test]
fn a_lifted_fence_is_kept_in_mind() {
    let base = Generation(4);
    let slot = Slot { base, last_generation: base, ..Slot::new(HostId::new(HOST)) };
    let world = World::new();

    let (after, effects) = step(&slot, &Event::Unconfigured, world.now(), &world.rules);

    assert_eq!((after.base, effects.contains(&Effect::Forget)), (base, false));
}

#[test]
fn a_tombstone_that_nobody_can_confirm_is_ended_by_a_persons_word() {
    let mut world = World::serving();
    world.server.refuses = Some(RefusalKind::Privilege);
    world.take(&Event::Revoke);
    world.run_for(DAY);
    assert_eq!(leave(&mut world), [], "not by itself: it may be there, and only hidden");
    let way_out = world.alarms["privilege-missing"].next_step.clone();
    assert!(way_out.contains("patctl revoke --user USER --gone"), "{way_out}");

    world.user_is_gone();

    assert!(world.slot.is_blank() && world.alarms.is_empty());
    world.crash();
    assert!(world.slot.is_blank() && world.alarms.is_empty());
}

#[test]
fn with_the_user_goes_whatever_was_known_of_it() {
    let mut draining = World::serving();
    draining.lease();
    draining.rotate(None);
    draining.run();
    let mut issuing = World::new();
    issuing.start();
    issuing.run_until_in_flight(|call| matches!(call, Effect::Add));
    let mut fenced = World::serving();
    fenced.clone_writes();
    fenced.run_for(2 * HOUR);
    assert!(matches!(fenced.slot.standing, Standing::Fenced { .. }));

    for mut world in [draining, issuing, fenced] {
        world.user_is_gone();

        assert!(world.slot.is_blank() && world.leases.is_empty() && world.alarms.is_empty());
        world.run_for(HOUR);
        assert!(world.slot.last_generation <= Generation(1), "what comes then begins anew");
    }
}

#[test]
fn a_disk_that_fails_forgets_nothing() {
    let mut world = mistyped();
    world.store_fails = true;

    leave(&mut world);

    assert!(!world.slot.is_blank());
    leave(&mut world);
    assert!(world.slot.is_blank());
}
