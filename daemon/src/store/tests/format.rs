//! The bytes on disk, pinned: a store of format 1 opens for ever, and what is not exactly one does not.

use super::super::seal::{self, Place};
use super::*;

const PLACE: Place<'_> = Place { store: &[1; 16], tree: "slots", key: &[2; 32] };

#[test]
fn a_record_opens_only_in_its_own_place() {
    let key = seal::aead_key(&[3; 32]).unwrap();
    let sealed = seal::seal(&key, PLACE, (4, 5), b"plain").unwrap();

    assert_eq!(seal::open(&key, PLACE, &sealed).unwrap().as_slice(), b"plain");
    for elsewhere in [
        Place { store: &[9; 16], ..PLACE },
        Place { tree: "meta", ..PLACE },
        Place { key: &[9; 32], ..PLACE },
    ] {
        assert!(seal::open(&key, elsewhere, &sealed).is_err());
    }
    let other_key = seal::aead_key(&[9; 32]).unwrap();
    assert!(seal::open(&other_key, PLACE, &sealed).is_err());
}

#[test]
fn a_record_with_any_bit_changed_or_any_byte_missing_does_not_open() {
    let key = seal::aead_key(&[3; 32]).unwrap();
    let sealed = seal::seal(&key, PLACE, (4, 5), b"plain").unwrap();

    for bit in 0..sealed.len() * 8 {
        let mut changed = sealed.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(seal::open(&key, PLACE, &changed).is_err(), "bit {bit}");
    }
    for len in 0..sealed.len() {
        assert!(seal::open(&key, PLACE, &sealed[..len]).is_err(), "length {len}");
    }
    assert!(seal::open(&key, PLACE, &[sealed, vec![0]].concat()).is_err());
}

#[test]
fn a_record_sealed_twice_shares_no_bytes_but_its_header() {
    let key = seal::aead_key(&[3; 32]).unwrap();
    let [one, two] = [(); 2].map(|()| seal::seal(&key, PLACE, (4, 5), &[0; 64]).unwrap());

    assert_eq!(one[..18], two[..18]);
    assert_ne!(one[18..30], two[18..30], "nonces must differ");
    assert_ne!(one[30..46], two[30..46]);
}

#[test]
fn a_store_of_format_1_opens_for_ever() {
    let world = World { folder: TempDir::new().unwrap() };
    copy_tree(&Path::new(env!("CARGO_MANIFEST_DIR")).join(FORMAT_1), &world.dir());
    for file in files_below(&world.dir()) {
        private(&file, 0o600);
    }
    for folder in ["", "sled", "slots"] {
        private(&world.dir().join(folder), 0o700);
    }
    let demand_whole = |store: SealedStore| {
        assert_eq!(store.host().as_str(), "DB0BF4F3");
        let told = told(&store);
        assert_eq!(told.keys().collect::<Vec<_>>(), [&slot("ETL_CLI"), &slot("MIGUEL_CLI")]);
        let (state, secrets) = &told[&slot("MIGUEL_CLI")];
        assert_eq!(*state, holding(&[5, 6]));
        assert_eq!(secrets[&6], secret_of(&slot("MIGUEL_CLI"), 6));
    };

    demand_whole(world.open());
    fs::remove_dir_all(world.dir().join("sled")).unwrap();
    demand_whole(world.try_open().unwrap().store);
}

fn private(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

const FORMAT_1: &str = "src/store/tests/data/format-1";
