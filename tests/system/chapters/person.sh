# The daemon of one person, under that person's own systemd, with keys in a real keyring.

PERSONS_RUN=/run/user/1000
ETC=/home/miguel/.config/patd STATE=/home/miguel/.local/state/patd

# person COMMAND…: miguel, where the manager of this user and its bus can be asked.
person() {
    in_root runuser -u miguel -- env HOME=/home/miguel XDG_RUNTIME_DIR=$PERSONS_RUN DBUS_SESSION_BUS_ADDRESS=unix:path=$PERSONS_RUN/bus "$@"
}

persons_patctl() { person patctl --config "$ETC" --socket $PERSONS_RUN/patd-admin/admin.sock "$@"; }
persons_who() { person pat-exec --socket $PERSONS_RUN/patd/patd.sock -c miguel_own -- "$GUEST/child.py" who; }
persons_served() { ends 0 'MIGUEL_OWN MIGUEL_OWN_ROLE' persons_who; }
persons_pid() { person systemctl --user show --value --property MainPID patd.service; }

# What logging in to a desktop does: a manager of the user, and a keyring that is open.
has_a_session_with_a_keyring() {
    in_root loginctl enable-linger miguel
    eventually 20 in_root test -S $PERSONS_RUN/bus
    printf 'the password of the login' | person tee /home/miguel/password >/dev/null
    person systemd-run --quiet --user --unit=keyring --property=StandardInput=file:/home/miguel/password \
        gnome-keyring-daemon --unlock --foreground --components=secrets
    eventually 10 person busctl --user status org.freedesktop.secrets
    person rm /home/miguel/password
}

keeps_its_keys_in_the_keyring() {
    person mkdir -p -m 0700 /home/miguel/.config /home/miguel/.local/state
    persons_patctl init --state "$STATE" --account MYORG-MYACCOUNT --admin-user PATD_MIGUEL --root-key keyring:root-key \
        --admin-key keyring:admin-key --host 127.0.0.1 --port 8443 --ca-file "$GUEST/ca.pem"
    persons_patctl add miguel_own --user MIGUEL_OWN --role MIGUEL_OWN_ROLE --for miguel
    persons_patctl bootstrap --format sql --network-cidr 127.0.0.0/8 >"$OUT/person.sql"
    control script <"$OUT/person.sql"
    [ "$(in_root stat -c %U "$ETC/patd.toml" "$STATE")" = $'miguel\nmiguel' ]
    refused in_root grep -rl 'PRIVATE KEY' /home/miguel
}

starts_on_first_use_for_the_person() {
    person systemctl --user enable --now patd.socket patd-admin.socket
    [ "$(person systemctl --user is-active patd.service)" = inactive ] || [ "$(persons_pid)" = 0 ]
    persons_served
    [ "$(person systemctl --user is-active patd.service)" = active ]
    ends 0 'serving' persons_patctl status
}

is_nobody_elses() {
    ends 125 'pat-exec' as_user other pat-exec --socket $PERSONS_RUN/patd/patd.sock -c miguel_own -- true
    [ "$(in_root stat -c '%a %U' $PERSONS_RUN/patd/patd.sock $PERSONS_RUN/patd-admin/admin.sock)" = $'600 miguel\n600 miguel' ]
}

# One filter, no new privileges, no core files: what needs no user namespace.
persons_daemon_is_confined() {
    local status
    status=$(in_root cat "/proc/$(persons_pid)/status")
    grep -qx $'NoNewPrivs:\t1' <<<"$status"
    grep -qx $'Seccomp:\t2' <<<"$status"
    in_root grep -qE '^Max core file size +0 +0 ' "/proc/$(persons_pid)/limits"
}

another_of_the_persons_than() {
    local now
    now=$(persons_pid)
    [ "$now" != "$1" ] && [ "$now" -gt 1 ]
}

survives_for_the_person() {
    local pid
    pid=$(persons_pid)
    [ "$pid" -gt 1 ]
    in_root kill -KILL "$pid"
    eventually 20 another_of_the_persons_than "$pid"
    persons_served
}

ends_with_the_person() {
    person systemctl --user disable --now patd.socket patd-admin.socket patd.service
    refused in_root test -e $PERSONS_RUN/patd/patd.sock
    refused in_root test -e $PERSONS_RUN/patd-admin/admin.sock
}
