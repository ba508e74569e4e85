# What the quick suite does within bounds, at length: a million random steps, the whole small model, and every call of a
# rotation on the real daemon. Minutes.

suite_long() {
    export PAT_BROKER_LONG=1
    cargo_tests "random steps and the small model" \
        cargo test --locked -p patd-core --test lifecycle --test model --no-fail-fast -- --nocapture --test-threads 2
    step "binaries" build_binaries
    export PAT_BROKER_BIN=$TARGET/debug
    cargo_tests "every call of a rotation" cargo test --locked -p crash --no-fail-fast -- --nocapture
}
