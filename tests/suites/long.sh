# What the quick suite does within bounds, at length: a million random steps, the whole small model, every byte of a
# store, and on the real daemon every call, every power cut, a thousand restarts. An hour.

suite_long() {
    export PAT_BROKER_LONG=1
    cargo_tests "random steps and the small model" \
        cargo test --locked -p patd-core --test lifecycle --test model --no-fail-fast -- --nocapture --test-threads 2
    cargo_tests "every byte of a store" cargo test --locked -p patd --lib -- --nocapture store::tests::every_byte
    step "packages for the clock tests" clock_packages
    step "binaries" build_binaries
    export PAT_BROKER_BIN=$TARGET/debug
    cargo_tests "every call, power cut and clock" cargo test --locked -p crash --no-fail-fast -- --nocapture
}
