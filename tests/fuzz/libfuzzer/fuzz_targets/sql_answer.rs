//! libFuzzer's driver of the target `sql_answer`; what must hold is in `tests/fuzz/src/sql_answer.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::check("sql_answer", bytes));
