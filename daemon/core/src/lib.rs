//! The decisions of PAT Broker as functions of their arguments: who may have which secret ([`policy`]),
//! what happens to a slot next ([`lifecycle`]), when ([`schedule`], [`window`], [`pace`]), what an account should look like and the
//! statements that make it so ([`pattern`]), the exact SQL ([`sql`]).
//!
//! No I/O, no clock, no randomness, no environment and no secret byte: those are the daemon's.

#![forbid(unsafe_code)]

pub mod lifecycle;
pub mod names;
pub mod pace;
pub mod pattern;
pub mod policy;
pub mod schedule;
pub mod sql;
pub mod time;
pub mod window;
