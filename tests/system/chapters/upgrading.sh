# Upgrade, removal, purge, and a new installation over what removal left.

upgrade_keeps_everything() {
    local before held sockets pid version
    version=$(installed_version)
    before=$(generation) pid=$(shown MainPID) held=$(leases)
    [ "$held" -ge 1 ]
    sockets=$(in_root stat -c '%i %n' /run/patd/patd.sock /run/patd-admin/admin.sock)
    installs /root/upgrade.deb
    [ "$(installed_version)" != "$version" ]
    [ "$(installed_version)" = "$(in_root dpkg-deb --field /root/upgrade.deb Version)" ]
    [ "$(in_root stat -c '%i %n' /run/patd/patd.sock /run/patd-admin/admin.sock)" = "$sockets" ]
    [ "$(shown MainPID)" != "$pid" ]
    rights_are_right
    served
    [ "$(generation)" = "$before" ]
    eventually 10 leases_are "$held"
}

installed_version() { in_root dpkg-query -W -f '${Version}' pat-broker; }
leases() { in_root patctl --json status | field '["slots"][0]["leases"]'; }
leases_are() { [ "$(leases)" -eq "$1" ]; }

folders_keep_the_mode_that_they_were_given() {
    in_root chmod 0750 /etc/patd
    installs --reinstall "/root/upgrade.deb"
    [ "$(in_root stat -c %a /etc/patd)" = 750 ]
    in_root chmod 0755 /etc/patd
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
    in_root mkdir -p /var/lib/prometheus/node-exporter
    in_root systemctl start patd-metrics.service
    in_root test -s /var/lib/prometheus/node-exporter/patd.prom
    # A unit that is masked, which disable passes over.
    in_root systemctl enable patd-admin-key.timer
    in_root systemctl mask patd-admin-key.timer
    in_root apt-get remove -y -qq pat-broker
    refused in_root test -e /var/lib/prometheus/node-exporter/patd.prom
    refused in_root sh -c 'ls /etc/systemd/system/*/patd*'
    in_root rm -r /var/lib/prometheus /etc/systemd/system/patd-admin-key.timer
    in_root systemctl daemon-reload
    [ "$(in_root find /etc/patd /var/lib/patd -type f | sort)" = "$state" ]
    refused in_root test -e /run/patd/patd.sock
    refused in_root test -e /run/patd-admin/admin.sock
    refused in_root systemctl cat patd.service
    installs /root/upgrade.deb
    in_root systemctl enable --now patd.socket patd-admin.socket
    served
}

purge_removes_all_and_says_what_lives_on() {
    ends 0 "live on at Snowflake until they expire, unless 'patctl retire'" in_root apt-get purge -y -q pat-broker
    refused in_root test -e /etc/patd
    refused in_root test -e /var/lib/patd
    refused in_root test -e /run/patd
    refused in_root test -e /run/patd-admin
    refused in_root sh -c 'ls /etc/systemd/system/*/patd*'
    tokens_at_snowflake | grep -q .
}
