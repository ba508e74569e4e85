//! One promise a test: the ordinary life, each refusal, each person's wish.

use patd_core::lifecycle::{Effect, Event, RefusalKind, Standing, TokenStatus, Why, Work};
use patd_core::names::{Generation, Role, TokenName};

use crate::server::{Fault, Logins, Maker};
use crate::world::{DAY, HOST, HOUR, World};

fn calls(world: &World) -> Vec<&'static str> {
    let word = |effect: &Effect| match effect {
        Effect::Add => "add",
        Effect::List => "list",
        Effect::Probe(_) => "probe",
        Effect::Remove(_) => "remove",
        Effect::Store
        | Effect::Publish
        | Effect::EndLeases
        | Effect::Alarm(_)
        | Effect::Clear(_)
        | Effect::WakeAt(_) => "not a call",
    };
    world.calls.iter().map(|(_, effect)| word(effect)).collect()
}

#[test]
fn a_new_slot_is_listed_issued_listed_again_and_probed_before_it_is_served() {
    let mut world = World::new();

    world.start();
    world.run();

    assert_eq!(calls(&world), ["list", "add", "list", "probe"]);
    assert_eq!(world.slot.word(), "serving");
    assert_eq!(world.published, 1);
    assert!(world.is_healthy());
}

#[test]
fn the_expiry_is_the_servers_word_not_what_was_asked_for() {
    let mut world = World::new();
    world.server.days = 8;

    world.start();
    world.run();

    assert_eq!(world.slot.current().unwrap().expires_at, world.clock.plus(8 * DAY));
}

#[test]
fn a_restart_implies_no_rotation_and_no_call() {
    let mut world = World::serving();
    let calls = world.calls.len();

    world.crash();
    world.run();

    assert_eq!(world.calls.len(), calls);
    assert_eq!(world.slot.current().unwrap().generation, Generation(1));
}

#[test]
fn a_secret_is_replaced_at_half_life_and_the_old_one_goes_two_minutes_after_its_last_holder() {
    let mut world = World::serving();
    assert!(world.lease());

    world.run_for(4 * DAY - HOUR);
    assert_eq!(world.slot.current().unwrap().generation, Generation(2));
    assert_eq!((world.ours(), world.slot.word()), (2, "draining"));

    world.leases.clear();
    world.tick();
    world.run_for(119);
    assert_eq!(world.ours(), 2);
    world.run_for(2);
    assert_eq!((world.ours(), world.slot.word()), (1, "serving"));
}

#[test]
fn a_holder_that_never_moves_keeps_the_old_secret_for_a_day_at_the_most() {
    let mut world = World::serving();
    world.lease();

    world.rotate(None);
    world.run_for(DAY - 1);
    assert_eq!(world.ours(), 2);
    world.run_for(1);
    assert_eq!(world.ours(), 1);
}

#[test]
fn a_tainted_secret_goes_the_moment_its_successor_is_proven_whoever_holds_it() {
    let mut world = World::serving();
    world.lease();

    world.rotate(Some("seen in a log"));
    world.run();

    assert_eq!((world.ours(), world.slot.word()), (1, "serving"));
    assert_eq!(world.slot.current().unwrap().generation, Generation(2));
    assert!(world.is_healthy());
}

#[test]
fn a_taint_outlives_refusals_and_restarts() {
    let mut world = World::serving();
    world.server.refuses = Some(RefusalKind::Policy);
    world.rotate(Some("seen in a log"));
    world.run_for(HOUR);
    world.crash();
    assert_eq!(world.ours(), 1);

    world.server.refuses = None;
    world.run_for(HOUR);

    assert_eq!(world.slot.current().unwrap().generation.0, world.slot.last_generation.0);
    assert!(world.slot.current().unwrap().generation > Generation(1));
    assert_eq!(world.ours(), 1);
}

#[test]
fn a_taint_while_the_successor_is_being_made_counts() {
    let mut world = World::serving();
    world.lease();
    world.rotate(None);
    world.deliver();
    assert_eq!(world.slot.word(), "issuing");

    world.rotate(Some("seen in a log"));
    world.run();

    assert_eq!((world.ours(), world.slot.current().unwrap().generation), (1, Generation(2)));
}

#[test]
fn an_add_whose_answer_is_lost_is_found_removed_and_made_again_under_another_name() {
    let mut world = World::serving();
    world.rotate(None);
    world.deliver_with(Fault::LostAfter);
    world.run();
    assert_eq!(calls(&world)[4..], ["list", "add", "list", "remove"]);
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
    assert_eq!(calls(&world).iter().filter(|call| **call == "add").count(), 3);
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

    assert_eq!(calls(&world)[4..8], ["list", "add", "list", "remove"]);
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
    assert!(!calls(&world).contains(&"probe"));
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
    assert_eq!(calls(&world).iter().filter(|call| **call == "add").count(), 2);

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

    let adds = calls(&world).iter().filter(|call| **call == "add").count();
    assert!((50..120).contains(&adds), "{adds} in a day");
    assert_eq!(world.ours(), 1);
    assert!(world.alarms.contains_key("probe-refused"));
    world.server.logins = Logins::Right;
    world.run_for(HOUR);
    assert!(world.is_healthy());
}

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
fn a_third_forced_rotation_cuts_the_oldest_and_says_so() {
    let mut world = World::serving();
    for _ in 0..3 {
        world.lease();
        world.rotate(None);
        world.run();
    }
    assert_eq!(world.ours(), 3);

    let alive: Vec<u64> = world.slot.held().map(|held| held.generation.0).collect();
    assert_eq!(alive, [4, 2, 3]);
    world.rotate(None);
    world.deliver();
    assert!(world.alarms["oldest-cut"].message.contains("generation 2"));
    world.run();
    assert_eq!(world.slot.current().unwrap().generation, Generation(5));
    assert_eq!(world.ours(), 3);
}

#[test]
fn a_token_that_snowflake_lost_is_replaced_and_its_secret_kept_until_then() {
    let mut world = World::serving();
    world.server.tokens.clear();
    world.server.next = None;

    world.run_for(2 * HOUR);

    assert_eq!(world.slot.current().unwrap().generation, Generation(2));
    assert!(world.is_healthy());
}

#[test]
fn the_last_secret_that_works_is_not_drained_while_its_successor_is_in_doubt() {
    let mut world = World::serving();
    world.lease();
    world.rotate(None);
    world.run();
    world.change_served(|_| None);
    world.server.logins = Logins::RefusedSecret;
    world.run_for(2 * HOUR);
    assert!(world.alarms.contains_key("token-lost"));

    world.leases.clear();
    world.run_for(DAY);
    assert!(world.slot.held().any(|held| held.generation == Generation(1)));
    assert_eq!(world.ours(), 1);

    world.server.logins = Logins::Right;
    world.run_for(HOUR);
    assert!(world.is_healthy());
    assert_eq!(world.ours(), 1);
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

#[test]
fn a_clock_that_goes_back_prolongs_no_wait() {
    let mut world = World::new();
    world.server.offline = true;
    world.start();
    world.run_for(HOUR);
    world.skew = -30 * DAY;
    world.server.offline = false;

    world.tick();
    world.run();

    assert!(world.is_healthy());
}

#[test]
fn a_disabled_token_is_replaced_and_removed() {
    let mut world = World::serving();
    world.server.tokens[0].row.status = TokenStatus::Disabled;

    world.run_for(2 * HOUR);

    assert_eq!(world.slot.current().unwrap().generation, Generation(2));
    assert_eq!(world.ours(), 1);
}

#[test]
fn an_expired_secret_is_not_handed_out_and_the_next_one_comes_by_itself() {
    let mut world = World::serving();
    world.server.offline = true;
    world.run_for(8 * DAY);
    let at = world.slot.current().unwrap().expires_at;
    assert_eq!(world.slot.may_hand_out(world.now(), &world.rules), Err(Why::Expired { at }));
    assert!(world.alarms.contains_key("secret-expiring"));

    world.server.offline = false;
    world.run_for(HOUR);

    assert!(world.is_healthy());
}

#[test]
fn being_offline_for_a_day_costs_few_calls_and_no_alarm() {
    let mut world = World::serving();
    world.server.offline = true;
    world.rotate(None);
    let before = world.calls.len();

    world.run_for(DAY);

    let calls = world.calls.len() - before;
    assert!((90..130).contains(&calls), "{calls}");
    assert!(world.alarms.is_empty());
    assert_eq!(world.slot.trouble.as_ref().unwrap().id, "offline");
}

#[test]
fn a_changed_role_stops_the_old_secret_at_once_and_replaces_it() {
    let mut world = World::serving();
    world.lease();
    world.rules.role = Role::new("OTHER_ROLE");
    assert_eq!(world.slot.may_hand_out(world.now(), &world.rules), Err(Why::RoleChanged));

    world.tick();
    world.run();

    assert_eq!(world.slot.current().unwrap().role, Role::new("OTHER_ROLE"));
    assert_eq!(world.ours(), 1);
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
fn answers_nobody_asked_for_change_nothing() {
    let mut world = World::serving();
    let before = world.slot.clone();

    world.take(&Event::Added(patd_core::lifecycle::AddOutcome::Minted));
    world.take(&Event::Listed(Ok(Vec::new())));
    world.take(&Event::Probed(patd_core::lifecycle::ProbeOutcome::Proved));

    assert_eq!(world.slot, before);
}

#[test]
fn a_store_that_fails_leaves_the_old_state_in_force() {
    let mut world = World::serving();
    world.rotate(None);
    world.deliver();
    assert!(matches!(world.slot.work, Work::Issuing(_)));
    world.store_fails = true;

    world.run_for(HOUR);

    assert!(world.is_healthy());
    assert_eq!(world.slot.current().unwrap().generation, Generation(3));
    assert_eq!(world.ours(), 1);
}

#[test]
fn a_clock_that_runs_ahead_does_not_rotate_without_end_nor_remove_the_last_secret() {
    let mut world = World::serving();
    world.jump(6 * DAY);
    world.tick();

    world.run_for(DAY);

    assert!(world.slot.last_generation <= Generation(4), "{}", world.slot.last_generation);
    world.jump(0);
    world.tick();
    world.run_for(2 * DAY);
    assert!(world.is_healthy());
}

#[test]
fn the_state_on_disk_has_a_stable_shape() {
    let world = World::serving();

    let text = serde_json::to_value(&world.slot).unwrap();

    assert_eq!(text["host"], HOST);
    assert_eq!(text["work"], "idle");
    assert_eq!(text["serving"]["generation"], 1);
    assert!(text.get("flight").is_none());
}
