//! The keys of one store, derived from the root key or sealed by it: what seals the meta record (KEK), what
//! seals slots (data keys by term), and what turns slot ids into record keys without names.

use std::collections::BTreeMap;

use aws_lc_rs::{aead, hkdf, hmac, rand};
use patd_core::names::SlotId;
use patd_core::time::Timestamp;
use patd_keys::RootKey;
use zeroize::Zeroizing;

use super::codec::put_bytes;
use super::record::Record;
use super::seal::{self, Header, Place, Unsealable};

/// The random identity of a store: the salt of everything derived from the root key.
pub(super) type StoreId = [u8; 16];
/// A slot's place in the store: no name, and no way back to one without the root key.
pub(super) type RecordKey = [u8; 32];

/// What the root key gives for one store. The root key itself is not kept.
pub(super) struct Derived {
    pub(super) store: StoreId,
    /// Shown in the clear beside the store: tells a wrong root key from damage.
    pub(super) check: [u8; 16],
    kek: aead::LessSafeKey,
    index: hmac::Key,
}

/// A random key that seals slot records, and since when.
pub(super) struct DataKey {
    pub(super) bytes: Box<Zeroizing<[u8; 32]>>,
    pub(super) since: Timestamp,
    aead: aead::LessSafeKey,
}

/// Data keys by term; the highest term seals, all of them open.
#[derive(Default)]
pub(super) struct Keyring(pub(super) BTreeMap<u32, DataKey>);

/// Everything needed to seal and open the records of a store.
pub(super) struct Vault {
    pub(super) derived: Derived,
    pub(super) keyring: Keyring,
}

impl Derived {
    /// Derives the keys of a store.
    pub(super) fn new(root: &RootKey, store: StoreId) -> Option<Self> {
        let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, &store).extract(root.expose());
        let kek = expand::<32>(&prk, b"patd/kek/v1")?;
        let index = expand::<32>(&prk, b"patd/record-keys/v1")?;
        let check = expand::<16>(&prk, b"patd/root-key-check/v1")?;
        Some(Self {
            store,
            check: **check,
            kek: seal::aead_key(kek.as_slice())?,
            index: hmac::Key::new(hmac::HMAC_SHA256, index.as_slice()),
        })
    }

    /// Returns where a slot's record lies.
    pub(super) fn record_key(&self, id: &SlotId) -> RecordKey {
        let mut named = Vec::with_capacity(128);
        put_bytes(&mut named, id.account.as_str().as_bytes());
        put_bytes(&mut named, id.user.as_str().as_bytes());
        let mut key = RecordKey::default();
        for (byte, mac) in key.iter_mut().zip(hmac::sign(&self.index, &named).as_ref()) {
            *byte = *mac;
        }
        key
    }

    /// Seals the meta record.
    pub(super) fn seal_meta(&self, version: u64, plain: &[u8]) -> Option<Vec<u8>> {
        seal::seal(&self.kek, self.meta_place(), (META_TERM, version), plain)
    }

    /// Opens the meta record.
    pub(super) fn open_meta(&self, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unsealable> {
        seal::open(&self.kek, self.meta_place(), sealed)
    }

    fn meta_place(&self) -> Place<'_> {
        Place { store: &self.store, tree: "meta", key: b"meta" }
    }
}

impl DataKey {
    /// Returns a fresh random key.
    pub(super) fn generate(since: Timestamp) -> Option<Self> {
        let mut bytes = Box::new(Zeroizing::new([0; 32]));
        rand::fill(bytes.as_mut_slice()).ok()?;
        Self::new(bytes, since)
    }

    /// Takes the bytes of a key over.
    pub(super) fn new(bytes: Box<Zeroizing<[u8; 32]>>, since: Timestamp) -> Option<Self> {
        let aead = seal::aead_key(bytes.as_slice())?;
        Some(Self { bytes, since, aead })
    }
}

impl Keyring {
    /// Adds a fresh data key if the newest is older than a month; returns whether it did.
    /// A clock that went back changes nothing.
    pub(super) fn renew(&mut self, now: Timestamp) -> Option<bool> {
        let newest = self.0.last_key_value();
        if newest.is_some_and(|(_, key)| now.since(key.since) < TERM_SECONDS) {
            return Some(false);
        }
        let term = newest.map_or(META_TERM, |(term, _)| *term).checked_add(1)?;
        self.0.insert(term, DataKey::generate(now)?);
        Some(true)
    }

    /// Drops the data keys that no record uses any more, but never the newest.
    pub(super) fn keep_used(&mut self, used: impl Fn(u32) -> bool) {
        let newest = self.0.last_key_value().map(|(term, _)| *term);
        self.0.retain(|term, _| Some(*term) == newest || used(*term));
    }
}

impl Vault {
    /// Seals a slot's record under the newest data key.
    pub(super) fn seal(&self, key: &RecordKey, version: u64, plain: &[u8]) -> Option<Vec<u8>> {
        let (term, data_key) = self.keyring.0.last_key_value()?;
        seal::seal(&data_key.aead, self.place(key), (*term, version), plain)
    }

    /// Opens a slot's record with the one data key it names.
    pub(super) fn open(&self, key: &RecordKey, sealed: &[u8]) -> Result<Record, Unsealable> {
        let term = Header::of(sealed)?.term;
        let data_key = self.keyring.0.get(&term).ok_or(Unsealable("sealed by an unknown key"))?;
        let plain = seal::open(&data_key.aead, self.place(key), sealed)?;
        Record::parse(plain).ok_or(Unsealable("of an unknown form"))
    }

    fn place<'a>(&'a self, key: &'a RecordKey) -> Place<'a> {
        Place { store: &self.derived.store, tree: "slots", key }
    }
}

fn expand<const N: usize>(prk: &hkdf::Prk, info: &[u8]) -> Option<Box<Zeroizing<[u8; N]>>> {
    let mut out = Box::new(Zeroizing::new([0; N]));
    prk.expand(&[info], Length(N)).ok()?.fill(out.as_mut_slice()).ok()?;
    Some(out)
}

struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// The term in the meta record's header: it is sealed by the KEK, not by a data key.
const META_TERM: u32 = 0;
/// Thirty days.
const TERM_SECONDS: i64 = 30 * 24 * 3600;
