//! Every state that two hosts of one user can reach, within bounds: `lifecycle::step` itself, driven by each order of
//! events, with a crash after each effect, each fate of each call, and clocks that are set. A plain breadth-first
//! search: what is explored is the real code, so all that a model checker would add is its explorer.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a model's helpers fail as loudly as the test, and it tells how much it explored"
)]

mod acts;
mod host;
mod invariants;
mod search;
mod world;

use patd_core::lifecycle::Strategy;

use crate::search::{Reached, explore};
use crate::world::{Bounds, World};

/// Prints what was explored; fails if it was nothing much.
fn tell(what: &str, bounds: Bounds, reached: &Reached) {
    println!(
        "{what}: {} states, {} steps, {} ends; {bounds:?}",
        reached.states, reached.steps, reached.ends
    );
    assert!(reached.ends > 0, "no run came to its end");
    assert!(reached.states > 1_000, "{} states", reached.states);
}

/// Whether the whole model is asked for, which takes minutes.
#[expect(clippy::disallowed_methods, reason = "the core knows no environment; its tests may")]
fn is_long() -> bool {
    std::env::var_os("PAT_BROKER_LONG").is_some()
}

const STRATEGIES: [Strategy; 2] = [Strategy::Add, Strategy::Rotate];

#[test]
fn two_hosts_of_one_user_with_a_fault_anywhere_end_well() {
    let faults = if is_long() { 2 } else { 1 };
    for strategy in STRATEGIES {
        let bounds = Bounds { hosts: 2, rotations: 0, faults, strategy, revocations: 0 };

        let reached = explore(World::new(bounds));

        tell("two hosts", bounds, &reached);
    }
}

#[test]
fn two_hosts_that_rotate_under_names_that_stay_do_not_touch_each_other() {
    let strategy = Strategy::Rotate;
    let bounds = Bounds { hosts: 2, rotations: 1, faults: 0, strategy, revocations: 0 };

    let reached = explore(World::new(bounds));

    tell("two hosts that rotate", bounds, &reached);
}

#[test]
fn three_generations_of_one_host_with_faults_anywhere_end_well() {
    let faults = if is_long() { 2 } else { 1 };
    for strategy in STRATEGIES {
        let bounds = Bounds { hosts: 1, rotations: 2, faults, strategy, revocations: 0 };

        let reached = explore(World::new(bounds));

        tell("three generations", bounds, &reached);
    }
}

#[test]
fn a_revocation_at_any_moment_with_a_fault_anywhere_is_carried_out() {
    let faults = if is_long() { 2 } else { 1 };
    for strategy in STRATEGIES {
        let bounds = Bounds { hosts: 1, rotations: 1, faults, strategy, revocations: 1 };

        let reached = explore(World::new(bounds));

        tell("revocation", bounds, &reached);
    }
}
