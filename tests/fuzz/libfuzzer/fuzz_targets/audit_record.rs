//! libFuzzer's driver of the target `audit_record`; what must hold is in `tests/fuzz/src/audit_record.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::check("audit_record", bytes));
