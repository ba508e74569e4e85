# The package on a fresh machine: rights, units, nothing started.

# The README's own line, in a folder like the one it is typed in: the package lies in it where the suite has it. Nobody is
# there to be asked.
installs_as_the_readme_says() {
    local line folder=${RELEASED_AS:?where the release is built}
    line=$(grep '^apt install ' README.md)
    in_root sh -c "cd /root && mkdir -p $folder && cp $PACKAGE $folder"
    in_root sh -c "cd /root && yes | $line"
}

# The manual's own line, and back.
sleep_unit_can_be_enabled() {
    in_root systemctl enable patd-sleep.service
    [ "$(in_root systemctl is-enabled patd-sleep.service)" = enabled ]
    in_root systemctl disable patd-sleep.service
}

installs() { in_root apt-get install -y -qq "$@"; }

rights_are_right() {
    [ "$(in_root stat -c '%a %U:%G' /usr/bin/pat-exec)" = '2755 root:patclient' ]
    [ "$(in_root stat -c '%a %U:%G' /run/patd /run/patd-admin)" = $'755 root:root\n755 root:root' ]
    [ "$(in_root stat -c '%a %U:%G' /etc/patd/credentials)" = '700 root:root' ]
    in_root getent passwd patd | grep -q ':/usr/sbin/nologin$'
    [ -z "$(in_root getent group patclient | cut -d : -f 4)" ]
}

nothing_runs_yet() {
    units_are disabled is-enabled
    units_are inactive is-active
}

UNITS=(patd.service patd.socket patd-admin.socket patd-admin-key.timer patd-metrics.timer patd-sleep.service)

# units_are STATE QUESTION: all of them.
units_are() {
    local said
    said=$(in_root systemctl "$2" "${UNITS[@]}") || true
    printf '%s\n' "$said"
    [ "$(sort -u <<<"$said")" = "$1" ] && [ "$(wc -l <<<"$said")" -eq ${#UNITS[@]} ]
}

# The guest has no man program: systemd checks the units, and the pages they name are looked for here. Before 254 a
# growing RestartSec= is not known, and not more than a warning.
units_verify() {
    local page said
    said=$(
        in_root systemd-analyze verify --man=no patd.service patd.socket patd-admin.socket patd-admin-key.service patd-admin-key.timer patd-metrics.service patd-metrics.timer patd-sleep.service 2>&1
        as_user miguel systemd-analyze --user verify --man=no patd.service patd.socket patd-admin.socket 2>&1
    )
    printf '%s\n' "$said"
    [ "$(version_of_systemd)" -ge 254 ] || said=$(grep -v "Unknown key.* 'Restart\(Steps\|MaxDelaySec\|Mode\)' in section" <<<"$said" || true)
    [ -z "$said" ]
    for page in $(grep -ho 'man:[^ ]*' "$ROOT"/usr/lib/systemd/system/patd* | sort -u | sed 's/man:\(.*\)(\(.\))/man\2\/\1.\2.gz/'); do
        [ -f "$ROOT/usr/share/man/$page" ]
    done
}

exposure_is_low() { in_root systemd-analyze security --offline=true --threshold=14 patd.service; }
