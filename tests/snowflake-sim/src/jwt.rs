//! Key-pair JWTs: really verified, refused with the detail codes of Snowflake's troubleshooting page.
//!
//! Source: snowflake docs, developer-guide/sql-api/authenticating and
//! user-guide/key-pair-auth-troubleshooting.

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::engine::{AccountIdentity, KeySlot, Millis};

/// Who a good token speaks for, and by which key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bearer {
    pub(crate) login_name: String,
    pub(crate) fingerprint: String,
}

/// Why a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    UnknownUser,
    MissingTimes,
    NotFresh,
    Expired,
    WrongKey,
    NotRs256,
    BadSignature,
    WrongAccount,
}

impl Refusal {
    /// The detail code and its meaning; clients see 390144 for all of them.
    pub(crate) fn cause(self) -> &'static str {
        match self {
            Refusal::UnknownUser => "394300: the issuer names no user with a key",
            Refusal::MissingTimes => "394301: iat or exp is missing",
            Refusal::NotFresh => "394302: received more than 60 seconds from iat",
            Refusal::Expired => "394303: expired",
            Refusal::WrongKey => "394304: the fingerprint is of no key of the user",
            Refusal::NotRs256 => "394305: not signed with RS256",
            Refusal::BadSignature => "394306: the signature is wrong",
            Refusal::WrongAccount => "394307: the account is another one",
        }
    }
}

/// Checks a token against the account, the keys of the user it names, and the time.
///
/// `keys_of` has the keys a login name may sign with, none when nobody logs in by it. `fresh_iat` turns the
/// 60-second rule on; whether the SQL API enforces it is not known (the docs contradict each other).
pub(crate) fn verify(
    token: &str,
    account: &AccountIdentity,
    keys_of: impl Fn(&str) -> Vec<KeySlot>,
    now: Millis,
    fresh_iat: bool,
) -> Result<Bearer, Refusal> {
    let parts = Parts::split(token).ok_or(Refusal::BadSignature)?;
    if parts.header.get("alg") != Some(&Value::from("RS256")) {
        return Err(Refusal::NotRs256);
    }
    let subject = subject(&parts.claims, account)?;
    let keys = keys_of(&subject.login_name);
    if keys.is_empty() {
        return Err(Refusal::UnknownUser);
    }
    check_times(&parts.claims, now, fresh_iat)?;
    let key = keys.iter().find(|key| key.fingerprint == subject.fingerprint);
    let key = key.ok_or(Refusal::WrongKey)?;
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &key.spki)
        .verify(parts.signed.as_bytes(), &parts.signature)
        .map_err(|_| Refusal::BadSignature)?;
    Ok(subject)
}

struct Parts<'a> {
    header: Value,
    claims: Value,
    signed: &'a str,
    signature: Vec<u8>,
}

impl Parts<'_> {
    fn split(token: &str) -> Option<Parts<'_>> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let json = |part: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok();
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        Some(Parts { header: json(header)?, claims: json(claims)?, signed, signature })
    }
}

/// Reads `iss` = ACCOUNT.USER.FINGERPRINT and demands the same ACCOUNT.USER in `sub`.
fn subject(claims: &Value, account: &AccountIdentity) -> Result<Bearer, Refusal> {
    let text = |claim: &str| claims.get(claim).and_then(Value::as_str);
    let issuer = text("iss").ok_or(Refusal::UnknownUser)?;
    // A login name may hold periods, the other two parts hold none.
    let (claimed, rest) = issuer.split_once('.').ok_or(Refusal::UnknownUser)?;
    let (login_name, fingerprint) = rest.rsplit_once('.').ok_or(Refusal::UnknownUser)?;
    if !answers_to(account, claimed) {
        return Err(Refusal::WrongAccount);
    }
    if text("sub") != Some(format!("{claimed}.{login_name}").as_str()) {
        return Err(Refusal::UnknownUser);
    }
    Ok(Bearer { login_name: login_name.to_owned(), fingerprint: fingerprint.to_owned() })
}

/// Upper case only; a hyphen is as good as an underscore; a locator has no region segments.
fn answers_to(account: &AccountIdentity, claimed: &str) -> bool {
    let name = account.identifier();
    claimed == name || claimed == name.replace('_', "-") || claimed == account.locator
}

/// A token is good from its `iat` until its `exp`, and never longer than an hour.
fn check_times(claims: &Value, now: Millis, fresh_iat: bool) -> Result<(), Refusal> {
    let issued = moment(claims, "iat").ok_or(Refusal::MissingTimes)?;
    let expires = moment(claims, "exp").ok_or(Refusal::MissingTimes)?;
    let age = now.0 - issued;
    if age < -CLOCK_SKEW || (fresh_iat && age > CLOCK_SKEW) {
        return Err(Refusal::NotFresh);
    }
    if now.0 >= expires || age >= LONGEST_LIFE {
        return Err(Refusal::Expired);
    }
    Ok(())
}

/// A NumericDate in seconds, or in milliseconds as some clients send it; returns milliseconds.
fn moment(claims: &Value, claim: &str) -> Option<i64> {
    let number = claims.get(claim)?.as_i64()?;
    let is_millis = number > 100_000_000_000;
    Some(if is_millis { number } else { number.saturating_mul(1000) })
}

const CLOCK_SKEW: i64 = 60_000;
const LONGEST_LIFE: i64 = 3_600_000;
