//! Doors for `tests/fuzz`: sealing, opening and the codec, without a disk. Keys are given, so that a run can be repeated.

use std::collections::BTreeSet;

use patd_core::lifecycle::Slot;
use patd_core::names::{Generation, SlotId};
use patd_core::time::Timestamp;
use patd_keys::RootKey;
use zeroize::Zeroizing;

use super::meta::{self, Found, Meta};
use super::record::{self, Record};
use super::seal::Header;
use super::vault::{DataKey, Derived, Keyring, Vault};

/// A store's keys: one data key, of term 1.
pub struct Keys(Vault);

/// What a record says once it is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The highest version of the format's own count, as the header says.
    pub version: u64,
    /// Whose it is and in which state; none if the state is not of this version's form.
    pub state: Option<(SlotId, Slot)>,
    /// The secrets of its generations, for a test to compare.
    pub secrets: Vec<(Generation, String)>,
}

/// What a meta record says once it is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetaOpened {
    /// Its version.
    pub version: u64,
    /// This host's lineage.
    pub host: String,
    /// Terms of its data keys, with their bytes and since when.
    pub keys: Vec<(u32, [u8; 32], i64)>,
    /// Which slots there are.
    pub slots: BTreeSet<SlotId>,
}

impl Keys {
    /// Returns the keys of the store of this identity, under this root key.
    pub fn new(root: [u8; 32], store: [u8; 16], data: [u8; 32]) -> Option<Self> {
        let derived = Derived::new(&RootKey::from(root), store)?;
        let mut keyring = Keyring::default();
        keyring.0.insert(1, DataKey::new(Box::new(Zeroizing::new(data)), Timestamp(0))?);
        Some(Self(Vault { derived, keyring }))
    }

    /// Seals a slot's record, whatever the plaintext is.
    pub fn seal(&self, id: &SlotId, version: u64, plain: &[u8]) -> Option<Vec<u8>> {
        self.0.seal(&self.0.derived.record_key(id), version, plain)
    }

    /// Opens a slot's record.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn open(&self, id: &SlotId, sealed: &[u8]) -> Result<Opened, &'static str> {
        let record = self.0.open(&self.0.derived.record_key(id), sealed).map_err(|why| why.0)?;
        let version = Header::of(sealed).map_err(|why| why.0)?.version;
        Ok(told(&record, version))
    }

    /// Seals a meta record of these slots.
    pub fn seal_meta(&self, version: u64, host: &str, slots: BTreeSet<SlotId>) -> Option<Vec<u8>> {
        let host = patd_core::names::HostId::new(host);
        Meta { version, host, slots }.seal(&self.0.derived, &self.0.keyring)
    }
}

/// Returns the plaintext of a record.
pub fn encode(id: &SlotId, slot: &Slot, secrets: &[(Generation, &str)]) -> Option<Vec<u8>> {
    record::encode(id, slot, secrets).map(|mut plain| std::mem::take(&mut *plain))
}

/// Returns what a plaintext says, if it has the form of a record.
pub fn decode(plain: &[u8]) -> Option<Opened> {
    Record::parse(Zeroizing::new(plain.to_vec())).map(|record| told(&record, 0))
}

/// Opens a meta record.
///
/// # Errors
/// What is wrong with it.
pub fn open_meta(bytes: &[u8], root: [u8; 32]) -> Result<MetaOpened, String> {
    match meta::open(bytes, &RootKey::from(root)) {
        Found::Good(opened) => Ok(MetaOpened {
            version: opened.meta.version,
            host: opened.meta.host.as_str().to_owned(),
            keys: opened
                .keyring
                .0
                .iter()
                .map(|(term, key)| (*term, **key.bytes, key.since.0))
                .collect(),
            slots: opened.meta.slots.clone(),
        }),
        Found::Absent => Err("absent".to_owned()),
        Found::Damaged(why) => Err(why),
        Found::Newer(format) => Err(format!("of format {format}")),
        Found::OtherKey => Err("of another root key".to_owned()),
    }
}

fn told(record: &Record, version: u64) -> Opened {
    let secrets = record.secrets().map(|(generation, secret)| (generation, secret.to_owned()));
    Opened { version, state: record.state(), secrets: secrets.collect() }
}
