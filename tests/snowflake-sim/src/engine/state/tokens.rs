//! Programmatic access tokens. The secret itself is never kept: only its fingerprint.

use super::super::switches::TokenStatusWhenBoth;
use crate::engine::clock::Millis;

/// A token of a user.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Token {
    /// CREDENTIAL_ID in ACCOUNT_USAGE.
    pub(in crate::engine) id: u64,
    pub(in crate::engine) name: String,
    /// SHA-256 of the secret, in hex.
    pub(in crate::engine) fingerprint: String,
    pub(in crate::engine) role_restriction: Option<String>,
    pub(in crate::engine) days_to_expiry: i64,
    pub(in crate::engine) created_on: Millis,
    pub(in crate::engine) created_by: u64,
    pub(in crate::engine) expires_at: Millis,
    pub(in crate::engine) disabled: bool,
    pub(in crate::engine) comment: Option<String>,
    /// Until when the user may do without a network policy.
    pub(in crate::engine) bypass_until: Option<Millis>,
    /// The live token this one is the predecessor of.
    pub(in crate::engine) rotated_to: Option<String>,
    /// The restriction's role was revoked from the user while this token existed.
    pub(in crate::engine) role_was_revoked: bool,
    pub(in crate::engine) last_used_on: Option<Millis>,
    pub(in crate::engine) last_altered: Millis,
    pub(in crate::engine) last_altered_by: u64,
}

/// The `status` column of SHOW.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum TokenStatus {
    Active,
    Expired,
    Disabled,
}

impl TokenStatus {
    pub(in crate::engine) fn name(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Expired => "EXPIRED",
            Self::Disabled => "DISABLED",
        }
    }
}

impl Token {
    pub(in crate::engine) fn is_expired(&self, now: Millis) -> bool {
        self.expires_at <= now
    }

    pub(in crate::engine) fn status(&self, now: Millis, both: TokenStatusWhenBoth) -> TokenStatus {
        match (self.is_expired(now), self.disabled, both) {
            (false, false, _) => TokenStatus::Active,
            (true, true, TokenStatusWhenBoth::Expired) | (true, false, _) => TokenStatus::Expired,
            (true, true, TokenStatusWhenBoth::Disabled) | (false, true, _) => TokenStatus::Disabled,
        }
    }

    /// Returns the minutes of bypass that remain; they count down by themselves.
    pub(in crate::engine) fn bypass_minutes(&self, now: Millis) -> Option<i64> {
        self.bypass_until.map(|until| until.minutes_left(now)).filter(|left| *left > 0)
    }

    pub(in crate::engine) fn altered(&mut self, by: u64, now: Millis) {
        self.last_altered = now;
        self.last_altered_by = by;
    }
}

/// Returns the fingerprint under which a secret is known.
pub(in crate::engine) fn fingerprint(secret: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, secret.as_bytes());
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
