//! P3 on a host that ends with its jobs: no token of it is left, the end is bounded, and what a dead network left
//! behind goes at the next start.

use std::time::{Duration, Instant};

use pat_wire::admin::{RevokeRequest, Revoked};
use pat_wire::error::ErrorCode;

use crate::world::{CONNECTION, ROLE, USER, World, eventually, own_uid};

/// A world whose daemon serves a short-lived host, and another slot that is not.
fn short_lived() -> World {
    let mut world = World::prepared();
    world.entry("ana_cli", "ANA_CLI", "ANA_CLI_ROLE", own_uid());
    let text = format!(
        "connection = \"{CONNECTION}\"\nuser = \"{USER}\"\nrole = \"{ROLE}\"\n\
         [token]\nretire_at_exit = true\n[access]\nusers = [{}]\n",
        own_uid()
    );
    world.write(&format!("etc/users.d/{CONNECTION}.toml"), &text);
    world.start();
    world.hand_out(CONNECTION).unwrap();
    world.hand_out("ana_cli").unwrap();
    world
}

#[test]
fn a_short_lived_host_leaves_no_token_behind_and_other_slots_keep_theirs() {
    let mut world = short_lived();

    world.stop();

    assert!(world.live(USER).is_empty(), "{:?}", world.live(USER));
    assert_eq!(world.live("ANA_CLI").len(), 1);
    let removed = world.audit().into_iter().filter(|record| record["event"] == "remove").count();
    assert_eq!(removed, 1, "the removal is on record");
}

#[test]
fn a_host_that_comes_back_issues_again_without_a_person() {
    let mut world = short_lived();
    world.stop();

    world.start();

    assert_eq!(world.hand_out(CONNECTION).unwrap().terms.generation, 2);
    assert_eq!(world.live(USER).len(), 1);
}

#[test]
fn without_snowflake_the_end_is_bounded_and_the_next_start_removes_what_was_left() {
    let mut world = short_lived();
    world.sim.stop_answering().unwrap();
    let began = Instant::now();

    world.stop();

    assert!(began.elapsed() < Duration::from_secs(25), "{:?}", began.elapsed());
    world.sim.resume_answering().unwrap();
    assert_eq!(world.live(USER).len(), 1, "nobody could remove it");
    world.start();
    assert_eq!(world.hand_out(CONNECTION).unwrap().terms.generation, 2);
    let left = eventually("the token of before is removed", || {
        let live = world.live(USER);
        (live.len() == 1).then_some(live)
    });
    assert!(left[0].contains("_G2_"), "{left:?}");
}

#[test]
fn a_revocation_is_not_lifted_by_the_end_and_a_new_start() {
    let mut world = short_lived();
    let _: Revoked = world.admin("revoke", &RevokeRequest::User(USER.into())).unwrap();
    world.stop();

    world.start();

    assert_eq!(world.hand_out(CONNECTION).err().unwrap().code(), Some(ErrorCode::Revoked));
    assert!(world.live(USER).is_empty());
}
