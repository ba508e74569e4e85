//! The root key: 32 random bytes that open the store. Text form: base64, one line.

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pat_wire::secret::Secret;
use zeroize::{Zeroize as _, Zeroizing};

use crate::error::{KeyError, KeyFault};

/// The key that opens the store. Wiped when it goes; no `Debug`, `Clone` or `Display`, on purpose.
pub struct RootKey(Box<Zeroizing<[u8; ROOT_KEY_LEN]>>);

impl RootKey {
    /// Returns a fresh random key, for `patctl init` and tests.
    ///
    /// # Errors
    /// The system has no randomness to give.
    pub fn generate() -> Result<Self, KeyError> {
        let mut key = Self::zeroed();
        rand::fill(key.0.as_mut_slice()).map_err(|_unspecified| {
            KeyError::new(
                KeyFault::Unavailable,
                "the system gave no random bytes for a root key",
                "try again once the machine has booted",
            )
        })?;
        Ok(key)
    }

    /// Returns the key this text stands for: base64 of exactly 32 bytes, white space around it ignored.
    ///
    /// # Errors
    /// The text is anything else. What it is instead is not said.
    pub fn parse(text: &Secret) -> Result<Self, KeyError> {
        // One byte more than a key, so that a longer text is seen as such; base64 decodes in steps of 3.
        let mut decoded = Zeroizing::new([0_u8; ROOT_KEY_LEN + 4]);
        let len = STANDARD
            .decode_slice(text.expose().trim_ascii(), decoded.as_mut_slice())
            .map_err(|_why| malformed())?;
        let bytes = decoded.get(..len).ok_or_else(malformed)?;
        let mut key = Self::zeroed();
        if bytes.len() != ROOT_KEY_LEN {
            return Err(malformed());
        }
        key.0.copy_from_slice(bytes);
        Ok(key)
    }

    /// Returns the text form, to be kept by [`crate::store`].
    pub fn to_text(&self) -> Secret {
        let mut text = String::with_capacity(ROOT_KEY_LEN * 2);
        STANDARD.encode_string(self.0.as_slice(), &mut text);
        Secret::new(text)
    }

    /// Shows the key bytes, for key derivation only. Every use of this word is a place to review.
    pub fn expose(&self) -> &[u8; ROOT_KEY_LEN] {
        &self.0
    }

    fn zeroed() -> Self {
        Self(Box::new(Zeroizing::new([0_u8; ROOT_KEY_LEN])))
    }
}

impl From<[u8; ROOT_KEY_LEN]> for RootKey {
    fn from(mut bytes: [u8; ROOT_KEY_LEN]) -> Self {
        let mut key = Self::zeroed();
        key.0.copy_from_slice(&bytes);
        bytes.zeroize();
        key
    }
}

fn malformed() -> KeyError {
    KeyError::new(
        KeyFault::Malformed,
        "this is not a root key: it must be the base64 text of 32 bytes",
        "make one with: patctl init (or openssl rand -base64 32)",
    )
}

const ROOT_KEY_LEN: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_comes_back_from_its_text_form() {
        let key = RootKey::generate().unwrap();

        let again = RootKey::parse(&Secret::new(format!(" {}\n", key.to_text().expose()))).unwrap();

        assert_eq!(key.expose(), again.expose());
        assert_ne!(key.expose(), &[0; 32]);
    }

    #[test]
    fn anything_but_32_bytes_is_refused() {
        for text in [
            "",
            "short",
            "not base64!",
            &STANDARD.encode([7; 31]),
            &STANDARD.encode([7; 33]),
            &STANDARD.encode([7; 64]),
            &"A".repeat(10_000),
        ] {
            let refused = RootKey::parse(&Secret::new(text.to_owned())).map(|_key| ()).unwrap_err();

            assert_eq!(refused.fault, KeyFault::Malformed, "{text}");
            assert!(text.is_empty() || !refused.to_string().contains(text));
        }
    }
}
