//! One sealed record: `magic | format | algorithm | term | version | nonce | ciphertext | tag`. What it is,
//! where it belongs and which version it is are bound to it as associated data.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::rand;
use zeroize::Zeroizing;

use super::codec::{Reader, put_bytes};

/// Which store, which tree, which key: a record sealed for one place does not open in another.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) store: &'a [u8],
    pub(super) tree: &'static str,
    pub(super) key: &'a [u8],
}

/// What a record says about itself in the clear. Believed only once the record has opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) term: u32,
    pub(super) version: u64,
    nonce: [u8; NONCE_LEN],
}

/// The record is not as it was sealed, or not for this place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unsealable(pub(super) &'static str);

/// Returns the AES-256-GCM key made of these bytes.
pub(super) fn aead_key(bytes: &[u8]) -> Option<LessSafeKey> {
    UnboundKey::new(&AES_256_GCM, bytes).ok().map(LessSafeKey::new)
}

/// Returns the record sealed for `place`, or `None` if the library or the randomness failed.
pub(super) fn seal(
    key: &LessSafeKey,
    place: Place<'_>,
    (term, version): (u32, u64),
    plain: &[u8],
) -> Option<Vec<u8>> {
    let mut nonce = [0; NONCE_LEN];
    rand::fill(&mut nonce).ok()?;
    let header = Header { term, version, nonce };
    // Room for the tag from the start: a vector that grows leaves plaintext behind.
    let mut sealed = Zeroizing::new(Vec::with_capacity(HEADER_LEN + plain.len() + TAG_LEN));
    sealed.extend_from_slice(&header.to_bytes());
    sealed.extend_from_slice(plain);
    let tag = key
        .seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(place.bound_to(&header)),
            sealed.get_mut(HEADER_LEN..)?,
        )
        .ok()?;
    sealed.extend_from_slice(tag.as_ref());
    Some(std::mem::take(&mut *sealed))
}

/// Returns the plaintext, in memory that is wiped.
pub(super) fn open(
    key: &LessSafeKey,
    place: Place<'_>,
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Unsealable> {
    let header = Header::of(sealed)?;
    let body = sealed.get(HEADER_LEN..).unwrap_or_default();
    let mut plain = Zeroizing::new(body.to_vec());
    let nonce = Nonce::assume_unique_for_key(header.nonce);
    let len = key
        .open_in_place(nonce, Aad::from(place.bound_to(&header)), &mut plain)
        .map_err(|_unspecified| Unsealable("not authentic"))?
        .len();
    plain.truncate(len);
    Ok(plain)
}

impl Header {
    /// Returns what the record says about itself.
    pub(super) fn of(sealed: &[u8]) -> Result<Self, Unsealable> {
        let mut reader = Reader(sealed);
        if reader.array() != Some(MAGIC) {
            return Err(Unsealable("no sealed record"));
        }
        if (reader.u8(), reader.u8()) != (Some(FORMAT), Some(AES_256_GCM_ID)) {
            return Err(Unsealable("of an unknown format"));
        }
        let header = (|| {
            Some(Self { term: reader.u32()?, version: reader.u64()?, nonce: reader.array()? })
        })();
        header.ok_or(Unsealable("cut off"))
    }

    fn to_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_LEN);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&[FORMAT, AES_256_GCM_ID]);
        bytes.extend_from_slice(&self.term.to_be_bytes());
        bytes.extend_from_slice(&self.version.to_be_bytes());
        bytes.extend_from_slice(&self.nonce);
        bytes
    }
}

impl Place<'_> {
    fn bound_to(&self, header: &Header) -> Vec<u8> {
        let mut bound = Vec::with_capacity(160);
        put_bytes(&mut bound, b"patd sealed record");
        put_bytes(&mut bound, &[FORMAT, AES_256_GCM_ID]);
        put_bytes(&mut bound, self.store);
        put_bytes(&mut bound, self.tree.as_bytes());
        put_bytes(&mut bound, self.key);
        put_bytes(&mut bound, &header.version.to_be_bytes());
        put_bytes(&mut bound, &header.term.to_be_bytes());
        bound
    }
}

const MAGIC: [u8; 4] = *b"PATs";
const FORMAT: u8 = 1;
const AES_256_GCM_ID: u8 = 1;
const HEADER_LEN: usize = 4 + 2 + 4 + 8 + NONCE_LEN;
const TAG_LEN: usize = 16;
