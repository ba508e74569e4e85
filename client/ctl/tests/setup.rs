//! `init`, `bootstrap` and `rebuild`: what a new host is set up with, and what is never touched again.

mod world;

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use world::{World, mode};

#[test]
fn a_host_is_set_up_once_and_kept_as_it_is() {
    let world = World::new();

    let first = world.init(&["--account", "MYORG-MYACCOUNT"]);
    let kept = ["etc/patd.toml", "root-key", "admin-key.p8", "etc/admin-key.pub", "state/new"];
    let before: Vec<String> = kept.iter().map(|name| world.read(name)).collect();
    let second = world.init(&["--account", "MYORG-MYACCOUNT", "--json"]);

    assert_eq!((first.exit, second.exit), (0, 0), "{first:?} {second:?}");
    let after: Vec<String> = kept.iter().map(|name| world.read(name)).collect();
    assert_eq!(before, after);
    assert_eq!(second.json()["made"], serde_json::json!([]));
    assert_eq!(second.json()["kept"].as_array().unwrap().len(), 4);
    assert_eq!(mode(&world.path("root-key")), 0o400);
    assert_eq!(mode(&world.path("admin-key.p8")), 0o400);
    assert_eq!(mode(&world.path("state")), 0o700);
    assert_eq!(mode(&world.path("etc/patd.toml")), 0o644);
    let print = second.json()["fingerprints"][0].as_str().unwrap().to_owned();
    assert!(first.out.contains(&print));
    assert!(first.out.contains("1. patctl --config"));
}

#[test]
fn no_private_key_is_shown() {
    let world = World::new();

    let shown = world.init(&["--account", "MYORG-MYACCOUNT"]);

    let root_key = world.read("root-key");
    let private = world.read("admin-key.p8");
    let line = private.lines().nth(1).unwrap();
    let all = [shown.out, shown.err, world.read("etc/patd.toml"), world.read("etc/admin-key.pub")]
        .concat();
    assert!(private.starts_with("-----BEGIN PRIVATE KEY-----"));
    assert!(!all.contains(root_key.trim()) && !all.contains(line) && !all.contains("PRIVATE KEY"));
}

#[test]
fn what_stopped_in_between_is_finished_by_another_run() {
    let world = World::with_config();
    let root_key = world.read("root-key");
    let old_public = world.read("etc/admin-key.pub");
    fs::remove_file(world.path("admin-key.p8")).unwrap();

    let again = world.init(&[]);

    assert_eq!(again.exit, 0, "{again:?}");
    assert_eq!(world.read("root-key"), root_key);
    assert_ne!(world.read("etc/admin-key.pub"), old_public);

    let public = world.read("etc/admin-key.pub");
    fs::remove_file(world.path("etc/admin-key.pub")).unwrap();
    assert_eq!(world.init(&[]).exit, 0);
    assert_eq!(world.read("etc/admin-key.pub"), public, "the public half is the private key's");
}

#[test]
fn a_store_without_its_key_gets_no_new_key() {
    let world = World::with_config();
    fs::remove_file(world.path("state/new")).unwrap();
    fs::write(world.path("state/db"), "something sealed").unwrap();
    fs::remove_file(world.path("root-key")).unwrap();

    let shown = world.init(&[]);

    assert_eq!(shown.exit, 1, "{shown:?}");
    assert!(shown.err.contains("there is a store, and its key is gone"), "{}", shown.err);
    assert!(shown.err.contains("patctl rebuild"));
    assert!(!world.path("root-key").exists());
}

#[test]
fn flags_that_contradict_the_configuration_are_refused() {
    let world = World::with_config();

    for (flag, value) in
        [("--account", "OTHER-ACCOUNT"), ("--admin-user", "SOMEBODY"), ("--port", "1")]
    {
        let shown = world.init(&[flag, value]);

        assert_eq!(shown.exit, 1);
        assert!(shown.err.contains(&format!("{flag} says something else")), "{}", shown.err);
    }
}

#[test]
fn a_configuration_that_would_be_faulty_is_not_written() {
    let world = World::new();

    let shown = world.init(&[
        "--account",
        "myorg.snowflakecomputing.com",
        "--host",
        "10.0.0.1",
        "--protocol",
        "http",
    ]);

    assert_eq!(shown.exit, 78);
    assert!(shown.err.starts_with("patctl: nothing was written, but:\n"), "{}", shown.err);
    assert!(
        shown.err.contains("is a host name") && shown.err.contains("unencrypted"),
        "{}",
        shown.err
    );
    assert!(!world.path("etc").exists() && !world.path("root-key").exists());
}

#[test]
fn without_a_terminal_and_without_an_account_nothing_is_guessed() {
    let world = World::new();

    let shown = world.init(&[]);

    assert_eq!(
        (shown.exit, shown.err.as_str()),
        (64, "patctl: --account is missing; add --account\n")
    );
    assert!(!world.path("etc").exists());
}

#[test]
fn on_a_terminal_questions_are_asked_and_defaults_offered() {
    let world = World::new();
    let terminal = nix::pty::openpty(None, None).unwrap();
    let args = |name: &str, file: &str| {
        [format!("--{name}"), format!("file:{}", world.path(file).display())]
    };
    let keys = [args("root-key", "root-key"), args("admin-key", "admin-key.p8")].concat();
    let state = world.path("state");
    let mut command = world.command(&["init", "--state", state.to_str().unwrap()]);
    command.args(&keys).stdin(terminal.slave).stdout(Stdio::piped()).stderr(Stdio::piped());

    let child = command.spawn().unwrap();
    File::from(terminal.master.try_clone().unwrap())
        .write_all(b"MYORG-ASKED\n\nMY_ROLE\n")
        .unwrap();
    let output = child.wait_with_output().unwrap();

    let asked = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{asked}");
    assert!(
        asked.contains("Snowflake account (ORGANISATION-ACCOUNT): Broker user of this host [PATD_"),
        "{asked}"
    );
    let written = world.read("etc/patd.toml");
    assert!(written.contains("name = \"MYORG-ASKED\"\n"), "{written}");
    assert!(written.contains("user = \"PATD_"), "{written}");
    assert!(written.contains("role = \"MY_ROLE\"\n"), "{written}");
}

#[test]
fn systemd_seals_both_keys_where_the_unit_looks_for_them() {
    let world = World::new();
    let tools = world.path("tools");
    fs::create_dir(&tools).unwrap();
    let tool = tools.join("systemd-creds");
    // Stands for the real one: says what it was called with, and that a key came on standard input; and gives it back.
    let script =
        "#!/bin/sh\n[ $1 = decrypt ] && exec cat $0.key\necho \"$@\"\ntee $0.key | wc -c\n";
    fs::write(world.path("tool.sh"), script).unwrap();
    // By another process: a child that a test beside this one starts just now would keep the file open for writing, and
    // nobody could run it.
    let mut install = Command::new("install");
    install.args(["-m", "755"]).arg(world.path("tool.sh")).arg(&tool);
    assert!(install.status().unwrap().success());
    let state = world.path("state");
    let mut command = world.command(&[
        "init",
        "--account",
        "MYORG-MYACCOUNT",
        "--state",
        state.to_str().unwrap(),
        "--admin-key",
        "systemd-credential:admin-key",
        "--root-key",
        "systemd-credential:root-key",
    ]);
    command.env("PATH", format!("{}:/usr/bin:/bin", tools.display()));

    let output = command.output().unwrap();

    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(mode(&world.path("etc/credentials")), 0o700);
    assert_eq!(
        world.read("etc/credentials/root-key.cred"),
        "encrypt --tpm2-pcrs= --name=root-key - -\n44\n"
    );
    assert!(
        world
            .read("etc/credentials/admin-key.cred")
            .starts_with("encrypt --tpm2-pcrs= --name=admin-key - -\n17")
    );
}

#[test]
fn the_public_key_is_written_where_it_is_asked_for() {
    let world = World::new();
    let out = world.path("public.pem");

    let shown =
        world.init(&["--account", "MYORG-MYACCOUNT", "--public-key-out", out.to_str().unwrap()]);

    assert_eq!(shown.exit, 0);
    assert_eq!(world.read("public.pem"), world.read("etc/admin-key.pub"));
}

#[test]
fn a_public_key_takes_the_place_of_no_other_file_and_nothing_is_made_then() {
    let world = World::new();
    let out = world.path("SEC_ADMIN.p8");
    fs::write(&out, "-----BEGIN PRIVATE KEY-----\n").unwrap();

    let shown =
        world.init(&["--account", "MYORG-MYACCOUNT", "--public-key-out", out.to_str().unwrap()]);

    assert_eq!(shown.exit, 1);
    assert!(shown.err.contains("is there already and is no public key"), "{}", shown.err);
    assert_eq!(world.read("SEC_ADMIN.p8"), "-----BEGIN PRIVATE KEY-----\n");
    assert!(!world.path("etc/patd.toml").exists());
}

#[test]
fn bootstrap_prints_the_script_with_the_key_of_this_host() {
    let world = World::with_config();
    let add = [
        "add",
        "miguel_cli",
        "--user",
        "MIGUEL_CLI",
        "--role",
        "MIGUEL_CLI_ROLE",
        "--for",
        "root",
        "--warehouse",
        "wh",
    ];
    assert_eq!(world.patctl(&add).exit, 0);
    let mut reports = add;
    (reports[1], reports[9]) = ("reports", "REPORTS_WH");
    assert_eq!(world.patctl(&reports).exit, 0);

    let shown = world.patctl(&["bootstrap", "--format", "sql", "--network-cidr", "192.0.2.7/32"]);
    let as_json = world.patctl(&["bootstrap", "--network-policy", "CORP", "--json"]).json();

    assert_eq!(shown.exit, 0, "{shown:?}");
    let pem = world.read("etc/admin-key.pub");
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    assert!(shown.out.contains(&format!("RSA_PUBLIC_KEY = '{body}'")));
    assert!(shown.out.contains("VALUE_LIST = ('192.0.2.7/32')"));
    assert!(shown.out.contains("DEFAULT_WAREHOUSE = \"WH\""), "unquoted names are upper case");
    assert!(
        shown
            .out
            .contains("GRANT MODIFY PROGRAMMATIC AUTHENTICATION METHODS ON USER \"MIGUEL_CLI\"")
    );
    for warehouse in ["WH", "REPORTS_WH"] {
        let grant = format!("GRANT USAGE ON WAREHOUSE \"{warehouse}\" TO ROLE \"MIGUEL_CLI_ROLE\"");
        assert!(shown.out.contains(&grant), "of each connection: {}", shown.out);
    }
    let texts: Vec<&str> = as_json["statements"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["text"].as_str().unwrap())
        .collect();
    assert!(
        texts.contains(&"ALTER USER \"MIGUEL_CLI\" SET NETWORK_POLICY = \"CORP\""),
        "{texts:?}"
    );
    assert!(
        !texts.iter().any(|text| text.contains("NETWORK RULE")),
        "an existing policy is not changed"
    );
}

#[test]
fn bootstrap_speaks_the_language_that_is_asked_for() {
    let world = World::with_config();
    let bootstrap = |format: &str| {
        let shown = world.patctl(&["bootstrap", "--network-policy", "P", "--format", format]);
        assert_eq!(shown.exit, 0, "{shown:?}");
        shown
    };

    assert!(bootstrap("sql").out.contains("USE ROLE \"ACCOUNTADMIN\";"));
    assert!(bootstrap("terraform").out.contains("resource \"snowflake_account_role\""));
    let json = bootstrap("json").json();
    let first = &json["statements"][0];
    assert_eq!(json["run_as"], "ACCOUNTADMIN");
    assert!(first["text"].is_string() && first["why"].is_string() && first["needs"].is_string());
}

#[test]
fn bootstrap_never_touches_the_policies_of_the_whole_account() {
    let world = World::with_config();

    let shown = world.patctl(&["bootstrap", "--network-policy", "P"]);

    assert!(!shown.out.contains("ALTER ACCOUNT") && !shown.out.contains("PATD_PERSONS"));
}

#[test]
fn a_renewed_key_is_one_statement() {
    let world = World::with_config();

    let shown = world.patctl(&["bootstrap", "--renew", "--format", "json"]);

    let statements = shown.json()["statements"].as_array().unwrap().clone();
    assert_eq!(statements.len(), 1, "{statements:?}");
    assert!(statements[0]["text"].as_str().unwrap().contains("RSA_PUBLIC_KEY"));
}

#[test]
fn bootstrap_refuses_what_cannot_work() {
    let world = World::with_config();
    for (args, exit, said) in [
        (&["bootstrap"][..], 64, "add --network-cidr"),
        (&["bootstrap", "--network-cidr", "everywhere"], 64, "no IPv4 address or range"),
        (&["bootstrap", "--network-cidr", "192.0.2.7/24"], 64, "write 192.0.2.0/24"),
        (
            &["bootstrap", "--format", "terraform", "--renew", "--network-policy", "P"],
            64,
            "leave out --renew",
        ),
        (
            &["bootstrap", "--account", "OTHER", "--network-policy", "P"],
            64,
            "one of: MYORG-MYACCOUNT",
        ),
    ] {
        let shown = world.patctl(args);

        assert_eq!(shown.exit, exit, "{shown:?}");
        assert!(shown.err.contains(said), "{}", shown.err);
    }
}

#[test]
fn a_public_key_that_others_may_have_replaced_is_not_registered() {
    let world = World::with_config();
    fs::set_permissions(world.path("etc/admin-key.pub"), fs::Permissions::from_mode(0o666))
        .unwrap();

    let shown = world.patctl(&["bootstrap", "--network-policy", "P"]);

    assert_eq!(shown.exit, 78);
    assert!(shown.err.contains("is writable by others"), "{}", shown.err);
    fs::remove_file(world.path("etc/admin-key.pub")).unwrap();
    assert!(world.patctl(&["bootstrap", "--network-policy", "P"]).err.contains("patctl init"));
}

#[test]
fn a_store_is_set_aside_only_when_a_person_says_yes() {
    let world = World::with_config();
    fs::remove_file(world.path("state/new")).unwrap();
    fs::write(world.path("state/db"), "something sealed").unwrap();
    let state = world.path("state");
    let args = ["rebuild", "--state", state.to_str().unwrap()];

    let asked = world.patctl(&args);
    assert_eq!(asked.exit, 64);
    assert!(asked.err.contains("add --yes") && world.path("state/db").exists());

    let done = world.patctl(&[&args[..], &["--yes"]].concat());
    assert_eq!(done.exit, 0, "{done:?}");
    assert!(!world.path("state/db").exists() && world.path("state/new").exists());
    assert_eq!(world.read("state/lost-1/db"), "something sealed");
    assert!(world.path("state/rebuilt").exists(), "the daemon must know of it");
}

#[test]
fn after_a_rebuild_every_connection_is_named_with_what_lets_it_have_tokens_again() {
    let world = World::with_config();
    for (name, user) in [("miguel_cli", "MIGUEL_CLI"), ("ana_cli", "ANA_CLI")] {
        world.patctl(&["add", name, "--user", user, "--role", "R", "--for", "root"]);
    }
    fs::create_dir(world.path("state/audit")).unwrap();
    let records = "{\"seq\":1,\"event\":\"intent\",\"token\":\"PATD_0A1B2C3D_G4_ABCDEF\"}\n";
    fs::write(world.path("state/audit/audit.jsonl"), records).unwrap();
    let state = world.path("state");

    let done = world.patctl(&["rebuild", "--yes", "--state", state.to_str().unwrap()]);

    assert_eq!(done.exit, 0, "{done:?}");
    let enrolments = "next: systemctl start patd\n\
                      then, for what may have tokens again, and for nothing that was revoked:\n  \
                      patctl enrol ana_cli\n  patctl enrol miguel_cli\n";
    assert!(done.out.contains(enrolments), "{}", done.out);
    assert!(done.out.contains("tokens (host 0A1B2C3D) live at Snowflake"), "{}", done.out);
    assert!(done.out.contains("patctl retire --host 0A1B2C3D --as "), "{}", done.out);
    assert_eq!(world.read("state/audit/audit.jsonl"), records, "the log is no part of the store");
}

#[test]
fn a_reader_that_stops_reading_is_no_failure() {
    let world = World::with_config();
    let mut child = world
        .command(&["bootstrap", "--network-policy", "P"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();

    drop(child.stdout.take());

    assert!(child.wait().unwrap().success());
}

#[test]
fn every_help_shows_the_exit_codes_and_a_mistake_ends_with_64() {
    let world = World::new();
    let verbs = [
        "status",
        "rotate",
        "revoke",
        "enrol",
        "add",
        "remove",
        "validate",
        "explain",
        "log",
        "init",
        "bootstrap",
        "rebuild",
    ];
    let top = world.patctl(&["--help"]);
    assert_eq!(top.exit, 0);

    for verb in verbs {
        assert!(top.out.contains(&format!("  {verb} ")), "{verb} is not in the overview");
        let shown = world.patctl(&[verb, "--help"]);
        assert_eq!(shown.exit, 0);
        for code in ["  0   done", "  2   there are alarms", "  64  ", "  69  ", "  77  ", "  78  "]
        {
            assert!(shown.out.contains(code), "{verb}: {}", shown.out);
        }
        assert_eq!(world.patctl(&[verb, "--no-such-flag"]).exit, 64);
    }
    assert_eq!(world.patctl(&["no-such-verb"]).exit, 64);
    assert!(world.patctl(&["--version"]).out.starts_with("patctl "));
}

#[test]
fn keys_are_made_afresh_on_every_host() {
    let (one, two) = (World::with_config(), World::with_config());

    assert_ne!(one.read("root-key"), two.read("root-key"));
    assert_ne!(one.read("etc/admin-key.pub"), two.read("etc/admin-key.pub"));
    let mut bytes = String::new();
    File::open(one.path("root-key")).unwrap().read_to_string(&mut bytes).unwrap();
    assert_eq!(bytes.len(), 44);
}
