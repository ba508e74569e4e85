//! The conversation with an account, on answers written by hand: what is concluded, what stays hidden, what ends it.

#![expect(clippy::expect_used, clippy::panic, reason = "helpers of tests")]

mod account;
mod conversation;
mod everybody;
mod sight;
