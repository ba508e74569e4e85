# What patctl doctor says of an installed host, to root and to an ordinary user, and what the daemon says of itself.

# doctor_says STATUSES COMMAND…: keeps the report, and demands that it ends with one of these.
doctor_says() {
    local wanted=$1 status=0
    shift
    REPORT=$("$@" 2>&1) || status=$?
    printf '%s\nstatus %s (wanted %s)\n' "$REPORT" "$status" "$wanted"
    [[ " $wanted " = *" $status "* ]]
}

# line WORD ID [TEXT]: demands a line of the report.
line() { grep -E "^  $1 +$2 " <<<"$REPORT" | grep -F -- "${3:-}"; }

# Nothing fails; what a machine without a TPM and a kernel without Yama could do better is a warning.
doctor_finds_a_good_host() {
    local id
    in_root patctl drift --look || true
    doctor_says 2 in_root patctl doctor
    for id in configuration daemon peer-tier socket-folder admin-folder hand-out-socket admin-socket wrapper wrapper-mount gate-group \
        dns tls clock network-refusal privileges proxy plaintext-token sibling-credential environment-token cortex-settings; do
        line ok "$id"
    done
    line warn root-key /etc/patd/credentials/root-key.cred
    line warn admin-key 'on a disk too'
}

# As miguel, who has kept an old token beside.
doctor_tells_a_user_what_it_may_see() {
    local kept=/home/miguel/.snowflake/connections.toml.bak
    in_root mkdir -p /home/miguel/.snowflake
    printf '[old]\naccount = "MYORG-MYACCOUNT"\npassword = "planted-by-hand"\n' >"$ROOT$kept"
    in_root chown -R miguel: /home/miguel/.snowflake
    doctor_says 1 as_user miguel patctl doctor
    in_root rm "$kept"
    line FAIL plaintext-token "$kept: in the clear: line 3 (password)"
    refused grep planted <<<"$REPORT"
    line '\?' daemon 'needs root, or the group patd-admin'
    line '\?' root-key 'needs root'
    line '\?' privileges
    line ok configuration
    line ok wrapper
    line ok tls
    # A kernel without Yama is a warning.
    doctor_says '0 2' as_user miguel patctl doctor
    line ok plaintext-token
}

# A drop-in that opens the admin socket to everybody: the daemon serves, and says so.
daemon_says_what_is_wrong_with_its_sockets() {
    local dropin=/etc/systemd/system/patd-admin.socket.d
    in_root mkdir -p "$dropin"
    printf '[Socket]\nSocketMode=0666\n' >"$ROOT$dropin/open.conf"
    sockets_again
    in_root patctl status | grep -F 'any user of this host may connect as an administrator [admin-socket]'
    journal_says 'Self-check failed'
    doctor_says 1 in_root patctl doctor
    line FAIL admin-socket 'mode 0666'
    in_root rm -r "$dropin"
    sockets_again
    refused grep -F admin-socket <<<"$(in_root patctl status)"
}

sockets_again() {
    in_root systemctl daemon-reload
    in_root systemctl stop patd.service patd-admin.socket
    in_root systemctl start patd-admin.socket patd.service
}

# The keyring is a warning; the sockets are the person's alone, and so is the daemon.
doctor_knows_a_persons_daemon() {
    doctor_says 2 persons_patctl doctor
    line ok configuration
    line ok daemon
    line warn root-key 'any program of this user can ask for it'
    line ok hand-out-socket "one person's"
    line ok admin-socket
    line ok tls
}
