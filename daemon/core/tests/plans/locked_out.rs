//! Nobody is locked out unsaid: a dangerous step names who, why, and what could not be seen
//! (SECURITY.md: an administrator who locks the account).

use std::collections::{BTreeMap, BTreeSet};

use patd_core::names::Role;
use patd_core::pattern::desired::{Evaluation, Network, Source, TokenPolicy};
use patd_core::pattern::observed::{Observed, ScopePolicies, Seen};
use patd_core::pattern::plan::{Confirmation, Danger, Plan};

use crate::account::{
    add_policy, desired, effective, empty, finished, person, planned, policy, service, set,
    statements, with_policy, with_scopes, with_user,
};

fn danger<'p>(plan: &'p Plan, begins: &str) -> &'p Danger {
    let step = plan.steps.iter().find(|step| step.statement.starts_with(begins));
    step.unwrap_or_else(|| panic!("{begins}")).danger.as_ref().unwrap_or_else(|| panic!("{begins}"))
}

fn out(danger: &Danger) -> Vec<(&str, &str)> {
    danger.locked_out.iter().map(|out| (out.user.as_str(), out.why.as_str())).collect()
}

const BAR: &str = "ALTER ACCOUNT SET AUTHENTICATION POLICY \"PATD\".\"POLICIES\".\"PATD_PERSONS\"";
const ADMIT: &str =
    "ALTER ACCOUNT SET AUTHENTICATION POLICY \"PATD\".\"POLICIES\".\"PATD_SERVICES\"";

#[test]
fn barring_persons_names_each_with_a_live_token_that_the_account_governs() {
    let wanted = desired();
    let mut observed = empty(&wanted);
    let with_tokens = |policy, tokens: &[&str]| {
        let mut person = person(policy);
        person.live_tokens = Seen::Known(set(tokens));
        person
    };
    let mut disabled = with_tokens(None, &["T"]);
    disabled.disabled = true;
    let mut unknown = person(None);
    unknown.live_tokens = Seen::Hidden { needs: "OWNERSHIP ON USER DORA".into() };
    observed.persons = Seen::Known(BTreeMap::from([
        ("ADMIN".to_owned(), person(None)),
        ("ANNA".to_owned(), with_tokens(None, &["A", "B"])),
        ("BERT".to_owned(), disabled),
        ("CARLA".to_owned(), with_tokens(Some(("SITE.S.OWN", "USER")), &["C"])),
        ("DORA".to_owned(), unknown),
    ]));

    let plan = planned(&wanted, &observed);

    let danger = danger(&plan, BAR);
    assert_eq!(danger.confirm, Confirmation::AccountPolicies);
    assert_eq!(out(danger), [("ANNA", "has 2 live tokens: A, B")]);
    assert_eq!(danger.unseen, ["live tokens of DORA"]);
}

#[test]
fn the_admin_who_runs_the_plan_with_a_token_is_named() {
    let wanted = desired();
    let mut observed = empty(&wanted);
    observed.acting.method = Some("PROGRAMMATIC_ACCESS_TOKEN".into());
    assert_eq!(
        out(danger(&planned(&wanted, &observed), BAR)),
        [("ADMIN", "runs this plan, with a token")]
    );

    observed.acting.method = None;
    assert_eq!(
        danger(&planned(&wanted, &observed), BAR).unseen,
        ["how ADMIN, who runs this plan, logged in"]
    );
}

#[test]
fn persons_that_cannot_be_seen_are_said_to_be_unseen() {
    let wanted = desired();
    let mut observed = empty(&wanted);
    observed.persons = Seen::Hidden { needs: "MANAGE GRANTS ON ACCOUNT".into() };
    observed.other_services = Seen::Hidden { needs: "MANAGE GRANTS ON ACCOUNT".into() };

    let plan = planned(&wanted, &observed);

    assert_eq!(
        danger(&plan, BAR).unseen,
        ["which person users there are; it needs MANAGE GRANTS ON ACCOUNT"]
    );
    assert_eq!(
        danger(&plan, ADMIT).unseen,
        ["which other service users there are; it needs MANAGE GRANTS ON ACCOUNT"]
    );
}

#[test]
fn where_tokens_were_barred_already_barring_them_locks_nobody_out() {
    let wanted = desired();
    let mut observed = empty(&wanted);
    add_policy(&mut observed, "SITE.S.ALL", &[("AUTHENTICATION_METHODS", "[SAML, PASSWORD]")]);
    with_scopes(&mut observed, |scopes| scopes.account = Some("SITE.S.ALL".into()));
    let mut anna = person(Some(("SITE.S.ALL", "ACCOUNT")));
    anna.live_tokens = Seen::Known(set(&["OLD"]));
    observed.persons = Seen::Known(BTreeMap::from([("ANNA".to_owned(), anna)]));

    assert_eq!(out(danger(&planned(&wanted, &observed), BAR)), []);
}

/// Whatever methods the account's policy admits, service users keep key pairs, OAuth and workload identity.
#[test]
fn no_service_user_that_could_log_in_before_is_left_without_a_method() {
    for methods in ["[SAML]", "[ALL]", "[PASSWORD, OAUTH]", "[PROGRAMMATIC_ACCESS_TOKEN]"] {
        let wanted = desired();
        let mut observed = empty(&wanted);
        add_policy(&mut observed, "SITE.S.ALL", &[("AUTHENTICATION_METHODS", methods)]);
        with_scopes(&mut observed, |scopes| scopes.account = Some("SITE.S.ALL".into()));
        observed.other_services = Seen::Known(BTreeMap::from([
            ("ETL".to_owned(), service(&["KEYPAIR"], None)),
            ("OLD".to_owned(), service(&["PASSWORD"], None)),
            ("WIF".to_owned(), service(&["WORKLOAD_IDENTITY"], None)),
        ]));

        let plan = planned(&wanted, &observed);

        let lost_before = !["[ALL]", "[PASSWORD, OAUTH]"].contains(&methods);
        let expected = match lost_before {
            true => vec![("OLD", "has no other method than PASSWORD")],
            false => vec![],
        };
        assert_eq!(out(danger(&plan, ADMIT)), expected, "{methods}");
    }
}

#[test]
fn persons_who_know_tokens_only_are_not_barred() {
    let wanted = desired();
    let mut observed = empty(&wanted);
    add_policy(
        &mut observed,
        "S.S.P",
        &[("AUTHENTICATION_METHODS", "[PROGRAMMATIC_ACCESS_TOKEN]")],
    );
    with_scopes(&mut observed, |scopes| scopes.persons = Some("S.S.P".into()));

    let plan = planned(&wanted, &observed);

    assert!(!statements(&plan).iter().any(|text| text.contains("PERSON")), "{plan:?}");
    assert!(plan.notes.iter().any(|note| note.id == "no-other-method" && note.stops_apply));
}

#[test]
fn what_cannot_be_carried_over_stops_the_plan() {
    for (property, value) in [
        ("SOMETHING_NEW", "REQUIRED"),
        ("CLIENT_POLICY", "{A={MINIMUM_VERSION=1}, A={MINIMUM_VERSION=2}}"),
        ("MFA_POLICY", "nonsense["),
        ("CLIENT_TYPES", "DRIVERS"),
        ("AUTHENTICATION_METHODS", "SAML"),
        ("SECURITY_INTEGRATIONS", "[a\u{202e}b]"),
    ] {
        let wanted = desired();
        let mut observed = empty(&wanted);
        add_policy(&mut observed, "SITE.S.ALL", &[(property, value)]);
        with_scopes(&mut observed, |scopes| scopes.account = Some("SITE.S.ALL".into()));

        let plan = planned(&wanted, &observed);

        let note = plan.notes.iter().find(|note| note.id == "cannot-carry-over");
        assert!(
            note.is_some_and(|note| note.stops_apply && note.text.contains(property)),
            "{property}"
        );
        assert!(
            !statements(&plan).iter().any(|text| text.starts_with("ALTER ACCOUNT")),
            "{property}"
        );
    }
}

#[test]
fn a_property_nobody_set_is_nothing_to_carry_over() {
    for value in ["null", "[]", "{}", "[ALL]"] {
        let wanted = desired();
        let mut observed = empty(&wanted);
        add_policy(&mut observed, "SITE.S.ALL", &[("SOMETHING_NEW", value)]);
        with_scopes(&mut observed, |scopes| scopes.account = Some("SITE.S.ALL".into()));

        assert_eq!(planned(&wanted, &observed).notes, [], "{value}");
    }
}

/// A base that could not be read is none to start from, and no reason to start from nothing.
#[test]
fn a_policy_in_force_that_cannot_be_read_is_left_in_force() {
    for policy in [None, Some(Seen::Known(None)), Some(Seen::Hidden { needs: "x".into() })] {
        let wanted = desired();
        let mut observed = empty(&wanted);
        with_scopes(&mut observed, |scopes| scopes.account = Some("SITE.S.ALL".into()));
        if let Some(policy) = policy {
            observed.authentication_policies.insert("SITE.S.ALL".into(), policy);
        }

        let plan = planned(&wanted, &observed);

        assert!(!statements(&plan).iter().any(|text| text.starts_with("ALTER ACCOUNT")));
        assert!(plan.notes.iter().any(|note| note.id == "hidden" && note.object == "account"));
    }
}

/// What was carried over is what a next plan finds, so it plans nothing.
#[test]
fn a_policy_that_was_carried_over_needs_no_second_plan() {
    let wanted = desired();
    let mut observed = finished(&wanted);
    crate::golden::site_policies(&mut observed);
    let mfa = "{ENFORCE_MFA_ON_EXTERNAL_AUTHENTICATION=ALL, ALLOWED_METHODS=[DUO, PASSKEY]}";
    let services = policy(&[
        (
            "AUTHENTICATION_METHODS",
            "[KEYPAIR, OAUTH, PASSWORD, PROGRAMMATIC_ACCESS_TOKEN, SAML, WORKLOAD_IDENTITY]",
        ),
        ("MFA_ENROLLMENT", "REQUIRED"),
        ("MFA_POLICY", mfa),
        ("CLIENT_TYPES", "[DRIVERS, SNOWFLAKE_UI]"),
        ("CLIENT_POLICY", "{GO_DRIVER={MINIMUM_VERSION=1.13.0}}"),
    ]);
    observed
        .authentication_policies
        .insert("PATD.POLICIES.PATD_SERVICES".into(), Seen::Known(Some(services)));
    with_scopes(&mut observed, |scopes| {
        scopes.persons = Some("PATD.POLICIES.PATD_PERSONS".into());
    });

    let plan = planned(&wanted, &observed);
    assert_eq!(statements(&plan), [format!("{ADMIT} FOR ALL SERVICE USERS")], "made, not in force");

    with_scopes(&mut observed, |scopes| {
        scopes.services = Some("PATD.POLICIES.PATD_SERVICES".into());
    });
    assert_eq!(statements(&planned(&wanted, &observed)), [""; 0]);
}

#[test]
fn bringing_a_policy_in_force_back_is_as_dangerous_as_putting_it_in_force() {
    let wanted = desired();
    let mut observed = finished(&wanted);
    with_policy(&mut observed, "PATD_PERSONS", "AUTHENTICATION_METHODS", "[ALL]");
    let mut anna = person(Some(("PATD.POLICIES.PATD_PERSONS", "ACCOUNT")));
    anna.live_tokens = Seen::Known(set(&["NEW"]));
    observed.persons = Seen::Known(BTreeMap::from([("ANNA".to_owned(), anna)]));

    let plan = planned(&wanted, &observed);

    let danger = danger(&plan, "ALTER AUTHENTICATION POLICY");
    assert_eq!(danger.confirm, Confirmation::AccountPolicies);
    assert_eq!(out(danger), [("ANNA", "has a live token: NEW")]);
}

#[test]
fn replacing_a_policy_of_a_user_needs_its_own_confirmation() {
    let wanted = desired();
    let mut observed = finished(&wanted);
    with_user(&mut observed, "MIGUEL_CLI", |user| {
        user.network_policy = Seen::Known(Some("OFFICE".into()));
        user.authentication_policy = effective(Some(("SITE.S.KEYS", "USER")));
        user.key_pairs = Seen::Known(set(&["K"]));
    });

    let plan = planned(&wanted, &observed);

    let network = danger(&plan, "ALTER USER \"MIGUEL_CLI\" SET NETWORK_POLICY");
    assert_eq!((network.confirm, network.unseen.len()), (Confirmation::ReplacePolicy, 1));
    let authentication = danger(&plan, "ALTER USER \"MIGUEL_CLI\" SET AUTHENTICATION");
    assert_eq!(authentication.confirm, Confirmation::ReplacePolicy);
    assert_eq!(out(authentication), [("MIGUEL_CLI", "no longer logs in with its key pair")]);
}

#[test]
fn a_network_policy_that_takes_the_place_of_the_accounts_says_so() {
    let wanted = desired();
    for (account, why) in [
        (Some("OFFICE"), "from where this user may connect, instead of the account's OFFICE"),
        (None, "from where this user may connect"),
    ] {
        let mut observed = finished(&wanted);
        observed.account_network_policy = Seen::Known(account.map(str::to_owned));
        with_user(&mut observed, "MIGUEL_CLI", |user| user.network_policy = Seen::Known(None));

        let plan = planned(&wanted, &observed);

        assert_eq!(plan.steps.len(), 1);
        assert_eq!(plan.steps[0].why, why);
    }
}

#[test]
fn tokens_that_work_from_anywhere_need_their_own_confirmation_each_time() {
    let mut wanted = desired();
    wanted.tokens = TokenPolicy::Ours {
        default_days: 7,
        max_days: 30,
        is_limit: false,
        evaluation: Evaluation::NotEnforced,
    };

    for observed in [empty(&wanted), finished(&wanted)] {
        let plan = planned(&wanted, &observed);
        let step = plan.steps.iter().find(|step| step.statement.contains("NOT_ENFORCED")).unwrap();
        let confirm = step.danger.as_ref().map(|danger| danger.confirm);
        assert_eq!(confirm, Some(Confirmation::AnyNetwork), "{}", step.statement);
    }
}

#[test]
fn the_broker_may_not_shut_itself_out_and_an_admin_is_told() {
    let wanted = desired();
    for (user, stops) in [("PATD_HOST1", true), ("ADMIN", false)] {
        let mut observed = empty(&wanted);
        observed.acting.user = user.into();
        observed.acting.address = Some("203.0.113.9".into());

        let plan = planned(&wanted, &observed);

        let note = plan.notes.iter().find(|note| note.id == "excludes-caller").unwrap();
        assert_eq!(note.stops_apply, stops, "{}", note.text);
        assert!(note.text.contains("203.0.113.9"), "{}", note.text);
    }
    let quiet = planned(&wanted, &empty(&wanted));
    assert!(quiet.notes.iter().all(|note| note.id != "excludes-caller"), "it is let in");
}

#[test]
fn an_address_that_no_rule_can_hold_stops_the_plan() {
    let mut wanted = desired();
    if let Network::Allow { sources, .. } = &mut wanted.network {
        *sources = vec![Source::AsSeen];
    }
    for address in [Some("2001:db8::1".to_owned()), None] {
        let mut observed = empty(&wanted);
        observed.acting.address = address;

        let plan = planned(&wanted, &observed);

        assert!(plan.notes.iter().any(|note| note.id == "no-address" && note.stops_apply));
        assert!(!statements(&plan).iter().any(|text| text.contains("VALUE_LIST")));
    }
}

#[test]
fn a_blocked_role_is_added_to_those_that_are_blocked_and_never_one_of_ours() {
    let mut wanted = desired();
    wanted.scopes.blocked_roles = vec![Role::new("MIGUEL_CLI_ROLE")];
    let plan = planned(&wanted, &empty(&wanted));
    assert!(plan.notes.iter().any(|note| note.id == "blocks-own-role" && note.stops_apply));

    let old = "{DEFAULT_EXPIRY_IN_DAYS=15, MAX_EXPIRY_IN_DAYS=365, \
               NETWORK_POLICY_EVALUATION=ENFORCED_REQUIRED, REQUIRE_ROLE_RESTRICTION_FOR_SERVICE_USERS=true}";
    let mut observed = Observed { scopes: Seen::Known(ScopePolicies::default()), ..empty(&wanted) };
    add_policy(&mut observed, "SITE.S.ALL", &[("PAT_POLICY", old)]);
    with_scopes(&mut observed, |scopes| scopes.account = Some("SITE.S.ALL".into()));
    let plan = planned(&wanted, &observed);
    let said: BTreeSet<bool> = statements(&plan).iter().map(|t| t.contains("BLOCKED")).collect();
    assert_eq!(said, BTreeSet::from([false]), "this account knows no such property");
    assert!(!statements(&plan).iter().any(|text| text.contains("FOR_PERSON_USERS")));
    assert!(plan.notes.iter().any(|note| note.id == "no-blocked-roles"));
}
