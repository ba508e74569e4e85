//! A hand-out over a fresh connection, everything included, against the bare echo: the same client bytes, in turn.

use world::{Binaries, World};

use crate::client::{self, PAIRS};
use crate::echo::Echo;
use crate::report::Report;
use crate::sample::Sample;

const ROUNDS: usize = 1000;

/// Measures the ratio of medians.
pub fn measure(programs: &Binaries, report: &mut Report) {
    let mut world = World::builder().programs(programs.clone()).build();
    world.start();
    let mut strict = World::builder().programs(programs.clone()).build();
    let main = strict.config().join("patd.toml");
    let text = std::fs::read_to_string(&main).expect("a configuration");
    std::fs::write(&main, format!("audit = \"strict\"\n{text}")).expect("it is written");
    strict.start();
    let echo = Echo::start(&world.folder().join("echo.sock"));
    let _warm = client::pairs(echo.socket(), &world.socket());
    let _warm = client::pairs(echo.socket(), &strict.socket());
    let (mut bare, mut handed, mut synced) =
        (Sample::default(), Sample::default(), Sample::default());
    for _ in 0..ROUNDS / PAIRS {
        for pair in client::pairs(echo.socket(), &world.socket()) {
            bare.add(pair.echo);
            handed.add(pair.handed);
        }
        for pair in client::pairs(echo.socket(), &strict.socket()) {
            bare.add(pair.echo);
            synced.add(pair.handed);
        }
    }
    report.at_most(
        "hand-out over a bare echo",
        handed.median_ms() / bare.median_ms(),
        2.5,
        "times",
        format!(
            "medians of {}: echo {:.3} ms, hand-out {:.3} ms (p99 {:.3}); with audit = \"strict\" {:.3} ms (p99 {:.3})",
            handed.count(),
            bare.median_ms(),
            handed.median_ms(),
            handed.quantile_ms(0.99),
            synced.median_ms(),
            synced.quantile_ms(0.99),
        ),
    );
}
