//! A sweep over the calls of a rotation: each is met in a rotation of its own, several houses side by side.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use crate::{Act, Call, House, Outcome};

/// One rotation to come: what happens at which call.
pub type Case = (Call, Act);

/// What a sweep came to.
#[derive(Debug, Default)]
pub struct Tally {
    /// Cases whose call was met.
    pub hit: usize,
    /// Cases whose call was met in none of the attempts.
    pub missed: Vec<Case>,
    /// Cases of which the daemon died.
    pub died: usize,
    /// Cases whose rotation went to its end before the restart.
    pub done: usize,
    /// The longest time from a start to the first hand-out.
    pub longest_without_service: Duration,
}

/// Whether the sweeps are to be whole: `tests/run --long`.
pub fn is_long() -> bool {
    std::env::var_os("PAT_BROKER_LONG").is_some()
}

/// Records some rotations. Returns the calls of the first, and those that each of them had.
pub fn recorded(client: &'static Path) -> (Vec<String>, Vec<Call>) {
    let mut house = House::new(client);
    common((0..RECORDINGS).map(|_| house.record()).collect())
}

/// Returns the calls of the first run, and those that each of them had.
pub fn common(runs: Vec<Vec<String>>) -> (Vec<String>, Vec<Call>) {
    let common = numbered(&runs[0])
        .into_iter()
        .filter(|call| runs.iter().all(|run| count(run, &call.name) > call.before))
        .collect();
    (runs.into_iter().next().expect("there is one"), common)
}

/// Returns so many of the cases, evenly spread; all of them in the long mode.
pub fn sampled<T>(cases: Vec<T>, most: usize) -> Vec<T> {
    let length = cases.len();
    if is_long() || length <= most {
        return cases;
    }
    let is_chosen = |at: usize| at * most / length != (at + 1) * most / length;
    cases.into_iter().enumerate().filter(|(at, _)| is_chosen(*at)).map(|(_, case)| case).collect()
}

/// Meets each case in a rotation of its own, and demands each time that the daemon recovers.
pub fn sweep(client: &'static Path, cases: &[Case]) -> Tally {
    let (next, tally) = (AtomicUsize::new(0), Mutex::new(Tally::default()));
    let work = || {
        let mut house = House::new(client);
        while let Some(case) = cases.get(next.fetch_add(1, SeqCst)) {
            let _named = Named(case);
            let outcome = meet(&mut house, case, client);
            tally.lock().expect("nobody panicked with it").note(case, outcome);
        }
    };
    std::thread::scope(|scope| {
        // A crash and a recovery are mostly waiting.
        (0..AT_ONCE).for_each(|_| {
            scope.spawn(work);
        });
    });
    tally.into_inner().expect("nobody panicked with it")
}

/// Tries a few rotations: the numbering of a call may differ a little from one to the next, and a house that may
/// not rotate just now is left for a new one.
fn meet(house: &mut House, (call, act): &Case, client: &'static Path) -> Option<Outcome> {
    for _ in 0..ATTEMPTS {
        match house.suffer(call, *act) {
            Some(outcome) if outcome.is_hit => return Some(outcome),
            Some(_) => {}
            None => *house = House::new(client),
        }
    }
    None
}

impl Tally {
    fn note(&mut self, case: &Case, outcome: Option<Outcome>) {
        let Some(outcome) = outcome else {
            self.missed.push(case.clone());
            return;
        };
        self.hit += 1;
        self.died += usize::from(outcome.has_died);
        self.done += usize::from(outcome.is_done);
        self.longest_without_service = self.longest_without_service.max(outcome.without_service);
    }
}

fn numbered(run: &[String]) -> Vec<Call> {
    let mut met = HashMap::new();
    run.iter()
        .map(|name| {
            let count: &mut u32 = met.entry(name).or_default();
            *count += 1;
            Call { name: name.clone(), before: *count - 1 }
        })
        .collect()
}

fn count(run: &[String], name: &str) -> u32 {
    let count = run.iter().filter(|met| *met == name).count();
    u32::try_from(count).expect("a count fits")
}

/// Says what was tried when it goes wrong: a failed demand knows only the demand.
struct Named<'a>(&'a Case);

impl Drop for Named<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("that was {:?} at {:?}", self.0.1, self.0.0);
        }
    }
}

const RECORDINGS: usize = 3;
const ATTEMPTS: usize = 4;
/// Returns how many benches there are side by side: a recovery is mostly waiting, but a bench takes its time to make.
pub fn benches() -> usize {
    if is_long() { AT_ONCE } else { AT_ONCE / 2 }
}

const AT_ONCE: usize = 6;
