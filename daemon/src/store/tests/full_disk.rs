//! A disk that is full is no damage: the write fails and says so, what was there stays, and it goes on when
//! there is room again. Tried with a limit on file sizes, in a process of its own.

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{SigSet, Signal};

use super::super::StoreError;
use super::*;

#[test]
fn a_full_disk_is_said_and_loses_nothing() {
    if let Some(dir) = std::env::var_os(INSIDE) {
        return fill_the_disk(Path::new(&dir));
    }
    let (world, _) = World::with_slots();

    run_alone(&world, NAME, INSIDE);

    let told = told(&world.open());
    assert_eq!(told[&slot("MIGUEL_CLI")].1[&99], secret_of(&slot("MIGUEL_CLI"), 99));
    assert!(!world.dir().join("sled.damaged-1").exists(), "a full disk is no damage");
}

fn fill_the_disk(dir: &Path) {
    // Over the limit a write fails with EFBIG, if the signal is held back.
    SigSet::from(Signal::SIGXFSZ).thread_block().unwrap();
    let store = open(dir, root_key(), NOW).unwrap().store;
    let told_before = told(&store);
    let (_, hard) = getrlimit(Resource::RLIMIT_FSIZE).unwrap();
    let big = Secret::new("simpat_".to_owned() + &"y".repeat(60_000));

    setrlimit(Resource::RLIMIT_FSIZE, 4096, hard).unwrap();
    let id = slot("MIGUEL_CLI");
    let refused = store.put(&id, &holding(&[98]), Some((Generation(98), &big))).unwrap_err();
    let told_while_full = told(&store);
    setrlimit(Resource::RLIMIT_FSIZE, hard, hard).unwrap();

    assert!(matches!(refused, StoreError::Io { .. } | StoreError::Unusable(_)), "{refused}");
    assert_eq!(told_while_full, told_before, "hand-out does not need room on the disk");
    assert_eq!(told(&store), told_before);
    put(&store, &id, &holding(&[99]), 99);
    assert_eq!(store.repairs(), [], "a full disk is no damage");
}

const INSIDE: &str = "PATD_TEST_STORE_FULL_DISK";
const NAME: &str = "store::tests::full_disk::a_full_disk_is_said_and_loses_nothing";
