//! What must hold for every text that somebody else wrote, whatever is in it: one function a target, given any bytes,
//! which panics where a property does not hold. `tests/replay.rs` drives them on stable over the kept corpus,
//! `libfuzzer/` on nightly over whatever libFuzzer comes up with.

mod audit_record;
mod config;
mod connections;
mod hush;
mod key_file;
mod request;
mod show_row;
mod sql_answer;
mod store_record;

/// Something that is read, and what must hold for it.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name: of the folder in `corpus/` and of the program in `libfuzzer/fuzz_targets/`.
    pub name: &'static str,
    /// Panics if a property does not hold for these bytes.
    pub check: fn(&[u8]),
}

/// Every target.
pub const TARGETS: [Target; 8] = [
    Target { name: "request", check: request::check },
    Target { name: "audit_record", check: audit_record::check },
    Target { name: "store_record", check: store_record::check },
    Target { name: "config", check: config::check },
    Target { name: "sql_answer", check: sql_answer::check },
    Target { name: "show_row", check: show_row::check },
    Target { name: "key_file", check: key_file::check },
    Target { name: "connections", check: connections::check },
];

/// Checks the bytes as an input of the target of this name.
///
/// # Panics
/// If there is none, or a property does not hold.
pub fn check(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    (target.expect("a target of this name").check)(bytes);
}
