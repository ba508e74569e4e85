# The package as an administrator installs it, on a booted Debian 13: install, init and bootstrap against the
# simulator, sockets, start on first connection, pat-exec as an ordinary user. Sourced by tests/system/boot.

demand() { # NAME COMMAND…
    local name=$1
    shift
    if "$@" >"$OUT/last.txt" 2>&1; then
        printf 'ok      %s\n' "$name"
    else
        printf 'FAILED  %s\n' "$name"
        sed 's/^/    /' "$OUT/last.txt"
        exit 1
    fi
}

refused() { ! "$@"; }
