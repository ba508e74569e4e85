//! `patctl plan` and `apply` bring an account to the pattern, show everything first, and can be stopped anywhere
//! (promise P8; SECURITY.md: an admin's own key is used by patctl alone).

use std::path::PathBuf;
use std::process::Output;

use e2e::{Admin, Terminal, log_in, said};
use serde_json::Value;
use snowflake_sim::{Act, Fault, On};
use world::{ROLE, USER, World, own_name};

#[test]
fn an_empty_account_becomes_the_pattern_and_then_there_is_nothing_to_do() {
    let mut world = empty();
    let admin = Admin::of(&world);

    let plan = admin.patctl(&world, &["plan", "--json"]);
    let applied = admin.patctl(&world, APPLY);
    let again = admin.patctl(&world, APPLY);
    let plan_again = admin.patctl(&world, &["plan"]);

    assert_eq!(plan.status.code(), Some(2), "{}", said(&plan));
    assert_eq!(applied.status.code(), Some(0), "{}", said(&applied));
    let planned = statements(&json(&plan)["steps"], "statement");
    assert_eq!(done(&world), planned, "what was shown is what ran");
    assert!(text(&again.stdout).starts_with("nothing to do"), "{}", said(&again));
    assert_eq!(plan_again.status.code(), Some(0), "{}", said(&plan_again));
    world.start();
    assert_eq!(log_in(&world).role_restriction.as_deref(), Some(ROLE));
}

#[test]
fn the_same_account_gives_the_same_bytes() {
    let world = empty();
    let admin = Admin::of(&world);

    let [first, second] = [(); 2].map(|()| admin.patctl(&world, &["plan"]).stdout);

    assert!(!first.is_empty() && first == second, "{}\n{}", text(&first), text(&second));
}

#[test]
fn nothing_is_run_without_a_yes_and_a_confirmation_of_each_danger() {
    let world = empty();
    let admin = Admin::of(&world);
    world.sim.admin_script(PERSON_WITH_A_TOKEN).unwrap();

    let unasked = admin.patctl(&world, &["apply", "--confirm", "account-policies"]);
    let unconfirmed = admin.patctl(&world, &["apply", "--yes"]);

    assert!(said(&unasked).contains("add --yes"), "{}", said(&unasked));
    assert!(
        said(&unconfirmed).contains("add --confirm account-policies"),
        "{}",
        said(&unconfirmed)
    );
    assert!(said(&unconfirmed).contains("ANA"), "by name: {}", said(&unconfirmed));
    assert_eq!(done(&world), [""; 0]);
}

#[test]
fn on_a_terminal_a_danger_is_confirmed_by_its_word_and_the_rest_by_yes() {
    let world = empty();
    let admin = Admin::of(&world);
    let ask = || Terminal::start(&admin.command(&world, &["apply"]));

    let mut unwanted = ask();
    unwanted.wait_for("Type account-policies to confirm: ");
    unwanted.type_text("yes\r");
    let (status, shown) = unwanted.end();
    assert_eq!(status.code(), Some(1), "{shown}");
    assert!(shown.contains("it was not confirmed"), "{shown}");
    assert_eq!(done(&world), [""; 0]);

    let mut wanted = ask();
    wanted.wait_for("Type account-policies to confirm: ");
    wanted.type_text("account-policies\r");
    wanted.wait_for("as ACCOUNTADMIN? [y/N] ");
    wanted.type_text("y\r");
    let (status, shown) = wanted.end();
    assert_eq!(status.code(), Some(0), "{shown}");
    assert!(shown.contains("\u{1b}[32m+ "), "in colour: {shown}");
}

#[test]
fn what_is_left_out_stays_out_and_all_the_rest_is_done() {
    let world = empty();
    let admin = Admin::of(&world);

    let applied = admin.patctl(&world, &["apply", "--yes", "--without", "account-policies"]);

    assert_eq!(applied.status.code(), Some(0), "{}", said(&applied));
    assert!(done(&world).iter().all(|sql| !sql.starts_with("ALTER ACCOUNT")));
    let plan = admin.patctl(&world, &["plan", "--without", "account-policies"]);
    assert_eq!(plan.status.code(), Some(0), "{}", said(&plan));
    let whole = json(&admin.patctl(&world, &["plan", "--json"]));
    let left = statements(&whole["steps"], "statement");
    assert!(left.iter().any(|sql| sql.starts_with("ALTER ACCOUNT")), "{left:?}");
}

#[test]
fn one_change_by_somebody_else_is_undone_by_one_statement() {
    let (world, admin) = applied();
    let before = end(&world, &admin);
    let changes = [
        format!("REVOKE ROLE {ROLE} FROM USER {USER}"),
        format!("ALTER USER {USER} SET DEFAULT_ROLE = PUBLIC"),
        format!("ALTER USER {USER} UNSET NETWORK_POLICY"),
        format!("ALTER USER {USER} UNSET AUTHENTICATION POLICY"),
        "ALTER ACCOUNT UNSET AUTHENTICATION POLICY FOR ALL PERSON USERS".to_owned(),
        format!("REVOKE DATABASE ROLE SNOWFLAKE.CORTEX_USER FROM ROLE {ROLE}"),
    ];
    for change in changes {
        world.sim.admin_script(&change).unwrap_or_else(|error| panic!("{change}: {error}"));

        let plan = json(&admin.patctl(&world, &["plan", "--json"]));
        let mended = admin.patctl(&world, APPLY);

        let steps = statements(&plan["steps"], "statement");
        assert_eq!(steps.len(), 1, "{change}: {steps:?}");
        assert_eq!(mended.status.code(), Some(0), "{change}: {}", said(&mended));
        assert_eq!(end(&world, &admin), before, "{change}");
    }
}

#[test]
fn a_plan_file_is_run_as_it_was_shown() {
    let world = empty();
    let admin = Admin::of(&world);
    let file = plan_file(&world, &admin);
    let written: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();

    let applied = admin.patctl(&world, &of_file(&file));

    assert_eq!(applied.status.code(), Some(0), "{}", said(&applied));
    assert_eq!(done(&world), statements(&written["plan"]["steps"], "statement"));
    assert_eq!(mode(&file), 0o600);
    assert!(!begun(&file).exists());
    // As a run leaves it that was cut off after its last statement.
    let fingerprint = written["plan"]["fingerprint"].as_str().unwrap();
    std::fs::write(begun(&file), format!("{fingerprint}\n")).unwrap();
    let again = admin.patctl(&world, &of_file(&file));
    assert!(text(&again.stdout).starts_with("nothing to do"), "{}", said(&again));
    assert!(!begun(&file).exists());
}

#[test]
fn a_plan_file_is_refused_when_the_account_has_moved_and_what_moved_is_named() {
    let world = empty();
    let admin = Admin::of(&world);
    let file = plan_file(&world, &admin);
    world.sim.admin_script(&format!("CREATE USER {USER} TYPE = SERVICE")).unwrap();

    let refused = admin.patctl(&world, &of_file(&file));

    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    assert!(said(&refused).contains(&format!("users.{USER}")), "{}", said(&refused));
    assert_eq!(done(&world), [""; 0]);
}

#[test]
fn a_plan_file_is_refused_when_the_configuration_has_changed() {
    let world = empty();
    let admin = Admin::of(&world);
    let file = plan_file(&world, &admin);
    let provision = "\n[provision]\nto_sysadmin = true";
    e2e::append_to_entry(&world, world::CONNECTION, provision);

    let refused = admin.patctl(&world, &of_file(&file));

    assert!(said(&refused).contains("the configuration has changed"), "{}", said(&refused));
    assert_eq!(done(&world), [""; 0]);
}

#[test]
fn a_plan_file_that_somebody_wrote_runs_nothing_of_their_own() {
    let world = empty();
    let admin = Admin::of(&world);
    let file = plan_file(&world, &admin);
    let written = std::fs::read_to_string(&file).unwrap();
    let forged = written.replacen("\"statement\": \"CREATE ROLE", "\"statement\": \"DROP ROLE", 1);
    assert_ne!(forged, written);
    std::fs::write(&file, forged).unwrap();

    let refused = admin.patctl(&world, &of_file(&file));

    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    assert_eq!(done(&world), [""; 0]);
}

#[test]
fn stopped_before_and_after_every_statement_it_comes_to_the_same_end() {
    let (whole, admin) = applied();
    let (end, count) = (end(&whole, &admin), done(&whole).len());
    assert!(count > 20, "only {count} statements");
    let world = empty();
    let admin = Admin::of(&world);

    for left in (1..=count).rev() {
        for act in [Act::DropBeforeCommit, Act::DropAfterCommit] {
            world.sim.fault(Fault::next(On::Change, act.clone()));
            let stopped = admin.patctl(&world, APPLY);
            let said = said(&stopped);
            assert_eq!(stopped.status.code(), Some(1), "{left} left, {act:?}: {said}");
            assert!(said.contains(&format!("0 done, {left} left")), "{act:?}: {said}");
            assert!(said.contains("it looks first"), "{said}");
        }
    }

    let last = admin.patctl(&world, APPLY);
    assert!(text(&last.stdout).starts_with("nothing to do"), "{}", said(&last));
    assert_eq!(self::end(&world, &admin), end);
    let keyless = |world: &World| done(world).into_iter().map(keyless).collect::<Vec<_>>();
    assert_eq!(keyless(&world), keyless(&whole), "each has run once, in the same order");
}

#[test]
fn a_plan_takes_the_place_of_a_plan_and_of_no_other_file() {
    let world = empty();
    let admin = Admin::of(&world);
    let key = world.folder().join("SEC_ADMIN.p8");
    std::fs::write(&key, "-----BEGIN PRIVATE KEY-----\n").unwrap();
    let plan =
        |file: &std::path::Path| admin.patctl(&world, &["plan", "--out", file.to_str().unwrap()]);

    let file = plan_file(&world, &admin);
    let again = plan(&file);
    let refused = plan(&key);

    assert_eq!(again.status.code(), Some(2), "{}", said(&again));
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    assert!(said(&refused).contains("is there already and is no plan"), "{}", said(&refused));
    assert_eq!(std::fs::read_to_string(&key).unwrap(), "-----BEGIN PRIVATE KEY-----\n");
}

#[test]
fn a_plan_file_that_was_begun_is_resumed_and_nothing_else_is_run() {
    let (whole, whole_admin) = applied();
    let world = empty();
    let admin = Admin::of(&world);
    let file = plan_file(&world, &admin);
    world.sim.fault(Fault { on: On::Change, after: 4, times: 1, act: Act::DropAfterCommit });

    let stopped = admin.patctl(&world, &of_file(&file));
    let marked = begun(&file).exists();
    world.sim.admin_script(&format!("CREATE USER {USER} TYPE = PERSON")).unwrap();
    let refused = admin.patctl(&world, &of_file(&file));
    world.sim.admin_script(&format!("DROP USER {USER}")).unwrap();
    let resumed = admin.patctl(&world, &of_file(&file));

    assert_eq!(stopped.status.code(), Some(1), "{}", said(&stopped));
    assert!(marked && !begun(&file).exists());
    assert!(said(&refused).contains("nothing was run"), "{}", said(&refused));
    assert_eq!(resumed.status.code(), Some(0), "{}", said(&resumed));
    assert_eq!(end(&world, &admin), end(&whole, &whole_admin));
}

#[test]
fn killed_in_the_middle_it_is_resumed() {
    let world = empty();
    let admin = Admin::of(&world);
    let slow = Act::Delay(std::time::Duration::from_millis(200));
    world.sim.fault(Fault::always(On::Change, slow));

    let mut child = admin.command(&world, APPLY).spawn().unwrap();
    world::eventually("some statements have run", || (done(&world).len() >= 5).then_some(()));
    child.kill().unwrap();
    child.wait().unwrap();
    let resumed = admin.patctl(&world, APPLY);

    assert_eq!(resumed.status.code(), Some(0), "{}", said(&resumed));
    let (whole, whole_admin) = applied();
    assert_eq!(end(&world, &admin), end(&whole, &whole_admin));
}

#[test]
fn a_refusal_names_what_is_done_what_is_left_and_the_next_step() {
    let world = empty();
    let admin = Admin::of(&world);
    let refusal =
        Act::SqlError { code: "003001".to_owned(), message: "Insufficient privileges".to_owned() };
    world.sim.fault(Fault { on: On::Change, after: 3, times: 1, act: refusal });

    let stopped = admin.patctl(&world, APPLY);

    let said = said(&stopped);
    assert_eq!(stopped.status.code(), Some(1), "{said}");
    assert!(said.contains("003001") && said.contains("3 done, "), "{said}");
    assert!(said.contains("left: ") && said.contains("run patctl apply again"), "{said}");
    assert_eq!(done(&world).len(), 3, "{said}");
}

#[test]
fn a_role_that_may_not_is_named_before_anything_is_run() {
    let world = empty();
    world
        .sim
        .admin_script("CREATE ROLE SMALL; GRANT MANAGE GRANTS ON ACCOUNT TO ROLE SMALL")
        .unwrap();
    let admin = Admin::with_role(&world, "SMALL_ADMIN", "SMALL");

    let refused = admin.patctl(&world, &[APPLY, &["--role", "SMALL"]].concat());

    assert!(said(&refused).contains("role SMALL lacks "), "{}", said(&refused));
    assert_eq!(done(&world), [""; 0]);
}

#[test]
fn the_printed_script_makes_the_account_that_apply_makes() {
    let world = empty();
    let admin = Admin::of(&world);

    let script = admin.patctl(&world, &["plan", "--sql"]);
    world.sim.admin_script(&text(&script.stdout)).unwrap();

    let (whole, whole_admin) = applied();
    assert_eq!(end(&world, &admin), end(&whole, &whole_admin));
    assert_eq!(admin.patctl(&world, &["plan"]).status.code(), Some(0));
}

#[test]
fn another_host_with_the_same_configuration_finds_nothing_to_do() {
    let (world, _) = applied();
    let admin = Admin::with_role(&world, "OTHER_ADMIN", "ACCOUNTADMIN");
    std::fs::remove_dir_all(world.state()).unwrap();

    let plan = admin.patctl(&world, &["plan"]);

    assert_eq!(plan.status.code(), Some(0), "{}", said(&plan));
}

/// A configured host and an account in which nothing was made yet.
fn empty() -> World {
    let world = World::builder().prepare();
    world.initialise().and_then(|()| world.register(&own_name(), &[])).unwrap();
    world
}

fn applied() -> (World, Admin) {
    let world = empty();
    let admin = Admin::of(&world);
    let applied = admin.patctl(&world, APPLY);
    assert_eq!(applied.status.code(), Some(0), "{}", said(&applied));
    (world, admin)
}

/// Everything patctl sees of an account that is as wanted, but for the keys, which each world makes anew.
fn end(world: &World, admin: &Admin) -> Value {
    let file = world.folder().join("end.json");
    let planned = admin.patctl(world, &["plan", "--out", file.to_str().unwrap()]);
    assert_eq!(planned.status.code(), Some(0), "{}", said(&planned));
    let mut written: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    for user in written["observed"]["users"].as_object_mut().expect("users").values_mut() {
        user["known"]["properties"]["known"]["key_fingerprints"] = Value::Null;
    }
    written["observed"].take()
}

fn plan_file(world: &World, admin: &Admin) -> PathBuf {
    let file = world.folder().join("plan.json");
    let planned = admin.patctl(world, &["plan", "--out", file.to_str().unwrap()]);
    assert_eq!(planned.status.code(), Some(2), "{}", said(&planned));
    file
}

fn of_file(file: &std::path::Path) -> [&str; 5] {
    ["apply", file.to_str().unwrap(), "--yes", "--confirm", "account-policies"]
}

fn begun(file: &std::path::Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".begun");
    name.into()
}

/// The statements that changed something, of those that patctl sent.
fn done(world: &World) -> Vec<String> {
    let queries = world.sim.queries().into_iter();
    let sent = queries.filter(|query| query.user != "ADMIN" && query.error.is_none());
    let texts = sent.map(|query| query.text);
    texts.filter(|text| !READS.iter().any(|word| text.starts_with(word))).collect()
}

/// The statement without the key that each world makes anew.
fn keyless(statement: String) -> String {
    match statement.split_once("RSA_PUBLIC_KEY = '") {
        Some((before, after)) => format!("{before}{}", after.split_once('\'').unwrap().1),
        None => statement,
    }
}

fn statements(list: &Value, key: &str) -> Vec<String> {
    let list = list.as_array().unwrap_or_else(|| panic!("no list: {list}"));
    list.iter().map(|one| one[key].as_str().unwrap().to_owned()).collect()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(output)))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn mode(path: &std::path::Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

const APPLY: &[&str] = &["apply", "--yes", "--confirm", "account-policies"];
const READS: [&str; 4] = ["SHOW", "DESC", "SELECT", "USE"];
const PERSON_WITH_A_TOKEN: &str =
    "CREATE USER ANA TYPE = PERSON; ALTER USER ANA ADD PROGRAMMATIC ACCESS TOKEN T";
