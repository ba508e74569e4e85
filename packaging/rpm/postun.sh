# There is no purge here: configuration and state are kept, and it says what lives on elsewhere.
if [ "$1" -eq 0 ]; then
    rm -rf /run/patd /run/patd-admin
    # What disable passed over: the link of a masked unit.
    for unit in patd.service patd.socket patd-admin.socket patd-admin-key.timer patd-metrics.timer patd-sleep.service; do
        rm -f /etc/systemd/system/*.wants/"$unit"
    done
    echo "pat-broker: /etc/patd and /var/lib/patd are kept; who deletes them loses what is known of the tokens." >&2
    echo "pat-broker: tokens that this host issued live on at Snowflake until they expire, unless 'patctl retire' (this" >&2
    echo "pat-broker: host's) or 'patctl destroy' (service users too) ran first. Now a security admin can end them:" >&2
    echo "pat-broker: SHOW USER PROGRAMMATIC ACCESS TOKENS FOR USER ...; ALTER USER ... REMOVE PROGRAMMATIC ACCESS TOKEN ..." >&2
fi
if [ -d /run/systemd/system ]; then
    systemctl --system daemon-reload || :
fi
