# What the .rpm does, without the program rpm: its files laid out, its scripts run as rpm runs them.

lays_out_the_rpm() {
    in_root userdel patd
    in_root groupdel patclient
    in_root groupdel patd-admin
    in_root cp -a "$GUEST/rpm/tree/." /
    [ "$(in_root stat -c '%a %U:%G' /usr/bin/pat-exec)" = '755 root:root' ]
    in_root sh "$GUEST/rpm/post" 1
    rights_are_right
    nothing_runs_yet
}

upgrades_by_the_rpm() {
    in_root systemctl enable --now patd.socket patd-admin.socket
    in_root cp -a "$GUEST/rpm/tree/." /
    in_root sh "$GUEST/rpm/post" 2
    in_root sh "$GUEST/rpm/preun" 1
    in_root sh "$GUEST/rpm/postun" 1
    rights_are_right
    [ "$(in_root systemctl is-active patd.socket patd-admin.socket)" = $'active\nactive' ]
}

erases_by_the_rpm() {
    in_root systemctl enable --now patd-sleep.service patd-admin-key.timer
    in_root mkdir -p /var/lib/prometheus/node-exporter
    in_root touch /var/lib/prometheus/node-exporter/patd.prom
    in_root sh "$GUEST/rpm/preun" 0
    nothing_runs_yet
    refused in_root test -e /var/lib/prometheus/node-exporter/patd.prom
    ends 0 "live on at Snowflake until they expire, unless 'patctl retire'" in_root sh "$GUEST/rpm/postun" 0
    in_root test -d /etc/patd/credentials
}
