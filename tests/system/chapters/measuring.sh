# What monitoring reads: the scrape on the admin socket, the file that the timer keeps for node_exporter, and the fields of
# the journal.

TEXTFILES=/var/lib/prometheus/node-exporter

in_textfile() { in_root grep -qx -- "$1" "$TEXTFILES/patd.prom"; }

# As a scraper on the host does it.
a_scrape_is_openmetrics() {
    served # since the last start of the daemon: its counters begin with it
    in_root python3 - >"$OUT/scrape.txt" <<'END'
import socket
with socket.socket(socket.AF_UNIX) as scrape:
    scrape.connect("/run/patd-admin/admin.sock")
    scrape.sendall(b"GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n")
    print(b"".join(iter(lambda: scrape.recv(65536), b"")).decode(), end="")
END
    grep -q '^content-type: application/openmetrics-text; version=1.0.0' "$OUT/scrape.txt"
    [ "$(tail -n 1 "$OUT/scrape.txt")" = '# EOF' ]
    grep -q '^patd_hand_outs_total{connection="miguel_cli"} [1-9]' "$OUT/scrape.txt"
    ends 77 'not allowed to connect' as_user other patctl metrics
}

# Without the folder of node_exporter the unit does nothing; with it, the timer keeps the file.
textfile_is_kept_by_the_timer() {
    in_root systemd-analyze security --offline=true --threshold=14 patd-metrics.service
    in_root systemctl start patd-metrics.service
    [ ! -e "$ROOT$TEXTFILES" ]
    in_root install -d "$TEXTFILES"
    in_root systemctl enable --now patd-metrics.timer
    eventually 20 in_textfile 'patd_ready 1'
    [ "$(in_root stat -c '%U %a' "$TEXTFILES/patd.prom")" = 'root 644' ]
    in_root grep -q '^patd_slots{account="[^"]*",state="serving"} 1$' "$TEXTFILES/patd.prom"
    in_root systemctl disable --now patd-metrics.timer
    [ "$(in_root systemctl is-failed patd-metrics.service)" = inactive ]
    [ "$(in_root ls -A "$TEXTFILES")" = patd.prom ]
}

textfile_says_that_no_daemon_answers() {
    in_root systemctl stop patd.socket patd-admin.socket patd.service
    in_root systemctl start patd-metrics.service
    in_textfile 'patd_ready 0'
    refused in_root grep -q hand_outs "$TEXTFILES/patd.prom"
    in_root systemctl start patd.socket patd-admin.socket
    served
    in_root systemctl start patd-metrics.service
    in_textfile 'patd_ready 1'
    in_root rm -r /var/lib/prometheus
}

# The fields of a record, and the line that says the same.
journal_has_fields() {
    in_root journalctl --sync
    in_root journalctl --unit patd --output json PATD_EVENT='Generation promoted' >"$OUT/promoted.json"
    python3 - "$OUT/promoted.json" <<'END'
import json, sys
record = json.loads(open(sys.argv[1]).readline())
assert record["PATD_SLOT"].endswith("/MIGUEL_CLI"), record
assert record["PATD_GENERATION"] == "1", record
assert record["PRIORITY"] == "6" and record["SYSLOG_IDENTIFIER"] == "patd", record
assert record["MESSAGE"].startswith("Generation promoted slot="), record
END
    # By a file: grep -q leaves at the first line, and what writes more than a pipe holds fails then.
    in_root journalctl --unit patd --output cat >"$OUT/said.txt"
    grep -q '^Ready slots=1$' "$OUT/said.txt"
}
