//! The real daemon, stopped or failed at each of its system calls: the shim below it, the life it is led through,
//! and what must hold afterwards. What a test demands lives under `tests/`.

mod house;
mod report;
mod shim;
mod sweep;

pub use house::{House, Outcome, log_in};
pub use report::calls;
pub use shim::{Act, Call, Page};
pub use sweep::{Case, Tally, is_long, recorded, sampled, sweep};
