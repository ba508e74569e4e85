//! What cannot be seen is "not checked", with what would show it: never passed, never failed, never "absent".

use std::collections::BTreeSet;

use patd_core::pattern::observed::{Observed, Seen};
use patd_core::pattern::verify::{Attempt, Outcome, drift};
use serde_json::{Value, json};

use crate::world::{BROKER, ROLE, USER, World};

/// Facts that plan needs, or that only explain, and no check hangs on.
const NOT_LOOKED_AT: [&str; 8] = [
    "/account_network_policy",
    "/acting/privileges",
    "/database",
    "/schema",
    "/other_services",
    "/users/MIGUEL_CLI/known/owner",
    "/users/PATD_HOST1/known/owner",
    "/users/PATD_HOST1/known/grants_on",
];

/// Returns the path of every fact below, outermost first.
fn facts(value: &Value, path: &str, found: &mut Vec<String>) {
    let Value::Object(fields) = value else { return };
    if fields.len() == 1 && fields.contains_key("known") {
        found.push(path.to_owned());
    }
    for (name, field) in fields {
        let name = name.replace('~', "~0").replace('/', "~1");
        facts(field, &format!("{path}/{name}"), found);
    }
}

/// Returns the good account with the fact at this path hidden.
fn hiding(path: &str) -> World {
    let mut world = World::good();
    let mut value = serde_json::to_value(&world.observed).unwrap();
    *value.pointer_mut(path).unwrap() = json!({ "hidden": { "needs": NEEDS } });
    world.observed = serde_json::from_value::<Observed>(value).unwrap();
    // A login sees its own role's grants; here it must not help.
    for login in &mut world.logins {
        login.grants = hidden();
    }
    world
}

fn hidden<T>() -> Seen<T> {
    Seen::Hidden { needs: NEEDS.into() }
}

const NEEDS: &str = "THE MISSING PRIVILEGE ON USER X";

#[test]
fn every_hidden_fact_is_not_checked_and_says_what_would_show_it() {
    let mut paths = Vec::new();
    facts(&serde_json::to_value(World::good().observed).unwrap(), "", &mut paths);
    assert!(paths.len() > 40, "{paths:?}");
    for path in paths {
        if NOT_LOOKED_AT.iter().any(|plans| path.starts_with(plans)) {
            continue;
        }
        let world = hiding(&path);

        assert!(world.failed().is_empty(), "{path}: {:?}", world.failed());
        let unseen = world.not_checked();
        let unused = path.contains("TOKENS_OF_OLD")
            || path.contains("KEY_OF_OLD")
            || path.contains("SERVICES_OF_OLD")
            || path.contains("ANYTHING");
        assert_eq!(unseen.is_empty(), unused, "{path}");
        for (id, subject) in unseen {
            let check = world.check(&id, &subject);
            let Outcome::NotChecked { needs } = &check.outcome else { panic!("{check:?}") };
            assert!(needs.contains(NEEDS), "{path}: {check:?}");
            assert!(check.next_step.contains(NEEDS), "{path}: {check:?}");
        }
    }
}

#[test]
fn a_fact_that_was_never_asked_for_is_not_checked() {
    let mut world = World::good();
    world.observed.users.clear();
    world.observed.roles.clear();
    world.observed.authentication_policies.clear();
    world.logins.clear();

    assert!(world.failed().is_empty(), "{:?}", world.failed());
    let unseen: BTreeSet<String> = world.not_checked().into_iter().map(|(id, _)| id).collect();
    for id in ["user-exists", "role-exists", "tokens-only", "persons-barred", "no-role-switch"] {
        assert!(unseen.contains(id), "{id}: {unseen:?}");
    }
}

#[test]
fn a_policy_whose_text_nobody_can_read_is_not_checked() {
    for (property, text) in [
        ("AUTHENTICATION_METHODS", "PROGRAMMATIC_ACCESS_TOKEN"),
        ("AUTHENTICATION_METHODS", "[PROGRAMMATIC_ACCESS_TOKEN"),
        ("PAT_POLICY", "{DEFAULT_EXPIRY_IN_DAYS=7"),
        ("PAT_POLICY", "{}"),
    ] {
        let mut world = World::good();
        let properties = &mut world.policy("PATD_TOKENS_ONLY").properties;
        properties.insert(property.into(), text.into());

        assert!(world.failed().is_empty(), "{property} {text}: {:?}", world.failed());
        assert!(!world.not_checked().is_empty(), "{property} {text}");
    }
}

#[test]
fn one_person_that_cannot_be_seen_keeps_all_from_passing() {
    let mut world = World::good();
    let carol = world.persons().get_mut("CAROL").unwrap();
    carol.policy = hidden();

    let check = world.check("persons-barred", "account");

    let Outcome::NotChecked { needs } = check.outcome else { panic!("{check:?}") };
    assert!(needs.contains("CAROL") && needs.contains(NEEDS), "{needs}");
}

#[test]
fn without_a_login_or_a_clear_answer_nothing_is_said_about_logins() {
    let mut world = World::good();
    world.logins.clear();
    assert!(world.failed().is_empty());
    assert_eq!(world.not_checked().len(), 6, "{:?}", world.not_checked());

    let mut world = World::good();
    let unclear = || Attempt::Unclear("HTTP 502".into());
    world.logins[0].role_switch = unclear();
    world.logins[0].secondary_switch = unclear();
    world.logins[0].other_role_login = unclear();
    assert!(world.failed().is_empty());
    assert_eq!(world.not_checked().len(), 3, "{:?}", world.not_checked());
}

#[test]
fn a_login_sees_the_grants_the_acting_role_may_not() {
    let mut world = World::good();
    world.role(ROLE).grants = hidden();
    assert!(world.not_checked().is_empty(), "{:?}", world.not_checked());

    world.logins[0].grants = hidden();
    let unseen: BTreeSet<String> = world.not_checked().into_iter().map(|(id, _)| id).collect();
    assert_eq!(unseen.len(), 5, "{unseen:?}");
}

#[test]
fn the_network_policy_in_force_is_named_with_the_reason_why_it_is_that_one() {
    let own = || Some("PATD_HOST1_NETWORK".to_owned());
    let office = || Seen::Known(Some("OFFICE".to_owned()));
    for (own, account, evidence) in [
        (
            own(),
            office(),
            "network policy PATD_HOST1_NETWORK, its own, which beats the account's OFFICE",
        ),
        (
            own(),
            Seen::Known(None),
            "network policy PATD_HOST1_NETWORK, its own; the account has none",
        ),
        (
            own(),
            hidden(),
            "network policy PATD_HOST1_NETWORK, its own, which beats any of the account",
        ),
        (None, office(), "no network policy of its own, the account's OFFICE"),
        (None, Seen::Known(None), "no network policy, neither its own nor the account's"),
        (None, hidden(), "no network policy of its own; the account's cannot be seen"),
    ] {
        let mut world = World::good();
        let holds = own.is_some();
        world.user(USER).network_policy = Seen::Known(own);
        world.observed.account_network_policy = account;

        let check = world.check("network-policy", &format!("user {USER}"));

        assert_eq!(check.evidence, evidence);
        assert_eq!(check.outcome == Outcome::Passed, holds, "the account's is not the user's own");
    }
}

#[test]
fn drift_is_what_does_not_hold_and_what_could_not_be_made() {
    let mut world = World::good();
    assert!(drift(&world.desired, &world.observed, &world.logins).is_empty());

    world.properties(USER).has_password = Seen::Known(true);
    world.user(BROKER).tokens = hidden();

    let found = drift(&world.desired, &world.observed, &world.logins);
    let ids: Vec<&str> = found.iter().map(|check| check.id.as_str()).collect();
    assert_eq!(ids, ["broker-no-token", "no-password"]);
}
