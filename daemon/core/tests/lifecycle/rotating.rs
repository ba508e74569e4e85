//! The strategy `rotate`: a new secret under the name that stays, and where the one before it is then.

use patd_core::lifecycle::{Effect, RefusalKind, TokenStatus, Work, lineage};
use patd_core::names::{Generation, Role, TokenName};

use crate::server::{Fault, Logins};
use crate::world::{DAY, HOUR, World};

pub(crate) fn serving() -> World {
    World::rotating().served()
}

pub(crate) fn name_in_use(world: &World) -> TokenName {
    world.slot.current().expect("a secret is served").name.clone()
}

pub(crate) fn generation(world: &World) -> u64 {
    world.slot.current().expect("a secret is served").generation.0
}

fn overlap(world: &World) -> Option<u32> {
    match &world.slot.work {
        Work::Issuing(intent) => intent.overlap,
        Work::Idle | Work::Proving { .. } | Work::Discarding { .. } => None,
    }
}

fn is_rotate(effect: &Effect) -> bool {
    *effect == Effect::Rotate
}

#[test]
fn the_first_token_is_added_and_every_other_secret_comes_under_its_name() {
    let mut world = serving();
    let name = name_in_use(&world);
    assert_eq!(world.call_words(), ["list", "add", "list", "probe"]);

    for generation in 2..6 {
        world.run_for(4 * DAY);
        assert_eq!(world.slot.current().unwrap().generation, Generation(generation));
        assert_eq!(name_in_use(&world), name);
        assert_eq!(world.ours(), 1, "the old one is removed after its drain");
    }

    assert_eq!(world.call_words().iter().filter(|call| **call == "add").count(), 1);
    assert!(world.is_healthy());
}

#[test]
fn a_rotation_is_asked_for_proven_and_drained_in_order() {
    let mut world = serving();

    world.rotate(None);
    world.run_for(121);

    assert_eq!(world.call_words()[4..], ["list", "rotate", "list", "probe", "remove"]);
    assert_eq!((generation(&world), world.ours(), world.slot.word()), (2, 1, "serving"));
}

#[test]
fn the_old_secret_keeps_all_but_an_hour_of_the_life_it_had() {
    let mut world = serving();
    let before = world.slot.current().unwrap().expires_at;
    world.run_for(2 * DAY);
    world.lease();

    world.rotate(None);
    world.run();

    let old = &world.slot.draining[0].held;
    assert!(old.expires_at > before.plus(-HOUR - 300) && old.expires_at <= before);
    assert_eq!(lineage::rotated_from(&old.name), Some(name_in_use(&world)));
}

#[test]
fn a_holder_that_never_moves_is_drained_before_snowflake_ends_its_secret() {
    let mut world = serving();
    world.run_for(6 * DAY + 11 * HOUR);
    assert_eq!(generation(&world), 2);
    world.run_for(2 * DAY);
    world.lease();

    world.rotate(None);
    world.run();
    let ends = world.slot.draining[0].held.expires_at;
    world.run_for(DAY);

    assert!(world.clock <= ends);
    assert_eq!((world.ours(), world.slot.draining.len()), (1, 0));
}

#[test]
fn a_lost_answer_leaves_the_old_secret_in_use_and_the_name_gets_another_when_it_cannot_land_any_more()
 {
    let mut world = serving();
    let name = name_in_use(&world);
    let before = world.slot.current().unwrap().expires_at;
    world.rotate(None);
    world.deliver_with(Fault::LostAfter);
    world.run();
    let held = world.slot.current().unwrap().clone();
    assert_eq!(held.generation, Generation(1));
    assert_eq!(lineage::rotated_from(&held.name), Some(name.clone()), "it is found on the list");
    assert!(held.expires_at > before.plus(-2 * HOUR), "it keeps its life");
    assert!(world.slot.may_hand_out(world.now(), &world.rules).is_ok());
    assert_eq!(world.slot.trouble.as_ref().unwrap().id, "rotate-unanswered");

    world.run_for(59);
    assert_eq!(world.call_words().iter().filter(|call| **call == "rotate").count(), 1);
    world.run_until_in_flight(is_rotate);
    assert_eq!(overlap(&world), Some(0), "the lost secret is ended by the same stroke");
    world.run_for(HOUR);

    assert_eq!((generation(&world), name_in_use(&world)), (3, name));
    assert_eq!(world.ours(), 1);
    assert!(world.is_healthy());
}

#[test]
fn a_rotation_that_never_arrived_is_made_again_with_its_overlap() {
    let mut world = serving();
    world.rotate(None);
    world.deliver_with(Fault::LostBefore);
    world.run_for(59);
    assert_eq!(world.call_words().iter().filter(|call| **call == "rotate").count(), 1);

    world.run_until_in_flight(is_rotate);

    assert!(overlap(&world).is_some_and(|hours| hours > 6 * 24));
    world.run_for(HOUR);
    assert!(world.is_healthy());
}

#[test]
fn a_rotation_that_lands_late_is_found_and_never_ends_the_secret_after_it() {
    for late in [1, 30, 59] {
        let mut world = serving();
        world.rotate(None);
        world.deliver_with(Fault::Late(late));
        world.run_for(HOUR);

        assert!(generation(&world) > 1);
        world.run_for(2 * HOUR);
        assert_eq!(world.ours(), 1, "{late}");
        assert!(world.is_healthy(), "{late}");
    }
}

#[test]
fn a_rotation_that_ends_what_was_lost_and_lands_late_ends_nothing_else() {
    let mut world = serving();
    world.server.at_rotation = Some(Fault::LostAfter);
    world.rotate(None);
    world.run();

    world.server.at_rotation = Some(Fault::Late(50));
    world.run_for(2 * HOUR);

    assert!(world.server.at_rotation.is_none() && world.is_healthy());
    assert_eq!(world.ours(), 1);
}

#[test]
fn answers_that_are_lost_again_and_again_never_cost_the_secret_in_use() {
    let mut world = serving();
    world.rotate(None);
    for _ in 0..6 {
        world.run_until_in_flight(|call| *call == Effect::List);
        world.deliver_with(Fault::LostAfter);
        world.run_for(120);
        assert!(world.slot.may_hand_out(world.now(), &world.rules).is_ok());
        assert!(world.ours() <= 2, "{}", world.ours());
    }

    world.run_for(2 * HOUR);

    assert!(world.is_healthy());
    assert_eq!(world.ours(), 1);
}

#[test]
fn a_rotation_carried_out_twice_leaves_three_tokens_at_the_most() {
    let mut world = serving();
    world.lease();
    world.rotate(None);
    world.deliver_with(Fault::Doubled);
    world.run();
    assert_eq!((generation(&world), world.ours()), (2, 3));
    let old = &world.slot.draining[0].held;
    let secret = world.server.find(&old.name).unwrap().generation;
    assert_eq!(secret, Some(Generation(1)), "the first of the two moved the secret in use");

    world.run_for(2 * DAY);

    assert!(world.is_healthy());
    assert_eq!(world.ours(), 1);
}

#[test]
fn a_rotation_carried_out_twice_beside_one_that_drains_leaves_no_fourth_token() {
    let mut world = serving();
    world.lease();
    world.rotate(None);
    world.run();
    world.server.at_rotation = Some(Fault::Doubled);

    world.rotate(None);
    world.run();

    assert!(world.server.at_rotation.is_none() && world.ours() <= 3);
}

#[test]
fn a_second_forced_rotation_cuts_what_still_drains_and_says_so() {
    let mut world = serving();
    world.lease();
    world.rotate(None);
    world.run();
    assert_eq!(world.ours(), 2);

    world.rotate(None);
    world.deliver();
    assert!(world.alarms["oldest-cut"].message.contains("generation 1"));
    world.run();

    assert_eq!((generation(&world), world.ours()), (3, 2));
}

#[test]
fn what_a_rotate_cannot_give_is_added() {
    let changes: [fn(&mut World); 4] = [
        |world| world.rules.role = Role::new("OTHER_ROLE"),
        |world| world.rules.days_to_expiry = 8,
        |world| world.server.tokens[0].row.status = TokenStatus::Disabled,
        |world| world.server.tokens.clear(),
    ];
    for change in changes {
        let mut world = serving();
        let name = name_in_use(&world);
        change(&mut world);
        world.server.days = world.rules.days_to_expiry;
        world.rotate(None);
        world.run_for(2 * HOUR);

        assert_ne!(name_in_use(&world), name);
        assert_eq!(world.ours(), 1);
        assert!(world.is_healthy());
        let name = name_in_use(&world);
        world.rotate(None);
        world.run();
        assert_eq!(name_in_use(&world), name, "from then on under that name");
    }
}

#[test]
fn a_secret_with_few_hours_left_is_not_put_at_stake() {
    let mut world = serving();
    world.server.offline = true;
    world.run_for(7 * DAY - 5 * HOUR);
    world.server.offline = false;

    world.run_until_in_flight(|call| matches!(call, Effect::Add | Effect::Rotate));

    assert_eq!(world.calls.last().unwrap().1, Effect::Add);
    world.run_for(HOUR);
    assert!(world.is_healthy());
}

#[test]
fn a_refused_rotation_keeps_the_secret_and_asks_for_half_the_hours_the_next_time() {
    let mut world = serving();
    world.jump(-9 * DAY);
    world.rotate(None);
    world.run_until_in_flight(is_rotate);
    assert!(overlap(&world).is_some_and(|hours| hours > 15 * 24), "by the wrong clock");

    world.run_for(HOUR);

    assert_eq!(generation(&world), world.slot.last_generation.0);
    assert!(generation(&world) > 1 && world.is_healthy());
}

#[test]
fn a_new_secret_that_is_refused_is_removed_and_the_next_is_added_which_says_why() {
    let mut world = serving();
    world.server.logins = Logins::RefusedSecret;
    world.rotate(None);
    world.run_for(60);
    assert!(world.alarms.contains_key("probe-refused"));

    world.run_until_in_flight(|call| matches!(call, Effect::Add | Effect::Rotate));
    assert_eq!(world.calls.last().unwrap().1, Effect::Add);
    assert_eq!(generation(&world), 1);

    world.server.logins = Logins::Right;
    world.run_for(HOUR);
    assert!(world.is_healthy());
    assert_eq!(world.ours(), 1);
}

#[test]
fn each_definite_refusal_of_a_rotation_is_named_and_keeps_the_secret() {
    for (kind, id) in [
        (RefusalKind::Privilege, "privilege-missing"),
        (RefusalKind::LimitReached, "token-limit"),
        (RefusalKind::UserDisabled, "user-disabled"),
        (RefusalKind::Other, "refused"),
    ] {
        let mut world = serving();
        world.rotate(None);
        world.deliver_with(Fault::Refused(kind));
        world.deliver();

        assert!(world.alarms[id].message.contains("give the token a new secret"));
        assert!(world.slot.may_hand_out(world.now(), &world.rules).is_ok());
        world.run_for(HOUR);
        assert!(world.is_healthy(), "{id}");
    }
}
