//! Every byte of every file turned over, and every length it may be cut to (a sample outside of the long mode): with
//! the other copy whole nothing is lost; without it the start is refused. Never another secret, never a panic.

use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use super::super::Repair;
use super::*;

/// What is done to a file.
#[derive(Clone, Copy, Debug)]
enum Harm {
    Flip(usize),
    Cut(usize),
}

impl Harm {
    fn inflict(self, file: &Path) {
        edit(file, |bytes| match self {
            // Each byte once, and over the bytes each of its bits.
            Self::Flip(at) => bytes[at] ^= 1 << (at % 8),
            Self::Cut(at) => bytes.truncate(at),
        });
    }
}

/// How often what came of it.
#[derive(Debug, Default)]
struct Tally {
    unnoticed: usize,
    repaired: usize,
    set_aside: usize,
    refused: usize,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { unnoticed, repaired, set_aside, refused } = self;
        let all = unnoticed + repaired + set_aside + refused;
        write!(
            f,
            "{all:6} | {unnoticed:6} unnoticed | {repaired:6} repaired | \
             {set_aside:6} sled set aside | {refused:6} refused"
        )
    }
}

/// A closed store with one slot that was written a few times: small, and all of it in use.
fn small() -> (World, Told) {
    let world = World::marked();
    let store = world.open();
    for generation in 1..=2 {
        put(&store, &slot("MIGUEL_CLI"), &holding(&[generation]), generation);
    }
    let told = told(&store);
    drop(store);
    // sled takes a snapshot of itself when it is opened again.
    drop(world.open());
    (world, told)
}

/// All harms of a file's used bytes; so many of them, evenly spread, outside of the long mode.
fn harms(file: &Path, quick: usize) -> Vec<Harm> {
    let bytes = fs::read(file).unwrap();
    let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1);
    let all: Vec<Harm> = (0..used).map(Harm::Flip).chain((0..used).map(Harm::Cut)).collect();
    let most = if std::env::var_os("PAT_BROKER_LONG").is_some() { all.len() } else { quick };
    let wanted = most.min(all.len());
    (0..wanted).map(|at| all[at * all.len() / wanted]).collect()
}

/// Does each harm to a copy of its own, and counts what an opening makes of it.
fn try_all(harms: &[Harm], try_one: impl Fn(Harm, &mut Tally) + Sync) -> Tally {
    let (next, tally) = (AtomicUsize::new(0), Mutex::new(Tally::default()));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(harm) = harms.get(next.fetch_add(1, SeqCst)) {
                    let mut one = Tally::default();
                    try_one(*harm, &mut one);
                    let mut tally = tally.lock().unwrap();
                    tally.unnoticed += one.unnoticed;
                    tally.repaired += one.repaired;
                    tally.set_aside += one.set_aside;
                    tally.refused += one.refused;
                }
            });
        }
    });
    tally.into_inner().unwrap()
}

fn below(world: &World, file: &Path) -> PathBuf {
    file.strip_prefix(world.dir()).unwrap().to_owned()
}

#[test]
fn no_byte_and_no_length_of_any_one_file_costs_a_slot_or_gives_another_secret() {
    let (world, expected) = small();
    for file in files_below(&world.dir()) {
        let name = below(&world, &file);
        let tally = try_all(&harms(&file, 60), |harm, tally| {
            let copy = world.copy();
            harm.inflict(&copy.dir().join(&name));
            let case = format!("{harm:?} of {}", name.display());
            let report = copy.try_open().unwrap_or_else(|why| panic!("{case}: {why}"));
            assert_eq!(told(&report.store), expected, "{case}");
            assert_eq!(report.slots, report.store.slots().unwrap(), "{case}");
            let is_aside = |repair: &Repair| matches!(repair, Repair::SledSetAside { .. });
            match report.repairs.as_slice() {
                [] => tally.unnoticed += 1,
                repairs if repairs.iter().any(is_aside) => tally.set_aside += 1,
                _ => tally.repaired += 1,
            }
        });
        println!("{:40.40} | {tally}", name.display().to_string());
        let is_sealed = name.extension().is_some_and(|ending| ending == "sealed");
        assert!(!is_sealed || tally.unnoticed == 0, "a sealed file is whole or not: {tally}");
    }
}

#[test]
fn without_the_other_copy_every_byte_and_length_of_a_sealed_file_is_refused() {
    let (world, _) = small();
    fs::remove_dir_all(world.dir().join("sled")).unwrap();
    let files = files_below(&world.dir());
    for file in files.iter().filter(|file| file.extension().is_some_and(|end| end == "sealed")) {
        let name = below(&world, file);
        let tally = try_all(&harms(file, 120), |harm, tally| {
            let copy = world.copy();
            harm.inflict(&copy.dir().join(&name));
            let before = bytes_below(&copy.dir());
            let refusal = copy.refusal();
            let is_clear = matches!(refusal, OpenError::Lost { .. })
                && refusal.to_string().contains("patctl rebuild");
            assert!(is_clear, "{harm:?} of {}: {refusal}", name.display());
            assert!(bytes_below(&copy.dir()) == before, "a refusal changes nothing");
            tally.refused += 1;
        });
        println!("{:40.40} | {tally} (without sled)", name.display().to_string());
    }
}
