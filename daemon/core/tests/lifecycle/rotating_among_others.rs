//! The strategy `rotate` among others: strangers, clones, persons who rotate by hand, revoke, or change the strategy.

use patd_core::lifecycle::{Effect, Event, Strategy, TokenStatus, Work, lineage};
use patd_core::names::Generation;

use crate::rotating::{generation, name_in_use, serving};
use crate::server::{Fault, Logins, Maker};
use crate::world::{DAY, HOUR, World};

#[test]
fn nothing_is_rotated_from_thirteen_live_tokens_on() {
    let mut world = serving();
    world.strangers(12);
    world.rotate(None);
    world.run_for(DAY);

    assert_eq!(generation(&world), 1);
    assert!(world.alarms["token-limit"].message.contains("13 live tokens"));
}

#[test]
fn what_nobody_has_the_secret_of_is_removed_also_when_a_fence_came_in_between() {
    for fault in [Fault::LostAfter, Fault::Doubled] {
        let mut world = serving();
        world.rotate(None);
        world.server.fate = Some(fault);
        world.dies_after = Some(world.effects + 2);
        world.deliver();
        assert!(world.dead && world.server.tokens.len() > 1);
        world.server.fate = None;
        world.start();
        world.run();
        world.clone_writes();
        world.run_for(2 * HOUR);
        assert_eq!(world.slot.word(), "fenced");

        world.enrol();
        world.run_for(2 * HOUR);

        assert!(world.is_healthy());
        assert_eq!(world.ours(), 1, "{fault:?}");
    }
}

#[test]
fn a_lost_secret_is_replaced_beside_any_number_of_strangers() {
    let mut world = serving();
    world.rotate(None);
    world.deliver_with(Fault::LostAfter);
    world.run();
    world.strangers(13);

    world.run_for(HOUR);

    assert_eq!(generation(&world), 3);
}

#[test]
fn a_rotation_that_nobody_here_asked_for_fences_the_slot_under_either_strategy() {
    for new in [World::new, World::rotating] {
        let mut world = new().served();
        let name = name_in_use(&world);
        world.someone_rotates();
        let theirs = world.server.find(&name).unwrap().secret;
        world.rotate(None);
        world.run_for(2 * HOUR);

        assert_eq!(world.slot.word(), "fenced");
        assert_eq!(lineage::rotated_from(&name_in_use(&world)), Some(name.clone()));
        assert!(world.slot.may_hand_out(world.now(), &world.rules).is_ok());
        let ends = world.slot.current().unwrap().expires_at;
        assert!(ends <= world.clock.plus(DAY), "until the end that they gave it");

        world.enrol();
        world.run_for(2 * HOUR);
        assert_eq!(world.server.find(&name).unwrap().secret, theirs, "theirs is left alone");
        assert!(world.is_healthy());
    }
}

#[test]
fn what_was_rotated_away_under_a_new_token_on_its_way_is_found_where_it_is() {
    let mut world = World::new().served();
    world.server.tokens[0].row.status = TokenStatus::Disabled;
    world.server.logins = Logins::RefusedHere;
    world.run_for(2 * HOUR);
    assert_eq!(world.slot.word(), "proving");
    let name = name_in_use(&world);

    world.someone_rotates();
    world.run_for(2 * HOUR);

    assert_eq!(world.slot.word(), "fenced");
    assert_eq!(lineage::rotated_from(&name_in_use(&world)), Some(name));
}

#[test]
fn a_refused_secret_that_was_rotated_away_is_removed_where_it_is_and_theirs_is_left_alone() {
    let mut world = serving();
    let name = name_in_use(&world);
    world.server.logins = Logins::RefusedSecret;
    world.rotate(None);
    world.run_until_in_flight(|call| matches!(call, Effect::Probe(Generation(2))));
    world.someone_rotates();
    let theirs = world.server.find(&name).unwrap().secret;
    world.deliver();
    world.server.logins = Logins::Right;
    world.deliver();
    assert_eq!(world.slot.word(), "fenced");
    world.crash();
    world.run_for(2 * HOUR);

    world.enrol();
    world.run_for(2 * HOUR);

    assert_eq!(world.server.find(&name).map(|token| token.secret), Some(theirs));
    assert!(world.is_healthy());
}

#[test]
fn a_secret_of_another_role_that_was_rotated_away_is_removed_where_it_is_and_theirs_is_left_alone()
{
    for new in [World::new, World::rotating] {
        for mut world in [new(), new().served()] {
            world.server.logins = Logins::Wrong;
            if world.slot.current().is_some() {
                world.rotate(None);
            } else {
                world.start();
            }
            world.run_until_in_flight(|call| matches!(call, Effect::Probe(_)));
            let Work::Proving { staged, .. } = world.slot.work.clone() else {
                panic!("{world:#?}")
            };
            world.server.rotate_for(Maker::Clone, &staged.name, world.clock);
            let theirs = world.server.find(&staged.name).unwrap().secret;
            world.server.logins = Logins::Right;
            world.run_for(2 * HOUR);
            assert_eq!(world.slot.word(), "fenced");

            world.enrol();
            world.run_for(2 * HOUR);

            let found = world.server.find(&staged.name).map(|token| token.secret);
            assert_eq!(found, Some(theirs), "theirs is left alone");
            assert_eq!(world.ours(), 1, "the wrong one is gone: {world:#?}");
            assert!(world.is_healthy());
        }
    }
}

#[test]
fn a_token_whose_answer_was_lost_and_that_was_rotated_away_is_removed_where_it_is() {
    for mut world in [World::new(), World::new().served()] {
        if world.slot.current().is_some() {
            world.rotate(None);
        } else {
            world.start();
        }
        world.run_until_in_flight(|call| *call == Effect::List);
        world.deliver_with(Fault::LostAfter);
        let Work::Issuing(intent) = world.slot.work.clone() else { panic!("{world:#?}") };
        world.server.rotate_for(Maker::Clone, &intent.name, world.clock);
        let theirs = world.server.find(&intent.name).unwrap().secret;
        world.run_for(2 * HOUR);
        assert_eq!(world.slot.word(), "fenced");

        world.enrol();
        world.run_for(2 * HOUR);

        let found = world.server.find(&intent.name).map(|token| token.secret);
        assert_eq!(found, Some(theirs), "theirs is left alone");
        assert_eq!(world.ours(), 1, "what nobody has the secret of is gone");
        assert!(world.is_healthy());
    }
}

#[test]
fn what_was_rotated_away_under_an_old_token_is_left_to_whoever_did_it() {
    let mut world = World::new().served();
    world.lease();
    world.rotate(None);
    world.run_until_in_flight(|call| matches!(call, Effect::Probe(Generation(2))));
    world.someone_rotates();

    world.run_for(DAY);

    assert_eq!(world.slot.word(), "fenced");
    assert_eq!(generation(&world), 2);
}

#[test]
fn a_revocation_finds_what_a_rotation_left_behind_and_what_lands_late() {
    for fault in [Fault::LostAfter, Fault::Late(45), Fault::Doubled] {
        let mut world = serving();
        world.rotate(None);
        world.deliver_with(fault);

        world.take(&Event::Revoke);
        world.run_for(HOUR);

        assert_eq!((world.ours(), world.slot.word()), (0, "revoked"), "{fault:?}");
    }
}

#[test]
fn the_strategy_may_change_at_any_time() {
    let mut world = serving();
    world.rotate(None);
    world.deliver_with(Fault::LostAfter);
    world.rules.strategy = Strategy::Add;
    world.run_for(2 * HOUR);
    assert!(world.is_healthy());
    assert_eq!(world.ours(), 1, "the name without a secret is gone too");

    world.rules.strategy = Strategy::Rotate;
    let name = name_in_use(&world);
    world.rotate(None);
    world.run();
    assert_eq!(name_in_use(&world), name);
}
