# Searches for secrets where none may be, each of which must find one that is there.

places() { in_root sh -c 'echo /etc /var /home /root /tmp /opt /dev/shm; find /run -mindepth 1 -maxdepth 1 ! -name credentials'; }
# shellcheck disable=SC2046
files_are_clean() { in_root "$GUEST/leaks" files $(places); }
journal_is_clean() { in_root "$GUEST/leaks" journal; }
processes_are_clean() { in_root "$GUEST/leaks" processes; }

# Each search must find a secret that is really there.
canaries_are_found() {
    control secrets </dev/null | python3 -c 'import json, sys; print(json.load(sys.stdin)["secrets"][0], end="")' >"$OUT/canary"
    local canary
    canary=$(cat "$OUT/canary") && rm "$OUT/canary"
    [ ${#canary} -gt 20 ]
    printf 'x%s' "$canary" | base64 -w 0 | in_root tee /var/log/canary >/dev/null
    ends 1 /var/log/canary files_are_clean
    printf '%s' "$canary" | od -A n -t x1 | tr -d ' \n' | in_root tee /var/log/canary >/dev/null
    ends 1 /var/log/canary files_are_clean
    in_root systemd-creds decrypt --name=root-key /etc/patd/credentials/root-key.cred /var/log/canary
    ends 1 /var/log/canary files_are_clean
    in_root systemd-creds decrypt --name=admin-key /etc/patd/credentials/admin-key.cred - | sed -n 3p | in_root tee /var/log/canary >/dev/null
    ends 1 /var/log/canary files_are_clean
    in_root rm /var/log/canary
    files_are_clean
    # The search's own command line will do.
    ends 1 /cmdline in_root "$GUEST/leaks" processes "$canary"
    in_root logger "$canary"
    ends 1 'the journal' journal_is_clean
}
