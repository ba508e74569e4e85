//! What a good configuration means: the values, the defaults, what is inert, who owns it, what is not read.

#![expect(clippy::unwrap_used, reason = "a test's world that cannot be built fails the test")]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use patd_config::{BrokerKey, Config, ConfigErrors, KeySource, Owner, Sources, load};
use patd_core::names::{Account, Connection, Role, SlotId, User};
use patd_core::pattern::desired::{
    Evaluation, Management, Network, Privilege, Source, TokenPolicy,
};
use patd_core::pattern::verify::Id;
use patd_core::policy::{Delivery, Gate, Selector};
use tempfile::TempDir;

struct World {
    root: TempDir,
}

impl World {
    fn new() -> Self {
        let world = Self { root: tempfile::tempdir().unwrap() };
        for name in ["", "users.d", "accounts.d"] {
            fs::create_dir_all(world.dir().join(name)).unwrap();
            set_mode(&world.dir().join(name), 0o755);
        }
        world.file("patd.toml", MAIN)
    }

    fn dir(&self) -> PathBuf {
        self.root.path().canonicalize().unwrap().join("patd")
    }

    fn file(self, name: &str, text: &str) -> Self {
        let path = self.dir().join(name);
        fs::write(&path, text).unwrap();
        set_mode(&path, 0o644);
        self
    }

    fn load(&self) -> Result<Config, ConfigErrors> {
        load(&self.dir())
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn slot(account: &str, user: &str) -> SlotId {
    SlotId { account: Account::new(account), user: User::new(user) }
}

const MAIN: &str = r#"
[account]
name = "MyOrg-My_Account"
[admin]
user = "PATD_HOST1"
role = "PATD_HOST1_ROLE"
key = "systemd-credential:admin-key"
[store]
root_key = "file:/etc/patd/root-key"
"#;

const ENTRY: &str = r#"
connection = "miguel_cli"
user = "MIGUEL_CLI"
role = "MIGUEL_CLI_ROLE"
[access]
users = ["root"]
"#;

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
    assert_eq!(desired.tokens, TokenPolicy::Ours { default_days, max_days, evaluation });
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
    assert_eq!(desired.tokens, TokenPolicy::Ours { default_days, max_days, evaluation });
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

#[test]
fn a_configuration_without_entries_is_good() {
    let world = World::new();
    fs::remove_dir(world.dir().join("users.d")).unwrap();
    fs::remove_dir(world.dir().join("accounts.d")).unwrap();

    let config = world.load().unwrap();

    assert!(config.entries.is_empty() && config.accounts.len() == 1);
}

#[test]
fn what_package_managers_and_editors_leave_behind_is_not_read() {
    let world = World::new();
    let world = ["a.toml.dpkg-old", "b.toml~", ".c.toml", "README"]
        .iter()
        .fold(world, |world, name| world.file(&format!("users.d/{name}"), "not toml ["));

    assert!(world.load().unwrap().entries.is_empty());
}

#[test]
fn a_proxy_password_is_accepted_in_a_file_that_only_its_owner_reads() {
    let world = World::new().file(
        "patd.toml",
        &MAIN.replace("[admin]", "proxy = \"http://u:hush@proxy:3128\"\n[admin]"),
    );
    set_mode(&world.dir().join("patd.toml"), 0o600);

    let config = world.load().unwrap();

    let proxy = config.accounts.values().find_map(|account| account.proxy.as_deref());
    assert_eq!(proxy.unwrap().expose(), "http://u:hush@proxy:3128");
    let printed = format!("{config:?} {:?}", Sources::read(&world.dir()));
    assert!(printed.contains("proxy:3128") && !printed.contains("hush"), "{printed}");
}

#[test]
fn a_proxy_password_is_accepted_in_a_file_of_roots_that_a_group_of_roots_choice_reads() {
    let world = World::new().file(
        "patd.toml",
        &MAIN.replace("[admin]", "proxy = \"http://u:hush@proxy:3128\"\n[admin]"),
    );
    set_mode(&world.dir().join("patd.toml"), 0o640);

    let loaded = world.load();

    // Whoever runs this owns the file: a group of anybody else's choice is refused.
    assert_eq!(loaded.is_ok(), nix::unistd::geteuid().is_root(), "{:?}", loaded.err());
}

#[test]
fn files_of_an_owner_who_is_not_trusted_are_refused() {
    let world = World::new().file("users.d/a.toml", ENTRY);
    let own = nix::unistd::geteuid();
    if own.is_root() {
        let file = world.dir().join("users.d/a.toml");
        nix::unistd::chown(&file, Some(4242.into()), None).unwrap();
    }

    let refused = Sources::read_trusting(&world.dir(), &[]).check().unwrap_err();

    assert!(refused.to_string().contains("who is not trusted here"), "{refused}");
}

#[test]
fn the_owner_is_root_only_if_every_file_is_roots() {
    let world = World::new().file("users.d/a.toml", ENTRY);
    let is_root = nix::unistd::geteuid().is_root();
    let expected = if is_root { Owner::Root } else { Owner::OwnUid };

    assert_eq!(world.load().unwrap().owner, expected);

    if is_root {
        let file = world.dir().join("users.d/a.toml");
        nix::unistd::chown(&file, Some(4242.into()), None).unwrap();
        let config = Sources::read_trusting(&world.dir(), &[4242]).check().unwrap();
        assert_eq!(config.owner, Owner::OwnUid);
    }
}

#[test]
fn an_entry_can_be_tried_before_it_is_written() {
    let world = World::new().file("users.d/a.toml", ENTRY);
    let sources = Sources::read(&world.dir());
    let path = sources.entry_path("other");

    let with = sources.clone().with_entry(&path, &ENTRY.replace("miguel_cli", "other")).check();
    let twice = sources.clone().with_entry(&path, ENTRY).check().unwrap_err();
    let without = sources.clone().without_entry(&world.dir().join("users.d/a.toml")).check();

    assert_eq!(with.unwrap().connections.len(), 2);
    assert!(twice.faults[0].what.contains("has an entry already"));
    assert!(without.unwrap().connections.is_empty());
    assert_eq!(sources.entry_of("miguel_cli"), Some(world.dir().join("users.d/a.toml")));
    assert_eq!(sources.entry_of("other"), None);
}

#[test]
fn every_example_that_is_shipped_is_good() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging/examples");
    let mut names = Vec::new();
    let examples = fs::read_dir(examples).unwrap().map(|entry| entry.unwrap().path());
    // The others are files of other programs.
    for example in examples.filter(|example| example.join("patd.toml").exists()) {
        let world = World::new();
        fs::remove_file(world.dir().join("patd.toml")).unwrap();
        copy(&example, &world.dir());

        let config =
            world.load().unwrap_or_else(|faults| panic!("{}:\n{faults}", example.display()));

        assert!(!config.entries.is_empty(), "{}", example.display());
        names.push(example.file_name().unwrap().to_owned());
    }
    names.sort();
    assert_eq!(names, ["ci", "minimal", "one-program", "pattern", "per-user", "several-accounts"]);
}

/// As a package or a person would install it: the modes of a work tree say nothing.
fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).unwrap();
            set_mode(&target, 0o644);
        }
    }
}
