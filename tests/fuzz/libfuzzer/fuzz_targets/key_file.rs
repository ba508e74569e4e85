//! libFuzzer's driver of the target `key_file`; what must hold is in `tests/fuzz/src/key_file.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::check("key_file", bytes));
