//! `init`: what a new host is set up with, and what is never touched again.

mod world;

use std::fs::{self, File};
use std::io::{Read, Write};
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
fn keys_are_made_afresh_on_every_host() {
    let (one, two) = (World::with_config(), World::with_config());

    assert_ne!(one.read("root-key"), two.read("root-key"));
    assert_ne!(one.read("etc/admin-key.pub"), two.read("etc/admin-key.pub"));
    let mut bytes = String::new();
    File::open(one.path("root-key")).unwrap().read_to_string(&mut bytes).unwrap();
    assert_eq!(bytes.len(), 44);
}
