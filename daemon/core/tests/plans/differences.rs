//! A plan is exactly what differs: nothing for a finished account, one statement for one change (promise P8).

use std::collections::BTreeSet;

use patd_core::pattern::desired::Network;
use patd_core::pattern::desired::Source;
use patd_core::pattern::observed::{Observed, Seen};

use crate::account::{
    add_policy, desired, effective, empty, finished, pat_policy, planned, set, statements,
    with_policy, with_properties, with_role, with_scopes, with_user,
};

#[test]
fn a_finished_account_needs_nothing() {
    let desired = desired();

    let plan = planned(&desired, &finished(&desired));

    assert_eq!(statements(&plan), [""; 0]);
    assert_eq!(plan.notes, []);
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let desired = desired();
    let observed = empty(&desired);

    let once = serde_json::to_string(&planned(&desired, &observed)).unwrap();

    assert_eq!(serde_json::to_string(&planned(&desired, &observed)).unwrap(), once);
}

/// Each change of one fact, and the one statement that undoes it.
#[test]
fn after_one_change_exactly_the_one_statement_that_undoes_it() {
    for (what, change, statement) in one_changes() {
        let desired = desired();
        let mut observed = finished(&desired);
        change(&mut observed);

        let plan = planned(&desired, &observed);

        assert_eq!(statements(&plan), [statement], "{what}");
        assert!(plan.notes.iter().all(|note| !note.stops_apply), "{what}: {:?}", plan.notes);
    }
}

type OneChange = (&'static str, fn(&mut Observed), &'static str);

fn one_changes() -> Vec<OneChange> {
    [roles(), home_and_network(), policies(), users(), scopes()].concat()
}

fn roles() -> Vec<OneChange> {
    vec![
        (
            "the broker's role has another comment",
            |o| with_role(o, "PATD_HOST1_ROLE", |role| role.owned.comment.clear()),
            "ALTER ROLE \"PATD_HOST1_ROLE\" SET COMMENT = 'PAT Broker'",
        ),
        (
            "the one role has another comment",
            |o| with_role(o, "MIGUEL_CLI_ROLE", |role| role.owned.comment = "mine".into()),
            "ALTER ROLE \"MIGUEL_CLI_ROLE\" SET COMMENT = 'PAT Broker'",
        ),
        (
            "a warehouse was taken from the role",
            |o| lose(o, "WH"),
            "GRANT USAGE ON WAREHOUSE \"WH\" TO ROLE \"MIGUEL_CLI_ROLE\"",
        ),
        (
            "a table was taken from the role",
            |o| lose(o, "DB.PUBLIC.ORDERS"),
            "GRANT SELECT ON TABLE \"DB\".\"PUBLIC\".\"ORDERS\" TO ROLE \"MIGUEL_CLI_ROLE\"",
        ),
        (
            "Cortex was taken from the role",
            |o| lose(o, "SNOWFLAKE.CORTEX_USER"),
            "GRANT DATABASE ROLE \"SNOWFLAKE\".\"CORTEX_USER\" TO ROLE \"MIGUEL_CLI_ROLE\"",
        ),
        (
            "the role was taken from SYSADMIN",
            |o| {
                with_role(o, "MIGUEL_CLI_ROLE", |role| {
                    role.held_by_roles = Seen::Known(BTreeSet::new())
                })
            },
            "GRANT ROLE \"MIGUEL_CLI_ROLE\" TO ROLE \"SYSADMIN\"",
        ),
    ]
}

fn lose(observed: &mut Observed, name: &str) {
    with_role(observed, "MIGUEL_CLI_ROLE", |role| {
        let Seen::Known(grants) = &mut role.grants else { panic!("grants") };
        grants.retain(|grant| grant.name != name);
    });
}

fn home_and_network() -> Vec<OneChange> {
    vec![
        (
            "an address was added to the rule",
            |o| rule_holds(o, &["192.0.2.7", "198.51.100.0/24", "203.0.113.1"]),
            "ALTER NETWORK RULE \"PATD\".\"POLICIES\".\"PATD_NETWORK_INGRESS\" SET VALUE_LIST = ('192.0.2.7', '198.51.100.0/24')",
        ),
        (
            "an address was taken from the rule",
            |o| rule_holds(o, &["198.51.100.0/24"]),
            "ALTER NETWORK RULE \"PATD\".\"POLICIES\".\"PATD_NETWORK_INGRESS\" SET VALUE_LIST = ('192.0.2.7', '198.51.100.0/24')",
        ),
        (
            "the rule has another comment",
            |o| {
                let Seen::Known(Some(rule)) = &mut o.network_rule else { panic!("rule") };
                rule.owned.comment.clear();
            },
            "ALTER NETWORK RULE \"PATD\".\"POLICIES\".\"PATD_NETWORK_INGRESS\" SET COMMENT = 'PAT Broker'",
        ),
        (
            "the built-in rule was taken from the policy",
            |o| {
                policy_lists(
                    o,
                    "ALLOWED_NETWORK_RULE_LIST",
                    &["PATD.POLICIES.PATD_NETWORK_INGRESS"],
                )
            },
            "ALTER NETWORK POLICY \"PATD_NETWORK\" SET ALLOWED_NETWORK_RULE_LIST = \
             ('\"PATD\".\"POLICIES\".\"PATD_NETWORK_INGRESS\"', '\"SNOWFLAKE\".\"NETWORK_SECURITY\".\"DBT_APAC_AWS\"')",
        ),
        (
            "the policy lets in an address besides its rules",
            |o| policy_lists(o, "ALLOWED_IP_LIST", &["0.0.0.0/0"]),
            "ALTER NETWORK POLICY \"PATD_NETWORK\" SET ALLOWED_IP_LIST = ()",
        ),
        (
            "the policy shuts out an address",
            |o| policy_lists(o, "BLOCKED_IP_LIST", &["192.0.2.7"]),
            "ALTER NETWORK POLICY \"PATD_NETWORK\" SET BLOCKED_IP_LIST = ()",
        ),
        (
            "the policy shuts out a rule",
            |o| policy_lists(o, "BLOCKED_NETWORK_RULE_LIST", &["A.B.C"]),
            "ALTER NETWORK POLICY \"PATD_NETWORK\" SET BLOCKED_NETWORK_RULE_LIST = ()",
        ),
        (
            "the network policy has another comment",
            |o| {
                let Seen::Known(Some(policy)) = &mut o.network_policy else { panic!("policy") };
                policy.comment.clear();
            },
            "ALTER NETWORK POLICY \"PATD_NETWORK\" SET COMMENT = 'PAT Broker'",
        ),
    ]
}

fn rule_holds(observed: &mut Observed, values: &[&str]) {
    let Seen::Known(Some(rule)) = &mut observed.network_rule else { panic!("rule") };
    rule.values = Seen::Known(set(values));
}

fn policy_lists(observed: &mut Observed, list: &str, items: &[&str]) {
    let Seen::Known(Some(policy)) = &mut observed.network_policy else { panic!("policy") };
    let Seen::Known(lists) = &mut policy.lists else { panic!("lists") };
    lists.insert(list.to_owned(), set(items));
}

fn policies() -> Vec<OneChange> {
    vec![
        (
            "the token policy admits passwords",
            |o| {
                with_policy(
                    o,
                    "PATD_TOKENS_ONLY",
                    "AUTHENTICATION_METHODS",
                    "[PASSWORD, PROGRAMMATIC_ACCESS_TOKEN]",
                )
            },
            "ALTER AUTHENTICATION POLICY \"PATD\".\"POLICIES\".\"PATD_TOKENS_ONLY\" SET AUTHENTICATION_METHODS = ('PROGRAMMATIC_ACCESS_TOKEN')",
        ),
        (
            "tokens may not live long enough",
            |o| with_policy(o, "PATD_TOKENS_ONLY", "PAT_POLICY", &pat_policy(7, 29, false)),
            TOKENS_POLICY,
        ),
        (
            "tokens work from anywhere",
            |o| {
                let anywhere =
                    pat_policy(7, 30, false).replace("ENFORCED_REQUIRED", "NOT_ENFORCED");
                with_policy(o, "PATD_TOKENS_ONLY", "PAT_POLICY", &anywhere);
            },
            TOKENS_POLICY,
        ),
        (
            "tokens need no role",
            |o| {
                let any =
                    pat_policy(7, 30, false).replace("SERVICE_USERS=true", "SERVICE_USERS=false");
                with_policy(o, "PATD_TOKENS_ONLY", "PAT_POLICY", &any);
            },
            TOKENS_POLICY,
        ),
        (
            "a role was blocked",
            |o| {
                let blocked = pat_policy(7, 30, false).replace("LIST=[]", "LIST=[MIGUEL_CLI_ROLE]");
                with_policy(o, "PATD_TOKENS_ONLY", "PAT_POLICY", &blocked);
            },
            "ALTER AUTHENTICATION POLICY \"PATD\".\"POLICIES\".\"PATD_TOKENS_ONLY\" SET PAT_POLICY = \
             (BLOCKED_ROLES_LIST = () DEFAULT_EXPIRY_IN_DAYS = 7 MAX_EXPIRY_IN_DAYS = 30 NETWORK_POLICY_EVALUATION = ENFORCED_REQUIRED \
             REQUIRE_ROLE_RESTRICTION_FOR_SERVICE_USERS = TRUE)",
        ),
        (
            "the token policy admits other clients only",
            |o| with_policy(o, "PATD_TOKENS_ONLY", "CLIENT_TYPES", "[SNOWSQL]"),
            "ALTER AUTHENTICATION POLICY \"PATD\".\"POLICIES\".\"PATD_TOKENS_ONLY\" UNSET CLIENT_TYPES",
        ),
        (
            "the broker may use a password",
            |o| with_policy(o, "PATD_KEY_ONLY", "AUTHENTICATION_METHODS", "[ALL]"),
            "ALTER AUTHENTICATION POLICY \"PATD\".\"POLICIES\".\"PATD_KEY_ONLY\" SET AUTHENTICATION_METHODS = ('KEYPAIR')",
        ),
        (
            "persons may use tokens",
            |o| {
                let all = "[KEYPAIR, OAUTH, PASSWORD, PROGRAMMATIC_ACCESS_TOKEN, SAML, WORKLOAD_IDENTITY]";
                with_policy(o, "PATD_PERSONS", "AUTHENTICATION_METHODS", all);
            },
            "ALTER AUTHENTICATION POLICY \"PATD\".\"POLICIES\".\"PATD_PERSONS\" SET AUTHENTICATION_METHODS = \
             ('KEYPAIR', 'OAUTH', 'PASSWORD', 'SAML', 'WORKLOAD_IDENTITY')",
        ),
        (
            "service users may use no tokens",
            |o| {
                with_policy(
                    o,
                    "PATD_SERVICES",
                    "AUTHENTICATION_METHODS",
                    "[KEYPAIR, OAUTH, WORKLOAD_IDENTITY]",
                )
            },
            "ALTER AUTHENTICATION POLICY \"PATD\".\"POLICIES\".\"PATD_SERVICES\" SET AUTHENTICATION_METHODS = \
             ('KEYPAIR', 'OAUTH', 'PROGRAMMATIC_ACCESS_TOKEN', 'WORKLOAD_IDENTITY')",
        ),
    ]
}

fn users() -> Vec<OneChange> {
    vec![
        (
            "the user has another default role",
            |o| with_properties(o, "MIGUEL_CLI", |p| p.default_role = Some("PUBLIC".into())),
            "ALTER USER \"MIGUEL_CLI\" SET DEFAULT_ROLE = \"MIGUEL_CLI_ROLE\"",
        ),
        (
            "the user has secondary roles",
            |o| with_properties(o, "MIGUEL_CLI", |p| p.no_secondary_roles = false),
            "ALTER USER \"MIGUEL_CLI\" SET DEFAULT_SECONDARY_ROLES = ()",
        ),
        (
            "the user has another warehouse",
            |o| with_properties(o, "MIGUEL_CLI", |p| p.default_warehouse = None),
            "ALTER USER \"MIGUEL_CLI\" SET DEFAULT_WAREHOUSE = \"WH\"",
        ),
        (
            "the user has another comment",
            |o| with_properties(o, "MIGUEL_CLI", |p| p.comment.clear()),
            "ALTER USER \"MIGUEL_CLI\" SET COMMENT = 'PAT Broker'",
        ),
        (
            "the broker has another key",
            |o| {
                with_properties(o, "PATD_HOST1", |p| {
                    p.key_fingerprints = [Some("SHA256:x".into()), None]
                })
            },
            "ALTER USER \"PATD_HOST1\" SET RSA_PUBLIC_KEY = 'MIIBIjANBg'",
        ),
        (
            "the user's network policy was taken off",
            |o| with_user(o, "MIGUEL_CLI", |user| user.network_policy = Seen::Known(None)),
            "ALTER USER \"MIGUEL_CLI\" SET NETWORK_POLICY = \"PATD_NETWORK\"",
        ),
        (
            "the user has another network policy",
            |o| {
                with_user(o, "MIGUEL_CLI", |user| {
                    user.network_policy = Seen::Known(Some("OPEN".into()))
                })
            },
            "ALTER USER \"MIGUEL_CLI\" SET NETWORK_POLICY = \"PATD_NETWORK\"",
        ),
        (
            "the user's policy was taken off, and the account's governs it",
            |o| {
                let account = effective(Some(("PATD.POLICIES.PATD_SERVICES", "ACCOUNT")));
                with_user(o, "MIGUEL_CLI", |user| user.authentication_policy = account);
            },
            "ALTER USER \"MIGUEL_CLI\" SET AUTHENTICATION POLICY \"PATD\".\"POLICIES\".\"PATD_TOKENS_ONLY\"",
        ),
        (
            "the user has another policy",
            |o| {
                let other = effective(Some(("SITE.S.LAX", "USER")));
                with_user(o, "MIGUEL_CLI", |user| user.authentication_policy = other);
            },
            "ALTER USER \"MIGUEL_CLI\" SET AUTHENTICATION POLICY \"PATD\".\"POLICIES\".\"PATD_TOKENS_ONLY\" FORCE",
        ),
        (
            "the role was taken from the user",
            |o| with_user(o, "MIGUEL_CLI", |user| user.grants = Seen::Known(BTreeSet::new())),
            "GRANT ROLE \"MIGUEL_CLI_ROLE\" TO USER \"MIGUEL_CLI\"",
        ),
        (
            "the broker lost the user",
            |o| {
                with_user(o, "MIGUEL_CLI", |user| {
                    let Seen::Known(grants) = &mut user.grants_on else { panic!("grants") };
                    grants.remove("PATD_HOST1_ROLE");
                });
            },
            "GRANT MODIFY PROGRAMMATIC AUTHENTICATION METHODS ON USER \"MIGUEL_CLI\" TO ROLE \"PATD_HOST1_ROLE\"",
        ),
    ]
}

fn scopes() -> Vec<OneChange> {
    vec![
        (
            "persons are not under the policy",
            |o| with_scopes(o, |scopes| scopes.persons = None),
            "ALTER ACCOUNT SET AUTHENTICATION POLICY \"PATD\".\"POLICIES\".\"PATD_PERSONS\" FOR ALL PERSON USERS",
        ),
        (
            "service users are not under the policy",
            |o| with_scopes(o, |scopes| scopes.services = None),
            "ALTER ACCOUNT SET AUTHENTICATION POLICY \"PATD\".\"POLICIES\".\"PATD_SERVICES\" FOR ALL SERVICE USERS",
        ),
    ]
}

#[test]
fn what_a_role_holds_beyond_what_is_declared_is_never_revoked() {
    let desired = desired();
    let mut observed = finished(&desired);
    with_role(&mut observed, "MIGUEL_CLI_ROLE", |role| {
        let Seen::Known(grants) = &mut role.grants else { panic!("grants") };
        grants.insert(crate::account::grant(("OWNERSHIP", "DATABASE", "DB")));
    });

    assert_eq!(statements(&planned(&desired, &observed)), [""; 0]);
}

/// In one statement: between two, whoever runs this could be shut out. FORCE may take the policies off users
/// (snowflake docs: alter-account), so ours are put on again.
#[test]
fn another_policy_in_our_place_is_replaced_at_once_and_our_users_are_put_under_theirs_again() {
    let desired = desired();
    let mut observed = finished(&desired);
    let methods = "[KEYPAIR, OAUTH, PASSWORD, PROGRAMMATIC_ACCESS_TOKEN, SAML, WORKLOAD_IDENTITY]";
    add_policy(&mut observed, "SITE.S.PEOPLE", &[("AUTHENTICATION_METHODS", methods)]);
    with_scopes(&mut observed, |scopes| scopes.persons = Some("SITE.S.PEOPLE".into()));

    let plan = planned(&desired, &observed);

    assert_eq!(
        statements(&plan),
        [
            "ALTER ACCOUNT SET AUTHENTICATION POLICY \"PATD\".\"POLICIES\".\"PATD_PERSONS\" FOR ALL PERSON USERS FORCE",
            "ALTER USER \"PATD_HOST1\" SET AUTHENTICATION POLICY \"PATD\".\"POLICIES\".\"PATD_KEY_ONLY\" FORCE",
            "ALTER USER \"MIGUEL_CLI\" SET AUTHENTICATION POLICY \"PATD\".\"POLICIES\".\"PATD_TOKENS_ONLY\" FORCE",
        ]
    );
    let unseen = &plan.steps[0].danger.as_ref().unwrap().unseen;
    assert!(unseen.iter().any(|unseen| unseen.contains("FORCE")), "{unseen:?}");
}

#[test]
fn the_address_seen_is_added_once_and_never_taken_away() {
    let mut desired = desired();
    if let Network::Allow { sources, .. } = &mut desired.network {
        sources.push(Source::AsSeen);
    }
    let mut observed = finished(&desired);
    assert_eq!(statements(&planned(&desired, &observed)), [""; 0], "it is in the range");

    observed.acting.address = Some("203.0.113.5".into());
    let plan = planned(&desired, &observed);
    assert_eq!(
        statements(&plan),
        ["ALTER NETWORK RULE \"PATD\".\"POLICIES\".\"PATD_NETWORK_INGRESS\" SET VALUE_LIST = \
          ('192.0.2.7', '198.51.100.0/24', '203.0.113.5')"]
    );

    rule_holds(&mut observed, &["192.0.2.7", "198.51.100.0/24", "203.0.113.5"]);
    observed.acting.address = Some("192.0.2.7".into());
    assert_eq!(statements(&planned(&desired, &observed)), [""; 0], "what another host added stays");
}

const TOKENS_POLICY: &str = "ALTER AUTHENTICATION POLICY \"PATD\".\"POLICIES\".\"PATD_TOKENS_ONLY\" SET PAT_POLICY = \
    (DEFAULT_EXPIRY_IN_DAYS = 7 MAX_EXPIRY_IN_DAYS = 30 NETWORK_POLICY_EVALUATION = ENFORCED_REQUIRED \
    REQUIRE_ROLE_RESTRICTION_FOR_SERVICE_USERS = TRUE)";
