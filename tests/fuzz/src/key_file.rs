//! Key files: RSA keys of users as PEM or DER, plain or encrypted, and root keys as text. What is read is a key that
//! signs; what is refused is told without a byte of it.

use std::sync::Arc;

use pat_wire::secret::Secret;
use patd_keys::RootKey;
use patd_snowflake::key::{KeyError, SigningKey};

use crate::hush::{assert_plain, chain, quoted};

pub fn check(file: &[u8]) {
    assert_signing_key(file, None);
    assert_signing_key(file, Some(Secret::new(PASSPHRASE.to_owned())));
    assert_root_key(file);
}

/// Of the encrypted keys in the corpus, which no one else uses.
const PASSPHRASE: &str = "swordfish";

fn assert_signing_key(file: &[u8], passphrase: Option<Secret>) {
    match SigningKey::from_pem(file, passphrase.as_ref()) {
        Ok(key) => {
            let signature = key.sign(b"message").expect("a key signs");
            assert!(signature.len() >= 256, "a key of {} bits", signature.len() * 8);
            assert_eq!(
                format!("{:?}", Arc::new(&key)),
                format!("SigningKey({:?})", key.fingerprint())
            );
            let again = SigningKey::from_pem(file, passphrase.as_ref()).expect("the same file");
            assert_eq!(again.public_key_body(), key.public_key_body());
        }
        Err(refused) => {
            let said = chain(&refused);
            assert_plain(&said);
            assert!(said.len() < 400, "{said}");
            let shown = quoted(&said, &String::from_utf8_lossy(file), &own_words(), LONGEST_RUN);
            assert_eq!(shown, None, "{said}");
        }
    }
}

/// Every text of an error without what it was told.
fn own_words() -> [String; 10] {
    [
        KeyError::Frame,
        KeyError::NotAKey,
        KeyError::Pkcs1,
        KeyError::Pkcs1Encrypted,
        KeyError::PassphraseNeeded,
        KeyError::WrongPassphrase,
        KeyError::NotRsa,
        KeyError::TooShort(1024),
        KeyError::Crypto("sign"),
        KeyError::OtherObject("CERTIFICATE".to_owned()),
    ]
    .map(|error| error.to_string())
}

/// A label of a PEM frame may be shown: 32 letters, and the blank before them is in the file, too. A line of base64 is
/// longer.
const LONGEST_RUN: usize = 34;

fn assert_root_key(file: &[u8]) {
    let Ok(text) = std::str::from_utf8(file) else { return };
    match RootKey::parse(&Secret::new(text.to_owned())) {
        Ok(key) => {
            assert_eq!(
                key.to_text().expose(),
                text.trim_ascii(),
                "there is one way to write a key"
            );
            let again = RootKey::parse(&key.to_text()).expect("a key is read as it is written");
            assert_eq!(again.expose(), key.expose());
        }
        Err(refused) => {
            let said = chain(&refused);
            assert_plain(&said);
            let own = "this is not a root key: it must be the base64 text of 32 bytes; make one with: patctl init (or openssl rand -base64 32)";
            assert_eq!(quoted(&said, text, &[own.to_owned()], 8), None, "{said}");
        }
    }
}
