# Makes the accounts and the folders, then gives pat-exec its gate: the group first, the bit last. Shipped 0755: with
# 2755 in the package it would be setgid root until here.
systemd-sysusers patd.conf || exit 1
# Where no systemd runs (an image that is built, without /proc) the boot makes the folders.
systemd-tmpfiles --create patd.conf || [ ! -d /run/systemd/system ] || exit 1
chgrp patclient /usr/bin/pat-exec || exit 1
chmod 2755 /usr/bin/pat-exec || exit 1
# What is there keeps the mode that an administrator gave it.
for folder in /etc/patd /etc/patd/users.d /etc/patd/accounts.d; do
    [ -d "$folder" ] || install -d -m 0755 -o root -g root "$folder" || exit 1
done
[ -d /etc/patd/credentials ] || install -d -m 0700 -o root -g root /etc/patd/credentials || exit 1
if [ -d /run/systemd/system ]; then
    systemctl --system daemon-reload || :
    # Only where it was running: a first start is a person's (patctl init, bootstrap, enable). The sockets stay.
    systemctl try-restart patd.service || :
fi
