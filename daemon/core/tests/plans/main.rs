//! Promises of the plan (P8): said before done, exactly what differs, nothing guessed, nobody locked out unsaid.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test's helpers may fail as loudly as the test"
)]

mod account;
mod bad_names;
mod differences;
mod ending;
mod golden;
mod lexer;
mod locked_out;
mod names;
mod offline;
mod privileges;
mod shared_policy;
mod unseen;
