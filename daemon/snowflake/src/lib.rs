//! Everything that speaks to Snowflake: the SQL API as the broker user (issue, list, remove tokens), the
//! driver login as the clients do it (the probe), the key-pair JWT and the key files behind it.
//!
//! Shared by `patd` and `patctl`. It knows no configuration file, no store and no local peer. It retries nothing but a
//! request whose JWT was refused because the clocks differ, and statements that only read the account.

#![forbid(unsafe_code)]

pub mod authority;
pub mod chain;
pub mod endpoint;
pub mod evidence;
pub mod http;
pub mod jwt;
pub mod key;
pub mod mask;
pub mod probe;
pub mod provision;
pub mod reach;
pub mod refusal;
pub mod sql_api;
