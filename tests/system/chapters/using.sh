# Hand-outs to ordinary users and what they are told; what the kernel says of the running daemon.

first_use_starts_it() {
    in_root systemctl enable --now patd.socket patd-admin.socket
    shows ActiveState inactive
    served
    shows ActiveState active
}

snowflake_saw_the_same() {
    control history </dev/null >"$OUT/history.json"
    python3 - "$OUT/history.json" <<'END'
import json, sys
logins = json.load(open(sys.argv[1]))["logins"]
text = json.dumps(logins[-1])
assert "MIGUEL_CLI" in text and "GuestDriver" in text or sys.exit(text)
END
}

last_allowed() {
    in_root patctl --json log -n 50 |
        python3 -c 'import json, sys; print([r["gated"] for r in json.load(sys.stdin)["records"] if r["event"] == "allow"][-1])'
}

gate_is_shown() {
    served
    [ "$(last_allowed)" = True ]
}

stranger_is_refused() {
    ends 125 'refused (ask root: patctl explain)' as_user other pat-exec -c miguel_cli -- true
    ends 125 'refused (ask root: patctl explain)' as_user other pat-exec -c no_such_connection -- true
    ends 0 'no connections for you' as_user other pat-exec --list
    ends 1 'would be refused' in_root patctl explain --uid other miguel_cli
    ends 0 'more: patctl explain --uid ' in_root patctl explain
}

status_is_for_admins() {
    ends 0 'serving' in_root patctl status
    ends 77 'not allowed to connect' as_user miguel patctl status
    in_root usermod --append --groups patd-admin other
    ends 0 'serving' as_user other patctl status
    ends 125 'refused' as_user other pat-exec -c miguel_cli -- true
    in_root gpasswd --delete other patd-admin
}

# What the kernel says of the running daemon, whatever the unit file says.
process_is_confined() {
    local status
    status=$(in_root cat "/proc/$(shown MainPID)/status")
    grep -qx $'CapEff:\t0000000000000000' <<<"$status"
    grep -qx $'CapBnd:\t0000000000000000' <<<"$status"
    grep -qx $'NoNewPrivs:\t1' <<<"$status"
    grep -qx $'Seccomp:\t2' <<<"$status"
    in_root grep -qE '^Max core file size +0 +0 ' "/proc/$(shown MainPID)/limits"
}

private_homes() { in_root find /run/user /dev/shm -maxdepth 2 -name 'pat-exec-*' | wc -l; }
private_homes_are() { [ "$(private_homes)" -eq "$1" ]; }

# A copy without the group is told apart: served where the gate is preferred, refused where it is required.
ungated_is_told_apart() {
    local copy=/home/miguel/copy entry=/etc/patd/users.d/miguel_cli.toml
    in_root install -m 0755 /usr/bin/pat-exec "$copy"
    ends 0 'MIGUEL_CLI' as_user miguel "$copy" -c miguel_cli -- "$GUEST/child.py" who
    [ "$(last_allowed)" = False ]
    printf 'gate = "required"\n' | in_root tee -a "$entry"
    in_root systemctl reload patd
    eventually 10 ends 125 'this pat-exec ran ungated: its file is not setgid patclient' as_user miguel "$copy" -c miguel_cli -- true
    served
    [ "$(last_allowed)" = True ]
    in_root sed -i '/^gate/d' "$entry"
    in_root systemctl reload patd
    in_root rm "$copy"
}

# The unit hides what tells this boot from the one before, and passes it: leases of an earlier boot have no holders.
boot_is_told_by_the_unit() {
    local pid boot
    pid=$(shown MainPID) boot=$(in_root sed 's/-//g' /proc/sys/kernel/random/boot_id)
    [ ${#boot} -eq 32 ]
    refused in_root nsenter --mount --target "$pid" test -e /proc/sys/kernel/random/boot_id
    in_root sh -c "tr '\\0' '\\n' </proc/$pid/environ" | grep -x "PATD_BOOT_ID=$boot"
    in_root head -n 1 /var/lib/patd/leases.jsonl | grep -x "{\"boot\":\"$boot\"}"
    in_root tail -n 1 /var/lib/patd/audit/audit.jsonl | field '["boot"]' | grep -x "$boot"
}
