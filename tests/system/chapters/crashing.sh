# A daemon that is killed, hangs, is restarted or gets another key: the same generation is served.

another_main_process_than() { [ "$(shown MainPID)" != "$1" ] && shows SubState running; }

survives() { # SIGNAL
    local pid before
    pid=$(shown MainPID) before=$(generation)
    in_root kill "-$1" "$pid"
    eventually 20 another_main_process_than "$pid"
    served
    [ "$(generation)" = "$before" ]
}

# Whoever asks without a pause while the daemon is killed ten times.
load_begins() {
    in_root rm -f /home/miguel/enough
    for number in 1 2; do
        as_user miguel sh -c "while [ ! -e enough ]; do pat-exec -c miguel_cli -- true && echo served || echo not; done >load.$number 2>/dev/null" &
    done
    eventually 20 in_root grep -q served /home/miguel/load.1
}

served_under_load() { in_root sh -c 'cat /home/miguel/load.*' | grep -c "^served" || true; }

survives_ten_kills_under_load() {
    local before tokens pid round count
    before=$(generation) tokens=$(tokens_at_snowflake)
    load_begins
    for round in $(seq 10); do
        pid=$(shown MainPID)
        in_root kill -KILL "$pid"
        # Between two starts are ten seconds at most; the last step of growth was reached.
        eventually 30 another_main_process_than "$pid"
        count=$(served_under_load)
        eventually 30 more_served_than "$count"
    done
    in_root touch /home/miguel/enough
    wait
    in_root systemctl reset-failed patd # the next chapters do not wait for this one
    printf 'served %s times, not served %s times\n' "$(served_under_load)" "$(in_root sh -c 'cat /home/miguel/load.*' | grep -c '^not' || true)"
    [ "$(in_root systemctl is-active patd.socket patd-admin.socket)" = $'active\nactive' ]
    served
    [ "$(generation)" = "$before" ]
    [ "$(tokens_at_snowflake)" = "$tokens" ]
}

more_served_than() { [ "$(served_under_load)" -gt "$1" ]; }

survives_a_hang() {
    in_root mkdir -p /run/systemd/system/patd.service.d
    printf '[Service]\nWatchdogSec=2s\n' | in_root tee /run/systemd/system/patd.service.d/watchdog.conf
    in_root systemctl daemon-reload
    in_root systemctl restart patd
    survives STOP
    journal_says 'Watchdog timeout'
    in_root rm -r /run/systemd/system/patd.service.d
    in_root systemctl daemon-reload
}

restart_issues_nothing() {
    local before
    before=$(generation)
    in_root systemctl restart patd
    served
    [ "$(generation)" = "$before" ]
}

# By the unit, under its confinement: sealed again, the daemon restarted, the old key ended.
admin_key_rotates() {
    local before pid
    before=$(in_root cat /etc/patd/admin-key.pub) pid=$(shown MainPID)
    in_root systemctl start patd-admin-key.service || { in_root journalctl --unit patd-admin-key --no-pager --output cat && return 1; }
    [ "$(in_root cat /etc/patd/admin-key.pub)" != "$before" ]
    another_main_process_than "$pid"
    [ "$(in_root stat -c '%a %U' /etc/patd/credentials/admin-key.cred)" = '600 root' ]
    [ "$(in_root ls /etc/patd/credentials | tr '\n' ' ')" = 'admin-key.cred root-key.cred ' ]
    in_root patctl admin-key rotate # and by hand; it begins with a login by the key that was sealed
    served
}
