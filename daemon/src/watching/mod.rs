//! Whether the pattern holds at Snowflake, looked at about once an hour: one account at a time, beside hand-outs and
//! rotations, never before them. What does not hold is an alarm; a check of `freeze_on` that does not hold stops
//! hand-out. The checks are `patd_core::pattern::verify`'s.

mod alarms;
mod board;
mod logins;
mod look;
mod pace;
mod round;
mod verdict;

pub use board::{Findings, Seen, Watching};
pub use logins::with_secret as log_in_with_secret;
pub use look::{NotLooked, look_now};
pub use round::watch;
