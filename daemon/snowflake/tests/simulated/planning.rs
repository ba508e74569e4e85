//! Plans run for real: from every kind of account to the pattern, stopped after each statement; and after each change
//! somebody makes, back by the one statement that undoes it (promise P8).

use std::sync::{Arc, OnceLock};

use patd_core::names::{Account, Role, User};
use patd_core::pattern::desired::{
    Broker, Desired, Evaluation, Home, Management, Network, Privilege, Scopes, ServiceUser, Source,
    TokenPolicy,
};
use patd_core::pattern::observed::{Observed, Seen};
use patd_core::pattern::plan::{Doomed, Plan, destroy, offline, plan, render};
use patd_core::pattern::reading::Breadth;
use patd_snowflake::authority::AdminLogin;
use patd_snowflake::key::SigningKey;
use patd_snowflake::provision::{fingerprint, observe, run};
use patd_snowflake::sql_api::SqlApi;
use snowflake_sim::engine::Switches;
use snowflake_sim::{Options, Simulator};

use crate::world::client;

/// An account, its administrator, and what is wanted of it.
struct Site {
    sim: Simulator,
    api: SqlApi,
    wanted: Desired,
}

impl Site {
    /// Starts with what somebody made before.
    fn with(before: &str, switches: Switches) -> Self {
        let sim = Simulator::start(Options { switches, ..Options::default() }).expect("simulator");
        let admin = format!(
            "CREATE USER SEC TYPE = PERSON RSA_PUBLIC_KEY = '{}'; \
             GRANT ROLE ACCOUNTADMIN TO USER SEC; CREATE WAREHOUSE WH; {before}",
            key().public_key_body()
        );
        sim.admin_script(&admin).unwrap_or_else(|error| panic!("{error}: {admin}"));
        let account = Account::new(sim.account());
        let (host, port) = (sim.host(), sim.port());
        let endpoint = patd_snowflake::endpoint::Endpoint::new(
            account.clone(),
            &host,
            port,
            false,
            None,
            None,
        );
        let client = client(&endpoint.expect("endpoint"));
        let login = AdminLogin {
            user: User::new("SEC"),
            role: Role::new("ACCOUNTADMIN"),
            key: Arc::clone(key()),
        };
        Self { sim, api: SqlApi::new(client, login), wanted: wanted(account) }
    }

    async fn look(&self) -> Observed {
        let seen = observe(&self.api, &self.wanted, Breadth::Whole).await;
        let mut seen = seen.expect("an observation");
        // When a token ends depends on when a test began.
        for user in seen.users.values_mut() {
            if let Seen::Known(Some(user)) = user
                && let Seen::Known(tokens) = &mut user.tokens
            {
                tokens.iter_mut().for_each(|token| token.expires_at = None);
            }
        }
        seen
    }

    async fn plan(&self) -> Plan {
        let seen = self.look().await;
        plan(&self.wanted, &seen, fingerprint(&seen)).expect("a plan")
    }

    /// Runs the first statements of a plan.
    async fn run(&self, plan: &Plan, count: usize) {
        assert!(!plan.notes.iter().any(|note| note.stops_apply), "{:?}", plan.notes);
        for step in plan.steps.iter().take(count) {
            let outcome = run(&self.api, &step.statement).await;
            outcome.unwrap_or_else(|failure| panic!("{failure:?}: {}", step.statement));
        }
    }

    async fn finish(&self) -> Observed {
        let plan = self.plan().await;
        self.run(&plan, plan.steps.len()).await;
        let seen = self.look().await;
        let again = patd_core::pattern::plan::plan(&self.wanted, &seen, String::new());
        let again = again.expect("a plan");
        assert_eq!(texts(&again), Vec::<&str>::new(), "a second plan");
        seen
    }

    fn admin(&self, sql: &str) {
        self.sim.admin_script(sql).unwrap_or_else(|error| panic!("{error}: {sql}"));
    }
}

/// Making a key takes longer than a test.
fn key() -> &'static Arc<SigningKey> {
    static KEY: OnceLock<Arc<SigningKey>> = OnceLock::new();
    KEY.get_or_init(|| Arc::new(SigningKey::generate().expect("key").0))
}

fn wanted(account: Account) -> Desired {
    let on_warehouse =
        Privilege { privilege: "USAGE".into(), on: "WAREHOUSE".into(), name: vec!["WH".into()] };
    let rule = ["SNOWFLAKE", "NETWORK_SECURITY", "DBT_APAC_AWS"].map(str::to_owned);
    Desired {
        account,
        run_as: Role::new("ACCOUNTADMIN"),
        home: Home {
            database: "PATD".into(),
            schema: "POLICIES".into(),
            management: Management::Ours,
        },
        broker: Broker {
            user: User::new("BROKER"),
            role: Role::new("BROKER_ROLE"),
            public_key: Some(key().public_key_body()),
            key_fingerprint: Some(key().fingerprint()),
            replaces_own_key: true,
            other_roles: Vec::new(),
            management: Management::Ours,
        },
        network: Network::Allow {
            policy: "BROKER_NETWORK".into(),
            sources: vec![Source::Range("127.0.0.0/8".into()), Source::Rule(rule), Source::AsSeen],
        },
        tokens: TokenPolicy::Ours {
            default_days: 7,
            max_days: 30,
            is_limit: false,
            evaluation: Evaluation::EnforcedRequired,
        },
        users: vec![ServiceUser {
            user: User::new("miguel.cli"),
            user_management: Management::Ours,
            role: Role::new("Miguel \"CLI\" role"),
            role_management: Management::Ours,
            to_sysadmin: true,
            warehouse: Some("WH".into()),
            privileges: vec![on_warehouse],
            database_roles: vec![["SNOWFLAKE".into(), "CORTEX_USER".into()]],
            rotates: false,
        }],
        scopes: Scopes {
            bar_persons: true,
            admit_services: true,
            blocked_roles: vec![Role::new("ACCOUNTADMIN")],
        },
    }
}

fn texts(plan: &Plan) -> Vec<&str> {
    plan.steps.iter().map(|step| step.statement.as_str()).collect()
}

/// Accounts somebody has worked in before.
const BEFORE: [(&str, &str); 4] = [
    ("nothing", ""),
    (
        "policies of the site's own",
        "CREATE DATABASE SITE; \
         CREATE AUTHENTICATION POLICY SITE.PUBLIC.EVERYBODY AUTHENTICATION_METHODS = ('SAML', 'PASSWORD') \
         MFA_ENROLLMENT = 'REQUIRED' CLIENT_TYPES = ('SNOWFLAKE_UI', 'DRIVERS') \
         CLIENT_POLICY = (GO_DRIVER = (MINIMUM_VERSION = '1.13.0')) \
         MFA_POLICY = (ALLOWED_METHODS = ('PASSKEY', 'DUO') ENFORCE_MFA_ON_EXTERNAL_AUTHENTICATION = 'ALL'); \
         CREATE AUTHENTICATION POLICY SITE.PUBLIC.PEOPLE SECURITY_INTEGRATIONS = ('OKTA') \
         PAT_POLICY = (MAX_EXPIRY_IN_DAYS = 90 BLOCKED_ROLES_LIST = ('ORGADMIN')) \
         WORKLOAD_IDENTITY_POLICY = (ALLOWED_PROVIDERS = ('AWS') ALLOWED_AWS_ACCOUNTS = ('111122223333')); \
         CREATE USER ANNA TYPE = PERSON; ALTER USER ANNA ADD PAT LAPTOP; \
         ALTER ACCOUNT SET AUTHENTICATION POLICY SITE.PUBLIC.PEOPLE FOR ALL PERSON USERS; \
         ALTER ACCOUNT SET AUTHENTICATION POLICY SITE.PUBLIC.EVERYBODY",
    ),
    (
        "user and role made by hand",
        "CREATE DATABASE SITE; \
         CREATE NETWORK RULE SITE.PUBLIC.OFFICE TYPE = IPV4 VALUE_LIST = ('127.0.0.1') MODE = INGRESS; \
         CREATE NETWORK POLICY OFFICE ALLOWED_NETWORK_RULE_LIST = ('SITE.PUBLIC.OFFICE'); \
         CREATE AUTHENTICATION POLICY SITE.PUBLIC.KEYS AUTHENTICATION_METHODS = ('KEYPAIR', 'PROGRAMMATIC_ACCESS_TOKEN'); \
         CREATE ROLE \"Miguel \"\"CLI\"\" role\" COMMENT = 'by hand'; \
         CREATE USER \"miguel.cli\" TYPE = SERVICE NETWORK_POLICY = OFFICE COMMENT = 'by hand'; \
         ALTER USER \"miguel.cli\" SET AUTHENTICATION POLICY SITE.PUBLIC.KEYS; \
         GRANT ROLE \"Miguel \"\"CLI\"\" role\" TO USER \"miguel.cli\"; \
         ALTER USER \"miguel.cli\" ADD PAT HAND ROLE_RESTRICTION = 'Miguel \"CLI\" role'",
    ),
    (
        "a database and a policy of the same names, with other contents",
        "CREATE DATABASE PATD; CREATE SCHEMA PATD.POLICIES; \
         CREATE NETWORK RULE PATD.POLICIES.BROKER_NETWORK_INGRESS TYPE = IPV4 VALUE_LIST = ('192.0.2.1') MODE = INGRESS; \
         CREATE NETWORK POLICY BROKER_NETWORK ALLOWED_IP_LIST = ('192.0.2.0/24') BLOCKED_IP_LIST = ('192.0.2.9'); \
         CREATE AUTHENTICATION POLICY PATD.POLICIES.PATD_TOKENS_ONLY CLIENT_TYPES = ('SNOWSQL'); \
         CREATE AUTHENTICATION POLICY PATD.POLICIES.PATD_PERSONS MFA_ENROLLMENT = 'REQUIRED'",
    ),
];

#[tokio::test]
async fn stopped_after_any_statement_every_account_comes_to_the_same_end() {
    for (what, before) in BEFORE {
        let whole = Site::with(before, Switches::default());
        let plan = whole.plan().await;
        let end = whole.finish().await;
        assert!(plan.steps.len() > 10, "{what}: {}", plan.steps.len());
        // The account with nothing in it is swept by the tests of apply.
        let stops = if before.is_empty() { 0..0 } else { 0..plan.steps.len() };
        for stop in stops {
            let site = Site::with(before, Switches::default());
            let plan = site.plan().await;
            site.run(&plan, stop).await;

            assert_eq!(site.finish().await, end, "{what}, stopped after {stop}");
        }
    }
}

#[tokio::test]
async fn either_way_an_undocumented_behaviour_turns_out_the_second_plan_is_empty() {
    for resets in [false, true] {
        for detaches in [false, true] {
            for (_, before) in BEFORE {
                let switches = Switches {
                    set_pat_policy_resets_others: resets,
                    account_force_detaches_users: detaches,
                    ..Switches::default()
                };
                Site::with(before, switches).finish().await;
            }
        }
    }
}

/// What the account's own policies said is said for its users still, but for tokens.
#[tokio::test]
async fn persons_and_service_users_lose_nothing_but_what_they_are_meant_to() {
    let site = Site::with(BEFORE[1].1, Switches::default());

    let seen = site.finish().await;

    let says = |policy: &str, property: &str| {
        let name = format!("PATD.POLICIES.{policy}");
        let policy =
            seen.authentication_policies[&name].known().cloned().flatten().expect("policy");
        policy.properties[property].clone()
    };
    assert_eq!(
        says("PATD_PERSONS", "AUTHENTICATION_METHODS"),
        "[KEYPAIR, OAUTH, PASSWORD, SAML, WORKLOAD_IDENTITY]"
    );
    assert_eq!(says("PATD_PERSONS", "SECURITY_INTEGRATIONS"), "[OKTA]");
    assert!(
        says("PATD_PERSONS", "PAT_POLICY").contains("BLOCKED_ROLES_LIST=[ACCOUNTADMIN, ORGADMIN]")
    );
    assert!(says("PATD_PERSONS", "WORKLOAD_IDENTITY_POLICY").contains("ALLOWED_PROVIDERS=[AWS]"));
    assert_eq!(says("PATD_SERVICES", "MFA_ENROLLMENT"), "REQUIRED");
    assert!(says("PATD_SERVICES", "AUTHENTICATION_METHODS").contains("PROGRAMMATIC_ACCESS_TOKEN"));
    assert_eq!(says("PATD_SERVICES", "CLIENT_POLICY"), "{GO_DRIVER={MINIMUM_VERSION=1.13.0}}");
    assert!(says("PATD_SERVICES", "MFA_POLICY").contains("ALLOWED_METHODS=[DUO, PASSKEY]"));
}

/// What somebody may do to a finished account in one statement.
const CHANGES: [&str; 26] = [
    "ALTER ROLE BROKER_ROLE SET COMMENT = 'x'",
    "ALTER ROLE \"Miguel \"\"CLI\"\" role\" UNSET COMMENT",
    "REVOKE USAGE ON WAREHOUSE WH FROM ROLE \"Miguel \"\"CLI\"\" role\"",
    "REVOKE DATABASE ROLE SNOWFLAKE.CORTEX_USER FROM ROLE \"Miguel \"\"CLI\"\" role\"",
    "REVOKE ROLE \"Miguel \"\"CLI\"\" role\" FROM ROLE SYSADMIN",
    "REVOKE ROLE \"Miguel \"\"CLI\"\" role\" FROM USER \"miguel.cli\"",
    "REVOKE ROLE BROKER_ROLE FROM USER BROKER",
    "REVOKE MODIFY PROGRAMMATIC AUTHENTICATION METHODS ON USER \"miguel.cli\" FROM ROLE BROKER_ROLE",
    "REVOKE MODIFY PROGRAMMATIC AUTHENTICATION METHODS ON USER BROKER FROM ROLE BROKER_ROLE",
    "ALTER USER \"miguel.cli\" SET DEFAULT_ROLE = PUBLIC",
    "ALTER USER \"miguel.cli\" SET DEFAULT_SECONDARY_ROLES = ('ALL')",
    "ALTER USER \"miguel.cli\" UNSET DEFAULT_WAREHOUSE",
    "ALTER USER \"miguel.cli\" SET COMMENT = 'x' DEFAULT_ROLE = PUBLIC",
    "ALTER USER \"miguel.cli\" UNSET NETWORK_POLICY",
    "ALTER USER \"miguel.cli\" UNSET AUTHENTICATION POLICY",
    "ALTER USER BROKER UNSET RSA_PUBLIC_KEY",
    "ALTER USER BROKER SET AUTHENTICATION POLICY PATD.POLICIES.PATD_TOKENS_ONLY FORCE",
    "ALTER NETWORK RULE PATD.POLICIES.BROKER_NETWORK_INGRESS SET COMMENT = 'x'",
    "ALTER NETWORK POLICY BROKER_NETWORK SET ALLOWED_IP_LIST = ('0.0.0.0/0')",
    "ALTER NETWORK POLICY BROKER_NETWORK REMOVE ALLOWED_NETWORK_RULE_LIST = ('SNOWFLAKE.NETWORK_SECURITY.DBT_APAC_AWS')",
    "ALTER AUTHENTICATION POLICY PATD.POLICIES.PATD_TOKENS_ONLY SET AUTHENTICATION_METHODS = ('ALL')",
    "ALTER AUTHENTICATION POLICY PATD.POLICIES.PATD_TOKENS_ONLY SET PAT_POLICY = (DEFAULT_EXPIRY_IN_DAYS = 7 MAX_EXPIRY_IN_DAYS = 30 NETWORK_POLICY_EVALUATION = NOT_ENFORCED)",
    "ALTER AUTHENTICATION POLICY PATD.POLICIES.PATD_TOKENS_ONLY SET CLIENT_TYPES = ('SNOWSQL')",
    "ALTER AUTHENTICATION POLICY PATD.POLICIES.PATD_PERSONS SET AUTHENTICATION_METHODS = ('KEYPAIR', 'OAUTH', 'PASSWORD', 'SAML', 'WORKLOAD_IDENTITY', 'PROGRAMMATIC_ACCESS_TOKEN')",
    "ALTER ACCOUNT UNSET AUTHENTICATION POLICY FOR ALL PERSON USERS",
    "ALTER ACCOUNT UNSET AUTHENTICATION POLICY FOR ALL SERVICE USERS",
];

#[tokio::test]
async fn each_change_somebody_makes_is_undone_by_one_statement() {
    let site = Site::with("", Switches::default());
    let end = site.finish().await;
    for change in CHANGES {
        site.admin(change);

        let plan = site.plan().await;
        assert_eq!(plan.steps.len(), 1, "{change}: {:?}", texts(&plan));
        site.run(&plan, 1).await;

        assert_eq!(site.look().await, end, "{change}");
    }
}

#[tokio::test]
async fn an_object_that_somebody_dropped_is_made_again_and_put_back_in_its_place() {
    for change in
        ["DROP ROLE \"Miguel \"\"CLI\"\" role\"", "DROP USER \"miguel.cli\"", "DROP USER BROKER"]
    {
        let site = Site::with("", Switches::default());
        let end = site.finish().await;
        site.admin(change);

        assert_eq!(site.finish().await, end, "{change}");
    }
}

#[tokio::test]
async fn the_offline_script_makes_what_the_plan_makes_and_can_be_run_again() {
    let planned = Site::with("", Switches::default());
    let end = planned.finish().await;
    let site = Site::with("", Switches::default());
    let mut wanted = site.wanted.clone();
    if let Network::Allow { sources, .. } = &mut wanted.network {
        sources.pop();
    }
    let script = render::sql(&offline(&wanted).expect("a plan"));

    site.admin(&script);
    assert_eq!(site.look().await, end);
    site.admin(&script);

    assert_eq!(site.look().await, end);
    assert_eq!(texts(&site.plan().await), Vec::<&str>::new());
}

#[tokio::test]
async fn stopped_anywhere_a_destruction_goes_on_until_nothing_of_ours_is_left() {
    let taken_down = |seen: &Observed, site: &Site| {
        destroy(&site.wanted, seen, String::new(), Doomed::Everything).expect("a plan")
    };
    let steps = {
        let site = Site::with(BEFORE[2].1, Switches::default());
        let seen = site.finish().await;
        taken_down(&seen, &site).steps.len()
    };
    for stop in 0..=steps {
        let site = Site::with(BEFORE[2].1, Switches::default());
        let seen = site.finish().await;
        site.run(&taken_down(&seen, &site), stop).await;

        let rest = taken_down(&site.look().await, &site);
        assert_eq!(rest.steps.len(), steps - stop, "{:?}", texts(&rest));
        site.run(&rest, rest.steps.len()).await;

        let left = taken_down(&site.look().await, &site);
        assert_eq!(texts(&left), Vec::<&str>::new());
        let dump = site.sim.snapshot_json().to_string();
        for name in ["BROKER", "miguel.cli", "PATD_", "CLI\\\" role"] {
            assert!(!dump.contains(name), "{name}, stopped after {stop}: {dump}");
        }
    }
}
