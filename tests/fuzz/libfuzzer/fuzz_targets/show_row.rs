//! libFuzzer's driver of the target `show_row`; what must hold is in `tests/fuzz/src/show_row.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::check("show_row", bytes));
