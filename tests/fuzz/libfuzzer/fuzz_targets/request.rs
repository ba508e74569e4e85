//! libFuzzer's driver of the target `request`; what must hold is in `tests/fuzz/src/request.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::check("request", bytes));
