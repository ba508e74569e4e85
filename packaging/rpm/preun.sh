# Stops the daemon and its sockets when the package goes (0 packages are left); an upgrade leaves them.
if [ "$1" -eq 0 ] && [ -d /run/systemd/system ]; then
    systemctl stop patd-metrics.timer patd-metrics.service patd-admin-key.timer patd-admin-key.service patd.socket patd-admin.socket patd.service || :
    systemctl --no-reload --quiet disable patd-metrics.timer patd-sleep.service patd-admin-key.timer patd.service patd.socket patd-admin.socket || :
fi
