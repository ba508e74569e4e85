# The steps of packaging/release/build, in their order. Sourced by it; runs nothing by itself.

MUSL=$(uname -m)-unknown-linux-musl
GLIBC=$(uname -m)-unknown-linux-gnu
TARGET=${CARGO_TARGET_DIR:-$OUT/target}
TOOLS=${PAT_BROKER_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/pat-broker-tests/tools}
# A copy of the sources and the programs, with one time on every file: what the packages are made of.
STAGE=$OUT/stage

# only_what_counts ARGUMENT…: begins again without the flags, profiles and wrappers of whoever builds.
only_what_counts() {
    [ -z "${PAT_BROKER_RELEASE:-}" ] || return 0
    local name kept=() epoch
    if ! epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}; then
        echo "release: no commit to take the time from; give SOURCE_DATE_EPOCH" >&2
        return 64
    fi
    for name in PATH HOME TMPDIR RUSTUP_HOME RUSTUP_TOOLCHAIN CARGO_HOME CARGO_BUILD_JOBS SSL_CERT_FILE SSL_CERT_DIR \
        $(compgen -e | grep -iE '^(https?|no)_proxy$|^CARGO_(HTTP|NET|REGISTR|SOURCE)' || true); do
        [ -z "${!name+set}" ] || kept+=("$name=${!name}")
    done
    exec env -i "${kept[@]}" LC_ALL=C.UTF-8 TZ=UTC CARGO_INCREMENTAL=0 CARGO_TARGET_DIR="$TARGET" \
        PAT_BROKER_TOOLS="$TOOLS" SOURCE_DATE_EPOCH="$epoch" PAT_BROKER_RELEASE=1 bash "$HERE/${0##*/}" "$@"
}

# nothing_else_counts: no settings of cargo's but those of the sources. And no folder that CFLAGS could not name.
nothing_else_counts() {
    "$HERE/settings" "$PWD" "$OUT"
    if [[ "$PWD$TARGET${CARGO_HOME:-$HOME}" =~ [[:space:]] ]]; then
        echo "release: a blank in the name of a folder: $PWD, $TARGET or ${CARGO_HOME:-$HOME}" >&2
        return 64
    fi
}

# Folders that get into panic messages (and through __FILE__ into C) by another name each. Of two that fit, the later
# counts.
remapped() {
    local sources
    printf '%s=/pat-broker\n' "$PWD"
    # Its name is made from the address of the registry or of its mirror.
    for sources in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*; do printf '%s=/crates\n' "$sources"; done
    printf '%s=/target\n' "$TARGET"
    printf '%s/lib/rustlib/src/rust=/rustc/%s\n' "$(rustc --print sysroot)" "$(rustc -vV | sed -n 's/^commit-hash: //p')"
}

compile() {
    local -x CFLAGS=
    local folder flags=()
    umask 022
    cargo fetch --locked --quiet
    while IFS= read -r folder; do
        flags+=("--remap-path-prefix=$folder")
        CFLAGS+=" -ffile-prefix-map=$folder"
    done < <(remapped)
    if has_musl; then
        with_flags "${flags[@]}" -- --profile client -p pat-exec --target "$MUSL"
        WRAPPER=$TARGET/$MUSL/client/pat-exec
    elif [ "${1:-}" = --allow-glibc ]; then
        with_flags "${flags[@]}" -Ctarget-feature=+crt-static -- --profile client -p pat-exec --target "$GLIBC"
        WRAPPER=$TARGET/$GLIBC/client/pat-exec
    else
        echo "release: no target $MUSL; try: rustup target add $MUSL" >&2
        return 1
    fi
    with_flags "${flags[@]}" -- --release -p patd -p patctl
}

# with_flags FLAG… -- ARGUMENT…: cargo build, with flags for rustc in the form that may have blanks in it.
with_flags() {
    local flags=
    while [ "$1" != -- ]; do
        flags+=${flags:+$'\x1f'}$1
        shift
    done
    shift
    CARGO_ENCODED_RUSTFLAGS=$flags cargo build --locked "$@"
}

# With musl: it keeps the environment of a setgid process whole, and is smaller.
has_musl() { [ -d "$(rustc --print sysroot)/lib/rustlib/$MUSL" ] || rustup target add "$MUSL"; }

stage() {
    rm -rf "$STAGE"
    mkdir -p "$STAGE/target/release/completions"
    sources | tar --create --null --no-recursion --files-from=- | tar --extract --directory="$STAGE"
    local made=$STAGE/target/release
    install -m 0755 "$TARGET/release/patd" "$TARGET/release/patctl" "$WRAPPER" "$made/"
    # What patctl itself says of its command line.
    "$made/patctl" completions bash >"$made/completions/patctl.bash"
    "$made/patctl" completions zsh >"$made/completions/_patctl"
    "$made/patctl" completions fish >"$made/completions/patctl.fish"
}

# sources: every file that is kept, by name. Without git, all that lies here and was not made by this build.
sources() {
    if [ -e .git ]; then
        git ls-files -z --cached
    else
        find "$PWD" \( -path "$PWD/target" -o -path "$OUT" -o -path "$TARGET" \) -prune -o -type f -printf '%P\0'
    fi | sort --zero-terminated --unique | while IFS= read -r -d '' file; do [ ! -f "$file" ] || printf '%s\0' "$file"; done
}

describe() {
    local other=()
    [ "$WRAPPER" = "$TARGET/$MUSL/client/pat-exec" ] || other=(--glibc)
    "$HERE/sbom" "$STAGE" "$STAGE/target/release/sbom" "${other[@]}"
    cp "$STAGE/target/release/sbom"/*.cdx.json "$OUT/"
    if ! "$HERE/dependencies" >"$OUT/DEPENDENCIES.txt"; then
        cat "$OUT/DEPENDENCIES.txt" >&2
        return 1
    fi
    built_with >"$OUT/BUILT-WITH.txt"
    commit >"$OUT/COMMIT.txt"
}

# commit: where the sources are from, for people; without git nobody knows. The sum in BUILT-WITH.txt is what proves it.
commit() {
    [ -e .git ] || return 0
    local changes
    changes=$(git status --porcelain)
    printf '%s%s\n' "$(git rev-parse HEAD)" "${changes:+ and changes}"
}

# built_with: what must be the same for the bytes to be the same.
built_with() {
    printf 'SOURCE_DATE_EPOCH=%s\n' "$SOURCE_DATE_EPOCH"
    # The same by hand, in a clone: git ls-files -z | LC_ALL=C.UTF-8 sort -zu | xargs -0 sha256sum | sha256sum
    printf 'sources %s\n' "$(sources | xargs -0 sha256sum | sha256sum | cut -d ' ' -f 1)"
    printf 'Cargo.lock %s\n' "$(sha256sum <Cargo.lock | cut -d ' ' -f 1)"
    rustc -vV
    cc --version | sed -n 1p
    ld --version | sed -n 1p
    ldd --version | sed -n 1p
    grep -oE '^"(cargo-deb|cargo-generate-rpm|cargo-cyclonedx) [0-9.]+' "$TOOLS/.crates.toml" | tr -d '"'
}

# gzip in the rpm: its default, zstd, takes minutes in a tool that was built without optimising.
pack() {
    local package
    find "$STAGE" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
    rm -f "$OUT"/*.deb "$OUT"/*.rpm
    (
        cd "$STAGE"
        export CARGO_TARGET_DIR=$STAGE/target
        "$TOOLS/bin/cargo-deb" -p patd --no-build --no-strip --locked --output "$OUT/"
        "$TOOLS/bin/cargo-generate-rpm" -p daemon --target-dir "$STAGE/target" --payload-compress gzip --output "$OUT/"
    )
    for package in patd patctl pat-exec; do install -m 0755 "$STAGE/target/release/$package" "$OUT/"; done
    rm -rf "$STAGE"
}

# sums: of what is the same for everybody who builds it. Advisories are of their day, and not everybody has the commit.
sums() {
    (cd "$OUT" && sha256sum patd patctl pat-exec ./*.deb ./*.rpm ./*.cdx.json BUILT-WITH.txt | sed 's|\./||' >SHA256SUMS)
    printf 'released into %s\n' "$OUT"
}
