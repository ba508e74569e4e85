//! A sealed record: what was sealed opens as it was, in its own place only, and nothing else ever opens; and the codec
//! inside reads what it writes, whatever it is given.

use std::collections::BTreeSet;

use patd::store::fuzzing::{Keys, decode, encode, open_meta};
use patd_audit::Hash;
use patd_core::lifecycle::{Held, Slot};
use patd_core::names::{Account, Generation, HostId, Role, SlotId, TokenName, User};
use patd_core::time::Timestamp;

pub fn check(bytes: &[u8]) {
    assert_codec(bytes);
    assert_written(&String::from_utf8_lossy(bytes));
    assert_sealed(bytes);
    assert_meta(bytes);
}

/// What is read of a plaintext is read again from what is written of it.
fn assert_codec(plain: &[u8]) {
    let Some(opened) = decode(plain) else { return };
    let Some((id, slot)) = &opened.state else { return };
    let secrets: Vec<(Generation, &str)> =
        opened.secrets.iter().map(|(generation, secret)| (*generation, secret.as_str())).collect();
    let written = encode(id, slot, &secrets).expect("a state is JSON");
    assert_eq!(decode(&written).as_ref(), Some(&opened));
    // One that is cut or has more than it says is no record.
    assert_eq!(decode(&written[..written.len() - 1]), None);
    assert_eq!(decode(&[written.as_slice(), b"x"].concat()), None);
}

/// Whatever names, reasons and secrets are in a state: it is read as it was written.
fn assert_written(text: &str) {
    let lines = || text.lines().take(8);
    let held = |name: &str| Held {
        generation: Generation(text.len() as u64),
        name: TokenName::new(name),
        role: Role::new(text),
        issued_at: Timestamp(i64::MIN),
        expires_at: Timestamp(i64::from(chosen(text.as_bytes(), 6))),
    };
    let mut state = Slot::new(HostId::new(text));
    state.taint = Some(text.to_owned());
    state.serving = lines().next().map(held);
    state.drift = Some(lines().map(str::to_owned).collect());
    let secrets: Vec<(Generation, &str)> = (1..).map(Generation).zip(lines()).collect();
    let id = slot(text);

    let written = encode(&id, &state, &secrets).expect("a state is JSON");
    let opened = decode(&written).expect("what is written is a record");
    assert_eq!(opened.state, Some((id, state)));
    let read = opened.secrets.iter().map(|(generation, secret)| (*generation, secret.as_str()));
    assert_eq!(read.collect::<Vec<_>>(), secrets);
    assert_codec(&written);
}

/// The bytes as a plaintext to be sealed, and as what somebody put in the place of a sealed record.
fn assert_sealed(bytes: &[u8]) {
    let keys = Keys::new([7; 32], [1; 16], [9; 32]).expect("keys");
    let (id, other) = (slot("MIGUEL_CLI"), slot("OTHER"));
    let version = u64::from(chosen(bytes, 1));
    let sealed = keys.seal(&id, version, bytes).expect("sealed");
    let plain = decode(bytes);
    match keys.open(&id, &sealed) {
        Ok(opened) => {
            assert_eq!(opened.version, version);
            assert_eq!(Some(opened.secrets), plain.as_ref().map(|plain| plain.secrets.clone()));
            assert_eq!(Some(opened.state), plain.map(|plain| plain.state));
        }
        Err(why) => assert!(plain.is_none(), "what was sealed does not open: {why}"),
    }

    assert!(keys.open(&other, &sealed).is_err(), "a record opened in the place of another");
    assert!(keys.open(&id, bytes).is_err(), "a record opened that nobody sealed");
    let strangers = [([8; 32], [1; 16], [8; 32]), ([7; 32], [2; 16], [9; 32])];
    for (root, store, data) in strangers {
        let keys = Keys::new(root, store, data).expect("keys");
        assert!(keys.open(&id, &sealed).is_err(), "a record opened with keys of another store");
    }
    for damaged in damages(bytes, &sealed) {
        assert!(keys.open(&id, &damaged).is_err(), "a damaged record opened");
    }
}

fn assert_meta(bytes: &[u8]) {
    let root = [7; 32];
    let keys = Keys::new(root, [1; 16], [9; 32]).expect("keys");
    let text = String::from_utf8_lossy(bytes);
    let slots: BTreeSet<SlotId> = text.split('\n').take(8).map(slot).collect();
    let sealed = keys.seal_meta(3, &text, slots.clone()).expect("sealed");

    let opened = open_meta(&sealed, root).expect("what was sealed opens");
    assert_eq!((opened.version, opened.host.as_str(), &opened.slots), (3, &*text, &slots));
    assert_eq!(opened.keys, [(1, [9; 32], 0)]);
    assert!(open_meta(&sealed, [8; 32]).is_err_and(|why| why.contains("another root key")));
    for damaged in damages(bytes, &sealed) {
        assert!(open_meta(&damaged, root).is_err(), "a damaged meta record opened");
        // Who damages it can make its digest anew.
        let body = &damaged[..damaged.len().saturating_sub(32)];
        let is_whole = body == &sealed[..sealed.len() - 32];
        assert!(
            is_whole || open_meta(&with_digest(body), root).is_err(),
            "a forged meta record opened"
        );
    }
    for forged in
        [bytes.to_vec(), with_digest(bytes), with_digest(&[b"PATDMETA\x01", bytes].concat())]
    {
        assert!(open_meta(&forged, root).is_err(), "a meta record opened that nobody sealed");
    }
}

/// A bit turned, an end cut off, bytes put behind, and a byte left out: where, the input chooses.
fn damages(choice: &[u8], sealed: &[u8]) -> [Vec<u8>; 4] {
    let at = |salt| usize::try_from(chosen(choice, salt)).unwrap_or(0) % sealed.len();
    let mut turned = sealed.to_vec();
    turned[at(2)] ^= 1 << (chosen(choice, 3) % 8);
    let mut shorter = sealed.to_vec();
    shorter.remove(at(4));
    let longer = [sealed, &choice[..choice.len().min(16)], b"\0"].concat();
    [turned, sealed[..at(5)].to_vec(), longer, shorter]
}

fn with_digest(body: &[u8]) -> Vec<u8> {
    let digits = Hash::of(body).to_string();
    let digest = (0..32).filter_map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).ok());
    body.iter().copied().chain(digest).collect()
}

/// A number that the whole input chooses.
fn chosen(bytes: &[u8], salt: u32) -> u32 {
    bytes.iter().fold(salt.wrapping_mul(0x9e37_79b9), |sum, byte| {
        (sum ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    }) >> 4
}

fn slot(user: &str) -> SlotId {
    SlotId { account: Account::new("MYORG-MYACCOUNT"), user: User::new(user) }
}
