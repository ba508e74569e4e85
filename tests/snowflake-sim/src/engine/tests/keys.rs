//! Keys made for tests.

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Returns the PEM body of a new RSA public key.
pub(super) fn rsa() -> String {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let der: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
    STANDARD.encode(der.as_ref())
}

/// Returns the PEM body of a new EC public key.
pub(super) fn ec() -> String {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
    let der: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
    STANDARD.encode(der.as_ref())
}

/// Returns the fingerprint Snowflake prints for a PEM body.
pub(super) fn fingerprint(body: &str) -> String {
    let der = STANDARD.decode(body).unwrap();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &der);
    format!("SHA256:{}", STANDARD.encode(digest))
}
