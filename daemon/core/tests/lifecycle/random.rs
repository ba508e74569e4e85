//! Any sequence of wishes, faults, crashes, strangers and clocks: every invariant holds after every effect, and when
//! the faults end everything becomes well without a human, but for what only a human may lift.

use std::cell::Cell;

use patd_core::lifecycle::{Event, RefusalKind, Standing, TokenStatus};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::server::{Fault, Logins, Maker};
use crate::world::{DAY, HOUR, Moment, World};

#[derive(Clone, Debug)]
enum Act {
    Pass(i64),
    Deliver,
    Rotate,
    Taint,
    Want,
    Revoke,
    Retire,
    Enrol,
    Crash,
    DieAfter(usize),
    StoreFails,
    PowerFails(Moment),
    Next(Fault),
    Offline(bool),
    Refuses(Option<RefusalKind>),
    Logins(Logins),
    Unrestricted(bool),
    Lease,
    EndLeases,
    StrangerAdds,
    StrangerLeaves,
    CloneWrites,
    PersonRemoves,
    PersonDisables,
    Skew(i64),
    Restate,
    Judge(bool),
    SomeoneRotates,
    OtherStrategy,
    Unconfigure,
    UserGoes,
}

fn acts() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => (1..120_i64).prop_map(Act::Pass),
        4 => (60..40 * HOUR).prop_map(Act::Pass),
        6 => Just(Act::Deliver),
        5 => Just(Act::Rotate),
        2 => Just(Act::Taint),
        4 => Just(Act::Want),
        1 => Just(Act::Revoke),
        1 => Just(Act::Retire),
        2 => Just(Act::Enrol),
        3 => Just(Act::Crash),
        3 => (1..6_usize).prop_map(Act::DieAfter),
        2 => Just(Act::StoreFails),
        2 => prop_oneof![Just(Moment::Written), Just(Moment::Synced)].prop_map(Act::PowerFails),
        6 => fault().prop_map(Act::Next),
        2 => any::<bool>().prop_map(Act::Offline),
        2 => proptest::option::of(kind()).prop_map(Act::Refuses),
        2 => logins().prop_map(Act::Logins),
        1 => any::<bool>().prop_map(Act::Unrestricted),
        3 => Just(Act::Lease),
        2 => Just(Act::EndLeases),
        2 => Just(Act::StrangerAdds),
        1 => Just(Act::StrangerLeaves),
        1 => Just(Act::CloneWrites),
        1 => Just(Act::PersonRemoves),
        1 => Just(Act::PersonDisables),
        1 => (-9 * DAY..9 * DAY).prop_map(Act::Skew),
        1 => Just(Act::Restate),
        2 => any::<bool>().prop_map(Act::Judge),
        1 => Just(Act::SomeoneRotates),
        1 => Just(Act::OtherStrategy),
        2 => Just(Act::Unconfigure),
        1 => Just(Act::UserGoes),
    ]
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        Just(Fault::LostBefore),
        Just(Fault::LostAfter),
        (1..60_u32).prop_map(Fault::Late),
        Just(Fault::Doubled),
        kind().prop_map(Fault::Refused),
    ]
}

fn kind() -> impl Strategy<Value = RefusalKind> {
    prop_oneof![
        Just(RefusalKind::Privilege),
        Just(RefusalKind::LimitReached),
        Just(RefusalKind::Other)
    ]
}

fn logins() -> impl Strategy<Value = Logins> {
    prop_oneof![
        4 => Just(Logins::Right),
        1 => Just(Logins::Wrong),
        1 => Just(Logins::RefusedHere),
        1 => Just(Logins::RefusedSecret),
    ]
}

fn act(world: &mut World, act: &Act) {
    if world.dead {
        world.start();
        serves_again(world);
    }
    match act {
        Act::Pass(seconds) => world.run_for(*seconds),
        Act::Deliver => world.deliver(),
        Act::Rotate => world.rotate(None),
        Act::Taint => world.rotate(Some("seen in a log")),
        Act::Want => {
            world.want();
        }
        Act::Revoke => world.take(&Event::Revoke),
        Act::Retire => {
            world.take(&Event::Retire);
            world.run_for(12);
            world.crash();
            serves_again(world);
        }
        Act::Judge(holds) => world.judge(if *holds { &[] } else { &["one-role"] }),
        Act::Enrol => world.enrol(),
        Act::Crash => world.crash(),
        Act::DieAfter(effects) => world.dies_after = Some(world.effects + effects),
        Act::StoreFails => world.store_fails = true,
        Act::PowerFails(moment) => world.power_fails = Some(*moment),
        Act::Next(fault) => world.server.next = Some(*fault),
        Act::Offline(offline) => world.server.offline = *offline,
        Act::Refuses(kind) => world.server.refuses = *kind,
        Act::Logins(logins) => world.server.logins = *logins,
        Act::Unrestricted(unrestricted) => world.server.unrestricted = *unrestricted,
        Act::Lease => {
            world.lease();
        }
        Act::EndLeases => {
            world.leases.clear();
            world.tick();
        }
        Act::StrangerAdds => world.strangers(1),
        Act::StrangerLeaves => world.server.tokens.retain(|token| token.maker != Maker::Stranger),
        Act::CloneWrites => world.clone_writes(),
        Act::PersonRemoves => world.change_served(|_| None),
        Act::PersonDisables => world.change_served(|mut token| {
            token.row.status = TokenStatus::Disabled;
            Some(token)
        }),
        Act::Skew(seconds) => {
            world.jump(*seconds);
            world.tick();
        }
        Act::Restate => world.restate(),
        Act::SomeoneRotates => world.someone_rotates(),
        Act::OtherStrategy => world.change_strategy(),
        // And configured again: whatever follows, it ticks.
        Act::Unconfigure => {
            world.take(&Event::Unconfigured);
            world.tick();
        }
        Act::UserGoes => {
            world.user_is_gone();
            world.tick();
        }
    }
}

/// A daemon that starts enrols what it had retired itself.
fn serves_again(world: &mut World) {
    if world.slot.retired {
        world.enrol();
    }
}

/// Everybody behaves from now on. A person enrols where only a person may, except after a revocation.
fn heal(world: &mut World) {
    world.dies_after = None;
    world.store_fails = false;
    world.power_fails = None;
    world.skew = 0;
    world.leases.clear();
    world.server.heal();
    world.crash();
    serves_again(world);
    for _ in 0..3 {
        world.run_for(3 * HOUR);
        world.i1_availability_needs_nobody();
        if matches!(world.slot.standing, Standing::Quarantined { .. } | Standing::Fenced { .. }) {
            world.enrol();
        }
    }
    world.rotate(None);
    world.run_for(2 * DAY);
}

fn is_well(world: &World) {
    if let Standing::Tombstoned { confirmed, .. } = world.slot.standing {
        let left = world.all_of_our_host();
        assert!(confirmed, "i13_liveness: a revocation is never confirmed: {world:#?}");
        assert_eq!(left, 0, "i9_tombstone: {left} tokens outlive a confirmed revocation");
    } else {
        world.i1_availability_needs_nobody();
        world.i13_liveness("in the end");
        world.i1_availability("in the end");
        world.i2_bound_in_the_end("in the end");
    }
}

#[expect(clippy::disallowed_methods, reason = "the core knows no environment; its tests may")]
fn is_long() -> bool {
    std::env::var_os("PAT_BROKER_LONG").is_some()
}

/// Tries many scripts and prints how many steps that were; far more where the long way is asked for.
fn try_scripts(most: usize, cases_when_long: u32, promise: impl Fn(World, &[Act])) {
    let mut config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    if is_long() {
        config.cases = cases_when_long;
    }
    let (cases, steps) = (config.cases, Cell::new(0));
    let scripts = (any::<bool>(), proptest::collection::vec(acts(), 1..most));
    let tried = TestRunner::new(config).run(&scripts, |(rotates, script)| {
        steps.set(steps.get() + script.len());
        promise(if rotates { World::rotating() } else { World::new() }, &script);
        Ok(())
    });
    tried.unwrap_or_else(|why| panic!("{why}"));
    println!("{} random steps in {cases} worlds", steps.get());
}

#[test]
fn whatever_happens_the_invariants_hold_and_the_end_is_well() {
    try_scripts(50, 42_000, |mut world, script| {
        world.start();
        for one in script {
            act(&mut world, one);
        }

        heal(&mut world);

        is_well(&world);
    });
}

#[test]
fn calls_are_rare_whatever_is_wrong() {
    try_scripts(30, 8_000, |world, script| {
        let mut world = world.served();
        for one in script {
            act(&mut world, one);
        }
        if world.dead {
            world.start();
        }
        world.run();
        let before = world.calls.len();

        world.run_for(DAY);

        let calls = world.calls.len() - before;
        assert!(calls < MOST_A_DAY, "i13_liveness: {calls} calls in a day: {:#?}", world.slot);
    });
}

/// A try every 15 minutes, a quarter less by jitter, of six calls at the most; and the quick ones at the beginning.
const MOST_A_DAY: usize = 24 * 4 * 4 / 3 * 6 + 100;
