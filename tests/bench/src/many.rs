//! 10,000 slots for which nothing is due: what a tick costs, and what a slot weighs. Their state is written into the
//! store directly: each with a token that has a long life before it, and that nobody asks Snowflake about meanwhile.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread::park_timeout;
use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};
use pat_wire::places::Places;
use pat_wire::secret::Secret;
use patd::clock::Clock;
use patd::flags::Flags;
use patd::house::House;
use patd::serving;
use patd::store::{self, Store};
use patd_config::Config;
use patd_core::lifecycle::lineage::Lineage;
use patd_core::lifecycle::{Held, Slot};
use patd_core::names::{Generation, IntentId, SlotId};
use patd_core::time::Timestamp;
use world::{Binaries, World, own_name};

use crate::footprint::{entry, resident_kib};
use crate::report::Report;
use crate::sample::Sample;

const SLOTS: usize = 10_000;
const TICKS: usize = 30;
/// Long enough for all that a tick sets in motion.
const SETTLED: Duration = Duration::from_millis(100);

/// Measures both.
pub fn measure(programs: &Binaries, report: &mut Report) {
    let mut one = seeded(programs, 1);
    let mut all = seeded(programs, SLOTS);
    weight(&mut one, &mut all, report);
    tick(&all, report);
}

/// The real daemon with all of them, and with one.
fn weight(one: &mut World, all: &mut World, report: &mut Report) {
    let resident = |world: &mut World| {
        world.start();
        let resident = resident_kib(world);
        let served = world.status()["slots"].as_array().map_or(0, Vec::len);
        world.stop();
        (served, resident)
    };
    let (few, with_one) = resident(one);
    let (many, with_all) = resident(all);
    assert_eq!((few, many), (1, SLOTS));
    let each = (with_all - with_one) / (SLOTS - 1) as f64;
    report.at_most(
        "a slot for which nothing is due",
        each,
        2.0,
        "KiB",
        format!(
            "VmRSS {:.1} MiB with {SLOTS} slots, {:.1} MiB with one",
            with_all / 1024.0,
            with_one / 1024.0
        ),
    );
}

/// A tick of a daemon in this process, whose clock stands: all that it sets in motion counts, on all cores.
fn tick(world: &World, report: &mut Report) {
    let flags = flags(world);
    let config = config(world);
    let wall = Clock::kernel().read().wall;
    let furniture = serving::furnish(&flags, config, Arc::new(Clock::manual(wall)));
    let furniture = furniture.expect("the daemon opens");
    let runtime = serving::runtime().expect("a runtime");
    let served = runtime.block_on(serving::serve(furniture, async |house| {
        house.slots.begin();
        let house = house.clone();
        let measuring = tokio::task::spawn_blocking(move || ticks(&house));
        let (cost, call) = measuring.await.expect("the measuring ends");
        report.at_most(
            "a tick of 10,000 slots, nothing due",
            cost.median_ms(),
            5.0,
            "ms",
            format!(
                "of CPU time, medians of {TICKS}, idle time taken off; the call itself {:.2} ms",
                call.median_ms()
            ),
        );
        Ok(())
    }));
    served.expect("the daemon serves");
}

/// Returns what ticks cost on all cores, and how long the calls took.
fn ticks(house: &House) -> (Sample, Sample) {
    while spent(|| park_timeout(SETTLED)) > SETTLED / 20 {}
    let (mut cost, mut call) = (Sample::default(), Sample::default());
    for _ in 0..TICKS {
        let idle = spent(|| park_timeout(SETTLED));
        let with_tick = spent(|| {
            let began = Instant::now();
            house.slots.tick();
            house.watching.ring();
            call.add(began.elapsed());
            park_timeout(SETTLED);
        });
        cost.add(with_tick.saturating_sub(idle));
    }
    (cost, call)
}

/// Returns the time that this process took of all cores meanwhile.
fn spent(meanwhile: impl FnOnce()) -> Duration {
    let now = || Duration::from(clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).expect("a clock"));
    let before = now();
    meanwhile();
    now().saturating_sub(before)
}

/// A configured world whose store has a token for each slot, in memory: the disk is not what is measured.
fn seeded(programs: &Binaries, slots: usize) -> World {
    let world = World::builder().programs(programs.clone()).below("/dev/shm").prepare();
    world.initialise().expect("patctl init works");
    world.register(&own_name(), &[]).expect("patctl add works");
    (1..slots).for_each(|number| entry(&world, number));
    let config = config(&world);
    let root = patd_keys::read_root(&config.root_key, None).expect("the root key");
    let now = Timestamp(Clock::kernel().read().wall);
    let store = store::open(&world.state(), root, now).expect("the store opens").store;
    let ids: BTreeSet<&SlotId> = config.slots.keys().collect();
    for id in ids {
        let slot = serving_slot(&store, &config, id, now);
        let secret = Secret::new(format!("simpat_{}", "x".repeat(200)));
        store.put(id, &slot, Some((Generation(1), &secret))).expect("the state is stored");
    }
    world
}

fn serving_slot(store: &impl Store, config: &Config, id: &SlotId, now: Timestamp) -> Slot {
    const DAY: i64 = 86_400;
    let host = store.host().clone();
    let intent = IntentId::new("0a1b2c");
    let lineage = Lineage { host: host.clone(), generation: Generation(1), intent };
    let mut slot = Slot::new(host);
    slot.last_generation = Generation(1);
    slot.due_at = Some(now.plus(3 * DAY));
    slot.serving = Some(Held {
        generation: Generation(1),
        name: lineage.name(),
        role: config.slots[id].role.clone(),
        issued_at: now,
        expires_at: now.plus(7 * DAY),
    });
    slot
}

fn config(world: &World) -> Config {
    patd_config::load(&world.config()).unwrap_or_else(|faults| panic!("{faults}"))
}

fn flags(world: &World) -> Flags {
    let run = Places::of_run(&world.run()).expect("a folder with a name");
    let (config, state) = (world.config(), world.state());
    Flags { config, state, run, check: false }
}
