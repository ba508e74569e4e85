//! Server texts before they may enter an error, a log line or a person's terminal: without anything that is or
//! looks like a token, on one line, of bounded length.

use pat_wire::secret::Secret;
use zeroize::Zeroizing;

/// Returns the text with the secrets in flight and everything token-like replaced, cut to one short line. What was
/// written down of it on the way is wiped.
pub fn masked(text: &str, in_flight: &[&Secret]) -> String {
    let mut text = Zeroizing::new(text.to_owned());
    for secret in in_flight.iter().filter(|secret| !secret.is_empty()) {
        text = without(secret, &text);
    }
    shortened(without_tokens(&text))
}

/// Sized once: a text that grows leaves copies of what it held.
fn without(secret: &Secret, text: &str) -> Zeroizing<String> {
    let masks = text.matches(secret.expose()).count().saturating_mul(MASK.len());
    let mut clean = Zeroizing::new(String::with_capacity(text.len().saturating_add(masks)));
    for (at, part) in text.split(secret.expose()).enumerate() {
        if at > 0 {
            clean.push_str(MASK);
        }
        clean.push_str(part);
    }
    clean
}

fn without_tokens(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut word_start = 0;
    for (at, character) in text.char_indices() {
        if !is_token_character(character) {
            clean.push_str(word(text.get(word_start..at)));
            clean.push(if character.is_control() { ' ' } else { character });
            word_start = at + character.len_utf8();
        }
    }
    clean.push_str(word(text.get(word_start..)));
    clean
}

/// Returns whether a word could be a token: it begins like one, or is long and looks random.
///
/// Snowflake publishes no pattern for its tokens. A UUID (request and query ids) and an upper-case name
/// are what a person needs to see, so they stay.
fn looks_like_a_token(word: &str) -> bool {
    let word = word.trim_end_matches('.');
    if PREFIXES.iter().any(|prefix| word.contains(prefix)) {
        return true;
    }
    let has = |test: fn(&char) -> bool| word.chars().any(|c| test(&c));
    let digit = has(char::is_ascii_digit);
    let lower = has(char::is_ascii_lowercase);
    let upper = has(char::is_ascii_uppercase);
    let mixed = digit && lower && upper;
    match word.len() {
        0..24 => false,
        24..40 => mixed && !is_uuid(word),
        // Host names and paths have dots and slashes, names have underscores; a token in hex or base32 has neither.
        40..=LONGEST_NAME => mixed || digit && !word.contains(['.', '/', '_']),
        _ => true,
    }
}

fn is_uuid(word: &str) -> bool {
    let groups = word.split('-').map(str::len);
    groups.eq([8, 4, 4, 4, 12]) && word.chars().all(|c| c.is_ascii_hexdigit() || c == '-')
}

fn is_token_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '+' | '/' | '=' | '.' | '~')
}

fn word(word: Option<&str>) -> &str {
    match word {
        Some(word) if looks_like_a_token(word) => MASK,
        Some(word) => word,
        None => MASK,
    }
}

fn shortened(mut text: String) -> String {
    if text.len() > MAX_LENGTH {
        let end = (0..=MAX_LENGTH).rev().find(|&end| text.is_char_boundary(end));
        text.truncate(end.unwrap_or_default());
        text.push('…');
    }
    text
}

const MASK: &str = "[masked]";
const MAX_LENGTH: usize = 400;
/// Identifiers end at 255 bytes.
const LONGEST_NAME: usize = 255;
/// JSON objects in base64 (every JWT), and the simulator's secrets.
const PREFIXES: [&str; 3] = ["eyJ", "simpat_", "simsess_"];

#[cfg(test)]
mod tests {
    use pat_wire::secret::Secret;
    use proptest::prelude::*;

    use super::{MASK, masked, without};

    #[test]
    fn a_secret_in_flight_is_masked_wherever_it_stands() {
        let secret = Secret::new("short".into());
        assert_eq!(
            masked("token 'short' and xshorty", &[&secret]),
            "token '[masked]' and x[masked]y"
        );
    }

    #[test]
    fn a_buffer_on_the_way_never_grows_out_of_one_that_is_not_wiped() {
        let secret = Secret::new("s".into());
        for text in ["", "s", "sss", "a s b", &"s".repeat(1_000)] {
            let clean = without(&secret, text);
            let masks = text.matches('s').count() * MASK.len();
            assert_eq!(clean.capacity(), text.len() + masks, "{text:?}");
            assert!(!clean.replace(MASK, "").contains('s'), "{text:?}");
        }
    }

    #[test]
    fn what_looks_like_a_token_is_masked() {
        for token in [
            "eyJhbGciOiJSUzI1NiJ9.e30.AAAA",
            "simpat_x",
            "simsess_y",
            "Qm9va3NhcmVncmVhdDEyMzQ1",
            "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15",
            "NBSWY3DPEB3W64TMMQQGC3TEEB2GQZJAOJSXG5BAN5TCA2LU",
            "ver:1-hint:ignored-ETMsDgAAAYxZlkEAABRBRVMvQ0JDL1BLQ1M1UGFkZGluZw",
        ] {
            let clean = masked(&format!("invalid token {token}."), &[]);
            assert!(!clean.contains(token.trim_start_matches("ver:1-hint:")), "{clean}");
            assert!(clean.starts_with("invalid token "), "{clean}");
        }
    }

    #[test]
    fn what_a_person_needs_to_see_stays() {
        for text in [
            "JWT token is invalid. [0ce9eb56-821d-4ca9-a774-04ae89a0cf5a]",
            "Incoming request with IP/Token 203.0.113.7 is not allowed to access Snowflake.",
            "User 'MIGUEL_CLI' does not exist or not authorized.",
            "no answer from ab12345-test.privatelink.snowflakecomputing.com",
            "Programmatic access token PATD_0A1B2C3D_G000012_A1B2C3 not found",
        ] {
            assert_eq!(masked(text, &[]), text);
        }
    }

    #[test]
    fn a_long_text_is_cut_at_a_character() {
        let clean = masked(&"ä ".repeat(1000), &[]);
        assert!(clean.len() < 410 && clean.ends_with('…'));
    }

    proptest! {
        #[test]
        fn no_secret_survives_in_any_text(
            before in "\\PC{0,40}", secret in "[A-Za-z0-9_=/+-]{8,80}", after in "\\PC{0,40}",
        ) {
            let held = Secret::new(secret.clone());
            let clean = masked(&format!("{before}{secret}{after}"), &[&held]);
            prop_assert!(!clean.contains(&secret));
        }
    }
}
