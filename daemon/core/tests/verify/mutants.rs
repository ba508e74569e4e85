//! One wrong fact, one failed check: the good account with a single thing changed, for every check there is.

use std::collections::BTreeSet;

use patd_core::pattern::observed::Seen;
use patd_core::pattern::verify::{Attempt, Id, Outcome};

use crate::world::{
    BROKER, BROKER_ROLE, MINT, ROLE, USER, World, effective, grant, in_home, known, person, texts,
};

const OF_USER: &str = "user MIGUEL_CLI";
const OF_BROKER: &str = "broker PATD_HOST1";
const OF_NETWORK: &str = "network policy PATD_HOST1_NETWORK";
const OF_ACCOUNT: &str = "account";

type Change = fn(&mut World);

#[test]
fn a_good_account_passes_every_check() {
    let checks = World::good().checks();

    for check in &checks {
        assert_eq!(check.outcome, Outcome::Passed, "{check:?}");
        assert!(!check.evidence.is_empty() && check.next_step.is_empty(), "{check:?}");
    }
    let made: BTreeSet<&str> = checks.iter().map(|check| check.id.as_str()).collect();
    let known: BTreeSet<&str> = Id::ALL.iter().map(|id| id.as_str()).collect();
    assert_eq!(made, known);
}

#[test]
fn one_wrong_fact_fails_exactly_its_check() {
    for (at, &(id, subject, change)) in mutants().iter().enumerate() {
        let mut world = World::good();
        change(&mut world);

        let wanted = BTreeSet::from([(id.as_str().to_owned(), subject.to_owned())]);
        assert_eq!(world.failed(), wanted, "mutant {at} of {id:?}");
        assert!(world.not_checked().is_empty(), "mutant {at} of {id:?}: {:?}", world.not_checked());
        let check = world.check(id.as_str(), subject);
        assert!(!check.evidence.is_empty() && !check.next_step.is_empty(), "{check:?}");
    }
}

/// Bare, they ask with the daemon's credential, which can usually manage tokens and nothing else.
#[test]
fn whoever_is_sent_to_plan_and_apply_is_told_with_whose_session() {
    let mut sent = 0;
    for (id, subject, change) in mutants() {
        let mut world = World::good();
        change(&mut world);

        let next = world.check(id.as_str(), subject).next_step.clone();
        if next.contains("patctl apply") {
            sent += 1;
            assert!(next.contains("--as USER --key-file FILE or --via snow"), "{next}");
        }
    }
    assert!(sent > 10, "{sent}");
}

#[test]
fn a_broker_without_its_grant_is_named_with_the_users_that_it_lacks() {
    let mut world = World::good();
    let (id, subject, lose) = of_broker()
        .into_iter()
        .find(|(id, ..)| *id == Id::BrokerManages)
        .expect("a broker that lost a grant");
    lose(&mut world);

    let evidence = &world.check(id.as_str(), subject).evidence;
    assert!(evidence.contains("may not manage the tokens of "), "{evidence}");
}

#[test]
fn every_check_has_a_mutant_that_fails_it() {
    let tried: BTreeSet<Id> = mutants().into_iter().map(|(id, ..)| id).collect();

    assert_eq!(tried, Id::ALL.into_iter().collect());
}

#[test]
fn each_id_is_read_as_it_is_written_and_written_once() {
    let written: BTreeSet<&str> = Id::ALL.iter().map(|id| id.as_str()).collect();

    assert_eq!(written.len(), Id::ALL.len());
    for id in Id::ALL {
        assert_eq!(Id::read(id.as_str()), Some(id));
    }
    assert_eq!(Id::read("one_role"), None);
}

fn mutants() -> Vec<(Id, &'static str, Change)> {
    let families = [of_properties(), of_grants(), of_tokens(), of_role(), of_network()];
    let more = [of_policies(), of_account(), of_broker(), of_logins()];
    families.into_iter().chain(more).flatten().collect()
}

fn of_properties() -> Vec<(Id, &'static str, Change)> {
    vec![
        (Id::UserExists, OF_USER, |w| {
            w.observed.users.insert(USER.into(), Seen::Known(None));
        }),
        (Id::ServiceType, OF_USER, |w| {
            w.properties(USER).user_type = Some("LEGACY_SERVICE".into())
        }),
        (Id::ServiceType, OF_USER, |w| w.properties(USER).user_type = Some("PERSON".into())),
        (Id::ServiceType, OF_BROKER, |w| w.properties(BROKER).user_type = None),
        (Id::Enabled, OF_USER, |w| w.properties(USER).disabled = true),
        (Id::DefaultRole, OF_USER, |w| w.properties(USER).default_role = None),
        (Id::DefaultRole, OF_USER, |w| w.properties(USER).default_role = Some("PUBLIC".into())),
        (Id::NoSecondaryRoles, OF_USER, |w| w.properties(USER).no_secondary_roles = false),
        (Id::NoPassword, OF_USER, |w| w.properties(USER).has_password = Seen::Known(true)),
        (Id::NoPassword, OF_BROKER, |w| w.properties(BROKER).has_password = Seen::Known(true)),
        (Id::NoKeyPair, OF_USER, |w| w.properties(USER).key_fingerprints[0] = Some("S".into())),
        (Id::NoKeyPair, OF_USER, |w| w.properties(USER).key_fingerprints[1] = Some("S".into())),
        (Id::NoKeyPair, OF_USER, |w| {
            known(&mut w.user(USER).key_pairs).insert("BACK_DOOR".into());
        }),
        (Id::NoWorkloadIdentity, OF_USER, |w| {
            w.properties(USER).has_workload_identity = Seen::Known(true)
        }),
    ]
}

fn of_grants() -> Vec<(Id, &'static str, Change)> {
    vec![
        (Id::OneRole, OF_USER, |w| {
            known(&mut w.user(USER).grants).insert(grant("USAGE", "ROLE", "SYSADMIN"));
        }),
        (Id::OneRole, OF_USER, |w| known(&mut w.user(USER).grants).clear()),
        (Id::OneRole, OF_USER, |w| {
            // A look-alike: the case differs.
            let look_alike = grant("USAGE", "ROLE", "Miguel_Cli_Role");
            *known(&mut w.user(USER).grants) = BTreeSet::from([look_alike]);
        }),
        (Id::OneRole, OF_BROKER, |w| {
            known(&mut w.user(BROKER).grants).insert(grant("USAGE", "ROLE", "SECURITYADMIN"));
        }),
        (Id::NoDirectPrivilege, OF_USER, |w| {
            known(&mut w.user(USER).grants).insert(grant("SELECT", "TABLE", "D.S.T"));
        }),
        (Id::NoDirectPrivilege, OF_USER, |w| {
            let direct = grant("USAGE", "DATABASE_ROLE", "DATA.WRITER");
            known(&mut w.user(USER).grants).insert(direct);
        }),
        (Id::Minters, OF_USER, |w| {
            known(&mut w.user(USER).grants_on).insert("HELPDESK".into(), texts(&[MINT]));
        }),
        (Id::Minters, OF_USER, |w| w.desired.broker.other_roles.clear()),
        (Id::Minters, OF_USER, |w| {
            known(&mut w.user(USER).grants_on).insert(ROLE.into(), texts(&["OWNERSHIP"]));
        }),
        (Id::Minters, OF_USER, |w| {
            known(&mut w.user(USER).grants_on).insert("USER CAROL".into(), texts(&["IMPERSONATE"]));
        }),
    ]
}

fn of_tokens() -> Vec<(Id, &'static str, Change)> {
    vec![
        (Id::TokensRestricted, OF_USER, |w| w.token().role = None),
        (Id::TokensRestricted, OF_USER, |w| {
            // Disabled is not gone: it can be enabled again.
            let token = w.token();
            (token.role, token.status) = (None, "DISABLED".into());
        }),
        (Id::TokensOfTheRole, OF_USER, |w| w.token().role = Some("SYSADMIN".into())),
        (Id::NoForeignToken, OF_USER, |w| w.token().name = "BY_HAND".into()),
        (Id::NoForeignToken, OF_USER, |w| w.token().comment = String::new()),
        (Id::NoForeignToken, OF_USER, |w| {
            // The name is ours, the comment is of another generation.
            w.token().comment = "patd1 host=0A1B2C3D gen=4 intent=FEDCBA".into();
        }),
        (Id::NoForeignToken, OF_USER, |w| {
            w.token().name = "PATD_0A1B2C3D_G3_FEDCBA_ROTATED_1744239049066".into();
        }),
    ]
}

fn of_role() -> Vec<(Id, &'static str, Change)> {
    vec![
        (Id::RoleExists, OF_USER, |w| {
            w.observed.roles.insert(ROLE.into(), Seen::Known(None));
        }),
        (Id::RoleCannotMint, OF_USER, |w| {
            w.grant_to_role(ROLE, grant("MANAGE GRANTS", "ACCOUNT", "MYACCOUNT"));
        }),
        (Id::RoleCannotMint, OF_USER, |w| w.grant_to_role(ROLE, grant(MINT, "USER", USER))),
        (Id::RoleCannotMint, OF_USER, |w| {
            w.grant_to_role(ROLE, grant("OWNERSHIP", "AUTHENTICATION_POLICY", "PATD.POLICIES.X"));
        }),
        (Id::RoleInheritsNothing, OF_USER, |w| {
            w.grant_to_role(ROLE, grant("USAGE", "ROLE", "ANALYST"));
        }),
        (Id::RoleNothingMore, OF_USER, |w| {
            w.grant_to_role(ROLE, grant("INSERT", "TABLE", "D.S.T"));
        }),
        (Id::RoleNothingMore, OF_USER, |w| {
            w.grant_to_role(ROLE, grant("USAGE", "DATABASE_ROLE", "DATA.WRITER"));
        }),
        (Id::RoleNothingMore, OF_USER, |w| {
            w.grant_to_role(ROLE, grant("MONITOR USAGE", "ACCOUNT", "MYACCOUNT"));
        }),
        (Id::RoleAsDeclared, OF_USER, |w| {
            known(&mut w.role(ROLE).grants).remove(&grant("SELECT", "TABLE", "D.S.T"));
        }),
        (Id::RoleAsDeclared, OF_USER, |w| {
            let declared = grant("USAGE", "DATABASE_ROLE", "DATA.READER");
            known(&mut w.role(ROLE).grants).remove(&declared);
        }),
        (Id::RoleHolders, OF_USER, |w| {
            known(&mut w.role(ROLE).held_by_users).insert("CAROL".into());
        }),
        (Id::RoleHolders, OF_USER, |w| {
            known(&mut w.role(ROLE).held_by_roles).insert("ANALYST".into());
        }),
        (Id::RoleHolders, OF_USER, |w| w.desired.users[0].to_sysadmin = false),
        (Id::ReachesCortex, OF_USER, |w| {
            let cortex = grant("USAGE", "DATABASE_ROLE", "SNOWFLAKE.CORTEX_USER");
            known(&mut w.role(ROLE).grants).remove(&cortex);
        }),
    ]
}

fn of_network() -> Vec<(Id, &'static str, Change)> {
    vec![
        (Id::NetworkPolicy, OF_USER, |w| w.user(USER).network_policy = Seen::Known(None)),
        (Id::NetworkPolicy, OF_USER, |w| {
            w.user(USER).network_policy = Seen::Known(Some("OPEN".into()));
        }),
        (Id::NetworkPolicy, OF_BROKER, |w| w.user(BROKER).network_policy = Seen::Known(None)),
        (Id::NetworkSources, OF_NETWORK, |w| w.observed.network_policy = Seen::Known(None)),
        (Id::NetworkSources, OF_NETWORK, |w| w.observed.network_rule = Seen::Known(None)),
        (Id::NetworkSources, OF_NETWORK, |w| rule_values(w, &["198.51.100.0/24"])),
        (Id::NetworkSources, OF_NETWORK, |w| {
            rule_values(w, &["198.51.100.0/24", "192.0.2.7", "0.0.0.0/0"]);
        }),
        (Id::NetworkSources, OF_NETWORK, |w| {
            let rule = known(&mut w.observed.network_rule).as_mut().unwrap();
            rule.mode = "EGRESS".into();
        }),
        (Id::NetworkSources, OF_NETWORK, |w| {
            let policy = known(&mut w.observed.network_policy).as_mut().unwrap();
            let lists = known(&mut policy.lists);
            lists.insert("ALLOWED_IP_LIST".into(), texts(&["0.0.0.0/0"]));
        }),
        (Id::NetworkSources, OF_NETWORK, |w| {
            let policy = known(&mut w.observed.network_policy).as_mut().unwrap();
            let rules = known(&mut policy.lists).get_mut("ALLOWED_NETWORK_RULE_LIST").unwrap();
            rules.insert("SITE.NET.EVERYWHERE".into());
        }),
    ]
}

fn rule_values(world: &mut World, values: &[&str]) {
    let rule = known(&mut world.observed.network_rule).as_mut().unwrap();
    rule.values = Seen::Known(texts(values));
}

fn of_policies() -> Vec<(Id, &'static str, Change)> {
    const TOKENS: &str = "PATD_TOKENS_ONLY";
    vec![
        (Id::TokenPolicy, OF_USER, |w| {
            w.user(USER).authentication_policy = Seen::Known(effective("TOKENS_OF_OLD", "USER"));
        }),
        (Id::TokenPolicy, OF_USER, |w| {
            // The same policy, but the account's: the next change of the account takes it away.
            w.user(USER).authentication_policy = Seen::Known(effective(TOKENS, "ACCOUNT"));
        }),
        (Id::TokensOnly, OF_USER, |w| {
            w.reword(TOKENS, "AUTHENTICATION_METHODS", "[", "[KEYPAIR, ");
        }),
        (Id::TokensOnly, OF_USER, |w| {
            w.reword(TOKENS, "AUTHENTICATION_METHODS", "PROGRAMMATIC_ACCESS_TOKEN", "ALL");
        }),
        (Id::RestrictionRequired, OF_USER, |w| {
            w.reword(TOKENS, "PAT_POLICY", "SERVICE_USERS=true", "SERVICE_USERS=false");
        }),
        (Id::TokenLife, OF_USER, |w| {
            w.reword(TOKENS, "PAT_POLICY", "MAX_EXPIRY_IN_DAYS=7", "MAX_EXPIRY_IN_DAYS=365");
        }),
        (Id::TokenLife, OF_USER, |w| {
            w.reword(TOKENS, "PAT_POLICY", "DEFAULT_EXPIRY_IN_DAYS=7", "DEFAULT_EXPIRY_IN_DAYS=1");
        }),
        (Id::NetworkEnforced, OF_USER, |w| {
            w.reword(TOKENS, "PAT_POLICY", "ENFORCED_REQUIRED", "ENFORCED_NOT_REQUIRED");
        }),
        (Id::NetworkEnforced, OF_USER, |w| {
            w.reword(TOKENS, "PAT_POLICY", "ENFORCED_REQUIRED", "NOT_ENFORCED");
        }),
    ]
}

fn of_account() -> Vec<(Id, &'static str, Change)> {
    vec![
        (Id::PersonsPolicy, OF_ACCOUNT, |w| known(&mut w.observed.scopes).persons = None),
        (Id::ServicesPolicy, OF_ACCOUNT, |w| {
            known(&mut w.observed.scopes).services = Some(in_home("SERVICES_OF_OLD"));
        }),
        (Id::ServicesPolicy, OF_ACCOUNT, |w| {
            w.reword("PATD_SERVICES", "AUTHENTICATION_METHODS", "KEYPAIR, ", "");
        }),
        (Id::BlockedRoles, OF_USER, |w| {
            w.reword("PATD_TOKENS_ONLY", "PAT_POLICY", "[ACCOUNTADMIN]", "[ORGADMIN]");
        }),
        (Id::BlockedRoles, OF_ACCOUNT, |w| {
            w.reword("PATD_SERVICES", "PAT_POLICY", "[ACCOUNTADMIN]", "[]");
        }),
        (Id::PersonsBarred, OF_ACCOUNT, |w| {
            w.persons().insert("DAVE".into(), person("ANYTHING", "USER"));
        }),
        (Id::PersonsBarred, OF_ACCOUNT, |w| {
            w.reword("PATD_PERSONS", "AUTHENTICATION_METHODS", "[", "[PROGRAMMATIC_ACCESS_TOKEN, ");
        }),
        (Id::PersonsBarred, OF_ACCOUNT, |w| {
            // Nothing attached at all: Snowflake's own policy admits every method.
            let carol = w.persons().get_mut("CAROL").unwrap();
            let effective = known(&mut carol.policy);
            (effective.policy, effective.set_on) = (None, Some("SYSTEM".into()));
        }),
        (Id::PersonsTokens, OF_ACCOUNT, |w| {
            let carol = w.persons().get_mut("CAROL").unwrap();
            carol.live_tokens = Seen::Known(texts(&["MY_PAT"]));
        }),
    ]
}

fn of_broker() -> Vec<(Id, &'static str, Change)> {
    vec![
        (Id::UserExists, OF_BROKER, |w| {
            w.observed.users.insert(BROKER.into(), Seen::Known(None));
        }),
        (Id::RoleExists, OF_BROKER, |w| {
            w.observed.roles.insert(BROKER_ROLE.into(), Seen::Known(None));
        }),
        (Id::BrokerKeyOnly, OF_BROKER, |w| {
            w.user(BROKER).authentication_policy = Seen::Known(effective("KEY_OF_OLD", "USER"));
        }),
        (Id::BrokerKeyOnly, OF_BROKER, |w| {
            w.reword("PATD_KEY_ONLY", "AUTHENTICATION_METHODS", "]", ", PASSWORD]");
        }),
        (Id::BrokerOneKey, OF_BROKER, |w| {
            w.properties(BROKER).key_fingerprints[1] = Some("SHA256:another".into());
        }),
        (Id::BrokerOneKey, OF_BROKER, |w| {
            w.properties(BROKER).key_fingerprints[0] = Some("SHA256:another".into());
        }),
        (Id::BrokerOneKey, OF_BROKER, |w| {
            known(&mut w.user(BROKER).key_pairs).insert("SPARE".into());
        }),
        (Id::BrokerNoToken, OF_BROKER, |w| {
            let token = w.token().clone();
            known(&mut w.user(BROKER).tokens).push(token);
        }),
        (Id::BrokerManages, OF_BROKER, |w| {
            known(&mut w.role(BROKER_ROLE).grants).remove(&grant(MINT, "USER", USER));
        }),
        (Id::BrokerLeast, OF_BROKER, |w| {
            w.grant_to_role(BROKER_ROLE, grant(MINT, "USER", "SOMEBODY_ELSE"));
        }),
        (Id::BrokerLeast, OF_BROKER, |w| {
            w.grant_to_role(BROKER_ROLE, grant("OWNERSHIP", "USER", USER));
        }),
        (Id::BrokerLeast, OF_BROKER, |w| {
            w.grant_to_role(BROKER_ROLE, grant("USAGE", "ROLE", "SECURITYADMIN"));
        }),
        (Id::RoleHolders, OF_BROKER, |w| {
            known(&mut w.role(BROKER_ROLE).held_by_roles).insert("SYSADMIN".into());
        }),
    ]
}

fn of_logins() -> Vec<(Id, &'static str, Change)> {
    let accepted: Vec<(Id, &'static str, Change)> = vec![
        (Id::NoRoleSwitch, OF_USER, |w| {
            w.logins[0].role_switch = Attempt::Accepted("PUBLIC".into());
        }),
        (Id::NoSecondarySwitch, OF_USER, |w| {
            w.logins[0].secondary_switch = Attempt::Accepted("ANALYST,PUBLIC".into());
        }),
        (Id::NoOtherRoleLogin, OF_USER, |w| {
            w.logins[0].other_role_login = Attempt::Accepted("PUBLIC".into());
        }),
    ];
    let shown: Vec<(Id, &'static str, Change)> = vec![
        (Id::LoginUser, OF_USER, |w| w.logins[0].current_user = BROKER.into()),
        (Id::LoginRole, OF_USER, |w| w.logins[0].current_role = "PUBLIC".into()),
        (Id::LoginNoSecondaryRoles, OF_USER, |w| {
            w.logins[0].secondary_roles = vec!["ANALYST".into()];
        }),
    ];
    accepted.into_iter().chain(shown).collect()
}
