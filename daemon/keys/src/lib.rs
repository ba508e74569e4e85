//! Where keys come from, and the folder whose state they seal: systemd credentials, the Secret Service,
//! private files; the lock and the mark of the state folder.
//!
//! Shared by `patd` (reads keys, opens the store) and `patctl` (`init` makes keys and marks the folder,
//! `rebuild` sets a lost store aside). Nothing here falls back to another source or makes a key unasked.

#![forbid(unsafe_code)]

mod credential;
pub mod durable;
mod error;
mod file;
mod root;
#[cfg(feature = "keyring")]
mod secret_service;
#[cfg(not(feature = "keyring"))]
#[path = "no_secret_service.rs"]
mod secret_service;
#[cfg(test)]
#[path = "../tests/skip/mod.rs"]
mod skip;
mod source;
pub mod state_dir;
mod succession;

pub use error::{KeyError, KeyFault};
pub use root::RootKey;
pub use source::{credentials_directory, label, read, read_root, store};
pub use succession::Succession;
