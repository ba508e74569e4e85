//! docs/platforms.md, what its commands do not show: a rotation reaches a container that has the private home, and what its
//! table says of a container with the host's uids, cell by cell. Containers are namespaces, as an engine makes them
//! (stand-ins/docker).

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::thread;

use documents::{Host, can_be_made};
use snowflake_sim::engine::AccountIdentity;
use world::eventually;

#[test]
fn a_rotation_reaches_a_container_that_has_the_private_home() {
    on_a_host("", |host| {
        let waits = "sum() { sha256sum < /snowflake/connections.toml; }; before=$(sum); \
                     touch /meet/ready; until [ \"$(sum)\" != \"$before\" ]; do sleep 0.1; done; \
                     cortex -c miguel_cli";
        fs::write("/home/miguel/waits.sh", waits).unwrap();
        let line = "mkdir meet; exec pat-exec -c miguel_cli sh -c 'podman run --rm \
                    -v \"$SNOWFLAKE_HOME\":/snowflake -v $HOME/meet:/meet -v $HOME/waits.sh:/waits.sh:ro \
                    -e SNOWFLAKE_HOME=/snowflake IMAGE sh /waits.sh'";
        let mut command = host.shell("miguel", line);
        let running = command.stdout(Stdio::piped()).spawn().unwrap();
        eventually("the container runs", || fs::metadata("/home/miguel/meet/ready").ok());

        let rotated = said(host, "root", "patctl rotate miguel_cli");

        assert!(rotated.contains("generation 2 is served"), "{rotated}");
        let output = running.wait_with_output().unwrap();
        let printed = String::from_utf8_lossy(&output.stdout);
        assert_eq!(printed.trim(), "MIGUEL_CLI with MIGUEL_CLI_ROLE");
        let logins = host.simulator(0).logins();
        let mut logins = logins.iter().filter(|login| login.user.as_deref() == Some("MIGUEL_CLI"));
        let last = logins.next_back().and_then(|login| login.first_factor_id);
        let tokens = host.simulator(0).tokens("MIGUEL_CLI");
        let newest = tokens.iter().find(|token| token.name.contains("_G2_")).map(|token| token.id);
        assert!(newest.is_some() && last == newest, "{last:?} {newest:?}");
    });
}

#[test]
fn who_asks_from_a_container_of_roots_engine_is_whoever_its_options_leave_it() {
    on_a_host("", |host| {
        let asked = "/pat-exec cortex -c miguel_cli";
        let another = format!("setpriv --reuid {MIGUEL} {asked}");
        let by_sudo = format!("/image/sudo --reuid {MIGUEL} {asked}");
        let by_program = format!("/image/miguels --reuid {MIGUEL} {asked}");
        image(host);
        for (options, [is_another, is_by_sudo, is_by_program]) in [
            ("", [true, true, true]),
            (NO_NEW_PRIVILEGES, [true, false, false]),
            (NO_CAPABILITIES, [false, false, true]),
            (BOTH, [false, false, false]),
        ] {
            let is_served = |user: &str, line: &str| is_served(&inside(host, options, user, line));
            assert!(is_served(&format!("{MIGUEL}:{MIGUEL}"), asked), "{options}: the person");
            assert!(!is_served("0:0", asked), "{options}: root, whom no entry names");
            assert_eq!(is_served("0:0", &another), is_another, "{options}: root as another");
            let of_stranger = format!("{STRANGER}:{STRANGER}");
            assert!(!is_served(&of_stranger, &another), "{options}: a stranger as another");
            assert_eq!(is_served(&of_stranger, &by_sudo), is_by_sudo, "{options}: by sudo");
            let served = is_served(&of_stranger, &by_program);
            assert_eq!(served, is_by_program, "{options}: by a setuid program of another's");
        }
    });
}

#[test]
fn the_gate_is_shut_to_a_container_without_new_privileges_and_open_to_one_without_capabilities() {
    on_a_host("--gate-required", |host| {
        let asked = "/pat-exec cortex -c miguel_cli";
        let person = format!("{MIGUEL}:{MIGUEL}");
        // Not by the setgid bit: a root takes the group by itself.
        let taken = format!("setpriv --reuid {MIGUEL} --regid {GATE} --clear-groups {asked}");
        for (options, is_open, is_for_root) in [
            ("", true, true),
            (NO_NEW_PRIVILEGES, false, true),
            (NO_CAPABILITIES, true, false),
            (BOTH, false, false),
        ] {
            let of_person = inside(host, options, &person, asked);
            assert_eq!(is_served(&of_person), is_open, "{options}: {of_person}");
            assert!(is_open || of_person.contains("no_new_privs"), "{options}: {of_person}");
            let of_root = inside(host, options, "0:0", &taken);
            assert_eq!(is_served(&of_root), is_for_root, "{options}: {of_root}");
        }
    });
}

#[test]
fn no_root_of_a_container_administers_the_broker_unless_it_is_given_that_folder() {
    on_a_host("", |host| {
        for options in ["", NO_NEW_PRIVILEGES, NO_CAPABILITIES, BOTH] {
            for verb in ["status", "leases", "revoke --all"] {
                let said = inside(host, options, "0:0", &format!("patctl {verb}"));
                assert!(said.contains("no broker at /run/patd-admin/admin.sock"), "{verb}: {said}");
            }
        }
        let given = format!("{BOTH} -v /run/patd-admin:/run/patd-admin:ro");
        let said = inside(host, &given, "0:0", "patctl status");
        assert!(said.contains("miguel_cli"), "{said}");
    });
}

const MIGUEL: u32 = 48_801;
/// Whom no entry names.
const STRANGER: u32 = 48_803;
const GATE: u32 = 48_810;
const NO_CAPABILITIES: &str = "--cap-drop=ALL";
const NO_NEW_PRIVILEGES: &str = "--security-opt=no-new-privileges";
const BOTH: &str = "--cap-drop=ALL --security-opt=no-new-privileges";

/// Programs that an image may hold: one that makes a root of anybody, as sudo does, and one that makes miguel of them.
fn image(host: &Host) {
    let made = host.run(
        "root",
        "set -e; mkdir /home/image; cp /usr/bin/setpriv /home/image/sudo; chmod 4755 /home/image/sudo; \
         cp /usr/bin/setpriv /home/image/miguels; chown miguel: /home/image/miguels; chmod 4755 /home/image/miguels",
    );
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stdout));
}

/// Runs a command in a container that has the folder of hand-out and the wrapper, and returns what it said.
fn inside(host: &Host, options: &str, user: &str, line: &str) -> String {
    let image = if Path::new("/home/image").exists() { "-v /home/image:/image:ro" } else { "" };
    let run = format!(
        "docker run --rm --user {user} {options} -v /run/patd:/run/patd:ro {image} \
         -v \"$(command -v pat-exec)\":/pat-exec:ro IMAGE {line}"
    );
    said(host, "root", &run)
}

fn is_served(said: &str) -> bool {
    said.contains("MIGUEL_CLI with MIGUEL_CLI_ROLE")
}

/// A host with an account, an entry for miguel and a running daemon.
fn on_a_host(options: &'static str, demand: fn(&Host)) {
    if !can_be_made("documents") {
        return;
    }
    let act = move || {
        let mut host = Host::new();
        host.account(AccountIdentity::default(), "myorg-myaccount.snowflakecomputing.com");
        let add = "patctl add miguel_cli --user MIGUEL_CLI --role MIGUEL_CLI_ROLE --for miguel";
        for line in [
            "patctl init --account MYORG-MYACCOUNT",
            &format!("{add} {options}"),
            "patctl bootstrap --network-cidr 127.0.0.0/8 > bootstrap.sql",
        ] {
            let output = host.run("root", line);
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        }
        host.at_snowflake(None, &fs::read_to_string("/root/bootstrap.sql").unwrap());
        assert!(host.run("root", "systemctl start patd").status.success());
        demand(&host);
    };
    // A thread is what a host is made around.
    thread::spawn(act).join().unwrap();
}

fn said(host: &Host, user: &str, line: &str) -> String {
    String::from_utf8_lossy(&host.run(user, line).stdout).into_owned()
}
