//! `[provision]`: what the pattern is wanted to be.

use patd_config::BrokerKey;
use patd_core::names::{Account, Role};
use patd_core::pattern::desired::{
    Evaluation, Management, Network, Privilege, Source, TokenPolicy,
};
use patd_core::pattern::verify::Id;

use super::world::{ENTRY, MAIN, World};

#[test]
fn without_provision_the_pattern_has_its_documented_defaults() {
    let config = World::new().file("users.d/a.toml", ENTRY).load().unwrap();

    let desired = config.desired(&Account::new("MyOrg-My_Account"), None).unwrap();

    assert!(!config.provision[&desired.account].is_written);
    assert_eq!(desired.run_as, Role::new("ACCOUNTADMIN"));
    assert_eq!(
        (desired.home.database.as_str(), desired.home.schema.as_str()),
        ("PATD", "POLICIES")
    );
    let policy = "PATD_HOST1_NETWORK".to_owned();
    assert_eq!(desired.network, Network::Allow { policy, sources: vec![Source::AsSeen] });
    let (default_days, max_days, evaluation) = (7, 7, Evaluation::EnforcedRequired);
    let is_limit = false;
    assert_eq!(desired.tokens, TokenPolicy::Ours { default_days, max_days, is_limit, evaluation });
    assert!(desired.scopes.bar_persons && desired.scopes.admit_services);
    assert_eq!((&desired.broker.public_key, &desired.broker.key_fingerprint), (&None, &None));
    let user = &desired.users[0];
    assert_eq!((user.user.as_str(), user.role.as_str()), ("MIGUEL_CLI", "MIGUEL_CLI_ROLE"));
    assert_eq!((user.user_management, user.role_management), (Management::Ours, Management::Ours));
    assert!(!user.to_sysadmin && user.privileges.is_empty());
    assert_eq!(user.database_roles, [["SNOWFLAKE", "CORTEX_USER"].map(str::to_owned)]);
}

#[test]
fn what_provision_says_is_what_is_wanted() {
    let provision = r#"
[provision]
run_as = "SECURITYADMIN"
database = "GOVERNANCE"
schema = "POLICIES"
home = "existing"
network = ["as-seen", "198.51.100.0/24", "SNOWFLAKE.NETWORK_SECURITY.DBT_APAC_AWS", "as-seen"]
network_policy = "OURS"
network_evaluation = "enforced_not_required"
max_days_to_expiry = 90
bar_persons = false
admit_services = false
blocked_roles = ["ORGADMIN", "ACCOUNTADMIN"]
other_brokers = ["PATD_HOST2_ROLE"]
freeze_on = ["one-role"]
"#;
    let of_user = r#"
[provision]
user = "existing"
role = "ours"
to_sysadmin = true
privileges = ["SELECT ON TABLE DB.S.T", "USAGE ON WAREHOUSE WH"]
database_roles = []
"#;
    let entry = ENTRY.replace("[access]", "warehouse = \"wh\"\n[access]");
    let config = World::new()
        .file("patd.toml", &format!("{MAIN}{provision}"))
        .file("users.d/a.toml", &format!("{entry}{of_user}"))
        .load()
        .unwrap();

    let account = Account::new("MyOrg-My_Account");
    let key = BrokerKey { body: "MIIB".to_owned(), fingerprint: "SHA256:x".to_owned() };
    let desired = config.desired(&account, Some(key)).unwrap();

    assert_eq!(config.provision[&account].freeze_on, [Id::OneRole]);
    assert_eq!(desired.run_as, Role::new("SECURITYADMIN"));
    assert_eq!(desired.home.management, Management::Existing);
    let rule = ["SNOWFLAKE", "NETWORK_SECURITY", "DBT_APAC_AWS"].map(str::to_owned);
    let sources =
        vec![Source::Range("198.51.100.0/24".to_owned()), Source::Rule(rule), Source::AsSeen];
    assert_eq!(desired.network, Network::Allow { policy: "OURS".to_owned(), sources });
    let (default_days, max_days, evaluation) = (90, 90, Evaluation::EnforcedNotRequired);
    let is_limit = true;
    assert_eq!(desired.tokens, TokenPolicy::Ours { default_days, max_days, is_limit, evaluation });
    assert!(!desired.scopes.bar_persons && !desired.scopes.admit_services);
    let blocked = ["ACCOUNTADMIN", "ORGADMIN"].map(Role::new);
    assert_eq!(desired.scopes.blocked_roles, blocked);
    assert_eq!(desired.broker.other_roles, [Role::new("PATD_HOST2_ROLE")]);
    assert_eq!(desired.broker.public_key.as_deref(), Some("MIIB"));
    let user = &desired.users[0];
    assert_eq!(user.user_management, Management::Existing);
    assert!(user.to_sysadmin && user.database_roles.is_empty());
    let privileges: Vec<String> = user.privileges.iter().map(said).collect();
    assert_eq!(privileges, ["SELECT ON TABLE DB.S.T", "USAGE ON WAREHOUSE WH"]);
}

#[test]
fn a_policy_of_the_sites_own_is_named_and_not_made() {
    let provision =
        "[provision]\nnetwork_policy = \"CORP\"\nauthentication_policy = \"DB.S.TOKENS\"\n";
    let config = World::new().file("patd.toml", &format!("{MAIN}{provision}")).load().unwrap();

    let desired = config.desired(&Account::new("MyOrg-My_Account"), None).unwrap();

    assert_eq!(desired.network, Network::Existing { policy: "CORP".to_owned() });
    let name = ["DB", "S", "TOKENS"].map(str::to_owned);
    assert_eq!(desired.tokens, TokenPolicy::Existing(name));
}

#[test]
fn a_service_user_may_use_what_each_of_its_connections_names() {
    let defaults = "warehouse = \"wh\"\ndatabase = \"db\"\nschema = '\"My S\"'\n[access]";
    let other = ENTRY.replace("miguel_cli", "reports");
    let config = World::new()
        .file("users.d/a.toml", &ENTRY.replace("[access]", defaults))
        .file("users.d/b.toml", &other.replace("[access]", "warehouse = \"REPORTS\"\n[access]"))
        .load()
        .unwrap();

    let desired = config.desired(&Account::new("MyOrg-My_Account"), None).unwrap();

    let user = &desired.users[0];
    assert_eq!(user.warehouse.as_deref(), Some("WH"));
    let privileges: Vec<String> = user.privileges.iter().map(said).collect();
    let expected = [
        "USAGE ON DATABASE DB",
        "USAGE ON SCHEMA DB.My S",
        "USAGE ON WAREHOUSE REPORTS",
        "USAGE ON WAREHOUSE WH",
    ];
    assert_eq!(privileges, expected);
}

#[test]
fn the_longest_life_is_what_the_entries_need() {
    let entry = format!("{ENTRY}[token]\ndays_to_expiry = 30\n");
    let other = ENTRY.replace("miguel_cli", "other").replace("MIGUEL_CLI", "OTHER_CLI");
    let config =
        World::new().file("users.d/a.toml", &entry).file("users.d/b.toml", &other).load().unwrap();

    let desired = config.desired(&Account::new("MyOrg-My_Account"), None).unwrap();

    let TokenPolicy::Ours { max_days, .. } = desired.tokens else { panic!("not ours") };
    assert_eq!((max_days, desired.users.len()), (30, 2));
}

#[test]
fn of_an_account_that_is_not_configured_nothing_is_wanted() {
    let config = World::new().file("users.d/a.toml", ENTRY).load().unwrap();

    assert_eq!(config.desired(&Account::new("ELSEWHERE"), None), None);
}

fn said(privilege: &Privilege) -> String {
    format!("{} ON {} {}", privilege.privilege, privilege.on, privilege.name.join("."))
}
