//! kill -9 of a process that writes, at any moment: the next start has every acknowledged change, and of the
//! one in progress all or nothing.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use super::*;

/// What the writer does as its n-th change: mostly a rotation, now and then a removal.
fn change(store: &impl Store, n: u64) {
    let id = slot(USERS[(n % 3) as usize]);
    if n % 11 == 10 {
        return store.remove(&id).unwrap();
    }
    let known = store.slots().unwrap().get(&id).and_then(|state| state.serving.clone());
    let generations =
        known.map(|held| held.generation.0).into_iter().chain([n]).collect::<Vec<_>>();
    put(store, &id, &holding(&generations), n);
}

/// Both roles of one test: the parent starts this same test again as the writer, with the folder's name.
#[test]
fn a_kill_at_any_moment_loses_nothing_that_was_acknowledged() {
    if let Some(dir) = std::env::var_os(WRITER) {
        return write_until_killed(Path::new(&dir));
    }
    let world = World::marked();
    let mut done = 0;
    for round in 0..30_u64 {
        // From "while it opens" to "in the middle of its work".
        let patience = [0, 0, 1, 2, 3, 5, 8, 13][round as usize % 8];
        let acknowledged = run_and_kill(&world, done, patience);

        // Kills that interrupt a write are repaired; that is what the files are for.
        let store = world.try_open().unwrap().store;
        let now = told(&store);
        let possible = [acknowledged, acknowledged + 1].map(after);
        let place = possible.iter().position(|told| *told == now);
        done = acknowledged
            + place.unwrap_or_else(|| {
                panic!(
                    "round {round}: neither the state after \
            change {acknowledged} nor after the next"
                )
            }) as u64;
    }
    assert!(done > 50, "only {done} changes: the test tries nothing");
}

/// What must be there after so many changes, by the model.
fn after(changes: u64) -> Told {
    let model = model::Model::new();
    (1..=changes).for_each(|n| change(&model, n));
    told(&model)
}

/// Starts a writer that goes on after `done` changes, kills it after so many more; returns which one it
/// said was done last.
fn run_and_kill(world: &World, done: u64, patience: u64) -> u64 {
    let mut writer = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", NAME, "--nocapture", "--test-threads=1"])
        .env(WRITER, world.dir())
        .env(DONE, done.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut acknowledged = done;
    let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines();
    let mut opening = false;
    while !opening || acknowledged < done + patience {
        let line = lines.next().expect("the writer ended by itself").unwrap();
        opening |= line.ends_with("opening");
        acknowledged = said_done(&line).unwrap_or(acknowledged);
    }
    writer.kill().unwrap();
    writer.wait().unwrap();
    let rest = lines.map_while(Result::ok);
    rest.filter_map(|line| said_done(&line)).last().unwrap_or(acknowledged)
}

/// Returns the number of the change that the writer says is done.
fn said_done(line: &str) -> Option<u64> {
    line.strip_prefix("done ")?.parse().ok()
}

/// Says "opening", and after each change that it is done.
fn write_until_killed(dir: &Path) {
    let done: u64 = std::env::var(DONE).unwrap().parse().unwrap();
    println!("opening");
    let store = open(dir, root_key(), NOW).unwrap().store;
    for n in done + 1.. {
        change(&store, n);
        println!("done {n}");
    }
}

const WRITER: &str = "PATD_TEST_STORE_WRITER";
const DONE: &str = "PATD_TEST_STORE_DONE";
const NAME: &str = "store::tests::kill::a_kill_at_any_moment_loses_nothing_that_was_acknowledged";
