# Stops the daemon and its sockets when the package goes (0 packages are left); an upgrade leaves them.
if [ "$1" -eq 0 ]; then
    [ ! -d /run/systemd/system ] || systemctl stop patd-metrics.timer patd-metrics.service patd-admin-key.timer patd-admin-key.service patd.socket patd-admin.socket patd.service || :
    # Also in an image that is changed without being booted; a unit that is masked is passed over.
    systemctl --no-reload --quiet disable patd-metrics.timer patd-sleep.service patd-admin-key.timer patd.service patd.socket patd-admin.socket || :
    # Its last numbers would be served for ever.
    rm -f /var/lib/prometheus/node-exporter/patd.prom
fi
