//! A disk that takes one copy of a record and refuses the other, while the daemon lives: what is refused changed nothing,
//! and what was taken is there, whichever copy it is in.

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{SigSet, Signal};

use super::super::{Repair, StoreError};
use super::*;

/// Lets no slot file be written, until it is undone: where each is written aside is something that does not go.
fn refuse_files(world: &World, ids: &[SlotId], store: &SealedStore) -> Vec<PathBuf> {
    let name = |id| {
        let key = store.vault.derived.record_key(id);
        key.iter().map(|byte| format!("{byte:02x}")).collect::<String>() + ".sealed.tmp"
    };
    let blocks: Vec<PathBuf> =
        ids.iter().map(|id| world.dir().join("slots").join(name(id))).collect();
    blocks.iter().for_each(|block| fs::create_dir(block).unwrap());
    blocks
}

#[test]
fn a_state_whose_file_cannot_be_written_leaves_the_state_before_with_all_its_secrets() {
    let (world, told_before) = World::with_slots();
    let store = world.open();
    let (id, new) = (slot("MIGUEL_CLI"), slot("NEW_CLI"));
    let state_before = told_before[&id].0.clone();

    let blocks = refuse_files(&world, &[id.clone(), new.clone()], &store);
    for (id, state) in [(&id, holding(&[])), (&new, holding(&[]))] {
        let refused = store.put(id, &state, None).unwrap_err();
        assert!(matches!(refused, StoreError::Io { .. }), "{refused}");
        assert_eq!(told(&store), told_before, "what was refused changed nothing");
    }
    blocks.iter().for_each(|block| fs::remove_dir(block).unwrap());

    store.put(&id, &state_before, None).unwrap();
    assert_eq!(told(&store), told_before, "and the state before may be put again");
    store.put(&new, &holding(&[]), None).unwrap();
    let told_now = told(&store);
    drop(store);
    assert_eq!(told(&world.open()), told_now);
}

#[test]
fn what_sled_alone_refuses_is_in_force_and_outlives_a_restart() {
    if let Some(dir) = std::env::var_os(INSIDE) {
        return fill_sled(Path::new(&dir));
    }
    let (world, _) = World::with_slots();

    run_alone(&world, NAME, INSIDE);

    let told = told(&world.try_open().unwrap().store);
    assert_eq!(told[&slot("MIGUEL_CLI")].0, holding(&[7]), "put while sled refused");
    assert_eq!(told[&slot("ETL_CLI")].0, holding(&[]), "the same");
}

/// Below the limit is the file of a slot, and nothing of sled's.
fn fill_sled(dir: &Path) {
    SigSet::from(Signal::SIGXFSZ).thread_block().unwrap();
    let store = open(dir, root_key(), NOW).unwrap().store;
    let (_, hard) = getrlimit(Resource::RLIMIT_FSIZE).unwrap();
    let (id, other) = (slot("MIGUEL_CLI"), slot("ETL_CLI"));

    setrlimit(Resource::RLIMIT_FSIZE, 4096, hard).unwrap();
    put(&store, &id, &holding(&[6, 7]), 7);
    store.put(&id, &holding(&[7]), None).unwrap();
    store.put(&other, &holding(&[]), None).unwrap();
    let told_meanwhile = told(&store);
    let repairs = store.repairs();
    setrlimit(Resource::RLIMIT_FSIZE, hard, hard).unwrap();

    assert_eq!(told_meanwhile[&id].0, holding(&[7]));
    assert_eq!(told_meanwhile[&id].1[&7], secret_of(&id, 7));
    assert_eq!(told_meanwhile[&other].0, holding(&[]));
    let is_said = |repair: &Repair| matches!(repair, Repair::SledClosed { .. });
    assert!(repairs.iter().any(is_said), "a person hears that one copy is behind: {repairs:?}");
    assert_eq!(told(&store), told_meanwhile, "and it heals by itself");
    assert!(store.sled.read().unwrap().is_some(), "sled is open again");
    assert!(!dir.join("sled.damaged-1").exists(), "a full disk is no damage");
}

#[test]
fn a_crash_between_the_file_and_sled_is_no_damage_and_the_newer_one_is_believed() {
    let (world, _) = World::with_slots();
    let before = world.copy();
    for id in [slot("MIGUEL_CLI"), slot("NEW_CLI")] {
        let world = before.copy();
        world.open().put(&id, &holding(&[]), None).unwrap();
        let told_now = told(&world.open());
        // The file was written; neither sled nor the list was.
        fs::remove_dir_all(world.dir().join("sled")).unwrap();
        copy_tree(&before.dir().join("sled"), &world.dir().join("sled"));
        fs::copy(before.dir().join("meta.sealed"), world.dir().join("meta.sealed")).unwrap();

        let report = world.try_open().unwrap();

        assert_eq!(told(&report.store), told_now);
        assert_eq!(report.repairs, [Repair::LastRestored(id)]);
        assert!(report.repairs.iter().all(|repair| !repair.is_damage()));
    }
}

const INSIDE: &str = "PATD_TEST_STORE_HALF_DONE";
const NAME: &str =
    "store::tests::half_done::what_sled_alone_refuses_is_in_force_and_outlives_a_restart";
