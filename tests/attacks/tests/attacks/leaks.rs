//! Secrets after a panic: the daemon breaks off at each place where it has a secret in its hands, with the most talkative
//! log there is, and then every place is searched where a secret could have come to (SECURITY.md: secrets are a type).

use std::process::Command;
use std::time::Duration;

use attacks::{Attempt, CONNECTION, Ground, Table, body, program};
use snowflake_sim::Options;
use world::leaks::{Leak, Scan};
use world::{Binaries, World, eventually, own_name, wait_at_most};

pub(crate) fn try_all(_ground: &mut Ground, table: &mut Table) {
    for (number, (place, provoke)) in PLACES.into_iter().enumerate() {
        let options = Options { seed: 4_870 + number as u64, ..Options::default() };
        let mut world = World::builder().local_user(&own_name()).simulator(options).build();
        let patd = Binaries::find().patd_with_crash_points();
        let variables =
            [("PATD_PANIC_AT", place), ("RUST_LOG", "trace"), ("RUST_BACKTRACE", "full")];
        world.spawn_program(&patd, &variables);
        world.wait_until_ready();
        provoke(&world);
        let said = format!("crash point {place}");
        eventually("the panic is in the log", || {
            world.daemon().log_text().contains(&said).then_some(())
        });
        let served = wait_at_most(Duration::from_secs(30), || {
            Some(ask(&world)).filter(|asked| asked.has_succeeded)
        });
        let scan = Scan::of(&world);
        let leaks = scan.folder(world.folder(), &[world.keys()]);
        let alive = if world.daemon().ended().is_some() { "dead" } else { "alive" };
        let lives =
            if served.is_some() { "serves" } else { "serves no more until it is started again" };
        let control = planted(&world);
        table.defended(
            &format!("a panic at \"{place}\", RUST_LOG=trace, a full backtrace: a secret in a log, a file, an error"),
            Attempt::new(!leaks.is_empty() || alive == "dead", format!("{}; the daemon is {alive} and {lives}", told(&leaks))),
            control,
        );
    }
}

/// The same search, with a secret put where the log is.
fn planted(world: &World) -> Attempt {
    let secret = world.sim.secrets().into_iter().next().expect("a secret was made");
    let mut text = std::fs::read_to_string(world.log()).expect("a log");
    text.push_str(&secret);
    let found = Scan::of(world).bytes("a canary in the log", text.as_bytes());
    Attempt::new(!found.is_empty(), told(&found))
}

fn told(leaks: &[Leak]) -> String {
    match leaks {
        [] => "no secret is found".to_owned(),
        [first, rest @ ..] => format!("{first} and {} more", rest.len()),
    }
}

fn asks(world: &World) {
    ask(world);
}

/// The first secret is made at the start: that is occasion enough.
fn nothing(_world: &World) {}

fn ask(world: &World) -> Attempt {
    let mut knock = Command::new("/usr/bin/timeout");
    knock.arg("25").arg(program("knock")).arg("ask").arg(world.socket()).arg(body(CONNECTION[0]));
    Attempt::of_program(world, &knock.output().expect("it starts"))
}

type Provoke = fn(&World);

/// The places are named in the daemon's sources by `crash::at`.
const PLACES: [(&str, Provoke); 6] = [
    ("issue: minted", nothing),
    ("issue: sealing", nothing),
    ("issue: probing", nothing),
    ("hand-out: recorded", asks),
    ("hand-out: unsealed", asks),
    ("hand-out: encoded", asks),
];
