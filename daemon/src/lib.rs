//! The daemon of PAT Broker: everything that touches the world. Decisions are `patd-core`'s.
//!
//! ```text
//! sockets ─► api ─► Request ─► desk ─► policy (core) ─► grant ─► slots ─► leases, audit ─► store ─► reply
//!            peer facts ┘                                  ▲
//!                         schedule, reload ── nudge ───────┤─► lifecycle (core) ─► effects ─► upstream
//!                                                watching ─┘ ◄── verify (core) ◄── observations ─┘
//! ```
//!
//! The half that parses ([`api`]) reaches the half that holds keys ([`desk`]) through one typed enum,
//! [`api::Request`], so that they can become two processes.

#[cfg(all(feature = "fuzzing", not(debug_assertions)))]
compile_error!("the feature fuzzing is for tests and is never part of a release build");

// The one room with unsafe code is `os`; the lint is denied everywhere else.
pub mod alarms;
pub mod api;
pub mod audit;
pub mod chance;
pub mod clock;
mod crash;
pub mod desk;
pub mod disk;
pub mod fault;
pub mod flags;
pub mod formats;
pub mod house;
pub mod leases;
mod logging;
pub mod memory;
pub mod metrics;
pub mod os;
pub mod peer;
pub mod provisioning;
pub mod pulse;
pub mod rates;
pub mod rebuilding;
pub mod reload;
mod retiring;
pub mod room;
pub mod run;
pub mod schedule;
pub mod self_check;
pub mod serving;
pub mod signals;
pub mod slots;
pub mod sockets;
pub mod store;
pub mod upstream;
pub mod watching;
