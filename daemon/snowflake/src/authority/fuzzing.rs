//! Doors for `tests/fuzz`: the answers to ADD, ROTATE and SHOW, without a server.

#[cfg(not(debug_assertions))]
compile_error!("the feature fuzzing is for tests and is never part of a release build");

use pat_wire::secret::Secret;
use patd_core::lifecycle::{Failure, TokenRow};
use patd_core::names::{TokenName, User};

use crate::sql_api::Table;

/// Returns the secret that the answer to an ADD of this token holds.
///
/// # Errors
/// Why it holds none.
pub fn minted(body: &[u8], expected: &TokenName) -> Result<Secret, String> {
    super::minted::minted(body, expected)
}

/// Returns the tokens in the rows of SHOW.
///
/// # Errors
/// Why they cannot be told.
pub fn token_rows(
    columns: &[&str],
    rows: &[&[Option<&str>]],
    user: &User,
) -> Result<Vec<TokenRow>, Failure> {
    super::rows::token_rows(&Table::of(columns, rows), user)
}
