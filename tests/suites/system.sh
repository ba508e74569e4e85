# The package on a booted Debian: built, looked into, installed and used, upgraded, removed, purged. Root only.

CARGO_DEB_VERSION=3.8.0
GUEST_RELEASE=trixie
# The guest has no network: what the package and the scenario need is in it from the start.
GUEST_PACKAGES=systemd,systemd-sysv,dbus,dbus-user-session,libpam-systemd,ca-certificates,iproute2,procps,util-linux,passwd,login,apt,python3

suite_system() {
    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
        skip system "booting a Debian of its own needs root, on a Debian or Ubuntu host"
        return 0
    fi
    local failed_before=$FAILED
    step "packages of the host" install_packages mmdebstrap systemd-container zstd procps python3 binutils lintian
    step "cargo-deb" install_cargo_deb
    step "the guest's file system" make_guest
    step "daemon and admin CLI, released" cargo build --locked --release -p patd -p patctl
    step "wrapper, static" build_packaged_wrapper
    step "simulator" cargo build --locked -p snowflake-sim
    step "package" build_package
    step "an upgrade of it" build_upgrade
    [ "$FAILED" -eq "$failed_before" ] || return 0
    step "the package holds what it should, with the right modes" check_contents
    step "the packaged wrapper is static, stripped and small" check_static_client
    step "the manual pages and --help name the same options" check_man_pages
    step "lintian finds no error" check_lintian
    sed 's/^/        /' "$WORK/lintian" # its warnings, if any
    run_scenario
}

install_cargo_deb() {
    local tool=$CACHE/tools/bin/cargo-deb
    [ "$("$tool" --version 2>/dev/null)" = "$CARGO_DEB_VERSION" ] && return 0
    cargo install --locked --debug --root "$CACHE/tools" "cargo-deb@$CARGO_DEB_VERSION"
}

guest() { echo "$CACHE/rootfs/$GUEST_RELEASE-$(sha256sum <<<"$GUEST_PACKAGES" | cut -c 1-12).tar.zst"; }

make_guest() {
    local made
    made=$(guest)
    [ -f "$made" ] && return 0
    mkdir -p "$CACHE/rootfs"
    mmdebstrap --variant=minbase --include="$GUEST_PACKAGES" --aptopt='Acquire::Languages "none"' \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
        "$GUEST_RELEASE" "$WORK/guest.tar.zst"
    mv "$WORK/guest.tar.zst" "$made"
}

# The package takes it from beside the other two.
build_packaged_wrapper() {
    build_wrapper
    install -m 0755 "$(wrapper_path)" "$TARGET/release/pat-exec"
}

package() { echo "$TARGET/debian/pat-broker_0.1.0-1_$(dpkg --print-architecture).deb"; }

build_package() {
    rm -f "$(package)"
    CARGO_TARGET_DIR=$TARGET "$CACHE/tools/bin/cargo-deb" -p patd --no-build --output "$(package)"
}

# The same files under the next version number, as an update would bring them.
build_upgrade() {
    rm -rf "$WORK/upgrade"
    dpkg-deb --raw-extract "$(package)" "$WORK/upgrade"
    sed -i 's/^Version: .*/Version: 0.1.1-1/' "$WORK/upgrade/DEBIAN/control"
    dpkg-deb --root-owner-group --build "$WORK/upgrade" "$WORK/upgrade.deb"
}

# Mode, owner and name of every file; documentation and examples by their folder only.
check_contents() {
    dpkg-deb --fsys-tarfile "$(package)" | tar --list --verbose --numeric-owner | grep -v '^d' |
        awk '{ print $1, $2, substr($6, 2) }' >"$WORK/all-contents"
    grep -v ' /usr/share/doc/' "$WORK/all-contents" | LC_ALL=C sort -k 3 >"$WORK/contents"
    diff -u tests/system/contents.txt "$WORK/contents"
    grep -q ' /usr/share/doc/pat-broker/examples/minimal/users.d/miguel_cli.toml$' "$WORK/all-contents"
}

check_static_client() {
    local client=$WORK/upgrade/usr/bin/pat-exec
    ! readelf --program-headers --wide "$client" | grep INTERP
    ! readelf --section-headers --wide "$client" | grep symtab
    local limit=700000
    is_musl || limit=1600000
    [ "$(stat --format %s "$client")" -le "$limit" ]
}

# Both ways: nothing undocumented, nothing documented that is gone.
check_man_pages() {
    local verb program
    {
        "$TARGET/release/patctl" --help
        for verb in $("$TARGET/release/patctl" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z-]*\) .*/\1/p' | grep -vx help); do
            "$TARGET/release/patctl" "$verb" --help
            sed 's/\\-/-/g' packaging/man/patctl.8 | grep "^\.B[IR]* *\"*$verb\b" >"$WORK/verb" || { echo "patctl.8 lacks $verb" && return 1; }
        done
    } >"$WORK/patctl.help"
    "$TARGET/release/patd" --help >"$WORK/patd.help"
    "$TARGET/release/pat-exec" --help >"$WORK/pat-exec.help"
    for program in patctl patd pat-exec; do
        options <"$WORK/$program.help" >"$WORK/said"
        sed 's/\\-/-/g' "packaging/man/$program".[18] | sed '/^\.nf/,/^\.fi/d' | options >"$WORK/written"
        diff -u --label "$program --help" --label "$program manual" "$WORK/said" "$WORK/written"
    done
}

# Without examples, which show other programs too, and without their options in running text.
options() { grep -oE '(^|[^[:alnum:]-])--[a-z][a-z-]+' | grep -oE -- '--[a-z-]+' | LC_ALL=C sort -u; }

check_lintian() {
    local status=0
    lintian --allow-root --fail-on error "$(package)" >"$WORK/lintian" || status=$?
    [ "$status" -eq 0 ] || cat "$WORK/lintian"
    return "$status"
}

# The scenario prints a line per promise; those lines are the counts.
run_scenario() {
    local out=$TARGET/system-run log=$WORK/scenario.log status passed failed
    rm -rf "$out"
    set +e
    tests/system/boot "$(guest)" "$out" tests/system/service.sh "$(package)" "$WORK/upgrade.deb" \
        "$TARGET/debug/snowflake-sim" tests/system/guest 2>&1 | tee "$log"
    status=${PIPESTATUS[0]}
    set -e
    passed=$(grep -c '^ok ' "$log" || true) failed=$(grep -c '^FAILED ' "$log" || true)
    PASSED=$((PASSED + passed)) FAILED=$((FAILED + failed))
    while IFS= read -r name; do FAILURES+=("$name"); done < <(sed -n 's/^FAILED  *//p' "$log")
    if [ "$failed" -eq 0 ] && { [ "$status" -ne 0 ] || ! grep -qx 'the scenario is complete' "$log"; }; then
        FAILED=$((FAILED + 1)) FAILURES+=("the scenario ended early (status $status)")
    fi
    printf 'system: %s passed, %s failed; journal and console of the guest: %s\n' "$passed" "$failed" "$out"
}
