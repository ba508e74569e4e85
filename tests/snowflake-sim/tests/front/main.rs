//! Promises of the simulator's two protocols, faults, clock and control API, over real sockets.

mod browser;
mod client;
mod control;
mod driver;
mod faults;
mod key_pair;
mod outage;
mod sqlapi;
mod sqlapi_requests;
mod sqlapi_results;
mod world;
