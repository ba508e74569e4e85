# The audit log against what the journal has of it: proven as it is, and not when root has cut it or made it anew.

AUDIT=/var/lib/patd/audit

# Fields of their own, said by the daemon and nobody else, and in order.
heads_are_in_the_journal() {
    in_root journalctl --sync
    in_root journalctl --no-pager --output json --unit patd >"$OUT/heads.json"
    python3 - "$OUT/heads.json" <<'END'
import json, re, sys
records = [json.loads(line) for line in open(sys.argv[1])]
heads = [record for record in records if "PATD_AUDIT_SEQ" in record]
print(*(head["MESSAGE"] for head in heads), sep="\n")
assert len(heads) >= 3, "a start, an end, and a start at the least"
numbers = [int(head["PATD_AUDIT_SEQ"]) for head in heads]
assert numbers == sorted(numbers)
for head in heads:
    assert re.fullmatch("[0-9a-f]{64}", head["PATD_AUDIT_HASH"])
    assert head["MESSAGE"] == f"Audit head head={head['PATD_AUDIT_SEQ']}:{head['PATD_AUDIT_HASH']}"
    assert (head["_SYSTEMD_UNIT"], head["_COMM"]) == ("patd.service", "patd")
END
}

proven_by_the_journal() { in_root sh -c "journalctl --unit patd --output cat | patctl audit verify --folder $1 --heads -"; }

the_journal_proves_the_log() {
    ends 0 '' proven_by_the_journal $AUDIT
    local copy=/root/cut
    in_root cp -r $AUDIT $copy
    ends 0 '' proven_by_the_journal $copy
    # The chain itself is whole in what is left.
    in_root sh -c "head -n 3 $AUDIT/audit.jsonl >$copy/audit.jsonl"
    ends 0 '' in_root patctl audit verify --folder $copy
    ends 1 'truncated' proven_by_the_journal $copy
    in_root rm -r $copy
}
