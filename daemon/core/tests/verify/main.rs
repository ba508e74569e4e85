//! The proof of the pattern: a good account passes every check, one wrong fact fails exactly its check, one fact that
//! cannot be seen is never made up for.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test's helpers may fail as loudly as the test"
)]

mod inventory;
mod mutants;
mod sites;
mod unseen;
mod world;
