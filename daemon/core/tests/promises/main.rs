//! Promises of the pure rooms besides the slot's life: policy and bootstrap.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test's helpers may fail as loudly as the test"
)]

mod bootstrap;
mod policy;
