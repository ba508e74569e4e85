# What the quick suite does within bounds, at length, in one command: a million random steps, the whole small model, every
# byte of a store, and on the real daemon every kill, failure and power cut of a rotation, damage of its files, each answer of
# Snowflake, wrong clocks and a thousand restarts. Hours. Ends with what each of them came to.

LONG_SAID=$WORK/long

suite_long() {
    local file name
    export PAT_BROKER_LONG=1
    : >"$LONG_SAID"
    step "packages for the clock tests" clock_packages
    step "binaries" build_binaries
    export PAT_BROKER_BIN=$TARGET/debug
    long "random steps" ' random steps in ' -p patd-core --test lifecycle -- random::
    long "small model" ' states, ' -p patd-core --test model
    long "every byte of a store" '' -p patd --lib -- store::tests::every_byte
    # By their files, so that none can be forgotten here.
    for file in tests/crash/tests/*.rs; do
        name=$(basename "$file" .rs)
        long "$name" "$(long_measure "$name")" -p crash --test "$name"
    done
    step "a million random steps" long_sum_is 1000000 "random steps" 's/^ *\([0-9]*\) random steps in.*/\1/p'
    step "a thousand restarts" long_sum_is 1000 clocks 's/^ *\([0-9]*\) restarts.*/\1/p'
    step "nothing was a sample but the damage under the whole daemon, which says of how much" long_is_whole
    title "what it came to"
    cat "$LONG_SAID"
}

# long NAME MEASURE ARGUMENT…: runs those tests, and keeps the lines that say how much they did.
long() {
    local name=$1 measure=$2 begun=$SECONDS failed_before=$FAILED passed_before=$PASSED arguments=("${@:3}")
    [[ " ${arguments[*]} " = *' -- '* ]] || arguments+=(--)
    cargo_tests "$name" cargo test --locked --no-fail-fast "${arguments[@]}" --nocapture --test-threads 2
    printf '%-22s %s passed, %s failed, %s s\n' "$name" $((PASSED - passed_before)) $((FAILED - failed_before)) \
        $((SECONDS - begun)) >>"$LONG_SAID"
    [ -z "$measure" ] || grep -E -- "$measure" "$WORK/cargo.log" | sed 's/^test .* \.\.\. //; s/^/    /' >>"$LONG_SAID" || true
}

# long_measure FILE: the lines of tests/crash/tests/FILE.rs that say how much it did.
long_measure() {
    case $1 in
        kills) echo ' kills \(before and after ' ;;
        failures) echo ' failures \(' ;;
        power) echo ' power cuts before ' ;;
        damage) echo ', evenly spread over |^  .* \| [0-9]+ \| [0-9]+ \| [0-9]+ \| [0-9]+$' ;;
        clocks) echo ' restarts' ;;
        *) echo '' ;;
    esac
}

# long_sum_is LEAST NAME SCRIPT: the numbers that the script finds below that name come to so many.
long_sum_is() {
    local sum
    sum=$(awk -v name="$2" '/^[^ ]/ { ours = index($0, name " ") == 1 } ours' "$LONG_SAID" | sed -n "$3" | awk '{ sum += $1 } END { print sum + 0 }')
    printf '%s: %s (at least %s)\n' "$2" "$sum" "$1"
    [ "$sum" -ge "$1" ]
}

# Each sweep says so where it tried only some. Damage is whole for the bytes of a store, without the daemon around it.
long_is_whole() {
    [ "$(grep -cE ' kills | failures | power cuts ' "$LONG_SAID")" -ge 3 ]
    [ "$(grep -cE ' damaged files?, .* evenly spread over [0-9]+ bytes' "$LONG_SAID")" -eq 2 ]
    ! grep ', a sample' "$LONG_SAID"
}
