//! One world for all suites: a simulator with a bootstrapped account, a configured daemon and the programs
//! around it, all real. What a test demands lives in the test; what it takes for granted lives here.

mod binaries;
mod daemon;
pub mod driver;
pub mod leaks;
mod ready;
mod said;
mod setup;
mod skip;
mod wait;

pub use binaries::Binaries;
pub use daemon::Daemon;
pub use setup::{CONNECTION, ROLE, USER, World, WorldBuilder, own_name};
pub use skip::skip;
pub use wait::{eventually, wait_at_most};
