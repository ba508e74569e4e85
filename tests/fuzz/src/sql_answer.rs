//! The bodies that Snowflake's SQL API answers with: a result is whole or none, a secret is taken from the one documented
//! shape only, and no reason repeats anything of a body.

use patd_core::names::TokenName;
use patd_snowflake::authority::fuzzing::minted;
use patd_snowflake::mask::masked;
use patd_snowflake::refusal::refusal;
use patd_snowflake::sql_api::fuzzing::{notice, result, unpacked};
use serde_json::{Value, json};

use crate::hush::{CANARY, assert_plain, without_numbers};

pub fn check(body: &[u8]) {
    assert_result(body);
    assert_minted(body);
    assert_notice(body);
    assert_packed(body);
}

/// Every announced row with as many values as there are columns, and the same again from what is written of it.
fn assert_result(body: &[u8]) {
    let (columns, rows) = match result(body) {
        Ok(result) => result,
        Err(why) => return assert!(is_a_reason(&why), "{why}"),
    };
    // What is not looked at may be no text.
    if let Ok(said) = serde_json::from_slice::<Value>(body) {
        assert_eq!(said["resultSetMetaData"]["numRows"].as_u64(), Some(rows.len() as u64));
        assert_eq!(said["data"].as_array().map(Vec::len), Some(rows.len()));
    }
    assert!(rows.iter().all(|row| row.len() == columns.len()), "a row does not fit");
    let written = written(&columns, &rows);
    assert_eq!(result(written.as_bytes()), Ok((columns, rows)));
    for end in [0, written.len() / 3, written.len() - 1] {
        let cut = written.as_bytes().get(..end).unwrap_or_default();
        assert!(result(cut).is_err(), "a body that was cut is a result");
    }
}

fn written(columns: &[String], rows: &[Vec<Option<String>>]) -> String {
    let columns: Vec<Value> = columns.iter().map(|name| json!({ "name": name })).collect();
    let meta = json!({ "numRows": rows.len(), "rowType": columns });
    json!({ "resultSetMetaData": meta, "data": rows, "code": "090001" }).to_string()
}

/// A secret comes from a row of the token that was asked for, as it stands there, and is one word.
fn assert_minted(body: &[u8]) {
    let name = TokenName::new("T1");
    let secret = match minted(body, &name) {
        Ok(secret) => secret,
        Err(why) => return assert!(is_a_reason(&why), "{why}"),
    };
    let (columns, rows) = result(body).expect("a secret of what is no result");
    let place =
        |wanted: &str| columns.iter().position(|column| column.eq_ignore_ascii_case(wanted));
    let (named, held) = (place("token_name").expect("named"), place("token_secret").expect("held"));
    assert_eq!((columns.len(), rows.len()), (2, 1));
    assert_eq!(rows[0][named].as_deref(), Some("T1"));
    assert_eq!(rows[0][held].as_deref(), Some(secret.expose()));
    assert!(!secret.is_empty() && secret.expose().bytes().all(|byte| byte.is_ascii_graphic()));
    assert!(minted(body, &TokenName::new("T2")).is_err(), "the secret of another token");
    assert!(
        !masked(&String::from_utf8_lossy(body), &[&secret]).contains(secret.expose())
            || is_in_mask(secret.expose())
    );
}

/// A secret that is part of the mask cannot be told from it.
fn is_in_mask(secret: &str) -> bool {
    "[masked]…".contains(secret)
}

/// What is shown of a no is one short line without the secrets in flight; a handle is safe in a path.
fn assert_notice(body: &[u8]) {
    let said = notice(body);
    if let Some(handle) = &said.handle {
        assert!(
            handle.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'),
            "{handle}"
        );
    }
    let in_flight = pat_wire::secret::Secret::new(CANARY.to_owned());
    let no = refusal(&said.code, &said.message, &[&in_flight]);
    for text in [&no.code, &no.message] {
        assert!(!text.contains(CANARY), "a secret in flight is shown: {text}");
        assert!(text.len() <= 410, "{} bytes are shown", text.len());
        assert_plain(text);
    }
    let all = masked(&String::from_utf8_lossy(body), &[&in_flight]);
    assert!(
        !all.contains(CANARY) && !all.contains("simpat_") && !all.contains("simsess_"),
        "{all}"
    );
}

fn assert_packed(body: &[u8]) {
    const ROOM: usize = 4096;
    if let Ok(plain) = unpacked(body, ROOM) {
        assert!(plain.len() <= ROOM + 1, "{} bytes were unpacked", plain.len());
    }
}

/// In one of the few texts there are.
fn is_a_reason(why: &str) -> bool {
    let shape = without_numbers(why);
    REASONS.contains(&shape.as_str())
}

const REASONS: [&str; 16] = [
    "the answer breaks off (line #, column #)",
    "the answer is not JSON (line #, column #)",
    "the answer is not of the documented form (line #, column #)",
    "the number of rows is not the announced one",
    "a row has not as many values as there are columns",
    "the result is incomplete: too large (#)",
    "the result is incomplete: it comes in several partitions",
    "the result has no column token_name",
    "the result has no column token_secret",
    "the result has more than one column token_name",
    "the result has more than one column token_secret",
    "the result has columns besides the documented ones",
    "the result has # rows instead of one",
    "the result names another token than the one asked for",
    "the result holds no secret",
    "the secret in the result is not one printable word",
];
