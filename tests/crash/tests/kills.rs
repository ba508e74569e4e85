//! P2 at the system's edge: SIGKILL before and after every call of one rotation that writes, syncs, renames, creates,
//! removes or sends. The next start serves a secret that works, and leaves Snowflake no token that nobody has.

use std::path::Path;

use crash::{Act, Case, calls, is_long, recorded, sampled, sweep};

#[test]
fn killed_before_or_after_any_call_of_a_rotation_the_next_start_serves_and_leaves_no_orphan() {
    let (run, common) = recorded(client());
    println!("the {} calls of a rotation:\n{}", run.len(), calls(&run));
    assert!(common.len() * 10 >= run.len() * 9, "only {} of them come each time", common.len());

    let all: Vec<Case> = common
        .iter()
        .flat_map(|call| [(call.clone(), Act::KillBefore), (call.clone(), Act::KillAfter)])
        .collect();
    let whole = all.len();
    let cases = sampled(all, QUICK);
    let tally = sweep(client(), &cases);

    println!(
        "{} of {whole} kills (before and after {} calls that come each time){}: {} hit, {} missed; \
         at most {:?} from a start to a secret",
        cases.len(),
        common.len(),
        if is_long() { "" } else { ", a sample" },
        tally.hit,
        tally.missed.len(),
        tally.longest_without_service,
    );
    assert!(tally.missed.is_empty(), "never met: {:?}", tally.missed);
    assert_eq!(tally.died, cases.len(), "each that was met died of it");
}

fn client() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_crash-client"))
}

/// How many kills there are outside of the long mode.
const QUICK: usize = 56;
