//! What any store promises, tried on the sealed one and on the model; then both side by side.

use proptest::prelude::*;

use super::super::StoreError;
use super::model::Model;
use super::*;

/// Runs a promise on both stores.
fn on_both(promise: impl Fn(&dyn Store)) {
    promise(&Model::new());
    promise(&World::marked().open());
}

#[test]
fn what_was_put_is_there_with_the_secrets_of_all_it_holds() {
    on_both(|store| {
        let id = slot("MIGUEL_CLI");
        let (one, two) = (Secret::new("simpat_1".into()), Secret::new("simpat_2".into()));

        store.put(&id, &holding(&[1]), Some((Generation(1), &one))).unwrap();
        store.put(&id, &holding(&[1, 2]), Some((Generation(2), &two))).unwrap();

        assert_eq!(store.slots().unwrap(), [(id.clone(), holding(&[1, 2]))].into());
        assert_eq!(store.secret(&id, Generation(1)).unwrap().expose(), "simpat_1");
        assert_eq!(store.secret(&id, Generation(2)).unwrap().expose(), "simpat_2");
    });
}

#[test]
fn the_secret_of_a_generation_no_longer_held_is_dropped() {
    on_both(|store| {
        let id = slot("MIGUEL_CLI");
        let secret = Secret::new("simpat_1".into());
        store.put(&id, &holding(&[1]), Some((Generation(1), &secret))).unwrap();

        store.put(&id, &holding(&[]), None).unwrap();

        let gone = store.secret(&id, Generation(1)).map(|_secret| ()).unwrap_err();
        assert!(matches!(gone, StoreError::NoSecret { .. }), "{gone}");
    });
}

#[test]
fn a_state_without_its_secret_is_refused_and_changes_nothing() {
    on_both(|store| {
        let id = slot("MIGUEL_CLI");
        let secret = Secret::new("simpat_1".into());
        store.put(&id, &holding(&[1]), Some((Generation(1), &secret))).unwrap();

        let refused =
            store.put(&id, &holding(&[1, 2]), Some((Generation(3), &secret))).unwrap_err();

        assert!(matches!(refused, StoreError::NoSecret { generation: Generation(2), .. }));
        assert_eq!(store.slots().unwrap(), [(id.clone(), holding(&[1]))].into());
        assert!(store.secret(&id, Generation(1)).is_ok());
        assert!(store.secret(&id, Generation(3)).is_err());
    });
}

#[test]
fn a_removed_slot_is_unknown_and_may_be_removed_again() {
    on_both(|store| {
        let id = slot("MIGUEL_CLI");
        store.put(&id, &holding(&[]), None).unwrap();

        store.remove(&id).unwrap();
        store.remove(&id).unwrap();

        assert!(store.slots().unwrap().is_empty());
        let unknown = store.secret(&id, Generation(1)).map(|_secret| ()).unwrap_err();
        assert!(matches!(unknown, StoreError::UnknownSlot(_)), "{unknown}");
    });
}

#[test]
fn the_host_is_made_once_and_stays() {
    let world = World::marked();
    let host = world.open().host().clone();

    assert_eq!(*world.open().host(), host);
    assert_eq!(host.as_str().len(), 8);
    assert!(host.as_str().bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F')));
    assert_ne!(*World::marked().open().host(), host);
}

#[test]
fn names_that_only_differ_in_where_account_ends_are_different_slots() {
    on_both(|store| {
        let id = |account: &str, user: &str| SlotId {
            account: Account::new(account),
            user: User::new(user),
        };
        store.put(&id("AB", "C"), &holding(&[]), None).unwrap();

        store.put(&id("A", "BC"), &holding(&[]), None).unwrap();

        assert_eq!(store.slots().unwrap().len(), 2);
    });
}

#[test]
fn hand_outs_and_writes_at_the_same_time_never_mix_secrets() {
    let world = World::marked();
    let store = world.open();
    let id = slot("MIGUEL_CLI");
    put(&store, &id, &holding(&[1]), 1);
    std::thread::scope(|threads| {
        let reader = threads.spawn(|| {
            let mut seen = 0;
            while seen < 40 {
                let serving = store.slots().unwrap()[&id].serving.clone().unwrap().generation;
                // It may have been rotated away since; but never is it another generation's.
                if let Ok(secret) = store.secret(&id, serving) {
                    assert_eq!(secret.expose(), secret_of(&id, serving.0));
                    seen = serving.0;
                }
            }
        });
        for generation in 2..=40 {
            put(&store, &id, &holding(&[generation - 1, generation]), generation);
        }
        reader.join().unwrap();
    });
}

#[derive(Clone, Debug)]
enum Act {
    Put { user: usize, held: Vec<u64>, fresh: Option<u64> },
    Secret { user: usize, generation: u64 },
    Remove { user: usize },
    Reopen,
}

fn act() -> impl Strategy<Value = Act> {
    let user = 0..USERS.len();
    prop_oneof![
        6 => (user.clone(), prop::collection::btree_set(1_u64..5, 0..4), prop::option::of(1_u64..5))
            .prop_map(|(user, held, fresh)| Act::Put { user, held: held.into_iter().collect(), fresh }),
        3 => (user.clone(), 1_u64..5).prop_map(|(user, generation)| Act::Secret { user, generation }),
        1 => user.prop_map(|user| Act::Remove { user }),
        1 => Just(Act::Reopen),
    ]
}

/// Does the same to a store and says what came of it.
fn outcome(store: &dyn Store, act: &Act, turn: usize) -> String {
    match act {
        Act::Put { user, held, fresh } => {
            let secret = Secret::new(format!("simpat_turn_{turn}"));
            let fresh = fresh.map(|generation| (Generation(generation), &secret));
            format!(
                "{:?}",
                store.put(&slot(USERS[*user]), &holding(held), fresh).map_err(|e| e.to_string())
            )
        }
        Act::Secret { user, generation } => {
            let secret = store.secret(&slot(USERS[*user]), Generation(*generation));
            format!("{:?}", secret.map(|s| s.expose().to_owned()).map_err(|e| e.to_string()))
        }
        Act::Remove { user } => {
            format!("{:?}", store.remove(&slot(USERS[*user])).map_err(|e| e.to_string()))
        }
        Act::Reopen => String::new(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_sealed_store_answers_as_the_model_does(acts in prop::collection::vec(act(), 1..40)) {
        let (world, model) = (World::marked(), Model::new());
        let mut store = world.open();
        for (turn, act) in acts.iter().enumerate() {
            if matches!(act, Act::Reopen) {
                drop(store);
                store = world.open();
            }
            prop_assert_eq!(outcome(&store, act, turn), outcome(&model, act, turn));
            prop_assert_eq!(told(&store), told(&model));
        }
    }
}
