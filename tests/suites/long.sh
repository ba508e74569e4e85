# What the quick suite does within bounds, at length: a million random steps, and the whole small model. Minutes.

suite_long() {
    export PAT_BROKER_LONG=1
    cargo_tests "random steps and the small model" \
        cargo test --locked -p patd-core --test lifecycle --test model --no-fail-fast -- --nocapture --test-threads 2
}
