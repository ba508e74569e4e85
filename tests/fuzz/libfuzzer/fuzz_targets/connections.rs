//! libFuzzer's driver of the target `connections`; what must hold is in `tests/fuzz/src/connections.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::check("connections", bytes));
