# What the daemon has unsealed: locked into memory, gone while the machine sleeps, and sealed by a TPM where there is one.

status_of_memory() { in_root patctl --json status | field '["daemon"]["memory"]'; }
kilobytes() { in_root sed -n "s/^$1:[[:space:]]*\([0-9]*\) kB$/\1/p" "/proc/$(shown MainPID)/status"; }

# Nobody can raise the limit where CAP_SYS_RESOURCE is missing, as in many containers: systemd then starts it all the same.
memory_is_said_to_be_as_it_is() {
    local limit
    shows LimitMEMLOCK infinity
    limit=$(in_root sed -n 's/^Max locked memory *\([^ ]*\) .*/\1/p' "/proc/$(shown MainPID)/limits")
    printf 'limit %s, %s kB locked, and it says: %s\n' "$limit" "$(kilobytes VmLck)" "$(status_of_memory)"
    if [ "$limit" = unlimited ]; then
        memory_is_all_locked
    else
        [ "$(kilobytes VmLck)" -eq 0 ]
        [ "$(status_of_memory)" = "not locked: the limit is $limit bytes" ]
        journal_says 'Memory not locked'
        journal_says 'set LimitMEMLOCK=infinity, or use no swap'
    fi
}

# What is there is locked; what is not there yet will be.
memory_is_all_locked() {
    printf '%s kB locked, %s kB in use, %s kB in swap\n' "$(kilobytes VmLck)" "$(kilobytes VmRSS)" "$(kilobytes VmSwap)"
    [ "$(status_of_memory)" = locked ]
    [ "$(kilobytes VmLck)" -ge "$(kilobytes VmRSS)" ]
    [ "$(kilobytes VmSwap)" -eq 0 ]
}

# With the right to lock in the place of the limit: everything else of the unit is as it is, its filter too.
memory_is_locked_where_it_may_be() {
    in_root mkdir -p /run/systemd/system/patd.service.d
    printf '[Service]\nCapabilityBoundingSet=CAP_IPC_LOCK\nAmbientCapabilities=CAP_IPC_LOCK\n' |
        in_root tee /run/systemd/system/patd.service.d/lock.conf
    in_root systemctl daemon-reload
    in_root systemctl restart patd
    served # also with what it allocates then
    memory_is_all_locked
    in_root rm -r /run/systemd/system/patd.service.d
    in_root systemctl daemon-reload
    in_root systemctl restart patd
    served
}

# systemd's own units for a suspension, in their own order, with a script in the place of the kernel's part.
puts_to_sleep() {
    in_root mkdir -p /run/systemd/system/systemd-suspend.service.d
    printf '[Service]\nExecStart=\nExecStart=%s/asleep\n' "$GUEST" | in_root tee /run/systemd/system/systemd-suspend.service.d/pretend.conf
    in_root systemctl enable patd-sleep.service
    in_root systemctl daemon-reload
    in_root systemctl start suspend.target
    in_root cat /run/asleep
    [ "$(in_root cat /run/asleep)" = $'daemon: inactive\nsockets: inactive inactive\nprocesses: 0\ncredentials:' ]
    eventually 20 is_awake
    in_root systemctl disable patd-sleep.service
    in_root rm -r /run/systemd/system/systemd-suspend.service.d
    in_root systemctl daemon-reload
}
is_awake() { [ "$(shown ActiveState patd-sleep.service)" = inactive ]; }

sleeps_without_keys() {
    local before
    before=$(generation)
    in_root "$GUEST/asleep"
    in_root cat /run/asleep
    [ "$(in_root cat /run/asleep)" = $'daemon: active\nsockets: active active\nprocesses: 1\ncredentials: admin-key root-key' ]
    puts_to_sleep
    eventually 20 shows ActiveState active
    served
    [ "$(generation)" = "$before" ]
}

# An administrator stopped all of it, and on another host only the daemon.
wakes_as_it_went_to_sleep() {
    in_root systemctl stop patd.socket patd-admin.socket patd.service
    puts_to_sleep
    [ "$(in_root systemctl is-active patd.service patd.socket patd-admin.socket)" = $'inactive\ninactive\ninactive' ]
    in_root systemctl start patd.socket patd-admin.socket
    puts_to_sleep
    eventually 20 sockets_are_back
    shows ActiveState inactive
    in_root systemctl start patd.service
    served
}
sockets_are_back() { [ "$(in_root systemctl is-active patd.socket patd-admin.socket)" = $'active\nactive' ]; }

TPM=/run/pretended-tpm # also in tests/system/boot, where systemd is told of it

# A TPM in software, as a device of systemd's: there is none below this guest. Each time as it was made: one that loses its
# power again and again takes that for an attack, and without a kernel's resource manager before it the sessions that
# systemd 252 leaves behind fill it up.
starts_a_tpm() {
    if in_root test ! -e $TPM/made; then
        in_root mkdir -p -m 0700 $TPM/made
        runs_a_tpm $TPM/made
        in_root systemctl stop pretended-tpm
    fi
    in_root rm -rf $TPM/state
    in_root cp -r $TPM/made $TPM/state
    runs_a_tpm $TPM/state
}

runs_a_tpm() { # STATE
    in_root rm -f $TPM/socket $TPM/socket.ctrl
    in_root systemd-run --quiet --unit=pretended-tpm swtpm socket --tpm2 --tpmstate "dir=$1" \
        --server type=unixio,path=$TPM/socket --ctrl type=unixio,path=$TPM/socket.ctrl --flags startup-clear,not-need-init
    eventually 10 in_root test -S $TPM/socket
}

tpm_creds() { in_root "$GUEST/tpm/systemd-creds" "$@"; }

# patctl's own sealing: what it sealed opens again, also with systemd 252.
patctl_seals_by_the_tpm() {
    in_root env "PATH=$GUEST/tpm:/usr/sbin:/usr/bin:/sbin:/bin" patctl admin-key rotate
    [ "$(tpm_creds decrypt --name=admin-key /etc/patd/credentials/admin-key.cred - | grep -c PRIVATE)" -eq 2 ]
    # And by nothing else: without a TPM it is refused.
    ends 1 '' in_root systemd-creds decrypt --name=admin-key /etc/patd/credentials/admin-key.cred - >/dev/null
}

# The same for the other key, which no verb seals anew: to no PCR if that opens again, else to one that stays as it is.
root_key_is_sealed_by_the_tpm() {
    local pcrs key cred=/etc/patd/credentials/root-key
    key=$(in_root systemd-creds decrypt --name=root-key $cred.cred -)
    for pcrs in '' 16; do
        printf '%s' "$key" | tpm_creds encrypt --tpm2-pcrs=$pcrs --name=root-key - $cred.tpm
        [ "$(tpm_creds decrypt --name=root-key $cred.tpm -)" != "$key" ] || break
        in_root rm $cred.tpm
    done
    printf 'the root key is sealed by the TPM to PCR "%s"\n' "$pcrs"
    in_root mv $cred.tpm $cred.cred
    in_root chmod 0600 $cred.cred
}

# The unit as it is: systemd asks the TPM, the daemon sees no difference. Without that TPM the same files open nothing.
unseals_by_a_tpm() {
    local before
    before=$(generation)
    in_root cp -pr /etc/patd/credentials /root/host-keys
    starts_a_tpm
    patctl_seals_by_the_tpm
    root_key_is_sealed_by_the_tpm
    in_root systemctl stop pretended-tpm
    starts_a_tpm
    in_root systemctl restart patd
    served
    [ "$(generation)" = "$before" ]
    in_root systemctl stop pretended-tpm
    ends 1 '' in_root systemctl restart patd
    shows ExecMainStatus 243
    starts_a_tpm
    served
}

# Whatever came of that: the root key as it was; the admin key is a new one.
leaves_the_tpm() {
    local key cred=/etc/patd/credentials/admin-key.cred
    in_root cp -p /root/host-keys/root-key.cred /etc/patd/credentials/
    in_root rm -r /root/host-keys
    if ! in_root systemd-creds decrypt --name=admin-key $cred - >/dev/null; then
        key=$(tpm_creds decrypt --name=admin-key $cred -)
        printf '%s\n' "$key" | in_root systemd-creds encrypt --with-key=host --name=admin-key - $cred
        in_root chmod 0600 $cred
    fi
    in_root systemctl stop pretended-tpm
    in_root systemctl restart patd
    served
}
