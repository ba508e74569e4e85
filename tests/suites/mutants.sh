# Each invariant of a slot's life against a fault that it must find: every patch of tests/mutants is put into a copy of
# the sources, and the tests it names must then fail, saying which invariant was broken.

# Said in words in daemon/core/tests/lifecycle/world/invariants.rs; i12 comes with deliveries whose leases can be ended.
INVARIANTS=(i1 i2 i3 i4 i5 i6 i7 i8 i9 i10 i11 i13 i14 i15 i16)
# With a target folder of its own: cargo takes a package for the same wherever its workspace lies, so what is built from
# a mutant would be found fresh by the next build of the true sources.
MUTANTS=$TARGET/mutants
MUTANTS_TREE=$MUTANTS/tree

suite_mutants() {
    local failed_before=$FAILED patch invariant tests
    step "patch, the program" install_packages patch
    step "a copy of the sources" copy_sources
    for invariant in "${INVARIANTS[@]}"; do
        step "$invariant has a mutant" compgen -G "tests/mutants/${invariant}_*.patch"
    done
    step "mutants change no test" mutants_change_no_test
    [ "$FAILED" -eq "$failed_before" ] || return 0
    mutant_tests >"$WORK/mutant-tests"
    while IFS= read -r tests <&3; do
        failed_before=$FAILED
        # shellcheck disable=SC2086
        step "without a mutant: $tests" in_copy $tests
        [ "$FAILED" -eq "$failed_before" ] || continue # nothing a mutant does could be told from that
        for patch in tests/mutants/*.patch; do
            [ "$(tests_of "$patch")" != "$tests" ] || try_mutant "$patch" "$tests"
        done
    done 3<"$WORK/mutant-tests"
}

# With the time of now: what was built from the last mutant of the last time must not pass for fresh.
copy_sources() {
    rm -rf "$MUTANTS_TREE"
    mkdir -p "$MUTANTS_TREE"
    tar --exclude=./target --exclude=./.git -cf - . | tar -xmf - -C "$MUTANTS_TREE"
}

tests_of() { sed -n 's/^Test: //p' "$1"; }

# The core's first: they are built in no time.
mutant_tests() {
    local patch
    for patch in tests/mutants/*.patch; do tests_of "$patch"; done | sort -ru
}

mutants_change_no_test() {
    ! grep -HE '^\+\+\+ b/' tests/mutants/*.patch | grep -vE '\+\+\+ b/daemon/(core/|snowflake/|keys/)?src/' &&
        ! grep -HE '^\+\+\+ b/.*tests' tests/mutants/*.patch
}

# in_copy ARGUMENT…: cargo test in the copy: what hangs is ended. Little time goes into shrinking what nobody will read.
in_copy() {
    (
        cd "$MUTANTS_TREE"
        export RUST_BACKTRACE=0 PROPTEST_MAX_SHRINK_ITERS=64 CARGO_TARGET_DIR=$MUTANTS/target
        cargo test --locked "$@" --no-run </dev/null && timeout 600 cargo test --locked "$@" </dev/null
    )
}

# try_mutant PATCH TESTS: puts it in, looks, takes it out again.
try_mutant() {
    local patch=$1 tests=$2 name by verdict log=$WORK/mutant.log
    name=$(basename "$patch" .patch)
    by=$(sed -n 's/^Caught-by: //p' "$patch")
    by=${by:-${name%%-*}}
    if ! patch --directory="$MUTANTS_TREE" --strip=1 --fuzz=0 --silent --dry-run --force <"$patch" >"$log" 2>&1; then
        verdict="does not apply"
    else
        patch --directory="$MUTANTS_TREE" --strip=1 --fuzz=0 --silent --force <"$patch"
        verdict=$(verdict_on "$tests" "$by" "$log")
        patch --directory="$MUTANTS_TREE" --strip=1 --fuzz=0 --silent --force --reverse <"$patch"
    fi
    printf '%-7s %-66s by %s\n' "$verdict" "$name" "$by"
    if [ "$verdict" = caught ]; then
        PASSED=$((PASSED + 1))
    else
        FAILED=$((FAILED + 1)) FAILURES+=("$patch: $verdict")
        tail -n 30 "$log" | sed 's/^/    /'
    fi
}

# verdict_on TESTS NAME LOG: caught, when the tests ran and failed in the name of the invariant.
verdict_on() {
    local tests=$1 by=$2 log=$3
    # shellcheck disable=SC2086
    if in_copy $tests >"$log" 2>&1; then
        echo "survives"
    elif ! grep -q '^running ' "$log"; then
        echo "does not compile"
    elif [ "$(grep -v '\.\.\. ok$' "$log" | grep -c "$by")" -gt 0 ]; then
        echo "caught"
    else
        echo "fails, but says nothing of $by"
    fi
}
