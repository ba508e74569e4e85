# Bad configuration and lost keys: refused with a next step, without a storm of starts.

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
    local status=$1 message=$2 before since
    since=$(end_of_journal)
    ends 1 '' in_root systemctl restart patd
    shows ExecMainStatus "$status"
    shows SubState failed
    journal_says "$message" --after-cursor "$since"
    before=$(tries)
    # A user's attempt is one attempt: no storm of starts, no socket that gives up.
    ends 125 'journalctl -u patd' who
    eventually 5 shows SubState failed
    printf 'starts: %s, then %s\n' "$before" "$(tries)"
    [ "$(tries)" -eq $((before + 1)) ]
    [ "$(in_root systemctl is-active patd.socket patd-admin.socket)" = $'active\nactive' ]
}

# The example of the package, as its comment says.
hook_is_put_up() {
    in_root mkdir -p /etc/systemd/system/patd.service.d
    in_root cp /root/on-failure/patd.service.d/on-failure.conf /etc/systemd/system/patd.service.d/
    in_root cp /root/on-failure/patd-failed.service /etc/systemd/system/
    in_root systemctl daemon-reload
    survives KILL
    [ "$(tellings)" -eq 0 ]
}

tellings() { in_root journalctl --identifier patd-failed --no-pager --output cat | grep -c 'patd on guest cannot run' || true; }
has_told() { [ "$(tellings)" -gt 0 ]; }

hook_is_taken_down() {
    eventually 5 has_told
    in_root rm -r /etc/systemd/system/patd.service.d /etc/systemd/system/patd-failed.service
    in_root systemctl daemon-reload
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
    lost 78 'does not open the store'
    good_keys
    served
}

with_a_damaged_key() {
    in_root sh -c 'head -c 100 /dev/zero | base64 > /etc/patd/credentials/root-key.cred'
    lost 243 'Failed to set up credentials'
    good_keys
    served
}

# What was revoked went with the store: nobody gets a token unasked, and the log goes on.
rebuilt_store_serves_whom_a_person_enrols() {
    in_root patctl revoke miguel_cli
    in_root systemctl stop patd.service
    in_root rm -r /var/lib/patd/meta.sealed /var/lib/patd/sled /var/lib/patd/slots
    lost 78 'no mark of a first start'
    ends 0 'patctl enrol miguel_cli' in_root patctl rebuild --yes
    [ "$(in_root find /var/lib/patd ! -user patd)" = '' ]
    ends 125 'not enrolled since the store was rebuilt' who
    ends 2 '[unenrolled]' in_root patctl status
    ends 0 'every record follows from the one before it' in_root patctl audit verify
    in_root systemctl restart patd.service
    ends 125 'not enrolled since the store was rebuilt' who
    in_root patctl enrol miguel_cli
    served
}
