//! No secret and no name is in the folder's bytes, in any of the usual disguises.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::*;

/// The ways a text may lie in bytes: raw, hex, base64 at each of its three alignments.
fn disguises(text: &str) -> Vec<Vec<u8>> {
    let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut forms =
        vec![text.as_bytes().to_vec(), hex.to_uppercase().into_bytes(), hex.into_bytes()];
    for skip in 0..3 {
        // Whole groups of three bytes only: what comes before and after is not known.
        let part = &text.as_bytes()[skip..];
        let part = &part[..part.len() - part.len() % 3];
        forms.push(STANDARD_NO_PAD.encode(part).into_bytes());
        forms.push(URL_SAFE_NO_PAD.encode(part).into_bytes());
    }
    forms
}

/// Returns where any of the texts is found.
fn leaks(dir: &Path, texts: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for (path, bytes) in bytes_below(dir) {
        let haystack = [path.as_os_str().as_encoded_bytes(), &bytes].concat();
        for text in texts {
            for form in disguises(text) {
                if haystack.windows(form.len()).any(|window| window == form) {
                    found.push(format!("{text} in {}", path.display()));
                }
            }
        }
    }
    found
}

/// What must not be found: the secrets' mark, names, and each data key.
fn sensitive(store: &SealedStore) -> Vec<String> {
    let mut texts = vec!["simpat_".to_owned(), "MYORG-MYACCOUNT".to_owned()];
    texts.extend(USERS.map(str::to_owned));
    texts.push(store.host().to_string());
    texts
}

#[test]
fn no_secret_and_no_name_is_in_the_folder() {
    let (world, _) = World::with_slots();
    let texts = sensitive(&world.open());

    let found = leaks(&world.dir(), &texts);

    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn no_key_is_in_the_folder() {
    let (world, _) = World::with_slots();
    let store = world.open();
    let mut keys = vec![root_key().expose().to_vec()];
    keys.extend(store.vault.keyring.0.values().map(|key| key.bytes.to_vec()));

    for (path, bytes) in bytes_below(&world.dir()) {
        for key in &keys {
            let leaked = bytes.windows(key.len()).any(|window| window == key);
            assert!(!leaked, "a key is in {}", path.display());
        }
    }
}

#[test]
fn the_search_finds_what_it_searches_for() {
    let (world, _) = World::with_slots();
    let texts = sensitive(&world.open());
    for planted in disguises("simpat_abcdefghi") {
        let canary = world.dir().join("canary");
        fs::write(&canary, [b"..", &planted[..], b".."].concat()).unwrap();

        let texts = [texts.clone(), vec!["simpat_abcdefghi".to_owned()]].concat();

        assert!(!leaks(&world.dir(), &texts).is_empty(), "{}", String::from_utf8_lossy(&planted));
    }
}
