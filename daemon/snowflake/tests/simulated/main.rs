//! Authority, probe and transport against the simulator: real JWTs, real grants and policies, and every fault it
//! can plant, each with its one classification.

#![expect(clippy::expect_used, clippy::panic, reason = "helpers of tests")]

mod authority;
mod connections;
mod evidence;
mod house;
mod logs;
mod partitions;
mod planning;
mod probe;
mod provision;
mod proxy;
mod releases;
mod rotating;
mod transport;
mod world;
