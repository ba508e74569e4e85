//! A Snowflake simulator. (docs below)

mod auth;
mod chance;
mod clock;
mod control;
mod driver;
pub mod engine;
mod fault;
mod http;
mod jwt;
mod operate;
mod router;
mod script;
mod secrecy;
mod simulator;
mod sqlapi;
mod switches;
mod tls;
mod world;

pub use fault::{Act, Fault, On};
pub use simulator::{Options, Simulator, StartError};
pub use switches::HttpSwitches;
