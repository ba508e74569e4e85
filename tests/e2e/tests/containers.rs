//! User namespaces, as containers have them: what uid the daemon sees, and where it does not run (SECURITY.md: containers).

use std::process::Command;

use e2e::{STRANGER, Stranger, said};
use pat_wire::error::REFUSAL_TEXT;
use world::{CONNECTION, World, skip};

#[test]
fn in_a_user_namespace_without_the_hosts_users_the_daemon_does_not_start() {
    if !has_user_namespaces("daemon-in-a-user-namespace") {
        return;
    }
    let world = World::new();
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--"]).arg(world.programs.patd());
    command.arg("--config").arg(world.config()).arg("--state").arg(world.state());

    let output = command.arg("--run").arg(world.run()).output().unwrap();

    assert_eq!(output.status.code(), Some(77), "{}", said(&output));
    assert!(said(&output).contains("PrivateUsers="), "{}", said(&output));
    assert!(!world.socket().exists());
}

#[test]
fn the_root_of_a_container_is_the_uid_that_its_map_says_and_never_root() {
    if !has_user_namespaces("root-of-a-container") {
        return;
    }
    let (roots, strangers) = (World::running(), running_for(STRANGER));
    let Some(container) = Stranger::of(&roots, "root-of-a-container") else { return };
    let body = format!(r#"{{"connection":"{CONNECTION}"}}"#);
    let ask = |world: &World| {
        let socket = world.socket();
        let arguments = ["ask", socket.to_str().unwrap(), &body];
        let output = container.client_as_container_root(&arguments).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };

    let refused = ask(&roots);
    let served = ask(&strangers);

    assert!(refused.starts_with("HTTP/1.1 403") && refused.contains(REFUSAL_TEXT), "{refused}");
    let log = roots.patctl_ok(&["log", "--json", "-n", "1000"]);
    assert!(log.contains(&format!("\"uid\":{STRANGER}")), "{log}");
    assert!(served.starts_with("HTTP/1.1 200"), "its own uid, as the host knows it: {served}");
}

fn running_for(uid: u32) -> World {
    let mut world = World::builder().local_user(&uid.to_string()).build();
    world.start();
    world
}

fn has_user_namespaces(test: &str) -> bool {
    let made = Command::new("unshare").args(["--user", "--map-root-user", "id", "-u"]).output();
    let is_root = made.is_ok_and(|output| output.stdout == b"0\n");
    if !is_root {
        skip(test, "user namespaces cannot be made here");
    }
    is_root
}
