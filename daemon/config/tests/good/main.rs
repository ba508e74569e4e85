//! What a good configuration means: the values, the defaults, what is inert, who owns it, what is not read.

#![expect(clippy::unwrap_used, reason = "a test's world that cannot be built fails the test")]

mod entries;
mod files;
mod provision;
mod world;
