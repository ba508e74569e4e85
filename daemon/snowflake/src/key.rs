//! The RSA key of the broker user: read from PKCS#8 files in every form `openssl` and Snowflake's documentation
//! make, generated, and used to sign. The private half leaves this room only from [`SigningKey::generate`].

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pat_wire::secret::Secret;
use pkcs8::{EncryptedPrivateKeyInfoRef, LineEnding, SecretDocument};
use thiserror::Error;
use zeroize::Zeroizing;

/// A private RSA key of at least 2048 bits with its public half. Prints its fingerprint only.
pub struct SigningKey {
    pair: KeyPair,
    public_der: Vec<u8>,
}

/// Why a key file cannot be used. The texts end with the next step.
#[derive(Debug, Error)]
pub enum KeyError {
    /// Neither PEM nor DER.
    #[error(
        "this is not a private key in PEM or DER form; expected a PKCS#8 file such as rsa_key.p8"
    )]
    NotAKey,
    /// The PEM frame is damaged.
    #[error("the PEM text of the key is damaged")]
    Pem(#[source] pkcs8::der::Error),
    /// The first line of the PEM frame is damaged.
    #[error("the first line of the key is damaged; it must be: -----BEGIN PRIVATE KEY-----")]
    Frame,
    /// PKCS#1, the form older tools write.
    #[error(
        "the key is in the older PKCS#1 form; convert it: openssl pkcs8 -topk8 -nocrypt -in OLD -out NEW"
    )]
    Pkcs1,
    /// PKCS#1 with the encryption of old OpenSSL versions.
    #[error(
        "the key is in the older PKCS#1 form, encrypted; convert it: openssl pkcs8 -topk8 -v2 aes256 -in OLD -out NEW"
    )]
    Pkcs1Encrypted,
    /// Some other PEM object.
    #[error("the file holds a {0}, not a private key in PKCS#8 form")]
    OtherObject(String),
    /// Encrypted, and no passphrase was given.
    #[error("the key is encrypted and no passphrase was given")]
    PassphraseNeeded,
    /// Encrypted; this passphrase does not open it.
    #[error("the passphrase does not open the key, or the file is damaged")]
    WrongPassphrase,
    /// Encrypted in a way that is no longer safe, or not known.
    #[error(
        "the key is encrypted in a way that is not supported; encrypt it anew: openssl pkcs8 -topk8 -v2 aes256 -in OLD -out NEW"
    )]
    OldEncryption(#[source] pkcs8::Error),
    /// Not RSA, or damaged.
    #[error(
        "not a usable RSA private key; Snowflake's key-pair login needs RSA with 2048 bits or more"
    )]
    NotRsa,
    /// Too short.
    #[error("the RSA key has {0} bits; Snowflake needs 2048 or more")]
    TooShort(usize),
    /// The crypto library failed.
    #[error("the crypto library failed to {0}")]
    Crypto(&'static str),
}

impl SigningKey {
    /// Returns the key of a PKCS#8 file, PEM or DER, plain or encrypted.
    ///
    /// # Errors
    /// Each variant names what to do about the file.
    pub fn from_pem(bytes: &[u8], passphrase: Option<&Secret>) -> Result<Self, KeyError> {
        if let Some(pem) = pem_text(bytes) {
            return from_pem_text(pem, passphrase);
        }
        if EncryptedPrivateKeyInfoRef::try_from(bytes).is_ok() {
            return Self::from_plain(decrypted(bytes, passphrase)?.as_bytes());
        }
        if KeyPair::from_der(bytes).is_ok() {
            return Err(KeyError::Pkcs1);
        }
        let looks_like_der = bytes.first() == Some(&DER_SEQUENCE);
        if looks_like_der { Self::from_plain(bytes) } else { Err(KeyError::NotAKey) }
    }

    /// Returns a new RSA-2048 key and its private half as PKCS#8 PEM. Takes about 0.1 s of one core.
    ///
    /// # Errors
    /// Only if the crypto library fails.
    pub fn generate() -> Result<(Self, Secret), KeyError> {
        let pair = KeyPair::generate(KeySize::Rsa2048)
            .map_err(|_| KeyError::Crypto("generate an RSA key"))?;
        let der: Pkcs8V1Der<'_> =
            pair.as_der().map_err(|_| KeyError::Crypto("encode the new key"))?;
        let document = SecretDocument::try_from(der.as_ref()).map_err(KeyError::Pem)?;
        let mut pem = document.to_pem(PEM_PLAIN, LineEnding::LF).map_err(KeyError::Pem)?;
        Ok((Self::from_pair(pair)?, Secret::new(std::mem::take(&mut *pem))))
    }

    /// Returns the public key as `RSA_PUBLIC_KEY` takes it: the PEM body without its delimiters, on one line.
    pub fn public_key_body(&self) -> String {
        STANDARD.encode(&self.public_der)
    }

    /// Returns `SHA256:…`, the way Snowflake names a public key (snowflake docs: key-pair-auth).
    pub fn fingerprint(&self) -> String {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &self.public_der);
        format!("SHA256:{}", STANDARD.encode(digest))
    }

    /// Returns the RS256 signature of `message`: the only algorithm that every Snowflake source agrees on.
    ///
    /// # Errors
    /// Only if the crypto library fails.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
            .map_err(|_| KeyError::Crypto("sign"))?;
        Ok(signature)
    }

    fn from_plain(der: &[u8]) -> Result<Self, KeyError> {
        Self::from_pair(KeyPair::from_pkcs8(der).map_err(|_| KeyError::NotRsa)?)
    }

    fn from_pair(pair: KeyPair) -> Result<Self, KeyError> {
        let bits = pair.public_modulus_len().saturating_mul(8);
        if bits < MIN_BITS {
            return Err(KeyError::TooShort(bits));
        }
        let public_der: PublicKeyX509Der<'_> =
            pair.public_key().as_der().map_err(|_| KeyError::Crypto("encode the public key"))?;
        let public_der = public_der.as_ref().to_vec();
        Ok(Self { pair, public_der })
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("SigningKey").field(&self.fingerprint()).finish()
    }
}

/// Returns the text if it has a PEM frame; text before the frame is allowed, as `openssl` writes some.
fn pem_text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().filter(|text| text.contains("-----BEGIN "))
}

fn from_pem_text(pem: &str, passphrase: Option<&Secret>) -> Result<SigningKey, KeyError> {
    match pem_label(pem).ok_or(KeyError::Frame)? {
        PEM_PLAIN => SigningKey::from_plain(der_of(pem)?.as_bytes()),
        PEM_ENCRYPTED => {
            let der = der_of(pem)?;
            SigningKey::from_plain(decrypted(der.as_bytes(), passphrase)?.as_bytes())
        }
        PEM_PKCS1 if pem.contains("Proc-Type: 4,ENCRYPTED") => Err(KeyError::Pkcs1Encrypted),
        PEM_PKCS1 => Err(KeyError::Pkcs1),
        other => Err(KeyError::OtherObject(other.to_owned())),
    }
}

/// Returns what the first line of the frame says it holds. With a dash too few there it would be the key itself that
/// comes next: a label has the letters of one, and is no longer.
fn pem_label(pem: &str) -> Option<&str> {
    let (_, after) = pem.split_once("-----BEGIN ")?;
    let (label, _) = after.split_once("-----")?;
    let allowed = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b' ';
    (label.len() <= LONGEST_LABEL && label.bytes().all(allowed)).then_some(label)
}

fn der_of(pem: &str) -> Result<SecretDocument, KeyError> {
    // The frame may be indented or end in blanks where it went through a template; the decoder minds both.
    let mut clean = Zeroizing::new(String::with_capacity(pem.len()));
    for line in pem.lines().map(str::trim).filter(|line| !line.is_empty()) {
        clean.push_str(line);
        clean.push('\n');
    }
    SecretDocument::from_pem(&clean).map(|(_, document)| document).map_err(KeyError::Pem)
}

fn decrypted(der: &[u8], passphrase: Option<&Secret>) -> Result<SecretDocument, KeyError> {
    let sealed = EncryptedPrivateKeyInfoRef::try_from(der).map_err(KeyError::OldEncryption)?;
    let passphrase = passphrase.ok_or(KeyError::PassphraseNeeded)?;
    sealed.decrypt(passphrase.expose()).map_err(|error| match is_wrong_passphrase(&error) {
        true => KeyError::WrongPassphrase,
        false => KeyError::OldEncryption(error),
    })
}

/// With a wrong passphrase the padding is wrong, or by chance right and the plain text no key.
fn is_wrong_passphrase(error: &pkcs8::Error) -> bool {
    use pkcs8::Error::{Asn1, EncryptedPrivateKey};
    matches!(error, EncryptedPrivateKey(pkcs8::pkcs5::Error::DecryptFailed) | Asn1(_))
}

const DER_SEQUENCE: u8 = 0x30;
const MIN_BITS: usize = 2048;
const LONGEST_LABEL: usize = 32;
const PEM_PLAIN: &str = "PRIVATE KEY";
const PEM_ENCRYPTED: &str = "ENCRYPTED PRIVATE KEY";
const PEM_PKCS1: &str = "RSA PRIVATE KEY";
