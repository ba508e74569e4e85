//! Promises of the daemon across its rooms: the real sockets, store, log and slots, against the simulator.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the world of a test ends with it; the lint looks at test functions only"
)]

mod acting;
mod auditing;
mod cloning;
mod cramped;
#[cfg(feature = "crash-points")]
mod crashing;
mod ending;
mod handing_out;
mod holding;
mod leasing;
mod leaving;
mod limits;
mod measuring;
mod openmetrics;
mod pacing;
mod program;
mod provisioning;
mod rebuilding;
mod refusing;
mod reloading;
mod restarting;
mod retiring;
mod revoking;
mod rotating;
mod suspending;
mod upstream_refusing;
mod waiting;
mod watching;
mod world;
