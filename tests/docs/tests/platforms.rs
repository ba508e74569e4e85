//! docs/platforms.md, what its commands do not show: a rotation reaches a container that has the private home, and what the
//! gate is worth in one. Containers are namespaces, as an engine makes them (stand-ins/docker).

use std::fs;
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
fn the_gate_holds_in_a_container_of_roots_engine_only_while_setgid_counts() {
    on_a_host("--gate-required", |host| {
        let run = "docker run --rm --user \"$(id -u miguel):$(id -g miguel)\" -v /run/patd:/run/patd:ro \
                   -v \"$(command -v pat-exec)\":/pat-exec:ro IMAGE";

        let gated = said(host, "root", &format!("{run} /pat-exec cortex -c miguel_cli"));
        let stripped = format!("{run} setpriv --no-new-privs /pat-exec cortex -c miguel_cli");
        let ungated = said(host, "root", &stripped);

        assert_eq!(gated.trim(), "MIGUEL_CLI with MIGUEL_CLI_ROLE");
        assert!(ungated.contains("refused") && ungated.contains("no_new_privs"), "{ungated}");
    });
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
