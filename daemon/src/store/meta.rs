//! The meta record: host, data keys, and which slots there are, so that a lost slot is noticed. In a file and
//! in sled alike: `magic | format | store id | root key check | sealed | SHA-256 of all before`.
//! The digest tells damage from a wrong root key; the seal is what protects.

use std::collections::BTreeSet;

use aws_lc_rs::digest::{SHA256, digest};
use patd_core::names::{Account, HostId, SlotId, User};
use patd_core::time::Timestamp;
use patd_keys::RootKey;
use zeroize::Zeroizing;

use super::codec::{Reader, count, put_bytes};
use super::seal::Header;
use super::vault::{DataKey, Derived, Keyring};

/// What a store knows about itself. In memory, `version` is the highest of any record of the store.
#[derive(Clone)]
pub(super) struct Meta {
    pub(super) version: u64,
    pub(super) host: HostId,
    pub(super) slots: BTreeSet<SlotId>,
}

/// What was found where a meta record should be.
pub(super) enum Found {
    /// Nothing.
    Absent,
    /// Something that is not as it was written.
    Damaged(String),
    /// A whole record of a later format.
    Newer(u8),
    /// A whole record, sealed under another root key.
    OtherKey,
    /// The record.
    Good(Box<Opened>),
}

/// A meta record that the root key opened, and the keys it came with.
pub(super) struct Opened {
    pub(super) derived: Derived,
    pub(super) keyring: Keyring,
    pub(super) meta: Meta,
}

/// Opens a meta record.
pub(super) fn open(bytes: &[u8], root: &RootKey) -> Found {
    let Some((body, digest_then)) = bytes.split_last_chunk::<DIGEST_LEN>() else {
        return Found::Damaged("cut off".to_owned());
    };
    if digest(&SHA256, body).as_ref() != digest_then {
        return Found::Damaged("not as it was written".to_owned());
    }
    let mut reader = Reader(body);
    match (reader.array(), reader.u8()) {
        (Some(MAGIC), Some(FORMAT)) => {}
        (Some(MAGIC), Some(format)) => return Found::Newer(format),
        (Some(_) | None, _) => return Found::Damaged("no meta record".to_owned()),
    }
    let Some((store, check)) = reader.array::<16>().zip(reader.array::<16>()) else {
        return Found::Damaged("cut off".to_owned());
    };
    match Derived::new(root, store) {
        Some(derived) if derived.check == check => unseal(derived, reader.0),
        Some(_) | None => Found::OtherKey,
    }
}

impl Meta {
    /// Returns the record for file and sled.
    pub(super) fn seal(&self, derived: &Derived, keyring: &Keyring) -> Option<Vec<u8>> {
        let sealed = derived.seal_meta(self.version, &encode(self, keyring))?;
        let mut bytes = Vec::with_capacity(8 + 1 + 16 + 16 + sealed.len() + DIGEST_LEN);
        bytes.extend_from_slice(&MAGIC);
        bytes.push(FORMAT);
        bytes.extend_from_slice(&derived.store);
        bytes.extend_from_slice(&derived.check);
        bytes.extend_from_slice(&sealed);
        let digest = digest(&SHA256, &bytes);
        bytes.extend_from_slice(digest.as_ref());
        Some(bytes)
    }
}

fn unseal(derived: Derived, sealed: &[u8]) -> Found {
    let opened = Header::of(sealed).and_then(|header| Ok((header, derived.open_meta(sealed)?)));
    let (header, plain) = match opened {
        Ok(opened) => opened,
        Err(why) => return Found::Damaged(why.0.to_owned()),
    };
    match decode(&plain, header.version) {
        Some((meta, keyring)) => Found::Good(Box::new(Opened { derived, keyring, meta })),
        None => Found::Damaged("of an unknown form".to_owned()),
    }
}

fn encode(meta: &Meta, keyring: &Keyring) -> Zeroizing<Vec<u8>> {
    let names_len: usize =
        meta.slots.iter().map(|id| 8 + id.account.as_str().len() + id.user.as_str().len()).sum();
    let len = 4 + meta.host.as_str().len() + 4 + keyring.0.len() * (4 + 8 + 32) + 4 + names_len;
    let mut plain = Zeroizing::new(Vec::with_capacity(len));
    put_bytes(&mut plain, meta.host.as_str().as_bytes());
    plain.extend_from_slice(&count(keyring.0.len()).to_be_bytes());
    for (term, key) in &keyring.0 {
        plain.extend_from_slice(&term.to_be_bytes());
        plain.extend_from_slice(&key.since.0.to_be_bytes());
        plain.extend_from_slice(key.bytes.as_slice());
    }
    plain.extend_from_slice(&count(meta.slots.len()).to_be_bytes());
    for id in &meta.slots {
        put_bytes(&mut plain, id.account.as_str().as_bytes());
        put_bytes(&mut plain, id.user.as_str().as_bytes());
    }
    plain
}

fn decode(plain: &[u8], version: u64) -> Option<(Meta, Keyring)> {
    let mut reader = Reader(plain);
    let host = HostId::new(reader.text()?);
    let mut keyring = Keyring::default();
    for _ in 0..reader.u32()? {
        let (term, since) = (reader.u32()?, Timestamp(reader.i64()?));
        let mut bytes = Box::new(Zeroizing::new([0; 32]));
        bytes.copy_from_slice(reader.take(32)?);
        keyring.0.insert(term, DataKey::new(bytes, since)?);
    }
    let mut slots: Vec<SlotId> = Vec::new();
    for _ in 0..reader.u32()? {
        let account = Account::new(reader.text()?);
        // In their order, those of one account follow each other: its name is there once.
        let known = slots.last().map(|last| &last.account).filter(|known| **known == account);
        let account = known.cloned().unwrap_or(account);
        slots.push(SlotId { account, user: User::new(reader.text()?) });
    }
    let whole = reader.is_empty() && !keyring.0.is_empty();
    whole.then(|| (Meta { version, host, slots: slots.into_iter().collect() }, keyring))
}

const MAGIC: [u8; 8] = *b"PATDMETA";
/// The format of the whole store: whoever changes any file of it raises this. Magic, this byte and the digest at the end
/// are those of every format: only the digest tells a later one from a flipped byte, which the other copy mends.
pub(super) const FORMAT: u8 = 1;
const DIGEST_LEN: usize = 32;
