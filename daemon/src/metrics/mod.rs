//! What monitoring is told: which numbers there are, what is counted while the daemon runs, and how a status becomes
//! numbers. Labels are names from the configuration, ids and words of ours: as many as there are connections and
//! accounts, whatever others do. No secret, and no local user.

mod catalogue;
mod counts;
mod families;

pub use catalogue::{ALL, Meta};
pub use counts::{Counts, Tally};
pub use families::{Moment, Traffic, families};
