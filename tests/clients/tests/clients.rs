//! Snowflake's own clients log in through pat-exec as the service user, with exactly its one role, in both entry
//! forms and every delivery they support. What each says of itself is compared with the login history.
//! Covers promise P1 as the clients see it, and the `home` and `env` deliveries.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;
use world::{CONNECTION, ROLE, USER, World, eventually};

const QUERY: &str = "select current_user() as \"user\", current_role() as \"role\", current_secondary_roles() as \"secondary\"";

#[test]
fn snow_logs_in_as_the_one_role_in_every_form_and_delivery() {
    for (form, delivery) in
        [("password", "home"), ("token", "home"), ("password", "env"), ("token", "env")]
    {
        let world = world(form, "home,env");
        let mut command = world.pat_exec(["--deliver", delivery, "--"]);
        command.arg(snow()).args(["sql", "-c", CONNECTION, "--format", "json", "-q", QUERY]);
        let answer = json(&mut command);
        demand_the_one_role(&world, &answer[0], &format!("snow, {form}, {delivery}"));
    }
}

#[test]
fn the_python_connector_logs_in_as_the_one_role_in_every_form_and_delivery() {
    for (form, delivery) in
        [("password", "home"), ("token", "home"), ("password", "env"), ("token", "env")]
    {
        let world = world(form, "home,env");
        let mut command = world.pat_exec(["-c", CONNECTION, "--deliver", delivery, "--"]);
        command.arg(python()).arg(program("whoami.py")).arg(CONNECTION);
        let answer = json(&mut command);
        demand_the_one_role(&world, &answer, &format!("python, {form}, {delivery}"));
    }
}

#[test]
fn the_node_sdk_logs_in_as_the_one_role_in_both_forms() {
    for form in ["password", "token"] {
        let world = world(form, "home");
        demand_the_one_role(&world, &javascript(&world, &node()), &format!("node, {form}"));
    }
}

#[test]
fn the_node_sdk_on_bun_logs_in_as_the_one_role_in_both_forms() {
    for form in ["password", "token"] {
        let world = world(form, "home");
        demand_the_one_role(&world, &javascript(&world, &bun()), &format!("bun, {form}"));
    }
}

#[test]
fn a_client_that_reads_no_variables_is_told_so_before_it_starts() {
    let world = world("password", "home,env");
    let output = world
        .pat_exec(["-c", CONNECTION, "--deliver", "env", "--"])
        .arg(node())
        .arg("-e")
        .arg("0")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(125));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("--deliver home"), "{said}");
}

#[test]
fn a_running_python_program_that_connects_again_after_a_rotation_gets_the_new_secret() {
    let world = world("password", "home");
    let mut command = world.pat_exec(["-c", CONNECTION, "--"]);
    command.arg(python()).arg(program("whoami.py")).arg(CONNECTION).arg("--again");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = lines.next().expect("the program answers").unwrap();
    let before = token_of_last_login(&world);

    world.patctl_ok(&["rotate", CONNECTION]);
    eventually("the running program holds the new generation", || {
        (world.status()["slots"][0]["leases_on_older"] == 0).then_some(())
    });
    child.stdin.as_mut().unwrap().write_all(b"again\n").unwrap();
    let second = lines.next().expect("the program answers again").unwrap();

    assert_eq!(first, second, "it is the same user and role");
    assert_ne!(before, token_of_last_login(&world), "the second login used the new token");
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}

#[test]
fn what_snow_changes_in_its_home_reaches_the_users_own() {
    let world = world("password", "home");
    let real = world.home().join(".snowflake");
    std::fs::create_dir(&real).unwrap();
    std::fs::write(real.join("connections.toml"), "[mine]\naccount = \"OTHER\"\nuser = \"ME\"\n")
        .unwrap();
    mode(&real.join("connections.toml"), 0o600);
    std::fs::write(real.join("config.toml"), "").unwrap();
    mode(&real.join("config.toml"), 0o600);

    let added = world
        .pat_exec(["-c", CONNECTION, "--"])
        .arg(snow())
        .args([
            "connection",
            "add",
            "--connection-name",
            "added",
            "--account",
            "ELSEWHERE",
            "--user",
            "SOMEONE",
            "--no-interactive",
        ])
        .output()
        .unwrap();
    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    eventually("the new connection is in the user's own file", || {
        let text = std::fs::read_to_string(real.join("connections.toml")).ok()?;
        (text.contains("[added]") && text.contains("[mine]")).then_some(())
    });
    let text = std::fs::read_to_string(real.join("connections.toml")).unwrap();
    assert!(!text.contains(CONNECTION), "the broker's entry stays out of the user's file");

    let default = world
        .pat_exec(["-c", CONNECTION, "--"])
        .arg(snow())
        .args(["connection", "set-default", CONNECTION])
        .output()
        .unwrap();
    assert!(default.status.success(), "{}", String::from_utf8_lossy(&default.stderr));
    eventually("the default is in the user's own config.toml", || {
        let text = std::fs::read_to_string(real.join("config.toml")).ok()?;
        text.contains("default_connection_name").then_some(())
    });
}

#[test]
fn a_first_run_in_an_empty_home_leaves_no_secret_and_loses_nothing() {
    let world = world("password", "home");
    let mut command = world.pat_exec(["-c", CONNECTION, "--"]);
    command.arg(snow()).args(["sql", "--format", "json", "-q", QUERY]);
    let answer = json(&mut command);
    demand_the_one_role(&world, &answer[0], "snow in an empty home");
    eventually("the log folder reached the user's own directory", || {
        world.home().join(".snowflake/logs").is_dir().then_some(())
    });
    for secret in world.sim.secrets() {
        let found =
            Command::new("grep").args(["-rlF", &secret]).arg(world.home()).output().unwrap();
        assert!(
            found.stdout.is_empty(),
            "a secret is in {}",
            String::from_utf8_lossy(&found.stdout)
        );
    }
}

#[test]
fn what_snow_configures_at_its_first_run_still_stands_when_the_home_is_gone() {
    let world = world("password", "home");
    let real = world.home().join(".snowflake");
    let run = || {
        let mut command = world.pat_exec(["-c", CONNECTION, "--"]);
        command.arg(snow()).args(["sql", "--format", "json", "-q", QUERY]);
        json(&mut command);
    };
    run();
    let config = eventually("the configuration reached the user's own directory", || {
        std::fs::read_to_string(real.join("config.toml")).ok()
    });

    // It names the folder of the logs by its whole path: in the home that is gone, anybody could make it again.
    let logs = format!("path = \"{}\"", real.join("logs").display());
    assert!(config.contains(&logs), "{config}");

    let written = || std::fs::metadata(real.join("logs/snowflake-cli.log")).unwrap().modified();
    let before = written().unwrap();
    run();
    assert!(written().unwrap() > before, "the second run's log is there too");
    let files = Command::new("grep")
        .args(["-rlF", "pat-exec-", "--exclude-dir=logs"])
        .arg(&real)
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&files.stdout), "", "what stays names no home");
}

fn world(form: &str, deliver: &str) -> World {
    let mut world =
        World::builder().add_options(&["--entry-form", form, "--deliver", deliver]).build();
    world.start();
    world
}

fn demand_the_one_role(world: &World, answer: &Value, who: &str) {
    assert_eq!(answer["user"], USER, "{who}");
    assert_eq!(answer["role"], ROLE, "{who}");
    let secondary = answer["secondary"].as_str().unwrap_or_default();
    assert!(secondary.contains("\"roles\":\"\""), "{who} has secondary roles: {secondary}");
    let login = world.sim.logins().into_iter().next_back().expect("a login is recorded");
    assert_eq!(login.user.as_deref(), Some(USER), "{who}, in the login history");
    assert_eq!(login.role.as_deref(), Some(ROLE), "{who}, in the login history");
    assert_eq!(login.first_factor, "PROGRAMMATIC_ACCESS_TOKEN", "{who}, in the login history");
}

fn token_of_last_login(world: &World) -> u64 {
    world
        .sim
        .logins()
        .into_iter()
        .rev()
        .find_map(|login| login.first_factor_id)
        .expect("a login with a token")
}

fn javascript(world: &World, runtime: &PathBuf) -> Value {
    let mut command = world.pat_exec(["-c", CONNECTION, "--"]);
    command
        .arg(runtime)
        .arg(program("whoami.cjs"))
        .env("NODE_PATH", clients().join("node/node_modules"));
    json(&mut command)
}

fn json(command: &mut Command) -> Value {
    command.env("SNOWFLAKE_DISABLE_PLATFORM_DETECTION", "true");
    let output = command.output().expect("the client starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{said}", output.status);
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("not JSON: {}\n{said}", String::from_utf8_lossy(&output.stdout)))
}

/// The folder where tests/run installed the clients.
fn clients() -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER
        .get_or_init(|| {
            std::env::var_os("PAT_BROKER_CLIENTS")
                .expect("tests/run --clients passes the folder")
                .into()
        })
        .clone()
}

fn snow() -> PathBuf {
    clients().join("python/bin/snow")
}

fn python() -> PathBuf {
    clients().join("python/bin/python")
}

fn node() -> PathBuf {
    "node".into()
}

fn bun() -> PathBuf {
    clients().join("node/node_modules/.bin/bun")
}

fn program(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("programs").join(name)
}

fn mode(path: &std::path::Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}
