# Makes the accounts and the folders, then gives pat-exec its gate: the group first, the bit last. Shipped 0755: with
# 2755 in the package it would be setgid root until here.
systemd-sysusers patd.conf || exit 1
systemd-tmpfiles --create patd.conf || exit 1
chgrp patclient /usr/bin/pat-exec || exit 1
chmod 2755 /usr/bin/pat-exec || exit 1
install -d -m 0755 -o root -g root /etc/patd /etc/patd/users.d /etc/patd/accounts.d || exit 1
install -d -m 0700 -o root -g root /etc/patd/credentials || exit 1
if [ -d /run/systemd/system ]; then
    systemctl --system daemon-reload || :
    # Only where it was running: a first start is a person's (patctl init, bootstrap, enable). The sockets stay.
    systemctl try-restart patd.service || :
fi
