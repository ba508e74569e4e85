//! The slot's state machine with a disk that survives crashes and a small server that loses, delays, doubles and
//! refuses. Promises P2 (never locked out) and P3 (bounded), as invariants that are held after every effect.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test's helpers may fail as loudly as the test, and tell how much was tried"
)]

mod answers;
mod crashes;
mod disk;
mod holding_back;
mod leaving;
mod lineage;
mod losses;
mod promises;
mod random;
mod retiring;
mod revoking;
mod rotating;
mod rotating_among_others;
mod server;
mod windows;
mod wishes;
mod world;
