//! 1,000 slots that are due at once, with Snowflake 50 ms away: how long until all are rotated, against the fewest
//! round trips that takes at the account's own limit of calls; and what a hand-out costs meanwhile.

use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use snowflake_sim::engine::{QueryRecord, StatementKind};
use snowflake_sim::{Act, Fault, On};
use world::{CONNECTION, World, wait_at_most};

use crate::client;
use crate::echo::Echo;
use crate::report::Report;
use crate::sample::Sample;

const LATENCY: Duration = Duration::from_millis(50);
/// Calls of one account at once, as `patd_core::pace` has it.
const AT_ONCE: f64 = 8.0;
/// SHOW, ADD, SHOW, and the proof: login, its question, logout.
const ROUND_TRIPS: usize = 6;
/// Statements by which the storm is seen to have begun.
const SEEN: usize = 50;
/// Sixty-five hundredths of the tokens' seven days: later than every half-life.
const UNTIL_DUE: Duration = Duration::from_secs(7 * 86_400 * 65 / 100);

/// Measures a world whose slots all serve, with the daemon running.
pub fn measure(world: &World, slots: usize, report: &mut Report) {
    let echo = Echo::start(&world.folder().join("echo.sock"));
    let _warm = client::pairs(echo.socket(), &world.socket());
    let idle = hand_outs(&echo, &world.socket(), || false);
    let before = world.sim.queries().len();
    world.sim.fault(Fault::always(On::Any, Act::Delay(LATENCY)));
    // The daemon goes by Snowflake's clock, and hears of it with the next answer.
    world.sim.advance(UNTIL_DUE);
    wait_at_most(Duration::from_secs(120), || (asked(world, before) >= SEEN).then_some(()))
        .expect("the slots are due");
    // The statements by which it was seen to begin took their time, too.
    let began = Instant::now() - LATENCY.mul_f64(SEEN as f64 / AT_ONCE);
    let meanwhile = hand_outs(&echo, &world.socket(), || added(world, before) < slots);
    wait_at_most(Duration::from_secs(300), || rotated(world, slots).then_some(()))
        .expect("every slot rotates");
    let took = began.elapsed();
    world.sim.clear_faults();

    let fewest = (slots * ROUND_TRIPS) as f64 * LATENCY.as_secs_f64() / AT_ONCE;
    report.at_most(
        "1,000 slots due at once, over the fewest",
        took.as_secs_f64() / fewest,
        1.3,
        "times",
        format!(
            "{slots} slots in {:.1} s; {ROUND_TRIPS} round trips of 50 ms each, 8 at once, are {fewest:.1} s",
            took.as_secs_f64()
        ),
    );
    report.at_most(
        "hand-out meanwhile over idle",
        meanwhile.handed.median_ms() / idle.handed.median_ms(),
        2.0,
        "times",
        format!(
            "medians of {}: {:.3} ms, idle {:.3} ms (p99 {:.3}, {:.3}); the echo beside it {:.3}, {:.3}",
            meanwhile.handed.count(),
            meanwhile.handed.median_ms(),
            idle.handed.median_ms(),
            meanwhile.handed.quantile_ms(0.99),
            idle.handed.quantile_ms(0.99),
            meanwhile.echo.median_ms(),
            idle.echo.median_ms(),
        ),
    );
}

/// A hand-out of a slot whose own rotation hangs, and of another one, over idle.
pub fn measure_hanging(programs: &world::Binaries, report: &mut Report) {
    let mut world = World::builder().programs(programs.clone()).build();
    world.start();
    let echo = Echo::start(&world.folder().join("echo.sock"));
    let _warm = client::pairs(echo.socket(), &world.socket());
    let idle = hand_outs(&echo, &world.socket(), || false);
    world.sim.fault(Fault::next(On::Statement(StatementKind::AddPat), Act::Hang));
    let mut rotating = rotate(&world);
    wait_at_most(Duration::from_secs(30), || world.sim.faults_left().is_empty().then_some(()))
        .expect("the rotation hangs");
    let hanging = hand_outs(&echo, &world.socket(), || false);
    assert!(world.status()["slots"][0]["state"] == "issuing", "it hangs still");
    world.kill();
    rotating.wait().expect("patctl ends");
    report.at_most(
        "hand-out while its own rotation hangs, over idle",
        hanging.handed.median_ms() / idle.handed.median_ms(),
        2.0,
        "times",
        format!(
            "medians of {}: {:.3} ms, idle {:.3} ms; slowest {:.3}, {:.3}",
            hanging.handed.count(),
            hanging.handed.median_ms(),
            idle.handed.median_ms(),
            hanging.handed.quantile_ms(1.0),
            idle.handed.quantile_ms(1.0),
        ),
    );
}

fn rotate(world: &World) -> Child {
    let mut rotate = world.patctl(["rotate", CONNECTION]);
    rotate.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    rotate.spawn().expect("patctl starts")
}

/// What hand-outs took, and the echo in turn with them.
#[derive(Default)]
struct HandOuts {
    handed: Sample,
    echo: Sample,
}

/// Asks four clients long, and on while it is said to go on.
fn hand_outs(echo: &Echo, daemon: &Path, goes_on: impl Fn() -> bool) -> HandOuts {
    let mut taken = HandOuts::default();
    for client in 0.. {
        if client >= 4 && !goes_on() {
            break;
        }
        for pair in client::pairs(echo.socket(), daemon) {
            taken.handed.add(pair.handed);
            taken.echo.add(pair.echo);
        }
    }
    taken
}

/// Returns how many statements there were since.
fn asked(world: &World, since: usize) -> usize {
    world.sim.queries().len() - since
}

/// Returns how many tokens were added since, as the simulator's records have it.
fn added(world: &World, since: usize) -> usize {
    let records = world.sim.queries();
    let added = |record: &&QueryRecord| record.kind == StatementKind::AddPat;
    records.iter().skip(since).filter(added).count()
}

/// Returns whether every slot hands out its second secret. Asks ten times a second at the most: the answer is long.
fn rotated(world: &World, slots: usize) -> bool {
    std::thread::park_timeout(Duration::from_millis(100));
    let status = world.status();
    let rows = status["slots"].as_array().expect("slots");
    rows.iter().filter(|slot| slot["generation"].as_u64() >= Some(2)).count() >= slots
}
