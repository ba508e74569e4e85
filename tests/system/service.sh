# The package as an administrator installs it and two ordinary users meet it, on a booted Debian: install, init and
# bootstrap against the simulator, start on the first connection, rotation, crash, hang, bad configuration, lost keys,
# upgrade, removal, purge, leaks. Sourced by tests/system/boot; prints a line per promise.

GUEST=/opt/guest # the scenario's own things; no leak scan looks there
HOLDER_STOP=/home/miguel/stop

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
who() { as_user miguel pat-exec -c miguel_cli "$@" -- "$GUEST/child.py" who; }
served() { ends 0 'MIGUEL_CLI MIGUEL_CLI_ROLE' who "$@"; }
journal_says() { in_root journalctl --unit patd --no-pager --output cat "${@:2}" | grep -F -- "$1"; }
field() { python3 -c 'import json, sys; print(json.load(sys.stdin)'"$1"')'; }
generation() { in_root patctl --json status | field '["slots"][0]["generation"]'; }
tokens_at_snowflake() { control snapshot </dev/null | grep -o '"PATD[^"]*"' | sort -u; }

# --- installation

installs() { in_root apt-get install -y -qq "$@"; }

rights_are_right() {
    [ "$(in_root stat -c '%a %U:%G' /usr/bin/pat-exec)" = '2755 root:patclient' ]
    [ "$(in_root stat -c '%a %U:%G' /run/patd)" = '755 root:root' ]
    [ "$(in_root stat -c '%a %U:%G' /etc/patd/credentials)" = '700 root:root' ]
    in_root getent passwd patd | grep -q ':/usr/sbin/nologin$'
    [ -z "$(in_root getent group patclient | cut -d : -f 4)" ]
}

nothing_runs_yet() {
    [ "$(in_root systemctl is-enabled patd.service patd.socket patd-admin.socket patd-admin-key.timer)" = $'disabled\ndisabled\ndisabled\ndisabled' ]
    shows ActiveState inactive
}

# The guest has no man program: systemd checks the units, and the pages they name are looked for here.
units_verify() {
    local page said
    said=$(in_root systemd-analyze verify --man=no patd.service patd.socket patd-admin.socket patd-admin-key.service patd-admin-key.timer 2>&1)
    printf '%s\n' "$said"
    [ -z "$said" ]
    for page in $(grep -ho 'man:[^ ]*' "$ROOT"/usr/lib/systemd/system/patd* | sort -u | sed 's/man:\(.*\)(\(.\))/man\2\/\1.\2.gz/'); do
        [ -f "$ROOT/usr/share/man/$page" ]
    done
}

exposure_is_low() { in_root systemd-analyze security --offline=true --threshold=14 patd.service; }

# --- configuration

starts_simulator() {
    in_root systemd-run --quiet --unit=snowflake-sim "$GUEST/snowflake-sim" --listen 127.0.0.1:8443 --tls --ca-out "$GUEST/ca.pem"
    eventually 10 control history </dev/null
}

init_seals_keys() {
    in_root patctl init --account MYORG-MYACCOUNT --host 127.0.0.1 --port 8443 --ca-file "$GUEST/ca.pem"
    [ "$(in_root stat -c '%a %U' /etc/patd/credentials/root-key.cred /etc/patd/credentials/admin-key.cred)" = $'600 root\n600 root' ]
    [ "$(in_root stat -c '%a %U:%G' /var/lib/patd)" = '700 patd:patd' ]
    [ "$(in_root find /var/lib/patd ! -user patd)" = '' ]
    in_root systemd-creds decrypt --name=root-key /etc/patd/credentials/root-key.cred - | base64 -d | wc -c | grep -qx 32
    in_root systemd-creds decrypt --name=admin-key /etc/patd/credentials/admin-key.cred - | grep -q 'BEGIN PRIVATE KEY'
}

init_again_changes_nothing() {
    local before
    before=$(in_root find /etc/patd /var/lib/patd -type f -exec sha256sum '{}' +)
    in_root patctl init --account MYORG-MYACCOUNT --host 127.0.0.1 --port 8443 --ca-file "$GUEST/ca.pem"
    [ "$(in_root find /etc/patd /var/lib/patd -type f -exec sha256sum '{}' +)" = "$before" ]
}

adds_entry() {
    in_root patctl add miguel_cli --user MIGUEL_CLI --role MIGUEL_CLI_ROLE --for miguel --deliver home,env
    in_root patctl validate
}

bootstraps() {
    in_root patctl bootstrap --format sql --network-cidr 127.0.0.0/8 >"$OUT/bootstrap.sql"
    control script <"$OUT/bootstrap.sql"
}

# --- use

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

# --- a program that runs through everything

start_holder() {
    as_user miguel pat-exec -c miguel_cli -- "$GUEST/child.py" follow "$HOLDER_STOP" >"$OUT/holder.txt" 2>&1 </dev/null &
    holder_sees 1
    private_homes_are 1
}

holder_sees() { eventually 15 grep -q "^secret $1: MIGUEL_CLI MIGUEL_CLI_ROLE" "$OUT/holder.txt" || { cat "$OUT/holder.txt" && return 1; }; }

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

# --- crash and hang

another_main_process_than() { [ "$(shown MainPID)" != "$1" ] && shows SubState running; }

survives() { # SIGNAL
    local pid before
    pid=$(shown MainPID) before=$(generation)
    in_root kill "-$1" "$pid"
    eventually 20 another_main_process_than "$pid"
    served
    [ "$(generation)" = "$before" ]
}

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

# --- bad configuration and lost keys

good_configuration() { in_root cp /root/good.toml /etc/patd/users.d/miguel_cli.toml; }

bad_reload_keeps_the_old() {
    in_root cp /etc/patd/users.d/miguel_cli.toml /root/good.toml
    printf 'rolle = "ACCOUNTADMIN"\n' | in_root tee -a /etc/patd/users.d/miguel_cli.toml
    in_root systemctl reload patd
    eventually 10 ends 2 'stays in force' in_root patctl status
    journal_says 'unknown key \"rolle\"'
    ends 78 'rolle' in_root patctl validate
    served
    good_configuration
    in_root systemctl reload patd
    eventually 10 ends 0 'miguel_cli' in_root patctl status
}

tries() { in_root journalctl --unit patd --no-pager --output cat | grep -c '^Starting patd.service'; }

# lost STATUS MESSAGE: what a start without a good key is like, for the daemon, an administrator and a user.
lost() {
    local status=$1 message=$2 before
    ends 1 '' in_root systemctl restart patd
    shows ExecMainStatus "$status"
    shows SubState failed
    journal_says "$message"
    before=$(tries)
    # A user's attempt is one attempt: no storm of starts, no socket that gives up.
    ends 125 'journalctl -u patd' who
    eventually 5 shows SubState failed
    printf 'starts: %s, then %s\n' "$before" "$(tries)"
    [ "$(tries)" -eq $((before + 1)) ]
    [ "$(in_root systemctl is-active patd.socket patd-admin.socket)" = $'active\nactive' ]
}

good_keys() { in_root cp -p /root/keys/root-key.cred /root/keys/admin-key.cred /etc/patd/credentials/; }

without_key() {
    in_root rm "/etc/patd/credentials/$1.cred"
    lost 78 "no systemd credential \"$1\""
    journal_says "check LoadCredentialEncrypted=$1:/etc/patd/credentials/$1.cred in the unit, and that file"
    good_keys
    served # and no other command was needed
}

with_another_root_key() {
    in_root rm /etc/patd/credentials/root-key.cred
    head -c 32 /dev/zero | base64 | in_root systemd-creds encrypt --name=root-key - /etc/patd/credentials/root-key.cred
    lost 78 'root key'
    good_keys
    served
}

with_a_damaged_key() {
    in_root sh -c 'head -c 100 /dev/zero | base64 > /etc/patd/credentials/root-key.cred'
    lost 243 'Failed to set up credentials'
    good_keys
    served
}

# --- upgrade, removal, purge

upgrade_keeps_everything() {
    local before sockets pid
    before=$(generation) pid=$(shown MainPID)
    sockets=$(in_root stat -c '%i %n' /run/patd/patd.sock /run/patd/admin.sock)
    installs /root/upgrade.deb
    [ "$(in_root dpkg-query -W -f '${Version}' pat-broker)" = 0.1.1-1 ]
    [ "$(in_root stat -c '%i %n' /run/patd/patd.sock /run/patd/admin.sock)" = "$sockets" ]
    [ "$(shown MainPID)" != "$pid" ]
    rights_are_right
    served
    [ "$(generation)" = "$before" ]
}

an_administrators_override_is_kept() {
    in_root dpkg-statoverride --update --add root root 0755 /usr/bin/pat-exec
    installs --allow-downgrades "/root/$PACKAGE"
    [ "$(in_root stat -c '%a %U:%G' /usr/bin/pat-exec)" = '755 root:root' ]
    in_root dpkg-statoverride --remove /usr/bin/pat-exec
    installs /root/upgrade.deb
    rights_are_right
}

removal_keeps_state() {
    local state
    state=$(in_root find /etc/patd /var/lib/patd -type f | sort)
    in_root apt-get remove -y -qq pat-broker
    [ "$(in_root find /etc/patd /var/lib/patd -type f | sort)" = "$state" ]
    refused in_root test -e /run/patd/patd.sock
    refused in_root systemctl cat patd.service
    installs /root/upgrade.deb
    in_root systemctl enable --now patd.socket patd-admin.socket
    served
}

purge_removes_all_and_says_what_lives_on() {
    ends 0 'live on at Snowflake' in_root apt-get purge -y -q pat-broker
    refused in_root test -e /etc/patd
    refused in_root test -e /var/lib/patd
    refused in_root test -e /run/patd
    refused in_root sh -c 'ls /etc/systemd/system/*/patd*'
    tokens_at_snowflake | grep -q .
}

# --- leaks

places() { in_root sh -c 'echo /etc /var /home /root /tmp /opt /dev/shm; find /run -mindepth 1 -maxdepth 1 ! -name credentials'; }
# shellcheck disable=SC2046
files_are_clean() { in_root "$GUEST/leaks" files $(places); }
journal_is_clean() { in_root "$GUEST/leaks" journal; }
processes_are_clean() { in_root "$GUEST/leaks" processes; }

# Each search must find a secret that is really there.
canaries_are_found() {
    control secrets </dev/null | python3 -c 'import json, sys; print(json.load(sys.stdin)["secrets"][0], end="")' >"$OUT/canary"
    local canary
    canary=$(cat "$OUT/canary") && rm "$OUT/canary"
    [ ${#canary} -gt 20 ]
    printf 'x%s' "$canary" | base64 -w 0 | in_root tee /var/log/canary >/dev/null
    ends 1 /var/log/canary files_are_clean
    printf '%s' "$canary" | od -A n -t x1 | tr -d ' \n' | in_root tee /var/log/canary >/dev/null
    ends 1 /var/log/canary files_are_clean
    in_root systemd-creds decrypt --name=root-key /etc/patd/credentials/root-key.cred /var/log/canary
    ends 1 /var/log/canary files_are_clean
    in_root systemd-creds decrypt --name=admin-key /etc/patd/credentials/admin-key.cred - | sed -n 3p | in_root tee /var/log/canary >/dev/null
    ends 1 /var/log/canary files_are_clean
    in_root rm /var/log/canary
    files_are_clean
    # The search's own command line will do.
    ends 1 /cmdline in_root "$GUEST/leaks" processes "$canary"
    in_root logger "$canary"
    ends 1 'the journal' journal_is_clean
}

# --- the scenario

PACKAGE=$(cd "$ROOT/root" && echo pat-broker_*.deb)
mkdir -p "$ROOT$GUEST"
mv "$ROOT"/root/guest/* "$ROOT/root/snowflake-sim" "$ROOT$GUEST"

needed "apt installs the package" installs "/root/$PACKAGE"
promise "pat-exec is setgid patclient, and the folders have their owners" rights_are_right
promise "installing starts and enables nothing" nothing_runs_yet
promise "systemd finds nothing wrong with the units, and their manual pages are there" units_verify
promise "the unit's exposure is at most 1.4" exposure_is_low
needed "the simulator runs in the guest, over TLS" starts_simulator
needed "patctl init seals both keys and gives the state to patd" init_seals_keys
promise "patctl init a second time changes nothing" init_again_changes_nothing
needed "patctl add writes an entry that validates" adds_entry
needed "the bootstrap script runs at Snowflake" bootstraps
needed "the first pat-exec starts the daemon, and its child is MIGUEL_CLI with MIGUEL_CLI_ROLE" first_use_starts_it
promise "Snowflake saw that login" snowflake_saw_the_same
promise "the same by variables" served --deliver env
promise "the kernel shows the gate, and the audit log says so" gate_is_shown
promise "another user is refused with the fixed text, whatever is asked for" stranger_is_refused
promise "patctl status is for root and patd-admin" status_is_for_admins
promise "the running daemon has no capability, a filter and no core files" process_is_confined
promise "an ungated copy of pat-exec is told apart, and refused where the gate is required" ungated_is_told_apart
promise "nothing is left of the private homes" eventually 10 private_homes_are 0
promise "a program that keeps running gets a token" start_holder
promise "a rotation reaches the running program" rotation_reaches_it 2
promise "no secret in any command line while it runs" processes_are_clean
promise "a restart issues nothing" restart_issues_nothing
promise "kill -9: started again, same generation served" survives KILL
promise "a hang: ended by the watchdog, started again, same generation served" survives_a_hang
promise "a new admin key by the unit and by hand, and the daemon logs in with it" admin_key_rotates
promise "after all that, a rotation still reaches the running program" rotation_reaches_it 3
promise "a bad configuration is not reloaded, and that is said" bad_reload_keeps_the_old
good_configuration
promise "an upgrade keeps state, sockets and generation" upgrade_keeps_everything
promise "after the upgrade, a rotation still reaches the running program" rotation_reaches_it 4
promise "the program ends, and its private home with it" holder_ends_well
in_root cp -pr /etc/patd/credentials /root/keys
promise "no root key: exit 78, a next step, no storm of starts, and served again once it is back" without_key root-key
good_keys
promise "no admin key: the same" without_key admin-key
good_keys
promise "another root key: the same" with_another_root_key
good_keys
promise "a damaged key: systemd gives up, no storm of starts, and served again once it is back" with_a_damaged_key
good_keys
promise "an administrator's dpkg-statoverride of pat-exec is kept" an_administrators_override_is_kept
promise "removal keeps configuration and state, and a new installation goes on with them" removal_keeps_state
promise "no secret in any file of the guest" files_are_clean
promise "no secret in any command line" processes_are_clean
promise "no secret in the journal" journal_is_clean
promise "a secret that is there is found by each of these searches" canaries_are_found
promise "purge removes configuration and state, and says that tokens live on" purge_removes_all_and_says_what_lives_on
echo "the scenario is complete"
