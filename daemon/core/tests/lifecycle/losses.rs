//! Tokens that Snowflake lost, ended or disabled, lines that are down, clocks that are wrong.

use patd_core::lifecycle::{TokenStatus, Why};
use patd_core::names::Generation;

use crate::server::Logins;
use crate::world::{DAY, HOUR, World};

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
