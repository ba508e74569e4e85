//! The slot's state machine with a disk that survives crashes and a small server that loses, delays, doubles and
//! refuses. Promises P2 (never locked out) and P3 (bounded), each step checked by `World::check`.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test's helpers may fail as loudly as the test"
)]

mod crashes;
mod promises;
mod random;
mod server;
mod wishes;
mod world;
