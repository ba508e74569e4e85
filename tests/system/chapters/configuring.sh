# The first hour: keys, an entry, the script that a security admin runs at Snowflake.

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
