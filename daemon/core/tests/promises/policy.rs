//! Who may have which secret (promise P4): selectors decide, a claim narrows, a grant carries its conditions.

use patd_core::names::{Account, Connection, SlotId, Target, User};
use patd_core::policy::{
    Claim, Decision, Delivery, DenyReason, Entry, Gate, Grant, Selector, decide, explain, visible,
};

fn entry(connection: &str, any_of: &[Selector]) -> Entry {
    Entry {
        connection: Connection::new(connection),
        slot: SlotId { account: Account::new("ORG-ACCOUNT"), user: User::new(connection) },
        any_of: any_of.to_vec(),
        deliver: vec![Delivery::Home, Delivery::Env],
        gate: Gate::Preferred,
        targets: Vec::new(),
    }
}

fn peer(uid: u32) -> Vec<Selector> {
    vec![Selector::Uid(uid), Selector::Gid(100)]
}

fn claim(connection: &str) -> Claim {
    Claim { connection: Some(Connection::new(connection)), deliver: None }
}

fn granted(decision: Decision) -> Grant {
    match decision {
        Decision::Allow(grant) => grant,
        Decision::Deny(reason) => panic!("denied: {reason}"),
    }
}

fn denied(decision: Decision) -> DenyReason {
    match decision {
        Decision::Allow(grant) => panic!("allowed: {grant:?}"),
        Decision::Deny(reason) => reason,
    }
}

#[test]
fn the_only_entry_is_granted_by_its_first_delivery_without_naming_it() {
    let entries = [entry("one", &[Selector::Uid(1001)]), entry("two", &[Selector::Uid(1002)])];

    let grant = granted(decide(&peer(1001), &Claim::default(), &entries));

    assert_eq!(grant.connection(), &Connection::new("one"));
    assert_eq!(grant.slot(), &entries[0].slot);
    assert_eq!((grant.deliver(), grant.gated()), (Delivery::Home, false));
}

#[test]
fn a_claim_for_another_connection_does_not_widen_the_grant() {
    let entries = [entry("one", &[Selector::Uid(1001)]), entry("two", &[Selector::Uid(1002)])];

    assert_eq!(denied(decide(&peer(1001), &claim("two"), &entries)), DenyReason::NoEntry);
    assert_eq!(denied(decide(&peer(1001), &claim("none"), &entries)), DenyReason::NoEntry);
}

#[test]
fn several_entries_need_a_name_and_are_listed_in_order() {
    let own = [Selector::Uid(1001)];
    let entries = [entry("two", &own), entry("one", &own), entry("other", &[Selector::Uid(7)])];

    let reason = denied(decide(&peer(1001), &Claim::default(), &entries));

    assert_eq!(reason, DenyReason::Ambiguous(vec![Connection::new("one"), Connection::new("two")]));
    assert_eq!(granted(decide(&peer(1001), &claim("two"), &entries)).connection().as_str(), "two");
    let seen: Vec<&str> =
        visible(&peer(1001), &entries).iter().map(|one| one.connection.as_str()).collect();
    assert_eq!(seen, ["one", "two"]);
}

#[test]
fn an_entry_that_asks_for_nothing_matches_nobody() {
    assert_eq!(
        denied(decide(&peer(0), &Claim::default(), &[entry("one", &[])])),
        DenyReason::NoEntry
    );
}

#[test]
fn any_one_of_the_selectors_is_enough() {
    let unit = Selector::Unit("batch.service".to_owned());
    let entries = [entry("one", &[Selector::Uid(1001), Selector::Gid(100), unit.clone()])];

    for selectors in [peer(1001), peer(5), vec![Selector::Uid(5), unit]] {
        granted(decide(&selectors, &Claim::default(), &entries));
    }
}

#[test]
fn the_overflow_uid_is_never_served_even_if_it_is_configured() {
    let entries = [entry("one", &[Selector::Uid(65_534), Selector::Gid(100)])];

    let reason = denied(decide(&peer(65_534), &Claim::default(), &entries));

    assert!(matches!(reason, DenyReason::NeverServed(_)));
    assert!(visible(&peer(65_534), &entries).is_empty());
}

#[test]
fn the_overflow_gid_identifies_nobody() {
    let entries = [entry("one", &[Selector::Gid(65_534)])];
    let selectors = [Selector::Uid(1001), Selector::Gid(65_534)];

    assert_eq!(denied(decide(&selectors, &Claim::default(), &entries)), DenyReason::NoEntry);
}

#[test]
fn a_peer_without_a_uid_is_never_served() {
    let entries = [entry("one", &[Selector::Gate])];

    let reason = denied(decide(&[Selector::Gate], &Claim::default(), &entries));

    assert!(matches!(reason, DenyReason::NeverServed(_)));
}

#[test]
fn a_required_gate_must_be_shown_by_the_kernel() {
    let mut gated = entry("one", &[Selector::Uid(1001)]);
    gated.gate = Gate::Required;
    let mut through = peer(1001);
    through.push(Selector::Gate);
    let entries = [gated];

    assert_eq!(denied(decide(&peer(1001), &Claim::default(), &entries)), DenyReason::GateRequired);
    assert!(granted(decide(&through, &Claim::default(), &entries)).gated());
}

#[test]
fn a_grant_says_which_programs_may_run_and_an_ungated_peer_gets_none() {
    let mut bound = entry("one", &[Selector::Uid(1001)]);
    bound.targets = vec![Target::new("/opt/cortex/bin/cortex")];
    let mut through = peer(1001);
    through.push(Selector::Gate);
    let entries = [bound];

    assert_eq!(denied(decide(&peer(1001), &Claim::default(), &entries)), DenyReason::GateRequired);
    let grant = granted(decide(&through, &Claim::default(), &entries));
    assert_eq!(grant.targets(), &entries[0].targets);
    assert_eq!(
        explain(&through, &Claim::default(), &entries),
        ["one: allowed, delivery home, gated, to run only /opt/cortex/bin/cortex"]
    );
}

#[test]
fn only_an_allowed_delivery_is_granted() {
    let mut home = entry("one", &[Selector::Uid(1001)]);
    home.deliver = vec![Delivery::Home];
    let asked = Claim { connection: None, deliver: Some(Delivery::Env) };

    let reason = denied(decide(&peer(1001), &asked, &[home]));

    assert_eq!(reason, DenyReason::Delivery(vec![Delivery::Home]));
    assert_eq!(reason.to_string(), "the entry does not allow this delivery; it allows: home");
}

#[test]
fn an_entry_without_deliveries_grants_none() {
    let mut none = entry("one", &[Selector::Uid(1001)]);
    none.deliver.clear();

    let reason = denied(decide(&peer(1001), &Claim::default(), &[none]));

    assert_eq!(reason, DenyReason::Delivery(Vec::new()));
}

#[test]
fn of_two_entries_for_one_connection_the_one_that_says_yes_decides() {
    let mut group = entry("one", &[Selector::Gid(100)]);
    group.gate = Gate::Required;
    let entries = [group, entry("one", &[Selector::Uid(1001)])];

    assert_eq!(
        granted(decide(&peer(1001), &Claim::default(), &entries)).connection().as_str(),
        "one"
    );
    assert_eq!(denied(decide(&peer(5), &Claim::default(), &entries)), DenyReason::GateRequired);
}

#[test]
fn each_entry_is_explained_in_one_line() {
    let mut gated = entry("gated", &[Selector::Uid(1001)]);
    gated.gate = Gate::Required;
    let entries = [
        entry("one", &[Selector::Uid(1001)]),
        entry("two", &[Selector::Uid(1002), Selector::Unit("a.service".to_owned())]),
        gated,
    ];

    let lines = explain(&peer(1001), &Claim::default(), &entries);

    assert_eq!(
        lines,
        [
            "one: allowed, delivery home, ungated",
            "two: no match: it asks for one of unix:uid:1002, systemd:unit:a.service",
            "gated: matches, but the entry needs the gate, and the kernel did not show it",
        ]
    );
    assert_eq!(
        explain(&peer(1001), &claim("two"), &entries[..1]),
        ["one: matches, but the request names another connection"]
    );
}
