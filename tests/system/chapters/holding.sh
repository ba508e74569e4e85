# A program that runs through everything: its lease and its private home.

HOLDER_STOP=/home/miguel/stop

start_holder() {
    as_user miguel pat-exec -c miguel_cli -- "$GUEST/child.py" follow "$HOLDER_STOP" >"$OUT/holder.txt" 2>&1 </dev/null &
    holder_sees 1
    private_homes_are 1
}

# After a daemon that was killed often its helper pauses for 30 s at most; the old token lives for longer.
holder_sees() { eventually 45 grep -q "^secret $1: MIGUEL_CLI MIGUEL_CLI_ROLE" "$OUT/holder.txt" || { cat "$OUT/holder.txt" && return 1; }; }

rotation_reaches_it() {
    local before
    before=$(generation)
    in_root patctl rotate miguel_cli
    [ "$(generation)" -eq $((before + 1)) ]
    holder_sees "$1"
}

holder_ends_well() {
    in_root touch "$HOLDER_STOP"
    eventually 10 grep -qx 'followed to the end' "$OUT/holder.txt"
    eventually 10 private_homes_are 0
}
