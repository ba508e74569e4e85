//! A revocation is the one thing that must not be forgotten: it outlives the loss of either copy, and either copy put
//! back from before.

use patd_core::lifecycle::Standing;

use super::*;

/// What happens to the state folder after the revocation: `old` is a copy from before it.
type Mishap = fn(&World, &World);

const MISHAPS: [(&str, Mishap); 5] = [
    ("sled is lost", |world, _| fs::remove_dir_all(world.dir().join("sled")).unwrap()),
    ("the slot files are lost", |world, _| {
        world.slot_files().iter().for_each(|file| fs::remove_file(file).unwrap());
    }),
    ("sled is from before", |world, old| {
        fs::remove_dir_all(world.dir().join("sled")).unwrap();
        copy_tree(&old.dir().join("sled"), &world.dir().join("sled"));
    }),
    ("the slot files are from before", |world, old| {
        for (now, before) in world.slot_files().iter().zip(old.slot_files()) {
            fs::copy(before, now).unwrap();
        }
    }),
    ("sled does not open", |world, _| {
        edit(&world.dir().join("sled/db"), |bytes| bytes.fill(0xA5));
    }),
];

fn revoked(before: &Slot) -> Slot {
    Slot {
        serving: None,
        draining: Vec::new(),
        standing: Standing::Tombstoned { at: NOW, confirmed: false },
        ..before.clone()
    }
}

#[test]
fn i9_tombstone_a_revocation_outlives_the_loss_and_the_rollback_of_either_copy() {
    for (what, mishap) in MISHAPS {
        let (world, told_before) = World::with_slots();
        let old = world.copy();
        let store = world.open();
        for (id, (state, _)) in &told_before {
            store.put(id, &revoked(state), None).unwrap();
        }
        drop(store);

        mishap(&world, &old);

        let store = world.try_open().unwrap().store;
        for (id, (state, secrets)) in told(&store) {
            let is_revoked = matches!(state.standing, Standing::Tombstoned { .. });
            assert!(is_revoked, "i9_tombstone: {what}: {id} is {}", state.word());
            assert_eq!(secrets.len(), 0, "i9_tombstone: {what}: {id} has secrets again");
        }
        assert_eq!(told(&store).len(), told_before.len(), "{what}");
    }
}
