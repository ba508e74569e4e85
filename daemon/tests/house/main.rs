//! Promises of the daemon across its rooms: the real sockets, store, log and slots, against the simulator.

mod ending;
mod handing_out;
mod limits;
mod refusing;
mod reloading;
mod revoking;
mod rotating;
mod world;
