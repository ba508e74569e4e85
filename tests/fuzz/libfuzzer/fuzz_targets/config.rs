//! libFuzzer's driver of the target `config`; what must hold is in `tests/fuzz/src/config.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::check("config", bytes));
