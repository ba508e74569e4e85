//! What is judged of a host, of the way to an account and of a user's own files: facts in, findings out. Both callers
//! (`patctl doctor`, and the daemon at its start) gather the facts themselves. Nothing here reads a file, a clock, the
//! environment or the network; some of the texts it is given hold secrets, and no finding repeats a byte of a value.

#![forbid(unsafe_code)]

pub mod account;
mod account_name;
mod finding;
pub mod host;
pub mod kernel;
pub mod key;
pub mod network;
pub mod plaintext;
pub mod proxy;
pub mod siblings;
pub mod socket;
pub mod wrapper;

pub use finding::{Fact, Finding, Id, Needs, Outcome};
