//! `--via snow`: the real CLI of Snowflake as the session of `patctl plan` and `apply`, and as the reader of the
//! script that `plan --sql` prints. What it shows and does is what patctl's own login shows and does.
//! Covers promise P8 where the admin has no key but a session of their own.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use patd_snowflake::key::SigningKey;
use serde_json::Value;
use snowflake_sim::engine::AccountIdentity;
use snowflake_sim::{Options, Simulator};
use world::{World, own_name};

#[test]
fn snow_sees_what_our_own_login_sees_and_the_plan_is_the_same() {
    let admin = Admin::of(world());
    let bootstrapped = admin.world.patctl_ok(&["bootstrap", "--network-cidr", "127.0.0.0/8"]);
    admin.world.sim.admin_script(&bootstrapped).unwrap();

    let by_snow = admin.observed(admin.patctl(&["plan"]), "snow.json");
    let by_key = admin.observed(admin.patctl_with_key(&["plan"]), "key.json");

    assert_eq!(statements(&by_snow), statements(&by_key));
    for part in ["roles", "users", "network_rule", "network_policy", "scopes", "persons"] {
        assert_eq!(by_snow["observed"][part], by_key["observed"][part], "{part}");
    }
}

#[test]
fn apply_through_snow_brings_the_account_to_the_pattern() {
    let admin = Admin::of(world());

    let applied = ran(&mut admin.patctl(APPLY));
    let again = ran(&mut admin.patctl(APPLY));

    assert_eq!(applied.status.code(), Some(0), "{}", said(&applied));
    assert!(logins(&admin.world) < 12, "few of them, each may be a browser window");
    assert!(said(&again).contains("nothing to do"), "{}", said(&again));
    let with_key = ran(&mut admin.patctl_with_key(&["plan"]));
    assert_eq!(with_key.status.code(), Some(0), "{}", said(&with_key));
}

/// docs/recipes.md: admins with SSO only. The browser is a program that opens the page it is given, as a signed-in one does.
#[test]
fn an_admin_who_logs_in_by_a_browser_plans_and_applies() {
    let admin = Admin::of(world());
    let browser = Browser::of(&admin);

    let planned = ran(browser.opens(&mut admin.patctl(&["plan"])));
    let applied = ran(browser.opens(&mut admin.patctl(APPLY)));
    let windows = browser.windows();

    assert!(said(&planned).contains("2 need a confirmation"), "{}", said(&planned));
    assert_eq!(applied.status.code(), Some(0), "{}", said(&applied));
    let with_key = ran(&mut admin.patctl_with_key(&["plan"]));
    assert_eq!(with_key.status.code(), Some(0), "{}", said(&with_key));
    let logins = admin.world.sim.logins();
    let by_browser = logins.iter().filter(|login| login.first_factor == "SAML2_ASSERTION").count();
    assert!(windows == by_browser && (2..=16).contains(&windows), "{windows} {by_browser}");
    println!("{windows} browser windows for a plan and an apply");
}

#[test]
fn the_printed_script_run_by_snow_makes_the_same_account() {
    let admin = Admin::of(world());
    let script = admin.world.folder().join("plan.sql");
    let printed = ran(&mut admin.patctl(&["plan", "--sql"]));
    fs::write(&script, &printed.stdout).unwrap();

    let mut command = admin.environment(Command::new(snow()));
    let run = ran(command.args(["sql", "-c", "adm", "-f"]).arg(&script));

    assert!(run.status.success(), "{}", said(&run));
    let plan = ran(&mut admin.patctl_with_key(&["plan"]));
    assert_eq!(plan.status.code(), Some(0), "{}", said(&plan));
}

#[test]
fn a_refusal_is_said_in_snowflakes_words_with_what_is_done_and_left() {
    let admin = Admin::of(world());
    let role = "CREATE ROLE SMALL; GRANT MANAGE GRANTS ON ACCOUNT TO ROLE SMALL; \
                GRANT CREATE ROLE ON ACCOUNT TO ROLE SMALL; GRANT ROLE SMALL TO USER ADMIN";
    admin.world.sim.admin_script(role).unwrap();

    let stopped = ran(&mut admin.patctl(&[APPLY, &["--role", "SMALL", "--anyway"]].concat()));

    let said = said(&stopped);
    assert_eq!(stopped.status.code(), Some(1), "{said}");
    assert!(said.contains("003001") && said.contains("Insufficient privileges"), "{said}");
    assert!(said.contains("left: ") && said.contains("run patctl apply again"), "{said}");
    assert!(!said.contains('╭'), "without the frame around it: {said}");
}

#[test]
fn a_login_that_fails_runs_nothing_and_shows_no_password() {
    let admin = Admin::of(world());
    admin.connection(&admin.world, "another-password");

    let failed = ran(&mut admin.patctl(&["plan"]));

    assert_eq!(failed.status.code(), Some(1), "{}", said(&failed));
    assert!(said(&failed).contains("snow could not log in"), "{}", said(&failed));
    assert!(!said(&failed).contains("another-password"));
}

#[test]
fn a_connection_of_another_account_is_refused_by_every_verb_before_anything_is_run() {
    let admin = Admin::of(world());
    let password = format!("ALTER USER ADMIN SET PASSWORD = '{PASSWORD}'");
    let dev = AccountIdentity { name: "DEV".into(), locator: "DEV1".into(), ..<_>::default() };
    let dev = Simulator::start(Options { account: dev, ..Options::default() }).unwrap();
    dev.admin_script(&password).unwrap();
    let manifest = admin.world.folder().join("pattern.json");
    let exported = ran(&mut admin.patctl(&["manifest", "export"]));
    assert_eq!(exported.status.code(), Some(0), "{}", said(&exported));
    fs::write(&manifest, &exported.stdout).unwrap();
    admin.connection_to("MYORG-DEV", dev.port(), PASSWORD);
    let before = standing(&dev);
    let configured = fs::read_dir(admin.world.config().join("users.d")).unwrap().count();

    let me = own_name();
    let adopt = ["adopt", "x", "--user", "ADMIN", "--token-role", "R", "--for", &me];
    let replay = ["manifest", "replay", manifest.to_str().unwrap(), "--yes"];
    for arguments in [
        &["plan"][..],
        APPLY,
        &["verify"],
        &adopt,
        &["retire", "--host", "0a1b2c3d", "--yes", "--confirm", "drop"],
        &["destroy", "--all", "--yes", "--confirm", "drop", "--without-daemon"],
        &replay,
        &["audit", "tokens"],
    ] {
        let refused = ran(&mut admin.patctl(arguments));

        let said = said(&refused);
        assert_eq!(refused.status.code(), Some(1), "{arguments:?} {said}");
        for part in ["MYORG-DEV (locator DEV1)", "MYORG-MYACCOUNT", "with -c"] {
            assert!(said.contains(part), "{arguments:?} {said}");
        }
    }
    assert_eq!(standing(&dev), before);
    assert_eq!(
        fs::read_dir(admin.world.config().join("users.d")).unwrap().count(),
        configured,
        "adopt wrote no entry"
    );
}

#[test]
fn names_that_look_like_templates_or_ends_of_statements_arrive_as_they_are() {
    let world = world();
    let odd = "A;B--C//D/*E$$F<% x %>&{y}&z {{ q }} it's !source x";
    let quoted = format!("\"{odd}\"");
    let local = own_name();
    let add = ["add", "odd", "--user", &quoted, "--role", "ODD_ROLE", "--for", &local];
    world.patctl_ok(&add);
    let admin = Admin::of(world);

    let applied = ran(&mut admin.patctl(APPLY));

    assert_eq!(applied.status.code(), Some(0), "{}", said(&applied));
    let snapshot = admin.world.sim.snapshot_json();
    let users = snapshot["users"].as_array().unwrap();
    assert!(users.iter().any(|user| user["name"] == odd), "{users:?}");
}

/// A security admin with a connection of snow's and, to compare, a key.
struct Admin {
    world: World,
    home: PathBuf,
    key: PathBuf,
}

impl Admin {
    fn of(world: World) -> Self {
        let home = world.folder().join("snow");
        fs::create_dir(&home).unwrap();
        mode(&home, 0o700);
        fs::write(home.join("config.toml"), "").unwrap();
        mode(&home.join("config.toml"), 0o600);
        let key = world.keys().join("sec-admin.p8");
        let admin = Self { home, key, world };
        let (public, private) = SigningKey::generate().expect("a key");
        let public = public.public_key_body();
        fs::write(&admin.key, private.expose()).unwrap();
        mode(&admin.key, 0o600);
        let sql = format!(
            "ALTER USER ADMIN SET PASSWORD = '{PASSWORD}'; ALTER USER ADMIN SET RSA_PUBLIC_KEY = '{public}'"
        );
        admin.world.sim.admin_script(&sql).unwrap();
        admin.connection(&admin.world, PASSWORD);
        admin
    }

    fn connection(&self, world: &World, password: &str) {
        self.connection_to("MYORG-MYACCOUNT", world.sim.port(), password);
    }

    fn connection_to(&self, account: &str, port: u16, password: &str) {
        let text = format!(
            "[adm]\naccount = \"{account}\"\nuser = \"ADMIN\"\npassword = \"{password}\"\n\
             host = \"127.0.0.1\"\nport = {port}\nprotocol = \"http\"\n"
        );
        let path = self.home.join("connections.toml");
        fs::write(&path, text).unwrap();
        mode(&path, 0o600);
    }

    fn patctl(&self, arguments: &[&str]) -> Command {
        let mut command = self.environment(self.world.patctl(arguments));
        command.args(["--via", "snow", "-c", "adm"]);
        command
    }

    fn patctl_with_key(&self, arguments: &[&str]) -> Command {
        let mut command = self.world.patctl(arguments);
        command.args(["--as", "ADMIN", "--key-file"]).arg(&self.key);
        command
    }

    fn environment(&self, mut command: Command) -> Command {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = [snow().parent().unwrap().to_owned()];
        let folders = folders.into_iter().chain(std::env::split_paths(&path));
        command
            .env("PATH", std::env::join_paths(folders).unwrap())
            .env("SNOWFLAKE_HOME", &self.home)
            .env("SNOWFLAKE_DISABLE_PLATFORM_DETECTION", "true");
        command
    }

    /// Returns the plan file that a plan writes.
    fn observed(&self, mut plan: Command, name: &str) -> Value {
        let file = self.world.folder().join(name);
        let planned = ran(plan.arg("--out").arg(&file));
        assert!(file.exists(), "{}", said(&planned));
        serde_json::from_slice(&fs::read(&file).unwrap()).unwrap()
    }
}

/// What `BROWSER` names: it opens the page, follows where it is sent, and counts.
struct Browser {
    program: PathBuf,
    opened: PathBuf,
}

impl Browser {
    fn of(admin: &Admin) -> Self {
        let (program, opened) = (admin.home.join("browser"), admin.home.join("opened"));
        let python = snow().with_file_name("python3");
        let text = format!(
            "#!{}\nimport sys, urllib.request\nopen({:?}, 'a').write(sys.argv[1] + '\\n')\n\
             urllib.request.urlopen(sys.argv[1]).read()\n",
            python.display(),
            opened.display()
        );
        fs::write(&program, text).unwrap();
        mode(&program, 0o700);
        let path = admin.home.join("connections.toml");
        let entry = fs::read_to_string(&path).unwrap();
        let by_browser = "authenticator = \"externalbrowser\"";
        fs::write(&path, entry.replace(&format!("password = \"{PASSWORD}\""), by_browser)).unwrap();
        Self { program, opened }
    }

    fn opens<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command.env("BROWSER", format!("{} %s &", self.program.display()))
    }

    fn windows(&self) -> usize {
        fs::read_to_string(&self.opened).unwrap_or_default().lines().count()
    }
}

/// A configured host and an account in which nothing was made yet.
fn world() -> World {
    let world = World::builder().prepare();
    world.initialise().and_then(|()| world.register(&own_name(), &[])).unwrap();
    world
}

fn statements(file: &Value) -> Vec<&str> {
    let steps = file["plan"]["steps"].as_array().expect("steps");
    steps.iter().map(|step| step["statement"].as_str().expect("a text")).collect()
}

/// Returns what there is in an account, without when somebody logged in.
fn standing(sim: &Simulator) -> Vec<Value> {
    let all = sim.snapshot_json();
    let users = all["users"].as_array().unwrap().iter().map(|user| user["name"].clone());
    let parts = ["roles", "databases", "network_rules", "network_policies", "auth_policies"];
    let parts = parts.iter().chain(&["network_policy", "grants"]).map(|part| all[*part].clone());
    users.chain(parts).collect()
}

fn ran(command: &mut Command) -> Output {
    command.output().expect("the program starts")
}

fn said(output: &Output) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    format!("{}\n{}{}", output.status, text(&output.stdout), text(&output.stderr))
}

fn logins(world: &World) -> usize {
    world.sim.logins().into_iter().filter(|login| login.first_factor != "KEYPAIR").count()
}

fn snow() -> PathBuf {
    let clients = std::env::var_os("PAT_BROKER_CLIENTS").expect("tests/run --clients passes it");
    Path::new(&clients).join("python/bin/snow")
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

const APPLY: &[&str] = &["apply", "--yes", "--confirm", "account-policies"];
const PASSWORD: &str = "a-password-of-the-admin";
