//! The admin's public key, kept beside the configuration so that `bootstrap` needs no private key.

use std::io::Read;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pat_wire::trust;
use patd_core::names::Account;

use crate::answer::{Exit, Failure};

/// A public key as `RSA_PUBLIC_KEY` takes it: base64 of its DER.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PublicKey {
    body: String,
    der: Vec<u8>,
}

impl PublicKey {
    /// Returns the key of a PEM text or of its body alone; none if it is neither.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let lines = text.lines().map(str::trim).filter(|line| !line.starts_with("-----"));
        let body: String = lines.collect();
        let der = STANDARD.decode(&body).ok().filter(|der| !der.is_empty())?;
        Some(Self { body, der })
    }

    /// Returns the key kept in a file, if nobody but root and this user can have written it.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let next_step = "make it again: patctl init";
        let trusted = [nix::unistd::geteuid().as_raw()];
        let (mut file, _) = trust::open_file(path, &trusted).map_err(|untrusted| {
            let missing = untrusted.fault == trust::Fault::Missing;
            let next_step = if missing { next_step.to_owned() } else { untrusted.next_step };
            let what = format!("{}: {}", untrusted.path.display(), untrusted.fault);
            Failure::new(Exit::BadConfig, what, next_step)
        })?;
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(|error| Failure::io("read", path, &error))?;
        Self::parse(&text).ok_or_else(|| {
            Failure::new(
                Exit::BadConfig,
                format!("{} holds no public key", path.display()),
                next_step,
            )
        })
    }

    pub(crate) fn body(&self) -> &str {
        &self.body
    }

    /// Returns `SHA256:…`, the way Snowflake names a public key (snowflake docs: key-pair-auth).
    pub(crate) fn fingerprint(&self) -> String {
        format!("SHA256:{}", STANDARD.encode(digest(&SHA256, &self.der)))
    }

    pub(crate) fn pem(&self) -> String {
        let body: Vec<char> = self.body.chars().collect();
        let lines: Vec<String> = body.chunks(64).map(|line| line.iter().collect()).collect();
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
    }
}

/// Returns where the public key of an account is kept: on a host with several, one file each.
pub(crate) fn path(config: &Path, account: &Account, only: bool) -> PathBuf {
    match only {
        true => config.join("admin-key.pub"),
        false => config.join(format!("admin-key.{}.pub", account.as_str().to_ascii_lowercase())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_comes_back_from_its_pem_text() {
        let key = PublicKey::parse(&STANDARD.encode([7; 100])).unwrap();

        assert_eq!(PublicKey::parse(&key.pem()).as_ref(), Some(&key));
        assert!(key.pem().lines().all(|line| line.len() <= 64));
        assert_eq!(PublicKey::parse("-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----"), None);
        assert_eq!(PublicKey::parse("no key"), None);
    }
}
