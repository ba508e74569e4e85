# Licences, sources, bans. Advisories need the advisory database, which a machine without that network
# does not have: they are checked when it can be reached, and the skip says so when not.

suite_deny() {
    local tool=$CACHE/tools/bin/cargo-deny
    [ -x "$tool" ] || step "cargo-deny" packaging/release/tools cargo-deny
    step "licences, sources, bans" "$tool" --locked check licenses sources bans
    if "$tool" fetch db >/dev/null 2>&1; then
        step "advisories" "$tool" --locked check advisories
    else
        skip advisories "the advisory database cannot be reached from here"
    fi
}
