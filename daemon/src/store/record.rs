//! What is inside a slot's sealed record: its id and state as JSON, and its secrets, each once. Decoded by
//! borrowing from memory that is wiped, so that asking for one secret copies no other.

use patd_core::lifecycle::Slot;
use patd_core::names::{Generation, SlotId};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::codec::{Reader, count, put_bytes};

/// The plaintext of a slot's record, whole and well formed.
pub(super) struct Record(Zeroizing<Vec<u8>>);

impl Record {
    /// Checks the form of a plaintext and takes it over.
    pub(super) fn parse(plain: Zeroizing<Vec<u8>>) -> Option<Self> {
        let mut reader = Reader(&plain);
        if reader.u8()? != SCHEMA {
            return None;
        }
        reader.bytes()?;
        for _ in 0..reader.u32()? {
            reader.u64()?;
            reader.text()?;
        }
        reader.is_empty().then_some(())?;
        Some(Self(plain))
    }

    /// Returns whose record it is and the slot's state.
    pub(super) fn state(&self) -> Option<(SlotId, Slot)> {
        let mut reader = Reader(&self.0);
        reader.u8()?;
        let state: Stored = serde_json::from_slice(reader.bytes()?).ok()?;
        Some((state.id, state.slot))
    }

    /// Returns the secret of a generation, borrowed.
    pub(super) fn secret(&self, generation: Generation) -> Option<&str> {
        self.secrets().find(|(kept, _)| *kept == generation).map(|(_, secret)| secret)
    }

    /// Returns all secrets, borrowed.
    pub(super) fn secrets(&self) -> impl Iterator<Item = (Generation, &str)> {
        let mut reader = Reader(&self.0);
        let skipped = (|| {
            reader.u8()?;
            reader.bytes()?;
            reader.u32()
        })();
        (0..skipped.unwrap_or(0))
            .map_while(move |_| Some((Generation(reader.u64()?), reader.text()?)))
    }
}

/// Returns the plaintext of a record, in memory that is wiped and never grew.
pub(super) fn encode(
    id: &SlotId,
    slot: &Slot,
    secrets: &[(Generation, &str)],
) -> Option<Zeroizing<Vec<u8>>> {
    let json = serde_json::to_vec(&Storing { id, slot }).ok()?;
    let secrets_len: usize = secrets.iter().map(|(_, secret)| 8 + 4 + secret.len()).sum();
    let mut plain = Zeroizing::new(Vec::with_capacity(1 + 4 + json.len() + 4 + secrets_len));
    plain.push(SCHEMA);
    put_bytes(&mut plain, &json);
    plain.extend_from_slice(&count(secrets.len()).to_be_bytes());
    for (generation, secret) in secrets {
        plain.extend_from_slice(&generation.0.to_be_bytes());
        put_bytes(&mut plain, secret.as_bytes());
    }
    Some(plain)
}

#[derive(Serialize)]
struct Storing<'a> {
    id: &'a SlotId,
    slot: &'a Slot,
}

#[derive(Deserialize)]
struct Stored {
    id: SlotId,
    slot: Slot,
}

const SCHEMA: u8 = 1;
