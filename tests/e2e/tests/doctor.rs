//! `patctl doctor` on a real account: the way there, the clocks, and each refusal for an address, with the words that
//! mend it; and that nobody reaches for the admin socket who is not to (SECURITY.md: another local user).

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use e2e::{Stranger, said};
use serde_json::Value;
use snowflake_sim::{Options, Simulator};
use world::{CONNECTION, World, eventually};

#[test]
fn an_account_that_is_reached_as_it_should_be_is_called_so() {
    let world = running(true);
    world.patctl_ok(&["rotate", CONNECTION]);
    let _looked = world.patctl(["drift", "--look"]).output().unwrap();

    let found = doctor(&world);

    for id in
        ["configuration", "daemon", "dns", "tls", "clock", "network-refusal", "privileges", "proxy"]
    {
        assert_eq!(found.outcome(id), "ok", "{id}: {}", found.text);
    }
    for id in ["socket-folder", "admin-folder", "hand-out-socket", "admin-socket"] {
        assert_eq!(found.outcome(id), "ok", "{id}: {}", found.text);
    }
}

#[test]
fn a_ca_of_another_is_not_believed_and_the_way_out_is_ca_file() {
    let world = running(true);
    let other = Simulator::start(Options { tls: true, ..Options::default() }).unwrap();
    std::fs::write(world.folder().join("ca.pem"), other.ca_pem().unwrap()).unwrap();

    let found = doctor(&world);

    assert_eq!(found.outcome("tls"), "failed", "{}", found.text);
    assert!(found.next("tls").contains("ca_file"), "{}", found.text);
    assert_eq!(found.outcome("clock"), "not-checked", "{}", found.text);
    assert_eq!(found.outcome("daemon"), "ok", "{}", found.text);
}

#[test]
fn clocks_that_are_apart_are_told_by_how_much() {
    let world = running(false);
    for (ahead, outcome) in [(600, "warning"), (7_200, "failed")] {
        world.sim.advance(Duration::from_secs(ahead));

        let found = doctor(&world);

        assert_eq!(found.outcome("clock"), outcome, "{}", found.text);
        assert!(found.evidence("clock").contains("behind Snowflake's"), "{}", found.text);
    }
    world.sim.stop_answering().unwrap();
    let found = doctor(&world);
    assert_eq!((found.outcome("tls"), found.outcome("clock")), ("failed", "not-checked"));
}

#[test]
fn a_refusal_for_the_address_names_it_and_the_way_out_until_it_is_gone() {
    let world = running(false);
    let elsewhere: IpAddr = "203.0.113.7".parse().unwrap();
    world.sim.set_client_address(Some(elsewhere));
    rotate_in_vain(&world);

    let refused = doctor(&world);
    world.sim.set_client_address(None);
    world.patctl_ok(&["rotate", CONNECTION]);
    let mended = doctor(&world);

    assert_eq!(refused.outcome("network-refusal"), "failed", "{}", refused.text);
    for said in [refused.evidence("network-refusal"), refused.next("network-refusal")] {
        assert!(said.contains("203.0.113.7"), "{}", refused.text);
    }
    assert!(refused.evidence("network-refusal").contains("390422"), "{}", refused.text);
    assert_eq!(mended.outcome("network-refusal"), "ok", "{}", mended.text);
}

#[test]
fn a_missing_network_policy_is_told_apart_from_a_wrong_address() {
    let world = running(false);
    world.sim.admin_script("ALTER USER MIGUEL_CLI UNSET NETWORK_POLICY").unwrap();

    let _refused = world.patctl(["drift", "--look"]).output().unwrap();
    let of_a_login = doctor(&world);
    rotate_in_vain(&world);
    let of_a_token = doctor(&world);

    for found in [of_a_login, of_a_token] {
        assert_eq!(found.outcome("network-refusal"), "failed", "{}", found.text);
        assert!(found.evidence("network-refusal").contains("no network policy"), "{}", found.text);
        assert!(found.next("network-refusal").contains("patctl apply"), "{}", found.text);
    }
}

#[test]
fn what_the_daemon_finds_of_itself_at_its_start_is_no_alarm_where_nothing_is_wrong() {
    let mut world = running(false);

    assert!(world.status().get("self_check").is_none(), "{}", world.status());
    assert!(!world.daemon().log_text().contains("Self-check failed"));
}

#[test]
fn an_ordinary_user_asks_nobody_and_sees_what_it_may() {
    let world = World::new();
    let Some(stranger) = Stranger::of(&world, "doctor") else { return };
    // Open to everybody by a mistake: even so nobody is asked.
    let folder = world.folder().join("mistaken-admin");
    std::fs::create_dir(&folder).unwrap();
    std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o755)).unwrap();
    let socket = folder.join("admin.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    std::fs::set_permissions(&socket, PermissionsExt::from_mode(0o666)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let hidden = world.home().join(".snowflake");
    std::fs::create_dir_all(&hidden).unwrap();
    std::fs::set_permissions(&hidden, PermissionsExt::from_mode(0o700)).unwrap();

    let by_stranger =
        asking(stranger.program(&world.programs.patctl()), &world, &socket).output().unwrap();
    let nobody = listener.accept().map(drop).map_err(|error| error.kind());
    let mut by_root = asking(Command::new(world.programs.patctl()), &world, &socket);
    let mut by_root = by_root.stdout(Stdio::null()).spawn().unwrap();
    eventually("root asks", || listener.accept().is_ok().then_some(()));

    assert_eq!(nobody, Err(ErrorKind::WouldBlock));
    let found = Found::of(&by_stranger);
    assert_eq!(found.outcome("daemon"), "not-checked", "{}", found.text);
    assert_eq!(found.outcome("privileges"), "not-checked", "{}", found.text);
    assert_eq!(found.outcome("admin-socket"), "failed", "{}", found.text);
    assert_eq!(found.outcome("root-key"), "not-checked", "{}", found.text);
    assert_eq!(found.outcome("configuration"), "ok", "{}", found.text);
    // A folder of somebody else's: what is in it is not known, and not called clean.
    assert_eq!(found.outcome("plaintext-token"), "not-checked", "{}", found.text);
    assert!(by_root.wait().unwrap().code().is_some());
}

fn running(tls: bool) -> World {
    let mut world = World::builder().simulator(Options { tls, ..Options::default() }).build();
    world.start();
    eventually("the first token is served", || {
        (world.status()["slots"][0]["state"] == "serving").then_some(())
    });
    world
}

fn rotate_in_vain(world: &World) {
    let output = world.patctl(["rotate", CONNECTION]).output().unwrap();
    assert!(!output.status.success(), "{}", said(&output));
}

fn doctor(world: &World) -> Found {
    let mut command = asking(Command::new(world.programs.patctl()), world, &world.admin_socket());
    Found::of(&command.output().unwrap())
}

fn asking(mut command: Command, world: &World, socket: &Path) -> Command {
    command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", world.home()).current_dir("/");
    command.arg("--config").arg(world.config()).arg("--socket").arg(socket);
    command.args(["doctor", "--json"]);
    command
}

/// The first line of each id.
struct Found {
    checks: BTreeMap<String, Value>,
    text: String,
}

impl Found {
    fn of(output: &std::process::Output) -> Self {
        let text = said(output);
        let json: Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{text}"));
        let mut checks = BTreeMap::new();
        for check in json["checks"].as_array().unwrap() {
            checks.entry(check["id"].as_str().unwrap().to_owned()).or_insert(check.clone());
        }
        Self { checks, text }
    }

    fn outcome(&self, id: &str) -> &str {
        let outcome =
            &self.checks.get(id).unwrap_or_else(|| panic!("no {id}: {}", self.text))["outcome"];
        outcome.as_str().unwrap_or_else(|| panic!("{id} has no word: {}", self.text))
    }

    fn evidence(&self, id: &str) -> &str {
        self.checks[id]["evidence"].as_str().unwrap()
    }

    fn next(&self, id: &str) -> &str {
        self.checks[id]["next_step"].as_str().unwrap()
    }
}
