//! Damage of one file of the state folder, and of two, under the whole daemon: it serves the secret that was served, or
//! ends with 78 and says what to do. Never another secret, never a panic. Every byte of the store's own files is tried
//! in `daemon/src/store/tests/every_byte.rs`; here are the files beside it, and what the daemon makes of both, at places
//! that are spread over all of them (whole it would be hours), and it says over how many.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use crash::{Bench, Harm, Image, Start, Strategy, benches, is_long, sampled};

/// What is done to which files, one after the other.
type Case = Vec<(PathBuf, Harm)>;

#[test]
fn one_damaged_file_costs_no_secret() {
    let bench = Bench::new(client(), Strategy::Add);
    let per_file = if is_long() { 60 } else { 5 };
    let spread = places(&bench, per_file);
    let cases: Vec<Case> = harms(&bench, per_file).into_iter().map(|harm| vec![harm]).collect();

    let tally = try_all(bench, &cases);

    tally.print(&format!("one damaged file, {spread}"));
    assert_eq!(tally.refused(), 0, "every file has another copy, or can be done without");
}

#[test]
fn two_damaged_files_cost_a_start_at_most_and_never_the_wrong_secret() {
    let bench = Bench::new(client(), Strategy::Add);
    let store = |file: &Path| !file.starts_with("audit") && !file.ends_with("leases.jsonl");
    let per_file = if is_long() { 6 } else { 3 };
    let (spread, harms) = (places(&bench, per_file), harms(&bench, per_file));
    let of_store: Vec<_> = harms.into_iter().filter(|(file, _)| store(file)).collect();
    let pairs = of_store.iter().flat_map(|one| of_store.iter().map(move |other| (one, other)));
    let pairs = pairs.filter(|(one, other)| one.0 < other.0);
    let cases: Vec<Case> = pairs.map(|(one, other)| vec![one.clone(), other.clone()]).collect();
    let all = cases.len();
    let cases = sampled(cases, 16);
    let tried = cases.len();

    let tally = try_all(bench, &cases);

    tally.print(&format!("two damaged files, {tried} of {all} pairs: {spread}"));
    assert!(tally.refused() > 0, "both copies were hit, and nobody noticed");
}

/// Says how much of the whole so many harms of each file are: every byte of the store's own files is tried elsewhere.
fn places(bench: &Bench, per_file: usize) -> String {
    let all: usize = bench.files().iter().map(|file| written(bench, file).len() * 2).sum();
    format!("{per_file} of each file, evenly spread over {all} bytes and lengths")
}

/// So many harms of each file, evenly spread over its bytes and lengths.
fn harms(bench: &Bench, per_file: usize) -> Vec<(PathBuf, Harm)> {
    let of = |file: PathBuf| {
        let all = Harm::all(written(bench, &file));
        let spread = |at: usize| at * all.len() / per_file.min(all.len());
        let chosen: Vec<Harm> = (0..per_file.min(all.len())).map(|at| all[spread(at)]).collect();
        chosen.into_iter().map(move |harm| (file.clone(), harm))
    };
    bench.files().into_iter().flat_map(of).collect()
}

/// Behind what was written, the log of the database has zeros.
fn written<'a>(bench: &'a Bench, file: &Path) -> &'a [u8] {
    let bytes = bench.serving_folder()[file].as_deref().expect("a file");
    let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1);
    &bytes[..used]
}

/// Counts by the files that were damaged.
#[derive(Default)]
struct Tally(BTreeMap<Vec<PathBuf>, Counts>);

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    unnoticed: usize,
    repaired: usize,
    refused: usize,
}

fn try_all(first: Bench, cases: &[Case]) -> Tally {
    let (next, tally) = (AtomicUsize::new(0), Mutex::new(Tally::default()));
    let work = |mut bench: Bench| {
        while let Some(case) = cases.get(next.fetch_add(1, SeqCst)) {
            let _named = Named(case);
            let start = start(&mut bench, case);
            tally.lock().expect("nobody panicked with it").note(case, &start);
        }
    };
    std::thread::scope(|scope| {
        let work = &work;
        (1..benches()).for_each(|_| {
            scope.spawn(move || work(Bench::new(client(), Strategy::Add)));
        });
        work(first);
    });
    tally.into_inner().expect("nobody panicked with it")
}

/// Each bench has a store of its own: the same harm there, as far as its files are as long.
fn start(bench: &mut Bench, case: &Case) -> Start {
    let mut state = bench.serving_folder().clone();
    for (file, harm) in case {
        let file = counterpart(&state, file);
        let length = state[&file].as_ref().expect("a file").len();
        let harm = match harm {
            Harm::Flip(at) => Harm::Flip((*at).min(length - 1)),
            Harm::Cut(at) => Harm::Cut((*at).min(length - 1)),
        };
        harm.inflict(&mut state, &file);
    }
    let start = bench.start_on(&state);
    match &start {
        Start::Served(_) => bench.start_again(),
        Start::Refused(code, said) => {
            assert_eq!(*code, Some(CONFIG), "it ended otherwise: {said}");
            let next_step = said.contains("patctl rebuild") || said.contains("restore the folder");
            assert!(next_step && !said.contains("panicked at"), "no next step: {said}");
        }
    }
    start
}

/// Names of records and snapshots differ from store to store.
fn counterpart(state: &Image, file: &Path) -> PathBuf {
    let (folder, ending) = (file.parent(), file.extension());
    let is_like = |path: &&PathBuf| match file.starts_with("slots") {
        true => path.parent() == folder && path.extension() == ending,
        false => path.parent() == folder && stem(path) == stem(file),
    };
    state.keys().find(is_like).expect("each store has such a file").clone()
}

fn stem(path: &Path) -> String {
    let name = path.file_name().expect("a name").to_string_lossy();
    name.split('.').next().expect("a first part").to_owned()
}

impl Tally {
    fn note(&mut self, case: &Case, start: &Start) {
        let kind = |file: &PathBuf| match file.starts_with("slots") {
            true => PathBuf::from("slots/#.sealed"),
            false => file.parent().expect("a folder").join(stem(file)),
        };
        let files = case.iter().map(|(file, _)| kind(file)).collect();
        let counts = self.0.entry(files).or_default();
        match start {
            Start::Served(None) => counts.unnoticed += 1,
            Start::Served(Some(_)) => counts.repaired += 1,
            Start::Refused(..) => counts.refused += 1,
        }
    }

    fn refused(&self) -> usize {
        self.0.values().map(|counts| counts.refused).sum()
    }

    fn print(&self, title: &str) {
        println!(
            "{title}: which | starts | without an alarm | repaired, with one | refused with 78"
        );
        for (files, Counts { unnoticed, repaired, refused }) in &self.0 {
            let names: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
            let all = unnoticed + repaired + refused;
            println!("  {} | {all} | {unnoticed} | {repaired} | {refused}", names.join(" + "));
        }
    }
}

/// Says what was tried when it goes wrong: a failed demand knows only the demand.
struct Named<'a>(&'a Case);

impl Drop for Named<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("that was {:?}", self.0);
        }
    }
}

fn client() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_crash-client"))
}

/// EX_CONFIG of sysexits.h.
const CONFIG: i32 = 78;
