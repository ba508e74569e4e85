//! An account put up by the plan for an empty one, and looked at: by its administrator, who sees everything, and by the
//! broker, which sees little and says what it does not see.

use std::time::Duration;

use patd_core::lifecycle::{Failure, RefusalKind};
use patd_core::pattern::observed::Seen;
use patd_core::pattern::plan;
use patd_core::pattern::reading::Breadth;
use patd_snowflake::provision::{fingerprint, observe, run};
use snowflake_sim::engine::StatementKind;
use snowflake_sim::{Act, Fault, On};

use crate::house::{House, known, user};

fn hidden<T>(seen: &Seen<T>) -> &str {
    match seen {
        Seen::Hidden { needs } => needs,
        Seen::Known(_) => panic!("it is known"),
    }
}

#[tokio::test]
async fn the_administrator_sees_every_fact_of_an_account_that_was_put_up() {
    let house = House::new();
    house.admin(
        "ALTER USER MIGUEL_CLI ADD PAT T ROLE_RESTRICTION = 'MIGUEL_CLI_ROLE' COMMENT = 'it''s'; \
         ALTER USER SEC ADD PAT MINE; \
         CREATE USER ETL TYPE = LEGACY_SERVICE PASSWORD = 'x'",
    );

    let seen = house.seen_by_admin().await;

    assert_eq!((seen.acting.user.as_str(), seen.acting.role.as_str()), ("SEC", "ACCOUNTADMIN"));
    assert_eq!(seen.acting.address.as_deref(), Some("127.0.0.1"));
    assert_eq!(seen.acting.method.as_deref(), Some("KEYPAIR"));
    assert!(seen.acting.roles.contains("SECURITYADMIN"));
    assert!(known(&seen.acting.privileges).contains("MANAGE GRANTS ON ACCOUNT"));
    assert!(known(&seen.acting.privileges).contains("OWNERSHIP ON USER MIGUEL_CLI"));
    assert_eq!(known(&seen.schema).as_ref().expect("schema").owner, "ACCOUNTADMIN");

    let cli = user(&seen, "MIGUEL_CLI");
    let properties = known(&cli.properties);
    assert_eq!(properties.user_type.as_deref(), Some("SERVICE"));
    assert_eq!(properties.default_role.as_deref(), Some("MIGUEL_CLI_ROLE"));
    assert!(properties.no_secondary_roles && !known(&properties.has_password));
    assert_eq!(known(&cli.network_policy).as_deref(), Some("BROKER_NETWORK"));
    let policy = known(&cli.authentication_policy);
    assert_eq!(policy.policy.as_deref(), Some("PATD.POLICIES.PATD_TOKENS_ONLY"));
    assert_eq!(policy.set_on.as_deref(), Some("USER"));
    assert_eq!(known(&cli.grants).len(), 1);
    assert!(
        known(&cli.grants_on)["BROKER_ROLE"].contains("MODIFY PROGRAMMATIC AUTHENTICATION METHODS")
    );
    let [token] = known(&cli.tokens).as_slice() else { panic!("{:?}", cli.tokens) };
    assert_eq!((token.name.as_str(), token.comment.as_str()), ("T", "it's"));
    assert!(token.expires_at.is_some());

    let broker = known(&user(&seen, "BROKER").properties);
    assert_eq!(broker.key_fingerprints, [Some(house.key.fingerprint()), None]);
    let role = known(&seen.roles["MIGUEL_CLI_ROLE"]).as_ref().expect("role");
    assert!(known(&role.held_by_roles).contains("SYSADMIN"));
    assert!(known(&role.held_by_users).contains("MIGUEL_CLI"));
    assert!(known(&role.grants).iter().any(|grant| grant.name == "SNOWFLAKE.CORTEX_USER"));
    let rule = known(&seen.network_rule).as_ref().expect("rule");
    assert_eq!(known(&rule.values).iter().collect::<Vec<_>>(), ["127.0.0.0/8"]);
    let network = known(&seen.network_policy).as_ref().expect("network policy");
    assert!(
        known(&network.lists)["ALLOWED_NETWORK_RULE_LIST"]
            .contains("PATD.POLICIES.BROKER_NETWORK_INGRESS")
    );
    let policies = &seen.authentication_policies;
    let tokens_only = known(&policies["PATD.POLICIES.PATD_TOKENS_ONLY"]).as_ref().expect("policy");
    assert_eq!(tokens_only.properties["AUTHENTICATION_METHODS"], "[PROGRAMMATIC_ACCESS_TOKEN]");
    assert_eq!(policies["PATD.POLICIES.PATD_PERSONS"], Seen::Known(None));
    assert_eq!(known(&seen.scopes).persons, None);

    let persons = known(&seen.persons);
    assert_eq!(persons.keys().collect::<Vec<_>>(), ["ADMIN", "SEC"]);
    assert_eq!(known(&persons["SEC"].live_tokens).iter().collect::<Vec<_>>(), ["MINE"]);
    let others = known(&seen.other_services);
    assert_eq!(others.keys().collect::<Vec<_>>(), ["ETL"]);
    assert!(others["ETL"].methods.contains("PASSWORD"));
}

#[tokio::test]
async fn the_broker_sees_its_tokens_and_says_of_the_rest_what_would_show_it() {
    let house = House::new();

    let seen = observe(&house.as_broker(), &house.desired, Breadth::Resident).await;

    let seen = seen.expect("an observation");
    let cli = user(&seen, "MIGUEL_CLI");
    assert_eq!(known(&cli.tokens).len(), 0);
    assert_eq!(known(&cli.key_pairs).len(), 0);
    assert_eq!(
        known(&cli.authentication_policy).policy.as_deref(),
        Some("PATD.POLICIES.PATD_TOKENS_ONLY")
    );
    assert_eq!(hidden(&seen.scopes), "APPLY AUTHENTICATION POLICY ON ACCOUNT");
    assert_eq!(hidden(&seen.persons), "a reading of the whole account");
    assert_eq!(hidden(&seen.database), "MANAGE GRANTS ON ACCOUNT");
    assert_eq!(hidden(&seen.network_rule), "MANAGE GRANTS ON ACCOUNT");
    assert_eq!(hidden(&seen.network_policy), "MANAGE GRANTS ON ACCOUNT");
    let policy = &seen.authentication_policies["PATD.POLICIES.PATD_TOKENS_ONLY"];
    assert!(hidden(policy).contains("OWNERSHIP ON AUTHENTICATION POLICY"));
    assert_eq!(
        known(&seen.acting.privileges).iter().collect::<Vec<_>>(),
        [
            "MODIFY PROGRAMMATIC AUTHENTICATION METHODS ON USER BROKER",
            "MODIFY PROGRAMMATIC AUTHENTICATION METHODS ON USER MIGUEL_CLI",
        ]
    );
}

#[tokio::test]
async fn who_manages_grants_sees_what_is_there_but_not_inside_of_what_others_own() {
    let house = House::new();
    house.admin(&format!(
        "CREATE USER WATCH TYPE = SERVICE DEFAULT_SECONDARY_ROLES = () RSA_PUBLIC_KEY = '{}'; \
         GRANT ROLE SECURITYADMIN TO USER WATCH",
        house.key.public_key_body()
    ));
    let api = house.api("WATCH", "SECURITYADMIN");

    let seen = observe(&api, &house.desired, Breadth::Whole).await.expect("an observation");

    assert!(known(&seen.database).is_some());
    assert_eq!(seen.authentication_policies["PATD.POLICIES.PATD_PERSONS"], Seen::Known(None));
    let cli = user(&seen, "MIGUEL_CLI");
    assert!(known(&cli.properties).no_secondary_roles);
    assert!(hidden(&cli.tokens).contains("METHODS ON USER MIGUEL_CLI"), "grants show no tokens");
    let rule = known(&seen.network_rule).as_ref().expect("rule");
    assert!(hidden(&rule.values).contains("OWNERSHIP ON NETWORK RULE"));
    let network = known(&seen.network_policy).as_ref().expect("network policy");
    assert!(hidden(&network.lists).contains("OWNERSHIP ON NETWORK POLICY"));
    let persons = known(&seen.persons);
    assert!(hidden(&persons["ADMIN"].live_tokens).contains("CREDENTIALS"));
}

#[tokio::test]
async fn the_network_policy_of_the_account_is_seen_beside_the_users_own() {
    let house = House::new();
    assert_eq!(house.seen_by_admin().await.account_network_policy, Seen::Known(None));
    house.admin(
        "CREATE NETWORK POLICY OFFICE \
         ALLOWED_NETWORK_RULE_LIST = ('PATD.POLICIES.BROKER_NETWORK_INGRESS'); \
         ALTER ACCOUNT SET NETWORK_POLICY = OFFICE; ALTER USER MIGUEL_CLI UNSET NETWORK_POLICY",
    );

    let seen = house.seen_by_admin().await;

    assert_eq!(seen.account_network_policy, Seen::Known(Some("OFFICE".into())));
    assert_eq!(user(&seen, "MIGUEL_CLI").network_policy, Seen::Known(None));
    assert_eq!(known(&user(&seen, "BROKER").network_policy).as_deref(), Some("BROKER_NETWORK"));
}

#[tokio::test]
async fn looking_changes_nothing_and_two_looks_see_the_same() {
    let house = House::new();
    house.admin("ALTER USER SEC ADD PAT P MINS_TO_BYPASS_NETWORK_POLICY_REQUIREMENT = 60");
    let first = house.seen_by_admin().await;

    house.sim.advance(Duration::from_secs(1_800));
    let second = house.seen_by_admin().await;

    assert_eq!(first, second);
    assert_eq!(fingerprint(&first), fingerprint(&second));
    assert!(fingerprint(&first).chars().all(|c| c.is_ascii_hexdigit()));
    assert_eq!(fingerprint(&first).len(), 64);
    let asked = house.sim.queries().into_iter().filter(|query| query.user == "SEC");
    for query in asked {
        let words: Vec<&str> = query.text.split(' ').collect();
        assert!(matches!(words[0], "SHOW" | "DESCRIBE" | "SELECT"), "{}", query.text);
        assert!(query.error.is_none(), "{}: {:?}", query.text, query.error);
    }
}

#[tokio::test]
async fn each_change_somebody_makes_moves_the_fingerprint() {
    let house = House::new();
    let mut before = fingerprint(&house.seen_by_admin().await);
    for change in [
        "ALTER USER MIGUEL_CLI SET DISABLED = TRUE",
        "ALTER USER MIGUEL_CLI SET COMMENT = 'other'",
        "GRANT ROLE SYSADMIN TO USER MIGUEL_CLI",
        "GRANT ROLE MIGUEL_CLI_ROLE TO USER SEC",
        "ALTER NETWORK RULE PATD.POLICIES.BROKER_NETWORK_INGRESS SET VALUE_LIST = ('127.0.0.1')",
        "ALTER AUTHENTICATION POLICY PATD.POLICIES.PATD_TOKENS_ONLY SET PAT_POLICY = (MAX_EXPIRY_IN_DAYS = 9 DEFAULT_EXPIRY_IN_DAYS = 9)",
        "CREATE USER SOMEBODY",
        "ALTER USER SEC ADD PAT T",
        "ALTER ACCOUNT SET AUTHENTICATION POLICY PATD.POLICIES.PATD_KEY_ONLY FOR ALL SERVICE USERS",
        "ALTER USER MIGUEL_CLI UNSET NETWORK_POLICY",
        "ALTER ACCOUNT SET NETWORK_POLICY = BROKER_NETWORK",
    ] {
        house.admin(change);
        let after = fingerprint(&house.seen_by_admin().await);
        assert_ne!(before, after, "{change}");
        before = after;
    }
}

#[tokio::test]
async fn a_rotation_does_not_move_the_fingerprint_and_a_token_of_another_does() {
    let house = House::new();
    let ours = |verb: &str, host: &str, generation: u32| {
        let name = format!("PATD_{host}_G{generation}_FEDCBA");
        match verb {
            "ADD" => format!(
                "ALTER USER MIGUEL_CLI ADD PAT {name} ROLE_RESTRICTION = 'MIGUEL_CLI_ROLE' \
                 COMMENT = 'patd1 host={host} gen={generation} intent=FEDCBA'"
            ),
            _ => format!("ALTER USER MIGUEL_CLI REMOVE PAT {name}"),
        }
    };
    house.admin(&ours("ADD", "0A1B2C3D", 9));
    let before = fingerprint(&house.seen_by_admin().await);
    for step in
        [ours("ADD", "0A1B2C3D", 10), ours("REMOVE", "0A1B2C3D", 9), ours("ADD", "11223344", 1)]
    {
        house.admin(&step);
        let seen = house.seen_by_admin().await;
        assert_eq!(fingerprint(&seen), before, "{step}");
    }
    let seen = house.seen_by_admin().await;
    let tokens = known(&user(&seen, "MIGUEL_CLI").tokens);
    assert_eq!(tokens.len(), 2, "they are still seen: {tokens:?}");

    let mut before = before;
    for change in [
        "ALTER USER MIGUEL_CLI ADD PAT MINE ROLE_RESTRICTION = 'MIGUEL_CLI_ROLE'",
        "ALTER USER MIGUEL_CLI ADD PAT PATD_0A1B2C3D_G11_FEDCBA ROLE_RESTRICTION = 'MIGUEL_CLI_ROLE'",
        "ALTER USER MIGUEL_CLI MODIFY PAT PATD_0A1B2C3D_G10_FEDCBA SET DISABLED = TRUE",
        "ALTER USER MIGUEL_CLI ROTATE PAT PATD_11223344_G1_FEDCBA",
        "ALTER USER MIGUEL_CLI REMOVE PAT MINE",
    ] {
        house.admin(change);
        let after = fingerprint(&house.seen_by_admin().await);
        assert_ne!(after, before, "{change}");
        before = after;
    }
}

#[tokio::test]
async fn what_the_plan_put_up_needs_no_second_plan() {
    let house = House::new();

    let seen = house.seen_by_admin().await;
    let again = plan::plan(&house.desired, &seen, fingerprint(&seen)).expect("a plan");

    let left: Vec<&str> = again.steps.iter().map(|step| step.statement.as_str()).collect();
    assert_eq!(left, Vec::<&str>::new());
    assert!(!again.notes.iter().any(|note| note.stops_apply), "{:?}", again.notes);
}

#[tokio::test]
async fn a_hiccup_is_asked_about_again_and_an_outage_ends_the_observation() {
    let house = House::new();
    for hiccup in [Act::Status(503), Act::Status(429), Act::DropBeforeCommit] {
        house.sim.fault(Fault::next(On::Statement(StatementKind::Show), hiccup));
        let seen = observe(&house.as_broker(), &house.desired, Breadth::Resident).await;
        assert!(seen.is_ok(), "{seen:?}");
    }

    house.sim.fault(Fault::always(On::Statement(StatementKind::Desc), Act::Status(503)));
    let seen = observe(&house.as_admin(), &house.desired, Breadth::Resident).await;
    assert!(matches!(seen, Err(Failure::Unclear(_))), "{seen:?}");
}

#[tokio::test]
async fn a_column_that_is_not_as_it_was_ends_the_observation_with_its_name() {
    let house = House::new();
    house.sim.fault(Fault::always(On::Statement(StatementKind::ShowPats), Act::WrongColumns));

    let seen = observe(&house.as_broker(), &house.desired, Breadth::Resident).await;

    let Err(Failure::Unclear(why)) = seen else { panic!("{seen:?}") };
    assert!(why.contains("has no column"), "{why}");
    assert!(why.contains("SHOW USER PROGRAMMATIC ACCESS TOKENS"), "{why}");
}

#[tokio::test]
async fn a_login_that_is_refused_is_said_to_be_that() {
    let house = House::new();
    house.admin("ALTER USER BROKER UNSET RSA_PUBLIC_KEY");

    let seen = observe(&house.as_broker(), &house.desired, Breadth::Resident).await;

    let Err(Failure::Refused(refusal)) = seen else { panic!("{seen:?}") };
    assert_eq!(refusal.kind, RefusalKind::AdminLogin);
}

#[tokio::test]
async fn a_step_is_run_as_the_acting_role_and_one_that_gives_a_secret_is_not_sent() {
    let house = House::new();

    let ran = run(&house.as_admin(), "CREATE ROLE \"R\" COMMENT = 'PAT Broker'").await;
    assert_eq!(ran.expect("an answer").rows.len(), 1);
    let no = run(&house.as_broker(), "CREATE ROLE \"S\"").await;
    let Err(Failure::Refused(refusal)) = no else { panic!("{no:?}") };
    assert_eq!(refusal.kind, RefusalKind::Privilege);

    let secret = run(&house.as_admin(), "ALTER USER \"MIGUEL_CLI\" ADD PAT \"T\"").await;
    assert!(matches!(secret, Err(Failure::Refused(_))));
    assert_eq!(house.sim.tokens("MIGUEL_CLI").len(), 0);
}

#[tokio::test]
async fn many_persons_cost_two_questions_each() {
    let house = House::new();
    let made: Vec<String> =
        (0..120).map(|n| format!("CREATE USER P{n:03} TYPE = PERSON")).collect();
    house.admin(&made.join(";"));
    let before = house.sim.queries().len();

    let seen = house.seen_by_admin().await;

    assert_eq!(known(&seen.persons).len(), 122);
    let asked = house.sim.queries().len() - before;
    assert!((240..330).contains(&asked), "{asked}");
}
