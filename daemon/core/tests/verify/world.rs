//! An account in which everything is as wanted, and the words to change one thing about it.

use std::collections::{BTreeMap, BTreeSet};

use patd_core::names::{Account, Role, User};
use patd_core::pattern::desired::{
    Broker, Desired, Evaluation, Home, Management, Network, Privilege, Scopes, ServiceUser, Source,
    TokenPolicy,
};
use patd_core::pattern::observed::{
    Acting, AuthenticationPolicy, Effective, Grant, NetworkPolicy, NetworkRule, Observed, Owned,
    Person, RoleFacts, ScopePolicies, Seen, Token, UserFacts, UserProperties,
};
use patd_core::pattern::verify::{Attempt, Check, Evidence, Outcome, verify};

pub(crate) const USER: &str = "MIGUEL_CLI";
pub(crate) const ROLE: &str = "MIGUEL_CLI_ROLE";
pub(crate) const BROKER: &str = "PATD_HOST1";
pub(crate) const BROKER_ROLE: &str = "PATD_HOST1_ROLE";
pub(crate) const POLICY: &str = "PATD_HOST1_NETWORK";
pub(crate) const MINT: &str = "MODIFY PROGRAMMATIC AUTHENTICATION METHODS";

/// What is wanted, what is there, what logins showed.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) desired: Desired,
    pub(crate) observed: Observed,
    pub(crate) logins: Vec<Evidence>,
}

impl World {
    /// Returns an account in which everything is as wanted.
    pub(crate) fn good() -> Self {
        Self { desired: desired(), observed: observed(), logins: vec![login()] }
    }

    /// Returns every check.
    pub(crate) fn checks(&self) -> Vec<Check> {
        verify(&self.desired, &self.observed, &self.logins)
    }

    /// Returns id and subject of the checks that failed.
    pub(crate) fn failed(&self) -> BTreeSet<(String, String)> {
        let failed = self.checks().into_iter().filter(|check| check.outcome == Outcome::Failed);
        failed.map(|check| (check.id, check.subject)).collect()
    }

    /// Returns id and subject of the checks that could not be made.
    pub(crate) fn not_checked(&self) -> BTreeSet<(String, String)> {
        let unseen = |check: &Check| matches!(check.outcome, Outcome::NotChecked { .. });
        let checks = self.checks().into_iter().filter(unseen);
        checks.map(|check| (check.id, check.subject)).collect()
    }

    /// Returns the one check of this id about this subject.
    pub(crate) fn check(&self, id: &str, subject: &str) -> Check {
        let mut found = self.checks();
        found.retain(|check| check.id == id && check.subject == subject);
        assert_eq!(found.len(), 1, "{id} of {subject}: {found:?}");
        found.remove(0)
    }

    pub(crate) fn user(&mut self, name: &str) -> &mut UserFacts {
        known(self.observed.users.get_mut(name).unwrap()).as_mut().unwrap()
    }

    pub(crate) fn properties(&mut self, name: &str) -> &mut UserProperties {
        known(&mut self.user(name).properties)
    }

    pub(crate) fn role(&mut self, name: &str) -> &mut RoleFacts {
        known(self.observed.roles.get_mut(name).unwrap()).as_mut().unwrap()
    }

    pub(crate) fn grant_to_role(&mut self, name: &str, grant: Grant) {
        known(&mut self.role(name).grants).insert(grant);
    }

    pub(crate) fn policy(&mut self, name: &str) -> &mut AuthenticationPolicy {
        let policy = self.observed.authentication_policies.get_mut(&in_home(name)).unwrap();
        known(policy).as_mut().unwrap()
    }

    /// Changes one word of a property of a policy.
    pub(crate) fn reword(&mut self, policy: &str, property: &str, from: &str, to: &str) {
        let text = self.policy(policy).properties.get_mut(property).unwrap();
        assert!(text.contains(from), "{text}");
        *text = text.replace(from, to);
    }

    pub(crate) fn token(&mut self) -> &mut Token {
        &mut known(&mut self.user(USER).tokens)[0]
    }

    pub(crate) fn persons(&mut self) -> &mut BTreeMap<String, Person> {
        known(&mut self.observed.persons)
    }
}

/// Returns the fact inside.
pub(crate) fn known<T>(fact: &mut Seen<T>) -> &mut T {
    match fact {
        Seen::Known(fact) => fact,
        Seen::Hidden { needs } => panic!("hidden, needs {needs}"),
    }
}

pub(crate) fn grant(privilege: &str, on: &str, name: &str) -> Grant {
    Grant { privilege: privilege.into(), on: on.into(), name: name.into() }
}

pub(crate) fn in_home(name: &str) -> String {
    format!("PATD.POLICIES.{name}")
}

pub(crate) fn texts(of: &[&str]) -> BTreeSet<String> {
    of.iter().map(|&text| text.to_owned()).collect()
}

fn desired() -> Desired {
    Desired {
        account: Account::new("MYORG-MYACCOUNT"),
        run_as: Role::new("ACCOUNTADMIN"),
        home: Home {
            database: "PATD".into(),
            schema: "POLICIES".into(),
            management: Management::Ours,
        },
        broker: Broker {
            user: User::new(BROKER),
            role: Role::new(BROKER_ROLE),
            public_key: Some("MIIB".into()),
            key_fingerprint: Some("SHA256:own".into()),
            replaces_own_key: true,
            other_roles: vec![Role::new("PATD_HOST2_ROLE")],
            management: Management::Ours,
        },
        network: Network::Allow {
            policy: POLICY.into(),
            sources: vec![
                Source::Range("198.51.100.0/24".into()),
                Source::Range("192.0.2.7".into()),
                Source::Rule(["SNOWFLAKE", "NETWORK_SECURITY", "DBT_APAC_AWS"].map(String::from)),
            ],
        },
        tokens: TokenPolicy::Ours {
            default_days: 7,
            max_days: 7,
            is_limit: true,
            evaluation: Evaluation::EnforcedRequired,
        },
        users: vec![ServiceUser {
            user: User::new(USER),
            user_management: Management::Ours,
            role: Role::new(ROLE),
            role_management: Management::Ours,
            to_sysadmin: true,
            warehouse: Some("WH".into()),
            privileges: vec![Privilege {
                privilege: "SELECT".into(),
                on: "TABLE".into(),
                name: ["D", "S", "T"].map(String::from).to_vec(),
            }],
            database_roles: vec![
                ["SNOWFLAKE", "CORTEX_USER"].map(String::from),
                ["DATA", "READER"].map(String::from),
            ],
            rotates: false,
        }],
        scopes: Scopes {
            bar_persons: true,
            admit_services: true,
            blocked_roles: vec![Role::new("ACCOUNTADMIN")],
        },
    }
}

fn observed() -> Observed {
    Observed {
        acting: Acting {
            user: "ADMIN".into(),
            role: "ACCOUNTADMIN".into(),
            address: Some("192.0.2.7".into()),
            account: Some("MYORG-MYACCOUNT".into()),
            method: None,
            roles: texts(&["ACCOUNTADMIN", "SECURITYADMIN"]),
            privileges: Seen::Known(texts(&["MANAGE GRANTS ON ACCOUNT"])),
        },
        database: Seen::Known(Some(owned())),
        schema: Seen::Known(Some(owned())),
        roles: roles(),
        users: BTreeMap::from([
            (BROKER.to_owned(), Seen::Known(Some(broker()))),
            (USER.to_owned(), Seen::Known(Some(service_user()))),
        ]),
        network_rule: Seen::Known(Some(NetworkRule {
            owned: owned(),
            kind: "IPV4".into(),
            mode: "INGRESS".into(),
            values: Seen::Known(texts(&["198.51.100.0/24", "192.0.2.7/32"])),
        })),
        network_policy: Seen::Known(Some(NetworkPolicy {
            comment: "PAT Broker".into(),
            lists: Seen::Known(BTreeMap::from([(
                "ALLOWED_NETWORK_RULE_LIST".to_owned(),
                texts(&[
                    "PATD.POLICIES.PATD_HOST1_NETWORK_INGRESS",
                    "SNOWFLAKE.NETWORK_SECURITY.DBT_APAC_AWS",
                ]),
            )])),
        })),
        account_network_policy: Seen::Known(Some("OFFICE".into())),
        authentication_policies: policies(),
        scopes: Seen::Known(ScopePolicies {
            account: None,
            persons: Some(in_home("PATD_PERSONS")),
            services: Some(in_home("PATD_SERVICES")),
        }),
        persons: Seen::Known(BTreeMap::from([
            ("ADMIN".to_owned(), person("PATD_PERSONS", "ACCOUNT")),
            ("CAROL".to_owned(), person("NO_TOKENS", "USER")),
        ])),
        other_services: Seen::Known(BTreeMap::new()),
    }
}

fn roles() -> BTreeMap<String, Seen<Option<RoleFacts>>> {
    let role = |grants: &[Grant], roles: &[&str], users: &[&str]| {
        Seen::Known(Some(RoleFacts {
            owned: owned(),
            grants: Seen::Known(grants.iter().cloned().collect()),
            held_by_roles: Seen::Known(texts(roles)),
            held_by_users: Seen::Known(texts(users)),
        }))
    };
    let of_user = [
        grant("USAGE", "WAREHOUSE", "WH"),
        grant("SELECT", "TABLE", "D.S.T"),
        grant("USAGE", "DATABASE_ROLE", "SNOWFLAKE.CORTEX_USER"),
        grant("USAGE", "DATABASE_ROLE", "DATA.READER"),
        grant("OWNERSHIP", "TABLE", "D.S.ITS_OWN"),
    ];
    let of_broker =
        [grant(MINT, "USER", USER), grant(MINT, "USER", BROKER), grant("MONITOR", "USER", USER)];
    BTreeMap::from([
        (ROLE.to_owned(), role(&of_user, &["SYSADMIN"], &[USER])),
        (BROKER_ROLE.to_owned(), role(&of_broker, &[], &[BROKER])),
    ])
}

fn service_user() -> UserFacts {
    UserFacts {
        owner: Seen::Known("USERADMIN".into()),
        properties: Seen::Known(properties(USER, ROLE, [None, None])),
        grants: Seen::Known(BTreeSet::from([grant("USAGE", "ROLE", ROLE)])),
        grants_on: Seen::Known(BTreeMap::from([
            ("USERADMIN".to_owned(), texts(&["OWNERSHIP"])),
            (BROKER_ROLE.to_owned(), texts(&[MINT, "MONITOR"])),
            ("PATD_HOST2_ROLE".to_owned(), texts(&[MINT])),
        ])),
        network_policy: Seen::Known(Some(POLICY.into())),
        authentication_policy: Seen::Known(effective("PATD_TOKENS_ONLY", "USER")),
        tokens: Seen::Known(vec![Token {
            name: "PATD_0A1B2C3D_G3_FEDCBA".into(),
            role: Some(ROLE.into()),
            status: "ACTIVE".into(),
            comment: "patd1 host=0A1B2C3D gen=3 intent=FEDCBA".into(),
            created_by: Some(BROKER.into()),
            expires_at: Some(1_800_000_000),
            rotated_to: None,
        }]),
        key_pairs: Seen::Known(BTreeSet::new()),
    }
}

fn broker() -> UserFacts {
    let keys = [Some("SHA256:own".to_owned()), None];
    UserFacts {
        owner: Seen::Known("USERADMIN".into()),
        properties: Seen::Known(properties(BROKER, BROKER_ROLE, keys)),
        grants: Seen::Known(BTreeSet::from([grant("USAGE", "ROLE", BROKER_ROLE)])),
        grants_on: Seen::Known(BTreeMap::new()),
        network_policy: Seen::Known(Some(POLICY.into())),
        authentication_policy: Seen::Known(effective("PATD_KEY_ONLY", "USER")),
        tokens: Seen::Known(Vec::new()),
        key_pairs: Seen::Known(BTreeSet::new()),
    }
}

fn properties(name: &str, role: &str, keys: [Option<String>; 2]) -> UserProperties {
    UserProperties {
        user_type: Some("SERVICE".into()),
        login_name: name.into(),
        disabled: false,
        comment: "PAT Broker".into(),
        default_role: Some(role.into()),
        no_secondary_roles: true,
        default_warehouse: None,
        has_password: Seen::Known(false),
        key_fingerprints: keys,
        has_workload_identity: Seen::Known(false),
    }
}

fn policies() -> BTreeMap<String, Seen<Option<AuthenticationPolicy>>> {
    let pat = "{DEFAULT_EXPIRY_IN_DAYS=7, MAX_EXPIRY_IN_DAYS=7, \
               NETWORK_POLICY_EVALUATION=ENFORCED_REQUIRED, \
               REQUIRE_ROLE_RESTRICTION_FOR_SERVICE_USERS=true, \
               REQUIRE_ROLE_RESTRICTION_FOR_PERSON_USERS=false, BLOCKED_ROLES_LIST=[ACCOUNTADMIN]}";
    let policy = |methods: &str| {
        let properties = [("AUTHENTICATION_METHODS", methods), ("PAT_POLICY", pat)];
        let properties = properties.map(|(name, text)| (name.to_owned(), text.to_owned()));
        Seen::Known(Some(AuthenticationPolicy { owned: owned(), properties: properties.into() }))
    };
    let persons = "[SAML, OAUTH, KEYPAIR, WORKLOAD_IDENTITY, PASSWORD]";
    let services = "[KEYPAIR, OAUTH, WORKLOAD_IDENTITY, PROGRAMMATIC_ACCESS_TOKEN]";
    BTreeMap::from([
        (in_home("PATD_TOKENS_ONLY"), policy("[PROGRAMMATIC_ACCESS_TOKEN]")),
        (in_home("TOKENS_OF_OLD"), policy("[PROGRAMMATIC_ACCESS_TOKEN]")),
        (in_home("PATD_KEY_ONLY"), policy("[KEYPAIR]")),
        (in_home("KEY_OF_OLD"), policy("[KEYPAIR]")),
        (in_home("PATD_PERSONS"), policy(persons)),
        (in_home("NO_TOKENS"), policy("[PASSWORD]")),
        (in_home("ANYTHING"), policy("[ALL]")),
        (in_home("PATD_SERVICES"), policy(services)),
        (in_home("SERVICES_OF_OLD"), policy(services)),
    ])
}

pub(crate) fn person(policy: &str, set_on: &str) -> Person {
    Person {
        disabled: false,
        policy: Seen::Known(effective(policy, set_on)),
        live_tokens: Seen::Known(BTreeSet::new()),
    }
}

pub(crate) fn effective(policy: &str, set_on: &str) -> Effective {
    Effective { policy: Some(in_home(policy)), set_on: Some(set_on.into()) }
}

fn owned() -> Owned {
    Owned { owner: "ACCOUNTADMIN".into(), comment: "PAT Broker".into() }
}

fn login() -> Evidence {
    let refused = || Attempt::Refused("399032 the session is restricted".into());
    Evidence {
        user: USER.into(),
        current_user: USER.into(),
        current_role: ROLE.into(),
        secondary_roles: Vec::new(),
        role_switch: refused(),
        secondary_switch: refused(),
        other_role_login: refused(),
        grants: Seen::Known(vec![
            grant("USAGE", "WAREHOUSE", "WH"),
            grant("SELECT", "TABLE", "D.S.T"),
            grant("USAGE", "DATABASE_ROLE", "SNOWFLAKE.CORTEX_USER"),
            grant("USAGE", "DATABASE_ROLE", "DATA.READER"),
        ]),
        public_database_roles: Vec::new(),
    }
}
