# What every suite uses: places, steps, counts, skips. Sourced by tests/run; runs nothing by itself.

CACHE=${PAT_BROKER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/pat-broker-tests}
TARGET=${CARGO_TARGET_DIR:-$PWD/target}
WORK=$(mktemp -d "${TMPDIR:-/tmp}/pat-broker-tests.XXXXXX")
PASSED=0 FAILED=0 FAILURES=()
export PAT_BROKER_SKIPS=$WORK/skips PAT_BROKER_TOOLS=$CACHE/tools
: >"$PAT_BROKER_SKIPS"
mkdir -p "$CACHE"
trap 'rm -rf "$WORK"' EXIT

title() { printf '\n== %s (%s s)\n' "$1" "$SECONDS"; }

# step NAME COMMAND…: quiet when it works, everything it said when it does not. The command runs in a shell of its
# own, which stops at the first failure; never call it behind && or ||, where bash would ignore that.
step() {
    local name=$1 log=$WORK/step.log start=$SECONDS status
    shift
    set +e
    (
        set -e
        "$@"
    ) >"$log" 2>&1
    status=$?
    set -e
    if [ "$status" -eq 0 ]; then
        PASSED=$((PASSED + 1))
        printf 'ok      %s (%s s)\n' "$name" $((SECONDS - start))
    else
        FAILED=$((FAILED + 1)) FAILURES+=("$name")
        printf 'FAILED  %s (%s s)\n' "$name" $((SECONDS - start))
        sed 's/^/    /' "$log"
    fi
}

# cargo_tests NAME COMMAND…: shows the output and takes the counts from cargo's own closing lines.
cargo_tests() {
    local name=$1 log=$WORK/cargo.log
    shift
    local status
    set +e
    "$@" 2>&1 | tee "$log" | grep -vE '^\s*(Compiling|Running|Doc-tests|running [0-9]+ test)|\.\.\. ok$|^$'
    status=${PIPESTATUS[0]}
    set -e
    local counts
    counts=$(awk '/^test result:/ { p += $4; f += $6 } END { print p + 0, f + 0 }' "$log")
    PASSED=$((PASSED + ${counts% *})) FAILED=$((FAILED + ${counts#* }))
    printf '%s: %s passed, %s failed\n' "$name" "${counts% *}" "${counts#* }"
    if [ "$status" -ne 0 ]; then
        FAILURES+=("$name")
        [ "${counts#* }" -gt 0 ] || FAILED=$((FAILED + 1))
    fi
}

# what_stays: folders of the tests, private homes of the wrapper, and a Snowflake folder of the tester's, that are there now.
what_stays() {
    # What goes while it is looked at is no fault.
    {
        find /dev/shm "${TMPDIR:-/tmp}" -maxdepth 1 \( -name 'pat-exec-*' -o -name 'pat-broker-*' \) 2>/dev/null || true
        find "$HOME/.snowflake" -maxdepth 0 2>/dev/null || true
    } | sort
}

# nothing_new BEFORE: whether nothing stays but what was there before. What removes a home may still be at it.
nothing_new() {
    local new
    for _ in $(seq 20); do
        new=$(comm -13 <(echo "$1") <(what_stays))
        [ -n "$new" ] || return 0
        sleep 0.5
    done
    echo "$new"
    return 1
}

# skip NAME REASON
skip() { printf '%s: %s\n' "$1" "$2" >>"$PAT_BROKER_SKIPS"; }

# install_packages PACKAGE…: Debian packages, as root only; answers whether all are there.
install_packages() {
    local missing=()
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null || return 1
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
}

# clock_packages: what moves the wall clock of the daemon under test; without it those tests say that they are skipped.
clock_packages() { install_packages libfaketime || true; }

# build_binaries: what the suites run, in the dev profile; prints nothing when it works.
build_binaries() {
    cargo build --locked -p patd -p patctl --features patd/crash-points,patctl/crash-points
    mkdir -p "$TARGET/debug/crash"
    cp "$TARGET/debug/patd" "$TARGET/debug/patctl" "$TARGET/debug/crash/"
    cargo build --locked -p patd -p pat-exec -p patctl -p snowflake-sim
}

summary() {
    local skipped unlisted=0
    skipped=$(wc -l <"$PAT_BROKER_SKIPS")
    title "result"
    while IFS= read -r line; do
        printf 'SKIPPED %s\n' "$line"
        if [ "${CI:-}" = true ] && ! grep -qxF "${line%%:*}" <(sed -n 's/^\([^#:]*\):.*/\1/p' tests/skips.txt); then
            printf '        not listed in tests/skips.txt\n'
            unlisted=$((unlisted + 1))
        fi
    done <"$PAT_BROKER_SKIPS"
    FAILED=$((FAILED + unlisted))
    for name in "${FAILURES[@]}"; do printf 'FAILED  %s\n' "$name"; done
    printf '%s passed, %s failed, %s skipped\n' "$PASSED" "$FAILED" "$skipped"
    [ "$FAILED" -eq 0 ]
}

MUSL=$(uname -m)-unknown-linux-musl

# build_wrapper: pat-exec as it ships, static. With musl where rustup can add the target: it keeps the environment of a
# setgid process whole, and it is smaller. Else with glibc.
build_wrapper() {
    if rustup target add "$MUSL" >/dev/null 2>&1; then
        cargo build --locked --profile client -p pat-exec --target "$MUSL"
    else
        rm -f "$TARGET/$MUSL/client/pat-exec" # an older one would be taken for it
        cargo rustc --locked --profile client -p pat-exec -- -C target-feature=+crt-static
    fi
}

# wrapper_path: where build_wrapper left it.
wrapper_path() {
    if is_musl; then echo "$TARGET/$MUSL/client/pat-exec"; else echo "$TARGET/client/pat-exec"; fi
}

# is_musl: whether it is the one with musl, which is what is promised and released.
is_musl() { [ -x "$TARGET/$MUSL/client/pat-exec" ]; }
