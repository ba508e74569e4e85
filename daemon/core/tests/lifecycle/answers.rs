//! What Snowflake says to an ADD and to a probe: nothing, late, twice, no, or something else than was asked for.

use patd_core::lifecycle::{Effect, Event, RefusalKind, Why, Work};
use patd_core::names::Generation;

use crate::server::{Fault, Logins};
use crate::world::{DAY, HOUR, World};

#[test]
fn an_add_whose_answer_is_lost_is_found_removed_and_made_again_under_another_name() {
    let mut world = World::serving();
    world.rotate(None);
    world.deliver_with(Fault::LostAfter);
    world.run();
    assert_eq!(world.call_words()[4..], ["list", "add", "list", "remove"]);
    assert_eq!((world.ours(), world.slot.current().unwrap().generation), (1, Generation(1)));

    world.run_for(HOUR);

    assert_eq!(world.slot.current().unwrap().generation, Generation(3));
    assert!(world.is_healthy());
}

#[test]
fn answers_that_are_lost_again_and_again_cost_ever_fewer_tries() {
    let mut world = World::serving();
    world.rotate(None);
    for _ in 0..6 {
        world.deliver_with(Fault::LostAfter);
        assert!(matches!(world.slot.work, Work::Issuing(_)));
        world.run_until_removed();
        world.run_until_in_flight(|call| *call == Effect::List);
    }

    assert!(world.clock > world.slot.current().unwrap().issued_at.plus(2 + 4 + 8 + 16 + 32));
    world.run_for(HOUR);
    assert!(world.is_healthy());
}

#[test]
fn an_add_that_lands_late_is_an_orphan_and_is_removed() {
    let mut world = World::serving();
    world.rotate(None);
    world.deliver_with(Fault::Late(50));

    world.run_for(10);
    assert_eq!(world.slot.current().unwrap().generation, Generation(3));
    world.run_for(2 * HOUR);

    assert_eq!(world.ours(), 1);
    assert!(world.is_healthy());
}

#[test]
fn an_add_that_may_still_land_counts_as_one_of_three_and_cuts_nobody() {
    let mut world = World::serving();
    world.lease();
    world.rotate(None);
    world.run();
    world.rotate(None);
    world.deliver_with(Fault::Late(55));

    world.run_for(50);
    assert_eq!((world.ours(), world.slot.current().unwrap().generation), (2, Generation(2)));
    assert_eq!(world.call_words().iter().filter(|call| **call == "add").count(), 3);
    assert!(world.alarms.is_empty());
    world.run_for(HOUR);

    assert_eq!(world.slot.current().unwrap().generation, Generation(4));
    let held: Vec<u64> = world.slot.held().map(|held| held.generation.0).collect();
    assert_eq!(held, [4, 1], "the holder of the first generation keeps it");
}

#[test]
fn an_add_that_lands_late_is_never_the_fourth() {
    let mut world = World::serving();
    world.lease();
    world.rotate(None);
    world.run();
    assert_eq!(world.ours(), 2);

    world.rotate(None);
    world.deliver_with(Fault::Late(55));
    world.run_for(HOUR);

    assert!(world.is_healthy());
}

#[test]
fn a_name_that_is_taken_is_looked_at_before_anything_else_is_added() {
    let mut world = World::serving();
    world.rotate(None);
    world.deliver_with(Fault::Doubled);

    world.run_for(HOUR);

    assert_eq!(world.call_words()[4..8], ["list", "add", "list", "remove"]);
    assert!(world.is_healthy());
}

#[test]
fn each_definite_refusal_keeps_the_old_secret_and_names_the_way_out() {
    for (kind, id, way_out) in [
        (RefusalKind::AdminLogin, "admin-login-refused", "public key"),
        (RefusalKind::AdminNetwork, "admin-network-refused", "network policy of the broker user"),
        (RefusalKind::Privilege, "privilege-missing", "MODIFY PROGRAMMATIC AUTHENTICATION METHODS"),
        (RefusalKind::LimitReached, "token-limit", "nobody uses"),
        (RefusalKind::Policy, "policy-forbids", "network policy"),
        (RefusalKind::RoleNotGranted, "role-not-granted", "grant role ROLE to user USER"),
        (RefusalKind::UserDisabled, "user-disabled", "enable user USER"),
        (RefusalKind::ExpiryTooLong, "expiry-too-long", "days_to_expiry"),
        (RefusalKind::Other, "refused", "Snowflake's text"),
    ] {
        let mut world = World::serving();
        world.rotate(None);
        world.deliver_with(Fault::Refused(kind));
        world.deliver();

        let trouble = world.slot.trouble.clone().unwrap();
        assert_eq!(trouble.id, id);
        assert!(trouble.next_step.contains(way_out), "{}", trouble.next_step);
        assert!(world.alarms.contains_key(id));
        assert!(world.slot.may_hand_out(world.now(), &world.rules).is_ok());

        world.run_for(HOUR);
        assert!(world.is_healthy(), "{id}");
    }
}

#[test]
fn a_probe_as_someone_else_removes_the_new_token_keeps_the_old_and_waits_for_a_person() {
    let mut world = World::serving();
    world.server.logins = Logins::Wrong;
    world.rotate(None);
    world.run_for(DAY);

    assert_eq!((world.ours(), world.slot.word()), (1, "quarantined"));
    assert!(world.alarms["probe-wrong"].message.contains("role PUBLIC"));
    assert!(world.slot.may_hand_out(world.now(), &world.rules).is_ok());
    assert_eq!(world.slot.may_rotate(), Err(Why::Quarantined));

    world.server.logins = Logins::Right;
    world.run_for(DAY);
    assert_eq!(world.slot.word(), "quarantined");
    world.enrol();
    world.run();
    assert_eq!(world.slot.current().unwrap().generation, Generation(3));
}

#[test]
fn a_token_without_its_role_restriction_is_never_even_logged_in_with() {
    let mut world = World::new();
    world.server.unrestricted = true;

    world.start();
    world.run_for(HOUR);

    assert_eq!((world.ours(), world.slot.word()), (0, "quarantined"));
    assert!(!world.call_words().contains(&"probe"));
    assert_eq!(world.slot.may_hand_out(world.now(), &world.rules), Err(Why::Quarantined));
}

#[test]
fn a_secret_refused_for_where_we_are_is_kept_and_tried_again_without_another_add() {
    let mut world = World::serving();
    world.server.logins = Logins::RefusedHere;
    world.rotate(None);
    world.run_for(DAY);
    assert_eq!((world.slot.word(), world.ours()), ("proving", 2));
    assert!(world.alarms["probe-network-policy"].message.contains("192.0.2.1"));
    assert_eq!(world.call_words().iter().filter(|call| **call == "add").count(), 2);

    world.server.logins = Logins::Right;
    world.run_for(HOUR);

    assert_eq!(world.slot.current().unwrap().generation, Generation(2));
}

#[test]
fn a_refused_secret_is_removed_and_made_again_ever_more_slowly() {
    let mut world = World::serving();
    world.server.logins = Logins::RefusedSecret;
    world.rotate(None);
    world.run_for(DAY);

    let adds = world.call_words().iter().filter(|call| **call == "add").count();
    assert!((50..120).contains(&adds), "{adds} in a day");
    assert_eq!(world.ours(), 1);
    assert!(world.alarms.contains_key("probe-refused"));
    world.server.logins = Logins::Right;
    world.run_for(HOUR);
    assert!(world.is_healthy());
}

#[test]
fn a_removal_that_fails_holds_up_no_rotation() {
    let mut world = World::serving();
    world.rotate(None);
    world.run_for(120);
    world.server.next = Some(Fault::Refused(RefusalKind::Privilege));
    world.run_for(1);
    assert!(world.alarms.contains_key("remove-refused"));

    world.rotate(None);
    world.run();
    assert_eq!((world.slot.current().unwrap().generation, world.ours()), (Generation(3), 3));

    world.run_for(HOUR);
    assert_eq!(world.ours(), 1);
    assert!(world.is_healthy());
}

#[test]
fn a_removal_that_is_refused_after_it_was_not_answered_is_an_alarm_too() {
    let mut world = World::serving();
    world.rotate(None);
    world.run_for(120);
    world.server.next = Some(Fault::LostBefore);
    world.run_for(1);
    assert!(!world.alarms.contains_key("remove-refused"));

    world.server.next = Some(Fault::Refused(RefusalKind::Privilege));
    let raised = (0..120).any(|_| {
        world.run_for(1);
        world.alarms.contains_key("remove-refused")
    });

    assert!(raised);
}

#[test]
fn a_refused_removal_says_the_way_out_of_its_own_cause() {
    let way_out_of = |kind| {
        let mut world = World::serving();
        world.rotate(None);
        world.run_for(120);
        world.server.next = Some(Fault::Refused(kind));
        world.run_for(1);
        world.alarms["remove-refused"].next_step.clone()
    };

    let ways_out = [RefusalKind::Privilege, RefusalKind::AdminNetwork].map(way_out_of);
    let [privilege, network] = &ways_out;
    assert!(privilege.contains("MODIFY PROGRAMMATIC AUTHENTICATION METHODS"), "{privilege}");
    assert!(network.contains("network policy of the broker user"), "{network}");
    assert!(ways_out.iter().all(|way_out| way_out.ends_with("or remove the token by hand")));
}

#[test]
fn answers_nobody_asked_for_change_nothing() {
    let mut world = World::serving();
    let before = world.slot.clone();

    world.take(&Event::Added(patd_core::lifecycle::AddOutcome::Minted));
    world.take(&Event::Listed(Ok(Vec::new())));
    world.take(&Event::Probed(patd_core::lifecycle::ProbeOutcome::Proved));

    assert_eq!(world.slot, before);
}

#[test]
fn a_secret_that_the_store_does_not_have_is_made_anew_and_snowflake_is_not_blamed() {
    let mut world = World::new();
    world.server.logins = Logins::NoSecret;
    world.start();
    world.run();

    let trouble = world.slot.trouble.clone().expect("it is told");
    assert_eq!(trouble.id, "new-token-unusable");
    assert!(trouble.message.contains("the store has no secret"), "{trouble:?}");
    assert!(!trouble.message.contains("Snowflake"), "{trouble:?}");

    world.server.logins = Logins::Right;
    world.run_for(HOUR);
    assert!(world.is_healthy());
    assert_eq!(world.ours(), 1, "what could not be proven is removed");
}
