//! What is wanted, and accounts to plan for: empty, finished, and everything between.

use std::collections::{BTreeMap, BTreeSet};

use patd_core::names::{Account, Role, User};
use patd_core::pattern::desired::{
    Broker, Desired, Evaluation, Home, Management, Network, Privilege, Scopes, ServiceUser, Source,
    TokenPolicy,
};
use patd_core::pattern::observed::{
    Acting, AuthenticationPolicy, Effective, Grant, NetworkPolicy, NetworkRule, Observed,
    OtherService, Owned, Person, RoleFacts, ScopePolicies, Seen, UserFacts, UserProperties,
};
use patd_core::pattern::plan::{Plan, plan};

/// The key every broker here has.
pub(crate) const KEY: &str = "MIIBIjANBg";
/// Its fingerprint.
pub(crate) const FINGERPRINT: &str = "SHA256:abc=";

pub(crate) fn desired() -> Desired {
    Desired {
        account: Account::new("MYORG-MYACCOUNT"),
        run_as: Role::new("ACCOUNTADMIN"),
        home: Home {
            database: "PATD".into(),
            schema: "POLICIES".into(),
            management: Management::Ours,
        },
        broker: Broker {
            user: User::new("PATD_HOST1"),
            role: Role::new("PATD_HOST1_ROLE"),
            public_key: Some(KEY.into()),
            key_fingerprint: Some(FINGERPRINT.into()),
            replaces_own_key: true,
            other_roles: Vec::new(),
            management: Management::Ours,
        },
        network: Network::Allow {
            policy: "PATD_NETWORK".into(),
            sources: vec![
                Source::Range("192.0.2.7".into()),
                Source::Range("198.51.100.0/24".into()),
                Source::Rule(["SNOWFLAKE", "NETWORK_SECURITY", "DBT_APAC_AWS"].map(str::to_owned)),
            ],
        },
        tokens: TokenPolicy::Ours {
            default_days: 7,
            max_days: 30,
            is_limit: false,
            evaluation: Evaluation::EnforcedRequired,
        },
        users: vec![service_user("MIGUEL_CLI")],
        scopes: Scopes { bar_persons: true, admit_services: true, blocked_roles: Vec::new() },
    }
}

pub(crate) fn service_user(name: &str) -> ServiceUser {
    ServiceUser {
        user: User::new(name),
        user_management: Management::Ours,
        role: Role::new(format!("{name}_ROLE")),
        role_management: Management::Ours,
        to_sysadmin: true,
        warehouse: Some("WH".into()),
        privileges: vec![
            privilege("USAGE", "WAREHOUSE", &["WH"]),
            privilege("SELECT", "TABLE", &["DB", "PUBLIC", "ORDERS"]),
        ],
        database_roles: vec![["SNOWFLAKE", "CORTEX_USER"].map(str::to_owned)],
        rotates: false,
    }
}

pub(crate) fn privilege(privilege: &str, on: &str, name: &[&str]) -> Privilege {
    let name = name.iter().map(|&part| part.to_owned()).collect();
    Privilege { privilege: privilege.into(), on: on.into(), name }
}

/// An account with nothing in it, seen by its first admin.
pub(crate) fn empty(desired: &Desired) -> Observed {
    let roles = desired.users.iter().map(|user| user.role.to_string());
    let users = desired.users.iter().map(|user| user.user.to_string());
    let policies = desired.authentication_policies();
    Observed {
        acting: admin(),
        database: Seen::Known(None),
        schema: Seen::Known(None),
        roles: nothing(roles.chain([desired.broker.role.to_string()])),
        users: nothing(users.chain([desired.broker.user.to_string()])),
        network_rule: Seen::Known(None),
        network_policy: Seen::Known(None),
        account_network_policy: Seen::Known(None),
        authentication_policies: nothing(policies.iter().map(|name| name.join("."))),
        scopes: Seen::Known(ScopePolicies::default()),
        persons: Seen::Known(BTreeMap::from([("ADMIN".to_owned(), person(None))])),
        other_services: Seen::Known(BTreeMap::new()),
    }
}

fn nothing<T>(names: impl Iterator<Item = String>) -> BTreeMap<String, Seen<Option<T>>> {
    names.map(|name| (name, Seen::Known(None))).collect()
}

pub(crate) fn admin() -> Acting {
    let roles = ["ACCOUNTADMIN", "SECURITYADMIN", "USERADMIN", "SYSADMIN", "PUBLIC"];
    Acting {
        user: "ADMIN".into(),
        role: "ACCOUNTADMIN".into(),
        address: Some("198.51.100.9".into()),
        account: Some("MYORG-MYACCOUNT".into()),
        method: Some("KEYPAIR".into()),
        roles: set(&roles),
        privileges: Seen::Known(BTreeSet::new()),
    }
}

pub(crate) fn person(policy: Option<(&str, &str)>) -> Person {
    Person { disabled: false, policy: effective(policy), live_tokens: Seen::Known(BTreeSet::new()) }
}

pub(crate) fn service(methods: &[&str], policy: Option<(&str, &str)>) -> OtherService {
    OtherService {
        user_type: "SERVICE".into(),
        disabled: false,
        methods: set(methods),
        policy: effective(policy),
    }
}

pub(crate) fn effective(policy: Option<(&str, &str)>) -> Seen<Effective> {
    Seen::Known(Effective {
        policy: policy.map(|(name, _)| name.to_owned()),
        set_on: policy.map(|(_, set_on)| set_on.to_owned()).or(Some("SYSTEM".into())),
    })
}

pub(crate) fn set(items: &[&str]) -> BTreeSet<String> {
    items.iter().map(|&item| item.to_owned()).collect()
}

pub(crate) fn planned(desired: &Desired, observed: &Observed) -> Plan {
    plan(desired, observed, "0123abcd".into()).unwrap()
}

pub(crate) fn statements(plan: &Plan) -> Vec<&str> {
    plan.steps.iter().map(|step| step.statement.as_str()).collect()
}

/// An account in which everything is as it should be.
pub(crate) fn finished(desired: &Desired) -> Observed {
    let mut observed = empty(desired);
    let Network::Allow { policy, .. } = &desired.network else { panic!("a policy of ours") };
    let owns = format!("OWNERSHIP ON NETWORK POLICY {policy}");
    observed.acting.privileges = Seen::Known(BTreeSet::from([owns]));
    observed.database = Seen::Known(Some(owned()));
    observed.schema = Seen::Known(Some(owned()));
    observed.network_rule = Seen::Known(Some(NetworkRule {
        owned: owned(),
        kind: "IPV4".into(),
        mode: "INGRESS".into(),
        values: Seen::Known(set(&["192.0.2.7", "198.51.100.0/24"])),
    }));
    let rules = [
        format!("PATD.POLICIES.{policy}_INGRESS"),
        "SNOWFLAKE.NETWORK_SECURITY.DBT_APAC_AWS".to_owned(),
    ];
    observed.network_policy = Seen::Known(Some(NetworkPolicy {
        comment: "PAT Broker".into(),
        lists: Seen::Known(BTreeMap::from([(
            "ALLOWED_NETWORK_RULE_LIST".to_owned(),
            BTreeSet::from(rules),
        )])),
    }));
    observed.authentication_policies = policies();
    observed.scopes = Seen::Known(ScopePolicies {
        account: None,
        persons: Some("PATD.POLICIES.PATD_PERSONS".into()),
        services: Some("PATD.POLICIES.PATD_SERVICES".into()),
    });
    finish_broker(desired, &mut observed);
    for user in &desired.users {
        finish_user(desired, user, &mut observed);
    }
    observed
}

fn finish_broker(desired: &Desired, observed: &mut Observed) {
    let (user, role) = (desired.broker.user.as_str(), desired.broker.role.as_str());
    observed.roles.insert(role.into(), Seen::Known(Some(role_facts(&[], &[], user))));
    let mut facts = user_facts(desired, role, "PATD.POLICIES.PATD_KEY_ONLY");
    facts.key_pairs = Seen::Known(BTreeSet::new());
    if let Seen::Known(properties) = &mut facts.properties {
        properties.default_warehouse = None;
        properties.key_fingerprints[0] = Some(FINGERPRINT.into());
    }
    observed.users.insert(user.into(), Seen::Known(Some(facts)));
}

fn finish_user(desired: &Desired, user: &ServiceUser, observed: &mut Observed) {
    let (name, role) = (user.user.as_str(), user.role.as_str());
    let held = [
        ("USAGE", "WAREHOUSE", "WH"),
        ("SELECT", "TABLE", "DB.PUBLIC.ORDERS"),
        ("USAGE", "DATABASE_ROLE", "SNOWFLAKE.CORTEX_USER"),
    ];
    observed.roles.insert(role.into(), Seen::Known(Some(role_facts(&held, &["SYSADMIN"], name))));
    let facts = user_facts(desired, role, "PATD.POLICIES.PATD_TOKENS_ONLY");
    observed.users.insert(name.into(), Seen::Known(Some(facts)));
}

pub(crate) fn role_facts(held: &[(&str, &str, &str)], by: &[&str], user: &str) -> RoleFacts {
    RoleFacts {
        owned: owned(),
        grants: Seen::Known(held.iter().map(|&held| grant(held)).collect()),
        held_by_roles: Seen::Known(set(by)),
        held_by_users: Seen::Known(set(&[user])),
    }
}

pub(crate) fn user_facts(desired: &Desired, role: &str, policy: &str) -> UserFacts {
    let broker = desired.broker.role.to_string();
    UserFacts {
        owner: Seen::Known("ACCOUNTADMIN".into()),
        properties: Seen::Known(UserProperties {
            user_type: Some("SERVICE".into()),
            login_name: "ANY".into(),
            disabled: false,
            comment: "PAT Broker".into(),
            default_role: Some(role.into()),
            no_secondary_roles: true,
            default_warehouse: Some("WH".into()),
            has_password: Seen::Known(false),
            key_fingerprints: [None, None],
            has_workload_identity: Seen::Known(false),
        }),
        grants: Seen::Known(BTreeSet::from([grant(("USAGE", "ROLE", role))])),
        grants_on: Seen::Known(BTreeMap::from([
            ("ACCOUNTADMIN".to_owned(), set(&["OWNERSHIP"])),
            (broker, set(&["MODIFY PROGRAMMATIC AUTHENTICATION METHODS"])),
        ])),
        network_policy: Seen::Known(Some("PATD_NETWORK".into())),
        authentication_policy: effective(Some((policy, "USER"))),
        tokens: Seen::Known(Vec::new()),
        key_pairs: Seen::Known(BTreeSet::new()),
    }
}

pub(crate) fn grant((privilege, on, name): (&str, &str, &str)) -> Grant {
    Grant { privilege: privilege.into(), on: on.into(), name: name.into() }
}

pub(crate) fn owned() -> Owned {
    Owned { owner: "ACCOUNTADMIN".into(), comment: "PAT Broker".into() }
}

fn policies() -> BTreeMap<String, Seen<Option<AuthenticationPolicy>>> {
    let tokens = pat_policy(7, 30, false);
    let usual = pat_policy(15, 365, false);
    let persons = pat_policy(15, 365, true);
    [
        ("PATD_TOKENS_ONLY", "[PROGRAMMATIC_ACCESS_TOKEN]", tokens),
        ("PATD_KEY_ONLY", "[KEYPAIR]", usual.clone()),
        ("PATD_PERSONS", "[KEYPAIR, OAUTH, PASSWORD, SAML, WORKLOAD_IDENTITY]", persons),
        ("PATD_SERVICES", "[ALL]", usual),
    ]
    .into_iter()
    .map(|(name, methods, pat)| {
        let policy = policy(&[("AUTHENTICATION_METHODS", methods), ("PAT_POLICY", &pat)]);
        (format!("PATD.POLICIES.{name}"), Seen::Known(Some(policy)))
    })
    .collect()
}

pub(crate) fn pat_policy(default: u32, max: u32, persons: bool) -> String {
    format!(
        "{{DEFAULT_EXPIRY_IN_DAYS={default}, MAX_EXPIRY_IN_DAYS={max}, \
         NETWORK_POLICY_EVALUATION=ENFORCED_REQUIRED, \
         REQUIRE_ROLE_RESTRICTION_FOR_SERVICE_USERS=true, \
         REQUIRE_ROLE_RESTRICTION_FOR_PERSON_USERS={persons}, BLOCKED_ROLES_LIST=[]}}"
    )
}

/// A policy that says this, and otherwise what an untouched one says.
pub(crate) fn policy(says: &[(&str, &str)]) -> AuthenticationPolicy {
    let untouched = [
        ("AUTHENTICATION_METHODS", "[ALL]"),
        ("CLIENT_TYPES", "[ALL]"),
        ("CLIENT_POLICY", "{}"),
        ("SECURITY_INTEGRATIONS", "[ALL]"),
        ("MFA_ENROLLMENT", "OPTIONAL"),
        ("MFA_POLICY", "{ALLOWED_METHODS=[ALL], ENFORCE_MFA_ON_EXTERNAL_AUTHENTICATION=NONE}"),
        ("WORKLOAD_IDENTITY_POLICY", "{ALLOWED_PROVIDERS=[ALL], ALLOWED_AWS_ACCOUNTS=[ALL]}"),
    ];
    let pat = pat_policy(15, 365, false);
    let pat = [("PAT_POLICY", pat.as_str())];
    let all = untouched.iter().chain(&pat).chain(says);
    AuthenticationPolicy {
        owned: owned(),
        properties: all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
    }
}

/// Changes what was seen of a user.
pub(crate) fn with_user(observed: &mut Observed, name: &str, change: impl FnOnce(&mut UserFacts)) {
    let Some(Seen::Known(Some(facts))) = observed.users.get_mut(name) else { panic!("{name}") };
    change(facts);
}

/// Changes the properties of a user.
pub(crate) fn with_properties(
    observed: &mut Observed,
    name: &str,
    change: impl FnOnce(&mut UserProperties),
) {
    with_user(observed, name, |facts| {
        let Seen::Known(properties) = &mut facts.properties else { panic!("{name}") };
        change(properties);
    });
}

/// Changes what was seen of a role.
pub(crate) fn with_role(observed: &mut Observed, name: &str, change: impl FnOnce(&mut RoleFacts)) {
    let Some(Seen::Known(Some(facts))) = observed.roles.get_mut(name) else { panic!("{name}") };
    change(facts);
}

/// Changes one of our policies.
pub(crate) fn with_policy(observed: &mut Observed, name: &str, property: &str, value: &str) {
    let name = format!("PATD.POLICIES.{name}");
    let Some(Seen::Known(Some(facts))) = observed.authentication_policies.get_mut(&name) else {
        panic!("{name}")
    };
    facts.properties.insert(property.to_owned(), value.to_owned());
}

/// Puts a policy of the site's into an account.
pub(crate) fn add_policy(observed: &mut Observed, name: &str, says: &[(&str, &str)]) {
    observed.authentication_policies.insert(name.to_owned(), Seen::Known(Some(policy(says))));
}

/// Changes what is attached to the account.
pub(crate) fn with_scopes(observed: &mut Observed, change: impl FnOnce(&mut ScopePolicies)) {
    let Seen::Known(scopes) = &mut observed.scopes else { panic!("scopes") };
    change(scopes);
}
