//! The proxy of an account. Its address may hold a password, so that only host and port are ever shown.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use pat_wire::secret::Secret;

use crate::fault::Wrong;
use crate::syntax;

/// `http://[user:password@]host:port`. Prints host and port; the whole is wiped when the last copy goes.
#[derive(Clone)]
pub struct Proxy {
    whole: Arc<Secret>,
    address: String,
}

impl Proxy {
    /// Takes a proxy's address as it is written, which no message repeats.
    pub(crate) fn checked(written: &Secret) -> Result<Self, Wrong> {
        let address = syntax::proxy(written.expose())?;
        Ok(Self { whole: Arc::new(Secret::new(written.expose().to_owned())), address })
    }

    /// Returns host and port, which may be shown.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Returns whether it holds a login, and with it most likely a password.
    pub(crate) fn has_login(&self) -> bool {
        self.whole.expose().contains('@')
    }
}

/// The whole, for whoever connects.
impl Deref for Proxy {
    type Target = Secret;

    fn deref(&self) -> &Secret {
        &self.whole
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Proxy({})", self.address)
    }
}

impl PartialEq for Proxy {
    fn eq(&self, other: &Self) -> bool {
        self.whole.expose() == other.whole.expose()
    }
}

impl Eq for Proxy {}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(text: &str) -> Proxy {
        Proxy::checked(&Secret::new(text.to_owned())).unwrap()
    }

    #[test]
    fn a_proxy_shows_where_it_is_and_not_how_to_log_in() {
        let printed = format!("{:?}", proxy("http://me:hush@proxy.example.com:3128/"));
        assert_eq!(printed, "Proxy(proxy.example.com:3128)");
    }

    #[test]
    fn another_password_is_another_proxy() {
        assert_eq!(proxy("http://me:one@p:1"), proxy("http://me:one@p:1"));
        assert_ne!(proxy("http://me:one@p:1"), proxy("http://me:two@p:1"));
    }
}
