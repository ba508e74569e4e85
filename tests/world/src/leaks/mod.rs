//! Looks for secrets where none may be. A secret is looked for in pieces, each in every form that a log, a dump or
//! an error could show it in: a part of a secret is a leak, too.

mod forms;
mod places;

use std::collections::BTreeSet;
use std::fmt;

use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::setup::World;

/// A search for some secrets.
pub struct Scan {
    search: AhoCorasick,
    /// What each of the texts searched for stands for.
    meanings: Vec<Meaning>,
}

#[derive(Clone)]
struct Meaning {
    secret: String,
    form: &'static str,
}

/// A secret where none may be. The secret itself is not shown.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Leak {
    /// Where.
    pub place: String,
    /// Which secret.
    pub secret: String,
    /// In which form.
    pub form: &'static str,
}

impl Scan {
    /// Looks for every secret of a world: all tokens and session tokens its Snowflake ever made, the admin key, the
    /// root key; and for the admin's login tokens, known by how they begin.
    pub fn of(world: &World) -> Self {
        let mut secrets: Vec<(String, Vec<u8>)> = Vec::new();
        for (number, secret) in world.sim.secrets().into_iter().enumerate() {
            let (kind, _) = secret.split_once('_').expect("a simulated secret has a prefix");
            secrets.push((format!("{kind} {number}"), secret.into_bytes()));
        }
        secrets.push(("admin key".into(), private_part(&admin_key(world))));
        secrets.push(("root key".into(), root_key(world)));
        Self::for_secrets(secrets)
    }

    /// Looks for these secrets, by name; each at least as long as a piece.
    pub fn for_secrets(secrets: Vec<(String, Vec<u8>)>) -> Self {
        let mut texts: Vec<Vec<u8>> = Vec::new();
        let mut meanings = Vec::new();
        for (secret, bytes) in secrets {
            for piece in bytes.chunks_exact(PIECE) {
                for (form, text) in forms::of(piece) {
                    texts.push(text);
                    meanings.push(Meaning { secret: secret.clone(), form });
                }
            }
        }
        for beginning in LOGIN_TOKENS {
            texts.push(beginning.into());
            meanings.push(Meaning { secret: "login token of the admin".into(), form: "raw" });
        }
        let search = AhoCorasick::new(texts).expect("the texts make a search");
        Self { search, meanings }
    }

    /// Looks into bytes.
    pub fn bytes(&self, place: &str, bytes: &[u8]) -> Vec<Leak> {
        let found = self.search.find_overlapping_iter(bytes).map(|found| {
            let Meaning { secret, form } = self.meanings[found.pattern().as_usize()].clone();
            Leak { place: place.to_string(), secret, form }
        });
        found.collect::<BTreeSet<_>>().into_iter().collect()
    }
}

impl fmt::Display for Leak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {} ({})", self.secret, self.place, self.form)
    }
}

fn admin_key(world: &World) -> Vec<u8> {
    let pem = std::fs::read_to_string(world.keys().join("admin-key.pem")).expect("an admin key");
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    STANDARD.decode(body).expect("a PEM file holds base64")
}

/// The first half of an RSA key file holds the modulus, which is public; the second half is the primes and what
/// follows from them. It begins where a line of a PEM file does.
fn private_part(der: &[u8]) -> Vec<u8> {
    let half = (der.len() / 2).next_multiple_of(2 * PIECE);
    der[half..].to_vec()
}

fn root_key(world: &World) -> Vec<u8> {
    let text = std::fs::read_to_string(world.keys().join("root-key")).expect("a root key");
    STANDARD.decode(text.trim()).expect("a root key is base64")
}

/// Bytes of a piece: half a line of a PEM file, and short enough that the root key has one.
const PIECE: usize = 24;
/// The base64 of `{"alg":"` and `{"typ":"`.
const LOGIN_TOKENS: [&str; 2] = ["eyJhbGciOi", "eyJ0eXAiOi"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_in_every_form_and_at_every_place_of_its_surroundings() {
        let secret = b"simpat_canary+of/the=scan\"that no file may hold";
        let scan = Scan::for_secrets(vec![("canary".into(), secret.to_vec())]);

        for before in 0..7 {
            for written in ways_to_write(&[&vec![b'x'; before], &secret[..]].concat()) {
                assert!(!scan.bytes("here", &written).is_empty(), "{:?}", written.escape_ascii());
            }
        }
        assert_eq!(scan.bytes("here", b"simpat_canary+of/the=sca"), scan.bytes("here", secret));
        assert!(scan.bytes("here", b"simpat_ nothing of the kind").is_empty());
    }

    #[test]
    fn a_leak_is_told_without_the_secret() {
        let secret = b"simpat_canaryofthescan_and_more_of_it";
        let scan = Scan::for_secrets(vec![("canary".into(), secret.to_vec())]);

        let leaks = scan.bytes("patd.log", secret);

        assert_eq!(leaks[0].to_string(), "canary in patd.log (raw)");
    }

    /// As another library than the scan's own forms, or the standard library, writes it.
    fn ways_to_write(text: &[u8]) -> Vec<Vec<u8>> {
        let hex: String = text.iter().map(|byte| format!("{byte:02x}")).collect();
        let percent: String = text.iter().map(|byte| format!("%{byte:02X}")).collect();
        let utf8 = std::str::from_utf8(text).unwrap();
        vec![
            text.to_vec(),
            hex.to_uppercase().into_bytes(),
            hex.into_bytes(),
            percent.into_bytes(),
            STANDARD.encode(text).into_bytes(),
            base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text).into_bytes(),
            serde_json::to_vec(utf8).unwrap(),
            format!("{text:?}").into_bytes(),
            format!("{utf8:?}").into_bytes(),
        ]
    }
}
