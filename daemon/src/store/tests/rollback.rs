//! Old copies put back in place of newer ones, and crashes between the writes of one change.

use super::super::Repair;
use super::*;

#[test]
fn a_rolled_back_slot_file_does_not_win_over_sled() {
    let (world, _) = World::with_slots();
    let file = world.slot_files().remove(0);
    let old = fs::read(&file).unwrap();
    let told_now = rotate_all(&world);
    fs::write(&file, old).unwrap();

    let report = world.try_open().unwrap();

    assert!(matches!(report.repairs.as_slice(), [Repair::FileRewritten { .. }]));
    assert_eq!(told(&report.store), told_now);
}

#[test]
fn a_rolled_back_sled_does_not_win_over_the_slot_files() {
    let (world, _) = World::with_slots();
    let old = world.copy();
    let store = world.open();
    put(&store, &slot("NEW_CLI"), &holding(&[1]), 1);
    store.remove(&slot("ETL_CLI")).unwrap();
    drop(store);
    let told_now = rotate_all(&world);
    put_back(&old, &world, "sled");

    let report = world.try_open().unwrap();

    assert_eq!(told(&report.store), told_now);
    assert!(report.repairs.iter().all(|repair| matches!(repair, Repair::RecordRestored(_))));
    assert_eq!(report.repairs.len(), 3);
    drop(report.store);
    assert_eq!(told(&world.open()), told_now);
}

#[test]
fn a_slot_whose_files_were_not_written_before_a_crash_is_not_lost() {
    let (world, _) = World::with_slots();
    let before = world.copy();
    put(&world.open(), &slot("NEW_CLI"), &holding(&[1]), 1);
    let told_now = told(&world.open());
    // As if sled had been written alone: neither the slot file nor meta.sealed was.
    put_back(&before, &world, "slots");
    put_back(&before, &world, "meta.sealed");

    let report = world.try_open().unwrap();

    assert_eq!(told(&report.store), told_now);
    assert!(report.repairs.iter().any(|repair| matches!(repair, Repair::FileRewritten { .. })));
    assert!(report.repairs.iter().any(|repair| matches!(repair, Repair::MetaRewritten { .. })));
    let damage: Vec<_> = report.repairs.iter().filter(|repair| repair.is_damage()).collect();
    assert!(damage.is_empty(), "a crash in the middle of a write is no damage: {damage:?}");
}

#[test]
fn a_slot_that_only_its_file_knows_is_adopted() {
    let (world, _) = World::with_slots();
    let before = world.copy();
    put(&world.open(), &slot("NEW_CLI"), &holding(&[1]), 1);
    let told_now = told(&world.open());
    // The crash came before meta.sealed was written, and then sled was lost.
    put_back(&before, &world, "meta.sealed");
    fs::remove_dir_all(world.dir().join("sled")).unwrap();

    let report = world.try_open().unwrap();

    assert_eq!(told(&report.store), told_now);
}

#[test]
fn a_removed_slot_does_not_come_back_with_its_file() {
    let (world, _) = World::with_slots();
    let before = world.copy();
    world.open().remove(&slot("ETL_CLI")).unwrap();
    put_back(&before, &world, "slots");

    let report = world.try_open().unwrap();

    assert_eq!(report.repairs, [Repair::LeftoverRemoved]);
    assert!(!told(&report.store).contains_key(&slot("ETL_CLI")));
    assert_eq!(world.slot_files().len(), 2);
}

#[test]
fn a_removed_slot_does_not_come_back_when_sled_is_lost_too() {
    let (world, _) = World::with_slots();
    let before = world.copy();
    world.open().remove(&slot("ETL_CLI")).unwrap();
    put_back(&before, &world, "slots");
    fs::remove_dir_all(world.dir().join("sled")).unwrap();

    let report = world.try_open().unwrap();

    assert_eq!(report.repairs, [Repair::SledMissing, Repair::LeftoverRemoved]);
    assert_eq!(told(&report.store).len(), 2);
}

#[test]
fn a_start_killed_between_its_steps_is_finished_by_the_next() {
    for lost in [&["sled"][..], &["sled", "slots"], &[]] {
        let world = World::marked();
        let host = world.open().host().clone();
        for name in lost {
            fs::remove_dir_all(world.dir().join(name)).unwrap();
        }
        fs::write(world.dir().join("new"), b"").unwrap();

        let store = world.open();

        assert_eq!(*store.host(), host);
        assert!(!world.dir().join("new").exists());
    }
}

#[test]
fn the_mark_of_a_first_start_does_not_hide_a_loss() {
    let (world, _) = World::with_slots();
    fs::remove_dir_all(world.dir().join("sled")).unwrap();
    fs::remove_dir_all(world.dir().join("slots")).unwrap();
    fs::write(world.dir().join("new"), b"").unwrap();

    assert!(matches!(world.refusal(), OpenError::Lost { .. }));
}

#[test]
fn data_keys_age_and_records_sealed_under_the_old_one_still_open() {
    let (world, told_before) = World::with_slots();
    let month_later = NOW.plus(31 * 24 * 3600);
    let reopen = |now| open(&world.dir(), root_key(), now).unwrap().store;

    let aged = reopen(month_later);
    assert_eq!(aged.vault.keyring.0.keys().copied().collect::<Vec<_>>(), [1, 2]);
    assert_eq!(told(&aged), told_before);
    for user in USERS {
        put(&aged, &slot(user), &holding(&[6, 7]), 7);
    }
    drop(aged);

    let unused = reopen(month_later);
    assert_eq!(unused.vault.keyring.0.keys().copied().collect::<Vec<_>>(), [2]);
    drop(unused);
    let earlier = reopen(Timestamp(0));
    assert_eq!(earlier.vault.keyring.0.len(), 1, "a clock that went back makes no keys");
}

fn rotate_all(world: &World) -> Told {
    let store = world.open();
    for (id, _) in told(&store) {
        let state = holding(&[8, 9]);
        put(&store, &id, &holding(&[8]), 8);
        put(&store, &id, &state, 9);
    }
    told(&store)
}

/// Puts a file or folder of an older copy in the place of the present one.
fn put_back(old: &World, world: &World, name: &str) {
    let (from, to) = (old.dir().join(name), world.dir().join(name));
    if to.is_dir() {
        fs::remove_dir_all(&to).unwrap();
        copy_tree(&from, &to);
    } else {
        fs::copy(&from, &to).unwrap();
    }
}
