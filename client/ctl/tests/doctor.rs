//! `doctor`: what is planted in a user's files is found by file and line and never shown; clean files are called clean;
//! what the daemon says is told with its fix; the manual knows every line (SECURITY.md: a program of the same user).

#![expect(clippy::unwrap_used, reason = "a test's world that cannot be built fails the test")]

mod world;

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use world::{Asked, Shown, World};

const HUSH: &str = "simpat_0123456789abcdefHUSH";

/// A host whose account is nobody on loopback, and a user with a home and a folder to work in.
struct User {
    world: World,
}

impl User {
    fn new() -> Self {
        let world = World::new();
        let where_to = ["--host", "127.0.0.1", "--port", "9", "--protocol", "http"];
        let who = ["--account", "MYORG-MYACCOUNT", "--admin-user", "PATD_TEST"];
        let shown = world.init(&[&who[..], &where_to].concat());
        assert_eq!(shown.exit, 0, "{shown:?}");
        for folder in ["home/.snowflake", "work"] {
            fs::create_dir_all(world.path(folder)).unwrap();
        }
        Self { world }
    }

    fn writes(&self, file: &str, text: &str) {
        fs::write(self.world.path(file), text).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.world.command(arguments);
        let home = self.world.path("home");
        command.env_clear().env("PATH", "/nonexistent").env("HOME", home);
        command.current_dir(self.world.path("work"));
        command
    }

    fn doctor(&self) -> Shown {
        Shown::of(self.command(&["doctor"]).output().unwrap())
    }

    fn checks(&self) -> Vec<Value> {
        let shown = Shown::of(self.command(&["doctor", "--json"]).output().unwrap());
        shown.json().get("checks").unwrap().as_array().unwrap().clone()
    }

    fn of(&self, id: &str) -> Vec<Value> {
        let mut checks = self.checks();
        checks.retain(|check| check.get("id").unwrap() == id);
        checks
    }

    fn path(&self, name: &str) -> String {
        self.world.path(name).display().to_string()
    }
}

#[test]
fn planted_tokens_are_found_by_file_and_line_and_never_shown() {
    let user = User::new();
    let connection = format!("\n[dev]\naccount = \"elsewhere-a\"\npassword = \"{HUSH}\"\n");
    let config = format!("[connections.x]\ntoken = '{HUSH}'\n# password = \"{HUSH}\"\n");
    let variables = format!("A=1\nexport SNOWFLAKE_PASSWORD={HUSH}\nSA_PAT=\"{HUSH}\"\n");
    for (file, text) in [
        ("home/.snowflake/connections.toml", &connection),
        ("home/.snowflake/connections.toml.bak", &connection),
        ("home/.snowflake/config.toml~", &config),
        ("home/.snowflake/config.toml", &config),
        ("home/.env", &variables),
        ("work/.env", &variables),
        ("work/.env.env.bak", &variables),
        ("work/.env.orig", &variables),
        ("work/.env.bak.1", &variables),
    ] {
        user.writes(file, text);
    }
    user.writes("home/.snowflake/connections.toml.save", &format!("[broken\ntoken={HUSH}\n"));

    let shown = user.doctor();
    let as_json =
        user.command(&["doctor", "--json"]).env("SNOWFLAKE_TOKEN", HUSH).output().unwrap();

    assert_eq!(shown.exit, 1, "{shown:?}");
    for (file, lines) in [
        ("home/.snowflake/connections.toml", "line 4 (password)"),
        ("home/.snowflake/connections.toml.bak", "line 4 (password)"),
        ("home/.snowflake/connections.toml.save", "line 2 (token)"),
        ("home/.snowflake/config.toml", "line 2 (token), line 3 (password)"),
        ("home/.snowflake/config.toml~", "line 2 (token), line 3 (password)"),
        ("home/.env", "line 2 (SNOWFLAKE_PASSWORD), line 3 (SA_PAT)"),
        ("work/.env", "line 2 (SNOWFLAKE_PASSWORD), line 3 (SA_PAT)"),
        ("work/.env.env.bak", "line 2 (SNOWFLAKE_PASSWORD), line 3 (SA_PAT)"),
        ("work/.env.orig", "line 2 (SNOWFLAKE_PASSWORD), line 3 (SA_PAT)"),
        ("work/.env.bak.1", "line 2 (SNOWFLAKE_PASSWORD), line 3 (SA_PAT)"),
    ] {
        let line = format!("FAIL  plaintext-token     {}: in the clear: {lines}", user.path(file));
        assert!(shown.out.contains(&line), "{line}\n{}", shown.out);
    }
    let as_json = Shown::of(as_json);
    assert!(as_json.out.contains("SNOWFLAKE_TOKEN is set"), "{as_json:?}");
    for text in [&shown.out, &shown.err, &as_json.out, &as_json.err] {
        for part in [HUSH, "simpat_", "HUSH"] {
            assert!(!text.contains(part), "{text}");
        }
    }
}

#[test]
fn clean_files_are_called_clean_and_what_cannot_be_read_is_not() {
    let user = User::new();
    user.writes(
        "home/.snowflake/connections.toml",
        "[dev]\naccount = \"elsewhere-a\"\nuser = \"M\"\ntoken = \"${PATD_SECRET}\"\n",
    );
    user.writes("work/.env", "PASSWORD=of something else\nSA_PAT=\n");
    user.writes("work/.env.example", &format!("SA_PAT={HUSH}\n"));

    let clean = user.of("plaintext-token");
    let siblings = user.of("sibling-credential");
    user.writes("home/.snowflake/config.toml", &"#".repeat(2 << 20));
    let too_large = user.of("plaintext-token");

    assert_eq!(clean.len(), 1, "{clean:?}");
    assert_eq!(clean[0]["outcome"], "ok", "{clean:?}");
    for file in ["home/.snowflake/connections.toml", "work/.env"] {
        assert!(clean[0]["evidence"].as_str().unwrap().contains(&user.path(file)), "{clean:?}");
    }
    assert_eq!(siblings[0]["outcome"], "ok", "{siblings:?}");
    assert_eq!(too_large[0]["outcome"], "not-checked", "{too_large:?}");
    assert!(too_large[0]["needs"].as_str().unwrap().contains("too large"), "{too_large:?}");
}

#[test]
fn what_cannot_be_looked_into_is_never_called_clean() {
    let user = User::new();
    fs::remove_dir(user.world.path("home/.snowflake")).unwrap();
    fs::create_dir_all(user.world.path("home/.cache/snowflake")).unwrap();
    let cache = "home/.cache/snowflake/credential_cache_v1.json";
    // Behind a link to itself not even root can look.
    for path in ["home/.snowflake", "work/.env", cache] {
        let path = user.world.path(path);
        std::os::unix::fs::symlink(&path, &path).unwrap();
    }

    let shown = user.doctor();

    for (id, path) in [
        ("plaintext-token", "home/.snowflake"),
        ("plaintext-token", "work/.env"),
        ("sibling-credential", "home/.snowflake"),
        ("sibling-credential", cache),
    ] {
        let line = format!("?     {id:<18}  not checked (needs to read {} (", user.path(path));
        assert!(shown.out.contains(&line), "{line}\n{}", shown.out);
    }
    for ok in ["ok    plaintext-token", "ok    sibling-credential"] {
        assert!(!shown.out.contains(ok), "{}", shown.out);
    }
}

#[test]
fn a_login_of_ones_own_to_the_same_account_is_told_with_its_place() {
    let user = User::new();
    let text = format!(
        "[admin]\naccount = \"myorg-myaccount\"\nprivate_key_path = \"/k.p8\"\n\n[me]\nhost = \"127.0.0.1\"\naccount = \"x-y\"\nauthenticator = \"externalbrowser\"\n\n[other]\naccount = \"another-one\"\npassword = \"{HUSH}\"\n"
    );
    user.writes("home/.snowflake/connections.toml", &text);

    let found = user.of("sibling-credential");

    let file = user.path("home/.snowflake/connections.toml");
    let told: Vec<(&str, bool)> = found
        .iter()
        .map(|check| {
            let evidence = check["evidence"].as_str().unwrap();
            (check["outcome"].as_str().unwrap(), evidence.starts_with(&format!("{file}:")))
        })
        .collect();
    assert_eq!(told, [("failed", true), ("warning", true)], "{found:?}");
    assert!(found[0]["evidence"].as_str().unwrap().contains(":1: connection \"admin\""));
    assert!(found[1]["evidence"].as_str().unwrap().contains(":5: connection \"me\""));
}

#[test]
fn logins_that_a_client_remembers_are_told_and_not_shown() {
    let user = User::new();
    fs::create_dir_all(user.world.path("home/.cache/snowflake")).unwrap();
    let file = "home/.cache/snowflake/credential_cache_v1.json";
    user.writes(file, "{\"tokens\": {}}");
    let empty = user.of("sibling-credential");
    user.writes(file, &format!("{{\"tokens\":{{\"x\":\"{HUSH}\"}}}}"));

    let found = user.of("sibling-credential");

    assert_eq!(empty[0]["outcome"], "ok", "{empty:?}");
    assert_eq!(found[0]["outcome"], "warning", "{found:?}");
    assert!(found[0]["evidence"].as_str().unwrap().starts_with(&user.path(file)), "{found:?}");
    assert!(!format!("{found:?}").contains(HUSH));
}

#[test]
fn what_the_daemon_says_is_told_with_the_fix() {
    let user = User::new();
    let daemon = user.world.daemon(200, answers(), 2);

    let checks = user.checks();

    let asked = daemon.asked();
    let drift = Asked { what: "POST /v1/drift".to_owned(), body: json!({ "look": false }) };
    assert_eq!(asked, [Asked { what: "GET /v1/status".to_owned(), body: Value::Null }, drift]);
    let of = |id: &str| {
        let found: Vec<&Value> = checks.iter().filter(|check| check["id"] == id).collect();
        found.into_iter().cloned().collect::<Vec<Value>>()
    };
    let refusal = of("network-refusal");
    assert_eq!(refusal.len(), 1, "{refusal:?}");
    assert_eq!(refusal[0]["outcome"], "failed");
    for text in ["evidence", "next_step"] {
        assert!(refusal[0][text].as_str().unwrap().contains("203.0.113.7"), "{refusal:?}");
    }
    assert!(refusal[0]["evidence"].as_str().unwrap().ends_with("the token is good"), "{refusal:?}");
    assert_eq!(of("privileges")[0]["outcome"], "failed");
    assert_eq!(of("privileges")[0]["next_step"], "grant it");
    let daemon = of("daemon");
    assert!(daemon[0]["evidence"].as_str().unwrap().contains("probe-network-policy"), "{daemon:?}");
    assert!(daemon[1]["evidence"].as_str().unwrap().contains("admin-socket (sockets): open"));
    assert!(of("peer-tier")[0]["evidence"].as_str().unwrap().contains("pidfd-info"));
}

#[test]
fn without_a_daemon_what_it_would_say_is_not_checked_and_the_rest_is() {
    let user = User::new();

    let checks = user.checks();

    let outcome = |id: &str| {
        checks.iter().find(|check| check["id"] == id).map(|check| check["outcome"].clone()).unwrap()
    };
    assert_eq!(outcome("configuration"), "ok");
    // This admin socket is in no folder that tells where hand-out is.
    for unseen in ["network-refusal", "privileges", "clock", "socket-folder", "hand-out-socket"] {
        assert_eq!(outcome(unseen), "not-checked", "{unseen}");
    }
    assert_eq!((outcome("dns"), outcome("tls")), (json!("ok"), json!("failed")));
    assert_eq!((outcome("root-key"), outcome("admin-socket")), (json!("warning"), json!("failed")));
    let known: Vec<&str> = patd_checks::Id::ALL.iter().map(|id| id.as_str()).collect();
    for check in &checks {
        assert!(known.contains(&check["id"].as_str().unwrap()), "{check}");
        let has_fix = check["next_step"] != "";
        let wants_fix = check["outcome"] == "failed" || check["outcome"] == "warning";
        assert_eq!(has_fix, wants_fix, "{check}");
        let words = ["ok", "warning", "failed", "not-checked"];
        assert!(words.contains(&check["outcome"].as_str().unwrap()), "{check}");
        assert_eq!(check.get("needs").is_some(), check["outcome"] == "not-checked", "{check}");
    }
}

#[test]
fn a_configuration_with_faults_leaves_its_own_questions_open_and_hides_no_other_line() {
    let user = User::new();
    user.writes("etc/patd.toml", "[account]\nnombre = 1\n");
    user.writes("work/.env", &format!("SA_PAT={HUSH}\n"));

    let checks = user.checks();

    let outcome = |id: &str| {
        checks.iter().find(|check| check["id"] == id).map(|check| check["outcome"].clone()).unwrap()
    };
    assert_eq!(outcome("configuration"), "failed");
    for unseen in ["root-key", "dns", "sibling-credential"] {
        assert_eq!(outcome(unseen), "not-checked", "{unseen}");
    }
    assert_eq!(outcome("plaintext-token"), "failed");
}

#[test]
fn a_proxy_of_the_shell_is_named_without_its_password() {
    let user = User::new();
    let mut command = user.command(&["doctor"]);
    command.env("HTTPS_PROXY", format!("http://me:{HUSH}@proxy.example.com:3128"));

    let shown = Shown::of(command.output().unwrap());

    assert!(shown.out.contains("warn  proxy"), "{shown:?}");
    assert!(shown.out.contains("proxy.example.com:3128") && !shown.out.contains(HUSH), "{shown:?}");
}

#[test]
fn the_manual_names_every_line() {
    let manual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging/man/patctl.8");
    let manual = fs::read_to_string(manual).unwrap().replace("\\-", "-");
    let (_, lines) = manual.split_once("\n.SH DOCTOR\n").unwrap();
    let (lines, _) = lines.split_once("\n.SH ").unwrap();
    let (_, lines) = lines.split_once("The ids are stable").unwrap();

    let headings = lines.split(".TP\n").filter_map(|part| part.strip_prefix(".B "));
    let headings = headings.filter_map(|part| part.lines().next());
    let named: Vec<&str> = headings.flat_map(|line| line.split("\\fR, \\fB")).collect();

    let known: Vec<&str> = patd_checks::Id::ALL.iter().map(|id| id.as_str()).collect();
    assert_eq!(named, known);
}

/// The answers to both questions in one: each reader takes its own part.
fn answers() -> Value {
    let slot = "MYORG-MYACCOUNT/MIGUEL_CLI";
    let text = "Snowflake refuses logins from this address: 390422 Incoming request with IP/Token 203.0.113.7 is not allowed to access Snowflake.";
    let problem = json!({ "id": "probe-network-policy", "subject": slot, "message": text, "next_step": "allow it" });
    let own = json!({ "id": "admin-socket", "subject": "sockets", "message": "open", "next_step": "narrow it" });
    let broker = json!({ "id": "broker-manages", "subject": "broker", "outcome": "failed", "evidence": "not on M", "next_step": "grant it" });
    json!({
        "daemon": {
            "version": "0.1.0", "pid": 1, "started_at": 0, "host_id": "AB12CD34", "peer_tier": "pidfd-info",
            "passed_files": "refused", "memory": "locked", "root_key": "x", "config_owner": "root",
        },
        "slots": [], "inert": [], "alarms": [problem], "self_check": [own],
        "accounts": [{ "account": "MYORG-MYACCOUNT", "looked_at": 1, "checks": [broker] }],
    })
}
