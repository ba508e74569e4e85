//! libFuzzer's driver of the target `store_record`; what must hold is in `tests/fuzz/src/store_record.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::check("store_record", bytes));
