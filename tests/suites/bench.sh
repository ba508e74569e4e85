# Benchmarks on the programs as they ship. Ratios to baselines of the same run; these machines are noisy.

suite_bench() {
    local failed_before=$FAILED
    step "release programs" build_release
    [ "$FAILED" -eq "$failed_before" ] || return 0
    step "benchmark program" cargo build --locked --release -p bench
    local status=0
    PAT_BROKER_BENCH=$TARGET/bench-programs "$TARGET/release/bench" | tee "$WORK/bench.log" || status=$?
    local counts
    counts=$(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$WORK/bench.log")
    # A benchmark that broke off has no closing line.
    counts=${counts:-0 1}
    PASSED=$((PASSED + ${counts% *})) FAILED=$((FAILED + ${counts#* }))
    [ "$status" -eq 0 ] || FAILURES+=(bench)
}

build_release() {
    cargo build --locked --release -p patd -p patctl
    build_wrapper
    mkdir -p "$TARGET/bench-programs"
    cp "$TARGET/release/patd" "$TARGET/release/patctl" "$(wrapper_path)" "$TARGET/bench-programs/"
}
