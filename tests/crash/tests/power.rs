//! P2 at the plug: the power is cut before every call of a first start, a rotation and a revocation, and the disk shows
//! what was synced, with what was not lost, kept, torn or out of order. The next start serves without help, forgets
//! nothing that was handed out, sent or revoked, and leaves Snowflake no token that nobody has.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use crash::{Bench, Call, Cut, Life, Loss, Strategy, benches, calls, common, is_long, sampled};

#[test]
fn a_power_cut_in_a_first_issue_is_recovered_from_and_leaves_no_orphan() {
    cut_everywhere(Life::FirstIssue, Strategy::Add);
}

#[test]
fn a_power_cut_in_a_rotation_costs_no_secret_that_was_handed_out_and_leaves_no_orphan() {
    cut_everywhere(Life::Rotation, Strategy::Add);
}

#[test]
fn a_power_cut_in_a_rotation_under_the_name_that_stays_costs_no_secret_and_leaves_no_orphan() {
    cut_everywhere(Life::Rotation, Strategy::Rotate);
}

#[test]
fn a_power_cut_in_a_revocation_takes_nothing_back_that_was_said() {
    cut_everywhere(Life::Revocation, Strategy::Add);
}

fn cut_everywhere(life: Life, strategy: Strategy) {
    let start = Instant::now();
    let mut bench = Bench::new(client(), strategy);
    let (run, common) = common((0..RECORDINGS).map(|_| bench.record(life)).collect());
    println!("the {} calls of a {life:?} ({strategy:?}):\n{}", run.len(), calls(&run));
    assert!(common.len() * 10 >= run.len() * 8, "only {} of them come each time", common.len());
    let whole = common.len();
    let points = sampled(common, QUICK);
    let losses = losses(life, strategy);

    let tally = sweep(life, &points, &losses, (bench, strategy));

    println!(
        "{life:?} ({strategy:?}): {} power cuts before {} of {whole} calls{}, {} ways of losing what was not synced: {} different \
         folders, {} of them with a loss; {} starts repaired the store; {} cuts not met; at most {:?} from a start to a \
         secret; {:?}",
        tally.cuts.len(),
        points.len(),
        if is_long() { "" } else { ", a sample" },
        losses.len(),
        sum(&tally, |cut| cut.folders),
        sum(&tally, |cut| cut.with_loss),
        sum(&tally, |cut| cut.repairs.len()),
        tally.missed.len(),
        tally.cuts.iter().map(|cut| cut.without_service).max().unwrap_or(Duration::ZERO),
        start.elapsed(),
    );
    let repairs: BTreeSet<&String> = tally.cuts.iter().flat_map(|cut| &cut.repairs).collect();
    repairs.iter().for_each(|repair| println!("  repaired: {repair}"));
    assert!(tally.missed.is_empty(), "never met: {:?}", tally.missed);
    assert!(sum(&tally, |cut| cut.with_loss) > 0, "nothing was lost: the test cuts nothing");
}

#[derive(Default)]
struct Tally {
    cuts: Vec<Cut>,
    missed: Vec<Call>,
}

fn sweep(
    life: Life,
    points: &[Call],
    losses: &[Loss],
    (first, strategy): (Bench, Strategy),
) -> Tally {
    let (next, tally) = (AtomicUsize::new(0), Mutex::new(Tally::default()));
    let work = |mut bench: Bench| {
        while let Some(call) = points.get(next.fetch_add(1, SeqCst)) {
            let _named = Named(call);
            // The numbering of a call may differ a little from one life to the next.
            let cut = (0..ATTEMPTS).find_map(|_| bench.cut(life, call, losses));
            let mut tally = tally.lock().expect("nobody panicked with it");
            match cut {
                Some(cut) => tally.cuts.push(cut),
                None => tally.missed.push(call.clone()),
            }
        }
    };
    std::thread::scope(|scope| {
        let work = &work;
        (1..benches()).for_each(|_| {
            scope.spawn(move || work(Bench::new(client(), strategy)));
        });
        work(first);
    });
    tally.into_inner().expect("nobody panicked with it")
}

/// Each way once, and what goes by chance several times, in the long mode; some outside of it. The seeds are fixed.
/// A daemon that is killed in a usual rotation, no more, is in `kills.rs`.
fn losses(life: Life, strategy: Strategy) -> Vec<Loss> {
    let seeds = if is_long() { 0..4 } else { 0..1 };
    let by_chance = seeds.flat_map(|seed| [Loss::OutOfOrder(seed), Loss::Torn(seed)]);
    let is_elsewhere = (life, strategy) == (Life::Rotation, Strategy::Add);
    let nothing = (!is_elsewhere).then_some(Loss::Nothing);
    let by_rule: &[Loss] = match is_long() {
        true => &[Loss::Everything, Loss::Data, Loss::Names, Loss::Zeroed],
        false => &[Loss::Everything, Loss::Zeroed],
    };
    nothing.into_iter().chain(by_rule.iter().copied()).chain(by_chance).collect()
}

fn sum(tally: &Tally, count: impl Fn(&Cut) -> usize) -> usize {
    tally.cuts.iter().map(count).sum()
}

/// Says what was tried when it goes wrong: a failed demand knows only the demand.
struct Named<'a>(&'a Call);

impl Drop for Named<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("that was a cut before {:?}", self.0);
        }
    }
}

fn client() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_crash-client"))
}

const RECORDINGS: usize = 3;
const ATTEMPTS: usize = 4;
/// How many points of each life there are outside of the long mode.
const QUICK: usize = 5;
