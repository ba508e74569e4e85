//! The forms in which bytes turn up in text.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};

/// Returns every form of a piece; equal ones once.
pub(super) fn of(piece: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut forms = vec![
        ("raw", piece.to_vec()),
        ("hex", each(piece, |byte| format!("{byte:02x}"))),
        ("HEX", each(piece, |byte| format!("{byte:02X}"))),
        ("URL-escaped", each(piece, |byte| url(byte, true))),
        ("url-escaped", each(piece, |byte| url(byte, false))),
        ("URL-escaped throughout", each(piece, |byte| format!("%{byte:02X}"))),
        ("JSON-escaped", json(piece, false)),
        ("JSON-escaped, slashes too", json(piece, true)),
        ("list of numbers", list(piece)),
    ];
    for (form, alphabet) in [("base64", &alphabet::STANDARD), ("base64url", &alphabet::URL_SAFE)] {
        let engine = GeneralPurpose::new(alphabet, NO_PAD);
        forms.extend((0..3).map(|before| (form, base64_after(&engine, piece, before))));
    }
    // The raw form comes first and keeps its name where another one is the same.
    let mut unique = BTreeMap::new();
    for (form, text) in forms {
        unique.entry(text).or_insert(form);
    }
    unique.into_iter().map(|(text, form)| (form, text)).collect()
}

fn each(piece: &[u8], form: impl Fn(u8) -> String) -> Vec<u8> {
    piece.iter().map(|byte| form(*byte)).collect::<String>().into_bytes()
}

fn url(byte: u8, upper: bool) -> String {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
            char::from(byte).to_string()
        }
        _ if upper => format!("%{byte:02X}"),
        _ => format!("%{byte:02x}"),
    }
}

/// Bytes that are no text are no JSON either; they stand for themselves.
fn json(piece: &[u8], slashes: bool) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(piece) else { return piece.to_vec() };
    let quoted = serde_json::to_string(text).expect("a text is JSON");
    let inner = &quoted[1..quoted.len() - 1];
    if slashes { inner.replace('/', "\\/").into_bytes() } else { inner.as_bytes().to_vec() }
}

/// As a slice of bytes is printed by `{:?}`.
fn list(piece: &[u8]) -> Vec<u8> {
    let numbers: Vec<String> = piece.iter().map(u8::to_string).collect();
    numbers.join(", ").into_bytes()
}

/// The characters that depend on the piece alone when so many bytes are before it.
fn base64_after(engine: &GeneralPurpose, piece: &[u8], before: usize) -> Vec<u8> {
    let text = engine.encode([&vec![0; before], piece].concat());
    let (first, end) = ((before * 8).div_ceil(6), (before + piece.len()) * 8 / 6);
    text.as_bytes()[first..end].to_vec()
}
