//! Requests and replies of the hand-out socket. A hand-out is encoded and decoded by hand, so that
//! its secret never passes through a serialiser's intermediate copies.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::secret::Secret;

/// How the secret reaches the child.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Delivery {
    /// A private `SNOWFLAKE_HOME` on tmpfs.
    Home,
    /// Environment variables only.
    Env,
}

/// The form of the generated entry in `connections.toml`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EntryForm {
    /// `password = "<PAT>"`, no authenticator.
    Password,
    /// `authenticator = "PROGRAMMATIC_ACCESS_TOKEN"` and `token = "<PAT>"`.
    Token,
}

/// Asks for the current secret of a connection. A claim: it may narrow what the peer may have, never widen it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandOutRequest {
    /// The connection; none means "my only one".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<String>,
    /// The delivery; none means the entry's first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deliver: Option<Delivery>,
    /// The lease this one takes over from, of the same uid: a refresh by the helper.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
}

/// Everything a hand-out says besides the secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// The lease: 32 hexadecimal digits. Names the hand-out in watches and in the audit log; not a secret,
    /// and of no use to another uid.
    pub lease: String,
    /// The generation of the secret.
    pub generation: u64,
    /// The connection's name, which `-c` takes.
    pub connection: String,
    /// The delivery granted.
    pub deliver: Delivery,
    /// When the token expires at Snowflake: seconds since 1970, UTC.
    pub expires_at: i64,
    /// Whether the kernel showed the daemon the gate (egid `patclient`).
    pub gated: bool,
    /// The form of the generated entry.
    pub entry_form: EntryForm,
    /// Whether the user's other connections are kept.
    pub keep_connections: bool,
    /// Snowflake account identifier.
    pub account: String,
    /// Service user.
    pub user: String,
    /// The one role.
    pub role: String,
    /// Optional session defaults and endpoint, written to the entry as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warehouse: Option<String>,
    /// See `warehouse`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// See `warehouse`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Host to connect to, where it is not the account's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Port, where it is not 443.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// `http` or `https`, where it is not `https`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// For the `env` delivery: variable name → what it carries (`secret`, `user`, `role`, `account`, `host`,
    /// `warehouse`, `database`, `schema`). Empty: `SNOWFLAKE_CONNECTIONS` with the whole entry.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// The only programs the wrapper may become, by absolute path; any, if there is none. Told to the gated wrapper
    /// alone, since nobody else can be trusted to keep to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,
}

/// The current secret of a connection, with its terms. No `Debug`.
pub struct HandOut {
    /// What may be logged.
    pub terms: Terms,
    /// What may not.
    pub secret: Secret,
}

/// One connection the peer may have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// The connection's name.
    pub connection: String,
    /// Service user.
    pub user: String,
    /// The one role.
    pub role: String,
    /// Deliveries the entry allows, the default first.
    pub deliver: Vec<Delivery>,
    /// Whether a secret can be handed out now.
    pub ready: bool,
}

/// The caller's own connections.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct List {
    /// In order of name.
    pub connections: Vec<Listed>,
}

/// Asks to be told when a lease's generation is no longer the current one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WatchRequest {
    /// The lease of an earlier hand-out to the same uid.
    pub lease: String,
}

/// What a watch ends with. It never carries a secret: ask for a new hand-out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WatchEvent {
    /// There is a newer generation.
    GenerationChanged,
    /// The lease was ended (revoked, or by an administrator).
    LeaseEnded,
}

/// The reply to a watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchReply {
    /// What happened.
    pub event: WatchEvent,
}

/// Returns the body of a hand-out reply. The buffer is wiped when dropped and never grows once the secret
/// is in it.
pub fn encode_hand_out(hand_out: &HandOut) -> Zeroizing<Vec<u8>> {
    // Terms are plain data with text keys: serde_json cannot fail on them.
    let terms = serde_json::to_vec(&hand_out.terms).unwrap_or_default();
    let secret = hand_out.secret.expose();
    let longest = secret.len().saturating_mul(LONGEST_ESCAPE).saturating_add(terms.len());
    let mut body = Zeroizing::new(Vec::with_capacity(longest.saturating_add(FRAME)));
    body.extend_from_slice(b"{\"terms\":");
    body.extend_from_slice(&terms);
    body.extend_from_slice(b",\"secret\":\"");
    for byte in secret.bytes() {
        push_escaped(&mut body, byte);
    }
    body.extend_from_slice(b"\"}");
    body
}

/// Reads the body of a hand-out reply.
///
/// # Errors
/// The body is not a hand-out of this version.
pub fn decode_hand_out(body: Zeroizing<Vec<u8>>) -> Result<HandOut, NotAHandOut> {
    // A raw value is a slice of the body: the parser checks it without copying it anywhere.
    #[derive(Deserialize)]
    struct Borrowed<'a> {
        terms: Terms,
        #[serde(borrow)]
        secret: &'a RawValue,
    }
    let Borrowed { terms, secret } = serde_json::from_slice(&body).map_err(|_| NotAHandOut)?;
    let quoted = secret.get().strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    let secret = unescape(quoted.ok_or(NotAHandOut)?).ok_or(NotAHandOut)?;
    Ok(HandOut { terms, secret: Secret::from(secret) })
}

/// The body is not a hand-out. Says nothing of what was in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a hand-out of this version")]
pub struct NotAHandOut;

fn push_escaped(body: &mut Vec<u8>, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| HEX.get(usize::from(nibble)).copied().unwrap_or(b'0');
    match byte {
        b'"' | b'\\' => body.extend_from_slice(&[b'\\', byte]),
        0..=0x1f => {
            body.extend_from_slice(b"\\u00");
            body.extend_from_slice(&[digit(byte >> 4), digit(byte & 0xf)]);
        }
        _ => body.push(byte),
    }
}

/// Returns the text of a JSON string without its quotes, in a buffer that never grows: no escape is
/// shorter than what it stands for.
fn unescape(quoted: &str) -> Option<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::with_capacity(quoted.len()));
    let mut rest = quoted.chars();
    while let Some(character) = rest.next() {
        if character == '\\' {
            text.push(escaped(&mut rest)?);
        } else {
            text.push(character);
        }
    }
    Some(text)
}

fn escaped(rest: &mut std::str::Chars<'_>) -> Option<char> {
    Some(match rest.next()? {
        character @ ('"' | '\\' | '/') => character,
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => return unicode(rest),
        _ => return None,
    })
}

/// JSON writes what is beyond the basic plane as two halves (RFC 8259, section 7).
fn unicode(rest: &mut std::str::Chars<'_>) -> Option<char> {
    let first = four_digits(rest)?;
    let halves = match first {
        0xd800..0xdc00 if rest.next()? == '\\' && rest.next()? == 'u' => {
            vec![first, four_digits(rest)?]
        }
        _ => vec![first],
    };
    char::decode_utf16(halves).next()?.ok()
}

fn four_digits(rest: &mut std::str::Chars<'_>) -> Option<u16> {
    (0..4).try_fold(0u16, |sum, _| {
        let digit = rest.next()?.to_digit(16)?;
        Some(sum << 4 | u16::try_from(digit).ok()?)
    })
}

/// A control character becomes six bytes.
const LONGEST_ESCAPE: usize = 6;
/// Braces, names and quotes around terms and secret.
const FRAME: usize = 32;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_secret_with_every_kind_of_escape_arrives_as_it_was() {
        let secret = "\"\\/\u{8}\u{c}\n\r\t\0\u{1f}ä€😀";

        let body = encode_hand_out(&hand_out(secret));

        assert_eq!(decode_hand_out(body).ok().unwrap().secret.expose(), secret);
    }

    #[test]
    fn escapes_written_by_another_encoder_are_understood() {
        let body = format!(
            r#"{{"secret":"\/\b\f\ud83d\ude00\u00E4","terms":{}}}"#,
            serde_json::to_string(&terms()).unwrap()
        );

        let decoded = decode_hand_out(Zeroizing::new(body.into_bytes())).ok().unwrap();

        assert_eq!(decoded.secret.expose(), "/\u{8}\u{c}😀ä");
        assert_eq!(decoded.terms, terms());
    }

    #[test]
    fn a_body_without_a_text_secret_is_refused() {
        for secret in ["12", "null", "[\"a\"]", r#""\ud83d""#, r#""\ud83dxx""#, "\"a", ""] {
            let terms = serde_json::to_string(&terms()).unwrap();
            let body = format!(r#"{{"terms":{terms},"secret":{secret}}}"#);

            let decoded = decode_hand_out(Zeroizing::new(body.into_bytes()));

            assert!(decoded.is_err(), "{secret}");
        }
    }

    #[test]
    fn the_body_never_outgrows_the_buffer_it_was_given() {
        let worst = "\0".repeat(300);
        let body = encode_hand_out(&hand_out(&worst));

        let terms = serde_json::to_vec(&terms()).unwrap().len();
        assert!(body.len() <= 300 * LONGEST_ESCAPE + terms + FRAME);
    }

    proptest! {
        #[test]
        fn any_secret_is_read_by_any_json_parser_and_by_ours(secret in ".*") {
            let body = encode_hand_out(&hand_out(&secret));

            let value: serde_json::Value = serde_json::from_slice(&body).unwrap();
            prop_assert_eq!(value["secret"].as_str(), Some(secret.as_str()));
            let decoded = decode_hand_out(body).ok().unwrap();
            prop_assert_eq!(decoded.secret.expose(), secret);
        }

        #[test]
        fn any_bytes_are_decoded_or_refused(bytes: Vec<u8>) {
            let _ = decode_hand_out(Zeroizing::new(bytes));
        }
    }

    fn hand_out(secret: &str) -> HandOut {
        HandOut { terms: terms(), secret: Secret::new(secret.to_owned()) }
    }

    fn terms() -> Terms {
        Terms {
            lease: "0".repeat(32),
            generation: 7,
            connection: "miguel_cli".to_owned(),
            deliver: Delivery::Home,
            expires_at: 1_800_000_000,
            gated: true,
            entry_form: EntryForm::Password,
            keep_connections: false,
            account: "MYORG-MYACCOUNT".to_owned(),
            user: "MIGUEL_CLI".to_owned(),
            role: "MIGUEL_CLI_ROLE".to_owned(),
            warehouse: Some("WH".to_owned()),
            database: None,
            schema: None,
            host: None,
            port: Some(443),
            protocol: None,
            env: BTreeMap::from([("SNOWFLAKE_PASSWORD".to_owned(), "secret".to_owned())]),
            targets: vec!["/opt/cortex/bin/cortex".to_owned()],
        }
    }
}
