# A release built twice, by two people who have nothing in common but the sources, the toolchain and the commit's time: each
# file must come out the same. Tens of minutes: the whole program is optimised at once, twice. What differs is kept
# in TARGET/reproducible, and shown.

REPRODUCIBLE=$TARGET/reproducible
ONE=$REPRODUCIBLE/one
TWO=$REPRODUCIBLE/far/away/from/the/other

suite_reproducible() {
    local failed_before=$FAILED
    step "tools" packaging/release/tools cargo-deb cargo-generate-rpm cargo-cyclonedx cargo-deny
    rm -rf "$REPRODUCIBLE"
    step "the sources, twice" copies_of_the_sources
    step "one build" builds_here
    step "another: other folder, home, umask, time zone, host name, file times, number of jobs" builds_far_away
    [ "$FAILED" -eq "$failed_before" ] || return 0
    step "the same bytes" same_bytes
    step "no folder of either is in what was built" names_no_folder
    step "the sums are those of the files" sums_are_right
    [ "$FAILED" -ne "$failed_before" ] || rm -rf "$REPRODUCIBLE"
}

copies_of_the_sources() {
    local place
    for place in "$ONE" "$TWO"; do
        mkdir -p "$place/sources" "$place/home"
        tar --exclude=./target --exclude=./.git -cf - . | tar -xf - -C "$place/sources"
    done
    # Of a checkout on another day, by somebody who lets the group write.
    find "$TWO/sources" -exec touch --date=2001-09-09T01:46:40Z {} +
    chmod -R g+w "$TWO/sources"
}

released_at() { git log -1 --format=%ct; }

builds_here() {
    SOURCE_DATE_EPOCH=$(released_at) CARGO_TARGET_DIR='' \
        "$ONE/sources/packaging/release/build" "$ONE/out"
}

# The downloaded sources of others are found by another path; they need not be downloaded twice.
builds_far_away() {
    local cargo=${CARGO_HOME:-$HOME/.cargo}
    mkdir -p "$TWO/home/.cargo"
    ln -s "$cargo/registry" "$TWO/home/.cargo/registry"
    local as=(env "SOURCE_DATE_EPOCH=$(released_at)" "RUSTUP_HOME=${RUSTUP_HOME:-$HOME/.rustup}"
        "HOME=$TWO/home" "CARGO_HOME=$TWO/home/.cargo" CARGO_BUILD_JOBS=1 CARGO_TARGET_DIR= TZ=Pacific/Kiritimati LANG=tr_TR.UTF-8
        "TMPDIR=$TWO/tmp" RUSTFLAGS=-Ctarget-cpu=native CFLAGS=-O0 CARGO_PROFILE_RELEASE_OPT_LEVEL=0 USER=somebody
        "PATH=$cargo/bin:$PATH" sh -c 'umask 077 && exec "$0" "$@"' "$TWO/sources/packaging/release/build" "$TWO/out")
    mkdir -p "$TWO/tmp"
    if [ "$(id -u)" -eq 0 ]; then
        unshare --uts sh -c 'hostname elsewhere && exec "$@"' sh "${as[@]}"
    else
        "${as[@]}"
    fi
}

# DEPENDENCIES.txt is of its day, and the copies have no commit.
released() { (cd "$1/out" && find . -maxdepth 1 -type f ! -name DEPENDENCIES.txt ! -name COMMIT.txt -printf '%P\n' | LC_ALL=C sort); }

same_bytes() {
    local file differ=0
    diff <(released "$ONE") <(released "$TWO")
    [ "$(released "$ONE" | wc -l)" -ge 10 ]
    for file in $(released "$ONE"); do
        cmp "$ONE/out/$file" "$TWO/out/$file" && continue
        differ=1
        what_differs "$file"
    done
    [ "$differ" -eq 0 ]
}

# what_differs FILE: as far as it can be said without a program that this suite would have to install.
what_differs() {
    case $1 in
        *.deb) diff <(listed_deb "$ONE/out/$1") <(listed_deb "$TWO/out/$1") ;;
        *.rpm) diff <(listed_rpm "$ONE/out/$1") <(listed_rpm "$TWO/out/$1") ;;
        *.json | *.txt | SHA256SUMS) diff "$ONE/out/$1" "$TWO/out/$1" ;;
        *) diff <(strings -n 8 "$ONE/out/$1") <(strings -n 8 "$TWO/out/$1") ;;
    esac | head -n 40 || true
}

# Each part with its sum: where the sums are the same, it is the archive around them.
listed_deb() {
    ar t "$1" && dpkg-deb --fsys-tarfile "$1" | tar --list --verbose --full-time --numeric-owner
    local out
    out=$(mktemp -d -p "$WORK")
    dpkg-deb --raw-extract "$1" "$out" && (cd "$out" && find . -type f -exec sha256sum {} + | LC_ALL=C sort -k 2)
    rm -rf "$out"
}
listed_rpm() { rpm -qp --queryformat '%{BUILDTIME} %{BUILDHOST}\n[%{FILEDIGESTS} %{FILEMTIMES} %{FILEMODES:perms} %{FILENAMES}\n]' "$1"; }

# Somebody's folders say who built it and where; that each build has its own makes the bytes the same only by chance.
names_no_folder() {
    local folder program
    for program in patd patctl pat-exec; do
        for folder in "$REPRODUCIBLE" "${CARGO_HOME:-$HOME/.cargo}" "${RUSTUP_HOME:-$HOME/.rustup}"; do
            if grep --text --quiet --fixed-strings "$folder" "$ONE/out/$program"; then
                echo "$program names $folder:" && strings "$ONE/out/$program" | grep --max-count=5 --fixed-strings "$folder"
                return 1
            fi
        done
    done
    # This would find one: the names that they have instead are there.
    grep --text --quiet --fixed-strings /crates/ "$ONE/out/patd"
}

sums_are_right() { (cd "$ONE/out" && sha256sum --check --strict --quiet SHA256SUMS); }
