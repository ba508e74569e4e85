//! Promises across rooms: each file under `tests/` is one promise area. Here is what several of them use: a
//! client under the wrapper, Snowflake's own count of our tokens, a second local user, the source tree.

mod admin;
mod client;
mod elsewhere;
mod stranger;
mod terminal;
mod tokens;
mod tree;

pub use admin::Admin;
pub use client::{Client, client_program, log_in, refused_by_wrapper};
pub use elsewhere::Elsewhere;
pub use stranger::{STRANGER, Stranger};
pub use terminal::Terminal;
pub use tokens::{added, live, most_alive_ever, removed};
pub use tree::{quickstart, root};

use std::process::Output;

/// Returns what a program printed on both streams, with how it ended, for the text of a failed demand.
pub fn said(output: &Output) -> String {
    format!(
        "{}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Appends lines to the entry of a connection, as an administrator with an editor would.
pub fn append_to_entry(world: &world::World, connection: &str, lines: &str) {
    let path = world.config().join(format!("users.d/{connection}.toml"));
    let text = std::fs::read_to_string(&path).expect("the entry can be read");
    std::fs::write(&path, format!("{text}\n{lines}\n")).expect("the entry can be written");
}
