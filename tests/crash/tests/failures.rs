//! The system says no once, at any call of one rotation: the disk fails, is full, or a signal comes between. The old
//! secret or a new one is served after the next start, and Snowflake is left no token that nobody has.

use std::path::Path;

use crash::{Act, Case, is_long, recorded, sampled, sweep};
use nix::errno::Errno;

#[test]
fn a_call_of_a_rotation_that_fails_once_costs_no_secret_and_leaves_no_orphan() {
    let (_run, common) = recorded(client());
    let whys = [Errno::EIO, Errno::ENOSPC, Errno::EINTR];
    let all: Vec<Case> =
        common.iter().flat_map(|call| whys.map(|why| (call.clone(), Act::Fail(why)))).collect();
    let whole = all.len();
    let cases = sampled(all, QUICK);
    let tally = sweep(client(), &cases);

    println!(
        "{} of {whole} failures ({whys:?} at {} calls that come each time){}: {} hit, {} missed; \
         {} rotations went to their end all the same, {} daemons ended; at most {:?} from a start to a secret",
        cases.len(),
        common.len(),
        if is_long() { "" } else { ", a sample" },
        tally.hit,
        tally.missed.len(),
        tally.done,
        tally.died,
        tally.longest_without_service,
    );
    assert!(tally.missed.is_empty(), "never met: {:?}", tally.missed);
    assert_eq!(tally.died, 0, "a daemon whose call fails goes on");
}

fn client() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_crash-client"))
}

/// How many failures there are outside of the long mode.
const QUICK: usize = 50;
