//! Public keys of users: the two RSA properties and the named key pairs.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::engine::clock::Millis;

/// A public key as Snowflake keeps it.
#[derive(Clone, Debug)]
pub(in crate::engine) struct PublicKey {
    /// The text as given, without PEM armour and blanks.
    pub(in crate::engine) body: String,
    pub(in crate::engine) spki: Vec<u8>,
    pub(in crate::engine) fingerprint: String,
    pub(in crate::engine) set_on: Millis,
}

impl PublicKey {
    /// Reads the PEM body of a SubjectPublicKeyInfo; PEM delimiters and line breaks are tolerated.
    /// None when it is no RSA key of 2048 bits or more and, where allowed, no EC key on P-256, P-384 or P-521.
    pub(in crate::engine) fn read(text: &str, ec_allowed: bool, now: Millis) -> Option<Self> {
        let body = bare(text);
        let spki = STANDARD.decode(&body).ok()?;
        if !(is_strong_rsa(&spki) || ec_allowed && is_ec(&spki)) {
            return None;
        }
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &spki);
        let fingerprint = format!("SHA256:{}", STANDARD.encode(digest));
        Some(Self { body, spki, fingerprint, set_on: now })
    }
}

/// A named key pair. Source: snowflake docs, alter-user-add-key-pair.
#[derive(Clone, Debug)]
pub(in crate::engine) struct KeyPair {
    pub(in crate::engine) id: u64,
    pub(in crate::engine) name: String,
    pub(in crate::engine) key: PublicKey,
    pub(in crate::engine) role_restriction: Option<String>,
    pub(in crate::engine) days_to_expiry: Option<i64>,
    pub(in crate::engine) expires_at: Option<Millis>,
    pub(in crate::engine) disabled: bool,
    pub(in crate::engine) comment: Option<String>,
    pub(in crate::engine) created_on: Millis,
    pub(in crate::engine) created_by: u64,
    pub(in crate::engine) last_used_on: Option<Millis>,
    pub(in crate::engine) rotated_to: Option<String>,
}

impl KeyPair {
    pub(in crate::engine) fn is_expired(&self, now: Millis) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }

    pub(in crate::engine) fn is_active(&self, now: Millis) -> bool {
        !self.disabled && !self.is_expired(now)
    }

    /// Returns the status SHOW prints; DISABLED wins over EXPIRED.
    pub(in crate::engine) fn status(&self, now: Millis) -> &'static str {
        match (self.disabled, self.is_expired(now)) {
            (true, _) => "DISABLED",
            (false, true) => "EXPIRED",
            (false, false) => "ACTIVE",
        }
    }
}

fn bare(text: &str) -> String {
    text.lines()
        .filter(|line| !line.trim_start().starts_with("-----"))
        .flat_map(str::chars)
        .filter(|c| !c.is_whitespace())
        .collect()
}

fn is_strong_rsa(spki: &[u8]) -> bool {
    use aws_lc_rs::rsa::PublicEncryptingKey;
    PublicEncryptingKey::from_der(spki).is_ok_and(|key| key.key_size_bits() >= 2048)
}

fn is_ec(spki: &[u8]) -> bool {
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ECDSA_P521_SHA512_ASN1, ParsedPublicKey,
    };
    [&ECDSA_P256_SHA256_ASN1, &ECDSA_P384_SHA384_ASN1, &ECDSA_P521_SHA512_ASN1]
        .into_iter()
        .any(|algorithm| ParsedPublicKey::new(algorithm, spki).is_ok())
}
