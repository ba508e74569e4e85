//! Damage of every kind, and what the next start makes of it: all states and secrets, or a refusal that says
//! what to do. Never less, never something else.

use super::super::sled_file::SledFile;
use super::super::{Repair, StoreError};
use super::*;

/// Opens a damaged world, and demands that nothing is missing; returns what was repaired.
fn opens_whole(world: &World, told_before: &Told, case: &str) -> Vec<Repair> {
    let report = world.try_open().unwrap_or_else(|why| panic!("{case}: {why}"));
    assert_eq!(&told(&report.store), told_before, "{case}");
    assert_eq!(report.slots, report.store.slots().unwrap(), "{case}: told at once, and later");
    let repairs = report.repairs;
    drop(report.store);
    drop(world.open());
    repairs
}

fn set_aside(repairs: &[Repair]) -> bool {
    repairs.iter().any(|repair| matches!(repair, Repair::SledSetAside { .. }))
}

/// Demands that slot files were written again and nothing else; returns how many.
fn rewritten(repairs: &[Repair]) -> usize {
    let files = repairs.iter().filter(|repair| matches!(repair, Repair::FileRewritten { .. }));
    assert_eq!(files.count(), repairs.len(), "{repairs:?}");
    repairs.len()
}

/// Tries one damage of sled's log at many places; returns how often it was noticed.
fn damage_sled(damage: impl Fn(&mut Vec<u8>, usize)) -> usize {
    let (world, told) = World::with_slots();
    let len = fs::metadata(world.dir().join("sled/db")).unwrap().len() as usize;
    let used = fs::read(world.dir().join("sled/db")).unwrap();
    let used = used.iter().rposition(|byte| *byte != 0).unwrap().min(len);
    let places = (0..24).map(|n| n * used / 24 + 17);
    places
        .filter(|place| {
            let copy = world.copy();
            edit(&copy.dir().join("sled/db"), |bytes| damage(bytes, *place));
            !opens_whole(&copy, &told, &format!("at {place}")).is_empty()
        })
        .count()
}

#[test]
fn a_flipped_bit_in_sled_loses_nothing() {
    let found = damage_sled(|bytes, place| bytes[place] ^= 0x10);

    assert!(found > 0, "no flip was noticed: the test damages nothing");
}

#[test]
fn a_zeroed_block_in_sled_loses_nothing() {
    let found = damage_sled(|bytes, place| {
        let end = bytes.len().min(place + 4096);
        bytes[place..end].fill(0);
    });

    assert!(found > 0, "no block was missed: the test damages nothing");
}

#[test]
fn a_cut_off_sled_loses_nothing() {
    let found = damage_sled(|bytes, place| bytes.truncate(place));

    assert!(found > 0, "no cut was noticed: the test damages nothing");
}

#[test]
fn a_half_written_snapshot_of_a_killed_start_is_no_damage() {
    let (world, told) = World::with_slots();
    for bytes in [&b""[..], b"garbage"] {
        fs::write(world.dir().join("sled/snap.0.generating"), bytes).unwrap();
        make_private(&world.dir().join("sled/snap.0.generating"));

        assert_eq!(opens_whole(&world, &told, "planted snapshot"), []);
    }
}

#[test]
fn a_lost_sled_folder_is_rebuilt_from_the_slot_files() {
    let (world, told) = World::with_slots();
    fs::remove_dir_all(world.dir().join("sled")).unwrap();

    assert_eq!(opens_whole(&world, &told, "lost sled"), [Repair::SledMissing]);
}

#[test]
fn an_emptied_sled_folder_is_rebuilt_from_the_slot_files() {
    let (world, told) = World::with_slots();
    for file in files_below(&world.dir().join("sled")) {
        fs::remove_file(file).unwrap();
    }

    assert_eq!(opens_whole(&world, &told, "emptied sled"), [Repair::SledMissing]);
}

#[test]
fn lost_slot_files_are_written_again_from_sled() {
    let (world, told) = World::with_slots();
    fs::remove_dir_all(world.dir().join("slots")).unwrap();

    let repairs = opens_whole(&world, &told, "lost slot files");

    assert_eq!(rewritten(&repairs), USERS.len());
    assert_eq!(world.slot_files().len(), USERS.len());
}

#[test]
fn any_flipped_bit_of_a_slot_file_is_found_and_put_right() {
    let (world, told) = World::with_slots();
    let file = world.slot_files().remove(0);
    let whole = fs::read(&file).unwrap();
    for place in (0..whole.len()).step_by(whole.len() / 40) {
        edit(&file, |bytes| bytes[place] ^= 1);

        let repairs = opens_whole(&world, &told, &format!("byte {place}"));

        assert_eq!(rewritten(&repairs), 1);
        assert_eq!(fs::read(&file).unwrap(), whole);
    }
}

#[test]
fn any_flipped_bit_of_the_meta_file_is_found_and_put_right() {
    let (world, told) = World::with_slots();
    let file = world.dir().join("meta.sealed");
    let len = fs::read(&file).unwrap().len();
    for place in 0..len {
        edit(&file, |bytes| bytes[place] ^= 1);

        let repairs = opens_whole(&world, &told, &format!("byte {place}"));

        assert!(matches!(repairs.as_slice(), [Repair::MetaRewritten { .. }]), "{repairs:?}");
        assert!(repairs[0].is_damage());
    }
}

#[test]
fn a_lost_or_cut_meta_file_is_written_again_from_sled() {
    let (world, told) = World::with_slots();
    let file = world.dir().join("meta.sealed");
    for len in [None, Some(0), Some(40)] {
        match len {
            None => fs::remove_file(&file).unwrap(),
            Some(len) => edit(&file, |bytes| bytes.truncate(len)),
        }

        let repairs = opens_whole(&world, &told, &format!("{len:?}"));

        assert!(matches!(repairs.as_slice(), [Repair::MetaRewritten { .. }]), "{repairs:?}");
    }
}

#[test]
fn a_slot_lost_in_both_places_is_refused_and_nothing_is_moved() {
    let (world, _) = World::with_slots();
    fs::remove_dir_all(world.dir().join("sled")).unwrap();
    let file = world.slot_files().remove(0);
    edit(&file, |bytes| bytes[60] ^= 1);
    let before = untouched(&world.dir());

    let refusal = world.refusal();

    assert!(matches!(&refusal, OpenError::Lost { what, .. } if what.starts_with("slot MYORG")));
    assert!(refusal.to_string().contains("patctl rebuild"), "{refusal}");
    assert_eq!(untouched(&world.dir()), before);
}

#[test]
fn sled_and_all_slot_files_lost_is_refused() {
    let (world, _) = World::with_slots();
    fs::remove_dir_all(world.dir().join("sled")).unwrap();
    fs::remove_dir_all(world.dir().join("slots")).unwrap();

    let refusal = world.refusal();

    assert!(matches!(refusal, OpenError::Lost { .. }), "{refusal}");
}

#[test]
fn both_meta_records_lost_is_refused() {
    let (world, _) = World::with_slots();
    fs::remove_dir_all(world.dir().join("sled")).unwrap();
    fs::remove_file(world.dir().join("meta.sealed")).unwrap();

    let refusal = world.refusal();

    assert!(matches!(&refusal, OpenError::Lost { what, .. } if what == "the meta record"));
}

#[test]
fn everything_lost_is_refused_and_not_a_first_start() {
    let (world, _) = World::with_slots();
    for name in ["sled", "slots"] {
        fs::remove_dir_all(world.dir().join(name)).unwrap();
    }
    fs::remove_file(world.dir().join("meta.sealed")).unwrap();

    let refusal = world.refusal();

    assert!(matches!(refusal, OpenError::NoStore(_)), "{refusal}");
    assert!(refusal.to_string().contains("patctl rebuild"), "{refusal}");
}

#[test]
fn a_lost_store_set_aside_makes_room_for_a_new_one() {
    let (world, _) = World::with_slots();
    let host = world.open().host().clone();
    fs::remove_dir_all(world.dir().join("sled")).unwrap();
    fs::remove_dir_all(world.dir().join("slots")).unwrap();
    world.refusal();

    let aside = super::super::set_aside(&world.dir()).unwrap();

    let store = world.open();
    assert!(told(&store).is_empty());
    assert_ne!(
        *store.host(),
        host,
        "another lineage: tokens of the lost one are not ours to touch"
    );
    assert!(aside.join("meta.sealed").exists());
}

#[test]
fn slot_files_that_changed_places_are_not_believed() {
    let (world, told) = World::with_slots();
    let files = world.slot_files();
    let (one, two) = (fs::read(&files[0]).unwrap(), fs::read(&files[1]).unwrap());
    fs::write(&files[0], &two).unwrap();
    fs::write(&files[1], &one).unwrap();

    let repairs = opens_whole(&world, &told, "swapped files");

    assert_eq!(rewritten(&repairs), 2);
    fs::remove_dir_all(world.dir().join("sled")).unwrap();
    fs::write(&files[0], &two).unwrap();
    assert!(matches!(world.refusal(), OpenError::Lost { .. }));
}

#[test]
fn records_that_changed_places_in_sled_are_not_believed() {
    let (world, told) = World::with_slots();
    let (sled, contents) = SledFile::open(&world.dir().join("sled")).unwrap();
    let records: Vec<_> = contents.iter().filter(|(key, _)| key.len() == 32).collect();
    let [(one, one_bytes), (two, two_bytes), ..] = records.as_slice() else { panic!("no records") };
    sled.commit(&[(one, Some(two_bytes)), (two, Some(one_bytes))]).unwrap();
    drop(sled);

    assert!(set_aside(&opens_whole(&world, &told, "swapped records")));
}

#[test]
fn a_stray_record_in_sled_is_not_believed() {
    let (world, told) = World::with_slots();
    let (sled, _) = SledFile::open(&world.dir().join("sled")).unwrap();
    sled.commit(&[(b"stray", Some(b"anything"))]).unwrap();
    drop(sled);

    assert!(set_aside(&opens_whole(&world, &told, "stray record")));
}

#[test]
fn what_only_a_damaged_sled_still_knew_survives_its_being_set_aside() {
    let (world, told) = World::with_slots();
    let (sled, contents) = SledFile::open(&world.dir().join("sled")).unwrap();
    let keys: Vec<_> = contents.iter().map(|(key, _)| key).filter(|key| key.len() == 32).collect();
    sled.commit(&[(keys[0], Some(b"damaged"))]).unwrap();
    drop(sled);
    // The slot file of another slot is gone: only sled has that one.
    let hex: String = keys[1].iter().map(|byte| format!("{byte:02x}")).collect();
    fs::remove_file(world.dir().join("slots").join(hex + ".sealed")).unwrap();

    assert!(set_aside(&opens_whole(&world, &told, "both kinds")));
}

#[test]
fn half_written_slot_files_are_litter() {
    let (world, told) = World::with_slots();
    let litter = world.slot_files()[0].with_added_extension("tmp");
    fs::write(&litter, b"half").unwrap();

    assert_eq!(opens_whole(&world, &told, "litter"), []);
    assert!(!litter.exists());
}

#[test]
fn damage_found_while_running_is_repaired_and_the_secret_handed_out() {
    let (world, told_before) = World::with_slots();
    let store = world.open();
    let id = slot("MIGUEL_CLI");
    let key = store.vault.derived.record_key(&id);
    store.sled.read().unwrap().as_ref().unwrap().commit(&[(&key, Some(b"rotten"))]).unwrap();

    let secret = store.secret(&id, Generation(6)).unwrap();

    assert_eq!(secret.expose(), secret_of(&id, 6));
    assert!(set_aside(&store.repairs()));
    assert!(store.repairs().is_empty(), "each repair is told once");
    assert_eq!(told(&store), told_before);
    put(&store, &id, &holding(&[6, 7]), 7);
    drop(store);
    assert_eq!(world.open().secret(&id, Generation(7)).unwrap().expose(), secret_of(&id, 7));
}

#[test]
fn damage_found_while_writing_is_repaired_and_the_write_done() {
    let (world, told_before) = World::with_slots();
    let store = world.open();
    let (id, new) = (slot("MIGUEL_CLI"), slot("NEW_CLI"));
    let rot = |id: &SlotId| {
        let key = store.vault.derived.record_key(id);
        store.sled.read().unwrap().as_ref().unwrap().commit(&[(&key, Some(b"rotten"))]).unwrap();
    };

    rot(&id);
    put(&store, &id, &holding(&[6, 7]), 7);
    rot(&new);
    put(&store, &new, &holding(&[1]), 1);
    rot(&id);
    store.remove(&slot("ETL_CLI")).unwrap();

    assert_eq!(store.secret(&id, Generation(7)).unwrap().expose(), secret_of(&id, 7));
    let mut users: Vec<SlotId> = told_before.into_keys().chain([new]).collect();
    users.retain(|id| *id != slot("ETL_CLI"));
    users.sort();
    assert_eq!(store.slots().unwrap().into_keys().collect::<Vec<_>>(), users);
    let told_now = told(&store);
    drop(store);
    assert_eq!(told(&world.open()), told_now);
}

#[test]
fn damage_found_while_running_that_no_copy_repairs_is_an_error_and_no_guess() {
    let (world, _) = World::with_slots();
    let store = world.open();
    let id = slot("MIGUEL_CLI");
    let key = store.vault.derived.record_key(&id);
    let whole = bytes_below(&world.dir().join("slots"));
    for file in whole.keys() {
        edit(file, |bytes| bytes[60] ^= 1);
    }
    store.sled.read().unwrap().as_ref().unwrap().commit(&[(&key, Some(b"rotten"))]).unwrap();

    let refused = store.secret(&id, Generation(6)).map(|_secret| ()).unwrap_err();

    assert!(matches!(refused, StoreError::Unusable(OpenError::Lost { .. })), "{refused}");
    // A person puts the files back: the store works again without a restart.
    for (file, bytes) in whole {
        fs::write(file, bytes).unwrap();
    }
    assert_eq!(store.secret(&id, Generation(6)).unwrap().expose(), secret_of(&id, 6));
}

fn make_private(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}
