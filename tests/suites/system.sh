# The packages: built and looked into; then on booted Debians: installed and used, upgraded, removed, purged. Root only.

# What packaging/release/build makes: what the guests install is what is released.
RELEASED=$TARGET/released
# systemd 252 and 257.
GUEST_RELEASES=(bookworm trixie)
# The guest has no network: what the package and the scenario need is in it from the start.
GUEST_PACKAGES=systemd,systemd-sysv,dbus,dbus-user-session,libpam-systemd,ca-certificates,iproute2,procps,util-linux,passwd,login,apt,python3,gnome-keyring,swtpm,libtss2-esys-3.0.2-0,libtss2-rc0,libtss2-tcti-swtpm0

suite_system() {
    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
        skip system "booting a Debian of its own needs root, on a Debian or Ubuntu host"
        return 0
    fi
    local failed_before=$FAILED
    step "packages of the host" install_packages mmdebstrap systemd-container zstd procps python3 binutils lintian rpm zsh fish
    step "tools of the release" packaging/release/tools
    local release
    for release in "${GUEST_RELEASES[@]}"; do
        step "the file system of a guest, $release" make_guest "$release"
    done
    step "simulator" cargo build --locked -p snowflake-sim
    step "a release refuses settings of cargo's that are no part of the sources" check_settings
    step "release: programs, packages, bills of materials" build_release_packages
    step "an upgrade of it" build_upgrade
    [ "$FAILED" -eq "$failed_before" ] || return 0
    step "the release says of which sources it is" check_sources
    step "the bills of materials list what the programs are made of, and nothing else" check_bills
    step "the report on the dependencies says what is so" check_dependencies
    step "the package holds what it should, with the right modes" check_contents
    step "the README's line finds the package where this left it" check_readme_line
    step "the packaged wrapper is static, stripped and small" check_static_client
    step "the manual pages and --help name the same options" check_man_pages
    step "lintian finds no error" check_lintian
    sed 's/^/        /' "$WORK/lintian" # its warnings, if any
    step "the rpm holds the same, as modes, owners and requirements say" check_rpm
    step "the rpm's scripts are the ones that the guests run" check_rpm_scripts
    step "bash, zsh and fish can read the completions, which name the options of --help" check_completions
    for release in "${GUEST_RELEASES[@]}"; do run_scenario "$release"; done
}

guest() { echo "$CACHE/rootfs/$1-$(sha256sum <<<"$GUEST_PACKAGES" | cut -c 1-12).tar.zst"; }

make_guest() {
    local made
    made=$(guest "$1")
    [ -f "$made" ] && return 0
    mkdir -p "$CACHE/rootfs"
    mmdebstrap --variant=minbase --include="$GUEST_PACKAGES" --aptopt='Acquire::Languages "none"' \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
        "$1" "$WORK/guest.tar.zst"
    mv "$WORK/guest.tar.zst" "$made"
}

# The flag: what a machine without musl builds is tested, too.
build_release_packages() {
    CARGO_TARGET_DIR=$TARGET packaging/release/build "$RELEASED" --allow-glibc
}

version() { sed -n '/^\[workspace\.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml; }
package() { echo "$RELEASED/pat-broker_$(version)-1_$(dpkg --print-architecture).deb"; }
rpm_package() { echo "$RELEASED/pat-broker-$(version)-1.$(uname -m).rpm"; }

# Before anything is built. What only says where crates come from is let through.
check_settings() {
    local home=$WORK/cargo-home key
    mkdir -p "$home/above/sources/.cargo" "$home/above/.cargo"
    for key in profile.release build target.x86_64-unknown-linux-gnu env host patch.crates-io unknown; do
        printf '[source.crates-io]\n[%s]\n' "$key" >"$home/config.toml"
        ends_64 "$home/config.toml: ${key%%.*}" env "CARGO_HOME=$home" packaging/release/build "$WORK/refused"
    done
    [ ! -e "$WORK/refused/target" ]
    printf 'paths = ["/tmp"]\n' >"$home/above/.cargo/config"
    printf '[source.crates-io]\n[net]\noffline = true\n[alias]\n' >"$home/config.toml"
    ends_64 "$home/above/.cargo/config: paths" env "CARGO_HOME=$home" packaging/release/settings "$home/above/sources"
    rm "$home/above/.cargo/config"
    # The sources' own.
    printf '[build]\n' >"$home/above/sources/.cargo/config.toml"
    env "CARGO_HOME=$home" packaging/release/settings "$home/above/sources" "$home/above"
}

# ends_64 TEXT COMMAND…: refused for what it was told.
ends_64() {
    local said status=0
    said=$("${@:2}" 2>&1) || status=$?
    printf '%s\n' "$said"
    [ "$status" -eq 64 ]
    grep -qF -- "$1" <<<"$said"
}

# What was built is what lies here, and says so.
check_sources() {
    local sum
    sum=$(git ls-files -z | LC_ALL=C.UTF-8 sort -zu | xargs -0 sha256sum | sha256sum | cut -d ' ' -f 1)
    grep -qx "sources $sum" "$RELEASED/BUILT-WITH.txt"
    grep -qE "^$(git rev-parse HEAD)( and changes)?$" "$RELEASED/COMMIT.txt"
    [ -n "$(git status --porcelain)" ] || grep -qx "$(git rev-parse HEAD)" "$RELEASED/COMMIT.txt"
}

# Each in the package as it is beside it.
check_bills() {
    local program
    if is_musl; then python3 tests/system/bills.py "$RELEASED"; else python3 tests/system/bills.py "$RELEASED" --glibc; fi
    for program in patd patctl pat-exec; do
        cmp "$WORK/upgrade/usr/share/doc/pat-broker/sbom/$program.cdx.json" "$RELEASED/$program.cdx.json"
    done
}

# That nobody could be asked about known faults is said, and not left out.
check_dependencies() {
    local report=$RELEASED/DEPENDENCIES.txt exception
    grep -qx 'bans ok, licenses ok, sources ok' "$report"
    [ "$(grep -cxE 'advisories ok|  NOT CHECKED: the advisory database .*' "$report")" -eq 1 ]
    for exception in $(sed -n 's/.*{ id = "\([^"]*\)".*/\1/p' deny.toml); do grep -qE "^    $exception: .{20}" "$report"; done
    grep -q '^Apache-2.0 ([0-9]*): ' "$report"
}

# The same files under a higher number, as an update would bring them.
build_upgrade() {
    rm -rf "$WORK/upgrade"
    dpkg-deb --raw-extract "$(package)" "$WORK/upgrade"
    sed -i "s/^Version: .*/Version: $(version)-2/" "$WORK/upgrade/DEBIAN/control"
    dpkg-deb --root-owner-group -Zgzip -z1 --build "$WORK/upgrade" "$WORK/upgrade.deb"
}

# readme_line: what an administrator types beside the folder of the build, as the README has it.
readme_line() { sed -n 's/^apt install //p' README.md; }

check_readme_line() {
    local pattern found
    pattern=$(readme_line)
    # The README's folder is the default one.
    [[ $pattern == ./target/* ]]
    found=$(compgen -G "$TARGET/${pattern#./target/}")
    [ "$found" = "$(package)" ]
}

# Mode, owner and name of every file; documentation and examples by their folder only.
check_contents() {
    dpkg-deb --fsys-tarfile "$(package)" | tar --list --verbose --numeric-owner | grep -v '^d' |
        awk '{ print $1, $2, substr($6, 2) }' >"$WORK/all-contents"
    grep -v ' /usr/share/doc/' "$WORK/all-contents" | LC_ALL=C sort -k 3 >"$WORK/contents"
    diff -u tests/system/contents.txt "$WORK/contents"
    grep -q ' /usr/share/doc/pat-broker/examples/minimal/users.d/miguel_cli.toml$' "$WORK/all-contents"
}

# Kind, mode, owner and name of every file, in the same words as the other package's.
check_rpm() {
    rpm -qp --qf '[%{FILEMODES:perms} %{FILEUSERNAME}/%{FILEGROUPNAME} %{FILENAMES}\n]' "$(rpm_package)" 2>/dev/null |
        sed 's| root/root | 0/0 |' >"$WORK/all-rpm"
    grep -vE ' /usr/share/(doc|licenses)/' "$WORK/all-rpm" | LC_ALL=C sort -k 3 >"$WORK/rpm-contents"
    # Its own places, and no compressing.
    grep -v lintian tests/system/contents.txt | sed 's|/usr/share/zsh/vendor-completions|/usr/share/zsh/site-functions|; s|^\(.*/man/.*\)\.gz$|\1|' |
        LC_ALL=C sort -k 3 >"$WORK/rpm-wanted"
    diff -u "$WORK/rpm-wanted" "$WORK/rpm-contents"
    grep -q ' /usr/share/doc/pat-broker/examples/minimal/users.d/miguel_cli.toml$' "$WORK/all-rpm"
    grep -q ' /usr/share/licenses/pat-broker/LICENSE$' "$WORK/all-rpm"
    rpm -qp --requires "$(rpm_package)" >"$WORK/rpm-requires" 2>/dev/null
    grep -qx 'systemd >= 250' "$WORK/rpm-requires"
    grep -q '^procps-ng' "$WORK/rpm-requires"
    rpm --checksig "$(rpm_package)" | grep -q 'digests OK'
    rpm -qp --configfiles "$(rpm_package)" 2>/dev/null >"$WORK/rpm-conffiles"
    [ ! -s "$WORK/rpm-conffiles" ]
}

# Laid out for the guests, which have no rpm.
check_rpm_scripts() {
    local out=$WORK/rpm
    rm -rf "$out"
    mkdir -p "$out/tree"
    rpm --root "$out/tree" --dbpath /db --install --nodeps --noscripts "$(rpm_package)"
    rpm --root "$out/tree" --dbpath /db --verify --nodeps --noscripts pat-broker
    rm -rf "$out/tree/db"
    diff -r "$out/tree/usr/share/doc/pat-broker/sbom" "$WORK/upgrade/usr/share/doc/pat-broker/sbom"
    rpm -qp --qf '%{POSTIN}' "$(rpm_package)" >"$out/post" 2>/dev/null
    rpm -qp --qf '%{PREUN}' "$(rpm_package)" >"$out/preun" 2>/dev/null
    rpm -qp --qf '%{POSTUN}' "$(rpm_package)" >"$out/postun" 2>/dev/null
    diff -u packaging/rpm/post.sh "$out/post"
    diff -u packaging/rpm/preun.sh "$out/preun"
    diff -u packaging/rpm/postun.sh "$out/postun"
}

check_completions() {
    local made=$WORK/rpm/tree/usr/share name
    for name in patctl pat-exec; do
        bash -n "$made/bash-completion/completions/$name"
        zsh -n "$made/zsh/site-functions/_$name"
        fish --no-execute "$made/fish/vendor_completions.d/$name.fish"
    done
    options <"$WORK/pat-exec.help" >"$WORK/said"
    options <"$made/bash-completion/completions/pat-exec" >"$WORK/offered"
    diff -u "$WORK/said" "$WORK/offered"
    options <"$made/zsh/site-functions/_pat-exec" >"$WORK/offered"
    diff -u "$WORK/said" "$WORK/offered"
    sed -n 's/.*-l \([a-z]*\).*/--\1/p' "$made/fish/vendor_completions.d/pat-exec.fish" | LC_ALL=C sort -u >"$WORK/offered"
    diff -u "$WORK/said" "$WORK/offered"
    # And bash offers what begins as somebody typed it.
    bash -c 'source "$1"; COMP_WORDS=(patctl admin-key ro); COMP_CWORD=2; _patctl patctl ro admin-key; echo "${COMPREPLY[*]}"' \
        bash "$made/bash-completion/completions/patctl" | grep -qx rotate
    bash -c 'source "$1"; COMP_WORDS=(pat-exec --deliver e); COMP_CWORD=2; _pat_exec pat-exec e --deliver; echo "${COMPREPLY[*]}"' \
        bash "$made/bash-completion/completions/pat-exec" | grep -qx env
}

# The simulator is the control: dynamic, with symbols.
check_static_client() {
    local client=$WORK/upgrade/usr/bin/pat-exec limit=700000 found
    for found in INTERP '\.symtab'; do
        readelf --program-headers --section-headers --wide "$TARGET/debug/snowflake-sim" | grep "$found" >/dev/null
        readelf --program-headers --section-headers --wide "$client" >"$WORK/elf"
        if grep "$found" "$WORK/elf"; then return 1; fi
    done
    is_musl || limit=1600000
    [ "$(stat --format %s "$client")" -le "$limit" ]
}

# Both ways: nothing undocumented, nothing documented that is gone.
check_man_pages() {
    local verb program
    for verb in $(verbs "$RELEASED/patctl"); do
        sed 's/\\-/-/g' packaging/man/patctl.8 | grep "^\.B[IR]* *\"*$verb\b" >"$WORK/verb" || { echo "patctl.8 lacks $verb" && return 1; }
    done
    every_help "$RELEASED/patctl" >"$WORK/patctl.help"
    "$RELEASED/patd" --help >"$WORK/patd.help"
    "$RELEASED/pat-exec" --help >"$WORK/pat-exec.help"
    for program in patctl patd pat-exec; do
        options <"$WORK/$program.help" >"$WORK/said"
        sed 's/\\-/-/g' "packaging/man/$program".[18] | sed '/^\.nf/,/^\.fi/d' | options >"$WORK/written"
        diff -u --label "$program --help" --label "$program manual" "$WORK/said" "$WORK/written"
    done
}

# every_help PROGRAM [VERB…]: its help, and that of every verb below it.
every_help() {
    local verb
    "$@" --help
    for verb in $(verbs "$@"); do every_help "$@" "$verb"; done
}

verbs() { "$@" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z-]*\) .*/\1/p' | grep -vx help || true; }

# Without examples, which show other programs too, and without their options in running text.
options() { grep -oE '(^|[^[:alnum:]-])--[a-z][a-z-]+' | grep -oE -- '--[a-z-]+' | LC_ALL=C sort -u; }

check_lintian() {
    local status=0
    lintian --allow-root --fail-on error "$(package)" >"$WORK/lintian" || status=$?
    [ "$status" -eq 0 ] || cat "$WORK/lintian"
    return "$status"
}

# run_scenario RELEASE: the scenario prints a line per promise; those lines are the counts.
run_scenario() {
    local release=$1 out=$TARGET/system-run/$1 log=$WORK/scenario.log status passed failed
    title "the package on $release"
    rm -rf "$out"
    set +e
    RELEASED_AS=target/${RELEASED#"$TARGET/"} tests/system/boot "$(guest "$release")" "$out" tests/system/service.sh "$(package)" "$WORK/upgrade.deb" \
        "$TARGET/debug/snowflake-sim" tests/system/guest packaging/examples/on-failure "$WORK/rpm" 2>&1 | tee "$log"
    status=${PIPESTATUS[0]}
    set -e
    passed=$(grep -c '^ok ' "$log" || true) failed=$(grep -c '^FAILED ' "$log" || true)
    PASSED=$((PASSED + passed)) FAILED=$((FAILED + failed))
    while IFS= read -r name; do FAILURES+=("$release: $name"); done < <(sed -n 's/^FAILED  *//p' "$log")
    if [ "$failed" -eq 0 ] && { [ "$status" -ne 0 ] || ! grep -qx 'the scenario is complete' "$log"; }; then
        FAILED=$((FAILED + 1)) FAILURES+=("$release: the scenario ended early (status $status)")
    fi
    printf '%s: %s passed, %s failed; journal and console of the guest: %s\n' "$release" "$passed" "$failed" "$out"
}
