# What every chapter speaks with: promises, waiting, and the questions that are asked again and again.

GUEST=/opt/guest # the scenario's own things; no leak scan looks there

# promise NAME COMMAND…: the command runs in a shell of its own, which stops at the first failure.
promise() {
    local name=$1 status
    shift
    set +e
    (
        set -e
        "$@"
    ) >"$OUT/last.txt" 2>&1
    status=$?
    set -e
    if [ "$status" -eq 0 ]; then
        printf 'ok      %s\n' "$name"
    else
        printf 'FAILED  %s\n' "$name"
        sed 's/^/    /' "$OUT/last.txt"
    fi
    LAST=$status
    return 0
}

# needed NAME COMMAND…: a promise without which the others cannot be looked at.
needed() {
    promise "$@"
    [ "$LAST" -eq 0 ] || exit 1
}

# ends STATUS TEXT COMMAND…: demands how the command ends and what it says on the way.
ends() {
    local wanted=$1 text=$2 said status=0
    shift 2
    said=$("$@" 2>&1) || status=$?
    printf 'status %s (wanted %s): %s\n' "$status" "$wanted" "$said"
    [ "$status" -eq "$wanted" ] && grep -qF -- "$text" <<<"$said"
}

refused() { ! "$@"; }

# eventually SECONDS COMMAND…: waits for the thing itself.
eventually() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.1
    done
}

control() { in_root "$GUEST/control.py" "$@"; }
shown() { in_root systemctl show --value --property "$1" "${2:-patd.service}"; }
shows() {
    local now
    now=$(shown "$1")
    printf '%s=%s (wanted %s)\n' "$1" "$now" "$2"
    [ "$now" = "$2" ]
}
version_of_systemd() { in_root systemctl --version | sed -n '1s/^systemd \([0-9]*\).*/\1/p'; }
milliseconds() { date +%s%3N; }
who() { as_user miguel pat-exec -c miguel_cli "$@" -- "$GUEST/child.py" who; }
served() { ends 0 'MIGUEL_CLI MIGUEL_CLI_ROLE' who "$@"; }
journal_says() { in_root journalctl --unit patd --no-pager --output cat "${@:2}" | grep -F -- "$1"; }
end_of_journal() { in_root journalctl --lines 0 --show-cursor --no-pager | sed -n 's/^-- cursor: //p'; }
field() { python3 -c 'import json, sys; print(json.load(sys.stdin)'"$1"')'; }
generation() { in_root patctl --json status | field '["slots"][0]["generation"]'; }
tokens_at_snowflake() { control snapshot </dev/null | grep -o '"PATD[^"]*"' | sort -u; }
