//! The key-pair JWT of the SQL API: claims and token as functions of their arguments. No clock is read here.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pat_wire::secret::Secret;
use patd_core::names::{Account, User};
use patd_core::time::Timestamp;
use serde::Serialize;

use crate::key::{KeyError, SigningKey};

/// What a token says. `iss` carries the fingerprint, both names are upper-case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Claims {
    /// `ACCOUNT.USER.SHA256:fingerprint`
    pub iss: String,
    /// `ACCOUNT.USER`
    pub sub: String,
    /// Issued at, seconds since 1970.
    pub iat: i64,
    /// Valid until; Snowflake accepts at most one hour after `iat`.
    pub exp: i64,
}

/// Returns the claims of `user` (a LOGIN_NAME) for a token that lives `life`, at most one hour.
///
/// snowflake docs: developer-guide/sql-api/authenticating, user-guide/key-pair-auth-troubleshooting.
pub fn claims(
    account: &Account,
    user: &User,
    fingerprint: &str,
    now: Timestamp,
    life: Duration,
) -> Claims {
    let sub = format!("{}.{}", account_claim(account), user.as_str().to_uppercase());
    let life = i64::try_from(life.min(MAX_LIFE).as_secs()).unwrap_or_default();
    Claims { iss: format!("{sub}.{fingerprint}"), sub, iat: now.0, exp: now.plus(life).0 }
}

/// Returns the signed token.
///
/// # Errors
/// Only if the crypto library fails.
pub fn token(key: &SigningKey, claims: &Claims) -> Result<Secret, KeyError> {
    let claims = serde_json::to_vec(claims).map_err(|_| KeyError::Crypto("encode the claims"))?;
    let mut token = String::with_capacity(TOKEN_CAPACITY);
    URL_SAFE_NO_PAD.encode_string(HEADER, &mut token);
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(claims, &mut token);
    let signature = key.sign(token.as_bytes())?;
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    Ok(Secret::new(token))
}

/// Returns the account as the claims spell it: upper-case and without periods.
///
/// `ORG-ACCOUNT` stays; `ORG.ACCOUNT` gets its hyphen; a locator loses its region segments
/// (`xy12345.us-east-2.aws` → `XY12345`); a replication name (`….global`) is cut at its first hyphen. `.privatelink`,
/// which some clients take at the end of a name, is a part of the host.
/// A region always contains a hyphen, an organisation or account name never does: that tells the dots apart.
pub fn account_claim(account: &Account) -> String {
    let name = without_private_link(account.as_str());
    let claim = match name.split_once('.') {
        None => name.to_owned(),
        Some((first, _)) if name.to_lowercase().ends_with(".global") => {
            first.split('-').next().unwrap_or(first).to_owned()
        }
        Some((first, rest)) if !name.contains('-') && !rest.contains('.') => {
            format!("{first}-{rest}")
        }
        Some((first, _)) => first.to_owned(),
    };
    claim.to_uppercase()
}

fn without_private_link(name: &str) -> &str {
    let end = name.len().saturating_sub(PRIVATE_LINK.len());
    match name.split_at_checked(end) {
        Some((before, last)) if last.eq_ignore_ascii_case(PRIVATE_LINK) => before,
        Some(_) | None => name,
    }
}

const PRIVATE_LINK: &str = ".privatelink";
const HEADER: &str = r#"{"alg":"RS256","typ":"JWT"}"#;
const MAX_LIFE: Duration = Duration::from_secs(3600);
/// Above any token of RSA up to 4096 bits, so that the text is never moved while it is built.
const TOKEN_CAPACITY: usize = 2048;
