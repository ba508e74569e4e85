//! Promises of the pure rooms besides the slot's life: policy.

#![expect(clippy::panic, reason = "a test's helpers may fail as loudly as the test")]

mod policy;
