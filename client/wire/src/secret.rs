//! The one type that may hold a secret: a token, a session token, a key. It cannot be printed, copied
//! or serialised by accident, and its bytes are wiped when it goes. The way out is one word.

/// For buffers that hold a secret on its way: wiped when dropped.
pub use zeroize::Zeroizing;

/// A secret text. No `Debug`, `Display`, `Clone`, `Serialize` or `PartialEq`, on purpose.
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text over; the caller keeps no copy.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// Shows the secret text. Every use of this word is a place to review.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Returns how many bytes the secret has.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Zeroizing<String>> for Secret {
    fn from(text: Zeroizing<String>) -> Self {
        Self(text)
    }
}
