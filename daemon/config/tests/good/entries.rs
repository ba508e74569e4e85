//! Accounts and entries: values, defaults, and what makes an entry inert.

use patd_config::KeySource;
use patd_core::names::{Account, Connection, Role};
use patd_core::policy::{Delivery, Gate, Selector};

use super::world::{ENTRY, MAIN, World, slot};

#[test]
fn what_is_not_written_has_its_documented_default() {
    let config = World::new().file("users.d/a.toml", ENTRY).load().unwrap();

    let account = &config.accounts[&Account::new("MyOrg-My_Account")];
    assert_eq!(account.host, "myorg-my-account.snowflakecomputing.com");
    assert_eq!((account.port, account.tls, account.explicit_endpoint), (443, true, false));
    assert_eq!((&account.ca_file, &account.proxy), (&None, &None));
    assert_eq!(config.root_key, KeySource::File("/etc/patd/root-key".into()));
    assert!(!config.audit_strict);

    let id = slot("MyOrg-My_Account", "MIGUEL_CLI");
    let tokens = &config.slots[&id];
    assert_eq!(tokens.role, Role::new("MIGUEL_CLI_ROLE"));
    assert_eq!((tokens.days_to_expiry, tokens.drain_min, tokens.drain_max), (7, 120, 86_400));

    let connection = &config.connections[&Connection::new("miguel_cli")];
    assert_eq!(connection.slot, id);
    assert!(!connection.token_form && !connection.keep_connections && connection.env.is_empty());

    let entry = &config.entries[0];
    assert_eq!(entry.any_of, [Selector::Uid(0)]);
    assert_eq!((&entry.deliver[..], entry.gate), (&[Delivery::Home][..], Gate::Preferred));
    assert!(config.inert.is_empty());
}

#[test]
fn what_is_written_is_what_is_loaded() {
    let world = World::new()
        .file(
            "patd.toml",
            &format!(
                "audit = \"strict\"\nadmin_group = \"root\"\ngate_group = \"root\"\n{}",
                MAIN.replace(
                    "[admin]",
                    "host = \"LOCALHOST\"\nport = 8085\nprotocol = \"http\"\n[admin]"
                )
            ),
        )
        .file(
            "users.d/a.toml",
            r#"
connection = "miguel_cli"
account = "MYORG-MY_ACCOUNT"
user = '"miguel@cli"'
role = "R"
warehouse = "wh"
database = '"My Db"'
schema = "PUBLIC"
entry_form = "token"
keep_connections = true
env = { SNOWFLAKE_PASSWORD = "secret", SNOWFLAKE_WAREHOUSE = "warehouse" }
[token]
days_to_expiry = 365
drain_min_seconds = 1
drain_max_seconds = 1
[access]
users = ["root", 4711]
groups = ["root", 815]
units = ["nightly.service"]
deliver = ["env", "home"]
gate = "required"
"#,
        );

    let config = world.load().unwrap();

    let account = &config.accounts[&Account::new("MyOrg-My_Account")];
    assert_eq!((account.host.as_str(), account.port, account.tls), ("localhost", 8085, false));
    assert!(account.explicit_endpoint && config.audit_strict);
    assert_eq!((config.admin_group, config.gate_gid), (Some(0), Some(0)));
    let id = slot("MyOrg-My_Account", "miguel@cli");
    let tokens = &config.slots[&id];
    assert_eq!((tokens.days_to_expiry, tokens.drain_min, tokens.drain_max), (365, 1, 1));
    let connection = &config.connections[&Connection::new("miguel_cli")];
    assert_eq!(connection.database.as_deref(), Some("\"My Db\""));
    assert_eq!(connection.env["SNOWFLAKE_WAREHOUSE"], "warehouse");
    assert!(connection.token_form && connection.keep_connections);
    let entry = &config.entries[0];
    let unit = Selector::Unit("nightly.service".to_owned());
    let (uids, gids) =
        ([Selector::Uid(0), Selector::Uid(4711)], [Selector::Gid(0), Selector::Gid(815)]);
    assert_eq!(entry.any_of, [&uids[..], &gids[..], &[unit]].concat());
    assert_eq!(
        (&entry.deliver[..], entry.gate),
        (&[Delivery::Env, Delivery::Home][..], Gate::Required)
    );
}

#[test]
fn an_account_that_does_not_exist_yet_makes_its_entry_inert_and_no_other() {
    let world = World::new()
        .file("users.d/a.toml", ENTRY)
        .file(
            "users.d/b.toml",
            &ENTRY.replace("miguel_cli", "ghost").replace("\"root\"", "\"no-such-account\""),
        )
        .file(
            "users.d/c.toml",
            &ENTRY
                .replace("miguel_cli", "half")
                .replace("users = [\"root\"]", "users = [\"root\"]\ngroups = [\"no-such-group\"]"),
        );

    let config = world.load().unwrap();

    let of =
        |name: &str| config.entries.iter().find(|entry| entry.connection.as_str() == name).unwrap();
    assert_eq!(of("miguel_cli").any_of, [Selector::Uid(0)]);
    assert_eq!(of("ghost").any_of, []);
    assert_eq!(of("half").any_of, [Selector::Uid(0)]);
    let inert: Vec<_> = config
        .inert
        .iter()
        .map(|inert| (inert.connection.as_str(), inert.reason.as_str()))
        .collect();
    assert_eq!(
        inert,
        [
            ("ghost", "there is no local user \"no-such-account\""),
            ("half", "there is no local group \"no-such-group\""),
        ]
    );
    assert!(config.inert[0].next_step.contains("users.d/b.toml:6"));
}

#[test]
fn programs_that_an_entry_names_are_loaded_and_each_that_cannot_run_is_told() {
    let text = ENTRY.replace(
        "[access]",
        "[access]\ngate = \"required\"\nrate_per_minute = 10\n\
         targets = [\"/no/such/tool\", \"/bin/../x\"]",
    );
    let bad = World::new().file("users.d/a.toml", &text).load();
    assert!(bad.unwrap_err().to_string().contains("no path of a program"));

    let world = World::new()
        .file("patd.toml", &format!("gate_group = \"root\"\n{MAIN}"))
        .file("users.d/a.toml", &text.replace(", \"/bin/../x\"", ""));
    let config = world.load().unwrap();

    let targets: Vec<_> = config.entries[0].targets.iter().map(|target| target.as_str()).collect();
    assert_eq!(targets, ["/no/such/tool"]);
    assert_eq!(config.connections[&Connection::new("miguel_cli")].rate_per_minute, Some(10));
    assert_eq!(config.inert[0].reason, "its target /no: does not exist");
    assert!(config.inert[0].next_step.contains("reload"), "{}", config.inert[0].next_step);
}

#[test]
fn a_gate_that_is_required_and_missing_makes_the_entry_inert() {
    let config = World::new()
        .file("patd.toml", &format!("gate_group = \"no-such-group\"\n{MAIN}"))
        .file("users.d/a.toml", &format!("{ENTRY}gate = \"required\"\n"))
        .load()
        .unwrap();

    assert_eq!(config.gate_gid, None);
    assert_eq!(
        config.inert[0].reason,
        "it requires the gate, and there is no group \"no-such-group\""
    );
}

#[test]
fn entries_of_one_user_share_a_slot() {
    let config = World::new()
        .file("users.d/a.toml", ENTRY)
        .file(
            "users.d/b.toml",
            &format!("{}[token]\ndays_to_expiry = 30\n", ENTRY.replace("miguel_cli", "reports")),
        )
        .load()
        .unwrap();

    assert_eq!(config.slots.len(), 1);
    assert_eq!(config.slots.values().next().unwrap().days_to_expiry, 30);
    assert_eq!((config.connections.len(), config.entries.len()), (2, 2));
}
