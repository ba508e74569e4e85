# Inputs that nobody thought of: libFuzzer drives the properties of tests/fuzz, each target for FUZZ_SECONDS (60), on nightly
# Rust. It starts from the kept corpus and from what earlier runs found, which stays in the cache; with FUZZ_KEEP=1 what
# reaches something new joins the kept corpus. FUZZ_TARGETS names the targets, if not all.

FUZZ_FOUND=$CACHE/fuzz/found

suite_fuzz() {
    local target failed_before=$FAILED
    fuzz_tools || return 0
    mkdir -p "$FUZZ_FOUND"
    step "fuzz programs" cargo_fuzz build
    [ "$FAILED" -eq "$failed_before" ] || return 0
    for target in ${FUZZ_TARGETS:-$(fuzz_targets)}; do fuzz_target "$target"; done
}

# fuzz_tools: whether there are nightly Rust and cargo-fuzz; installs what is missing, or says why there is nothing to do.
fuzz_tools() {
    if ! cargo +nightly --version >/dev/null 2>&1 && ! rustup toolchain install nightly --profile minimal >/dev/null 2>&1; then
        skip fuzz "nightly Rust is missing, and rustup cannot install it from here"
        return 1
    fi
    if ! command -v c++ >/dev/null; then
        skip fuzz "libFuzzer is C++, and there is no compiler for it: apt-get install g++"
        return 1
    fi
    [ -x "$CACHE/tools/bin/cargo-fuzz" ] ||
        step "install cargo-fuzz" cargo install --locked --debug --root "$CACHE/tools" cargo-fuzz@0.13.2
}

fuzz_targets() { for program in tests/fuzz/libfuzzer/fuzz_targets/*.rs; do basename "$program" .rs; done; }

# cargo_fuzz VERB ARGUMENT…: without the address sanitizer, which would slow down what has no unsafe code by half.
cargo_fuzz() {
    local verb=$1
    shift
    PATH=$CACHE/tools/bin:$PATH RUST_BACKTRACE=0 nice cargo +nightly fuzz "$verb" --fuzz-dir tests/fuzz/libfuzzer \
        --target-dir "$TARGET/fuzz" --sanitizer none "$@"
}

fuzz_target() {
    local target=$1 seconds=${FUZZ_SECONDS:-60} log=$WORK/fuzz.log status inputs=$CACHE/fuzz/$1
    local kept=$PWD/tests/fuzz/corpus/$target
    mkdir -p "$inputs"
    set +e
    # What the wrapper says to its user would fill the log: its second descriptor is shut.
    cargo_fuzz run "$target" "$inputs" "$kept" -- -max_total_time="$seconds" -timeout=30 -rss_limit_mb=2048 -max_len=4096 \
        -close_fd_mask="$(fuzz_closes "$target")" -print_final_stats=1 -artifact_prefix="$FUZZ_FOUND/$target-" >"$log" 2>&1
    status=$?
    set -e
    if [ "$status" -eq 0 ]; then
        PASSED=$((PASSED + 1))
        printf 'ok      %-14s %s\n' "$target" "$(fuzz_numbers "$log")"
        if [ "${FUZZ_KEEP:-}" = 1 ]; then step "$target: keep what is new" cargo_fuzz run "$target" "$kept" "$inputs" -- -merge=1; fi
    else
        FAILED=$((FAILED + 1)) FAILURES+=("fuzz $target: a property is broken; the input is in $FUZZ_FOUND, and joins the corpus with its fix")
        printf 'FAILED  %s\n' "$target"
        grep -vE '^(INFO|#[0-9]+)' "$log" | tail -n 40 | sed 's/^/    /'
    fi
}

fuzz_closes() { if [ "$1" = connections ]; then echo 2; else echo 0; fi; }

# fuzz_numbers LOG: executions, and how much of the code they reached.
fuzz_numbers() {
    awk '/stat::number_of_executed_units/ { runs = $2 }
         / cov: / { for (i = 1; i < NF; i++) if ($i == "cov:") reached = $(i + 1) }
         END { printf "%s executions, %s edges\n", runs, reached }' "$1"
}
