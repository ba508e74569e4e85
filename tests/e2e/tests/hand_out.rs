//! Who gets the secret, and what everybody else hears (SECURITY.md: another local user, a forged broker).

use std::io::{BufRead, BufReader};
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use e2e::{Client, STRANGER, Stranger, client_program, log_in, refused_by_wrapper, said};
use pat_wire::error::REFUSAL_TEXT;
use world::{CONNECTION, ROLE, USER, World, own_name};

#[test]
fn the_uid_of_an_entry_works_as_the_service_user_under_its_one_role() {
    let world = World::running();

    let mut client = Client::start(&world, "home");
    let identity = client.connect().unwrap();

    assert_eq!((identity.user.as_str(), identity.role.as_str()), (USER, ROLE));
    let secondary: serde_json::Value = serde_json::from_str(&identity.secondary_roles).unwrap();
    assert_eq!(secondary["roles"], "", "no secondary role is active");
    assert_eq!(client.log_in(&world).role_restriction.as_deref(), Some(ROLE));
}

#[test]
fn the_env_delivery_serves_as_well_and_leaves_no_home() {
    let mut world = World::builder().add_options(&["--deliver", "home,env"]).build();
    world.start();

    let mut client = Client::start(&world, "env");
    client.log_in(&world);

    assert_eq!(client.variable("SNOWFLAKE_HOME"), None);
    assert!(client.variable("SNOWFLAKE_CONNECTIONS").is_some());
}

#[test]
fn a_delivery_that_the_entry_does_not_allow_is_refused_by_name() {
    let world = World::running();

    let told = refused_by_wrapper(&world, &["-c", CONNECTION, "--deliver", "env"]);

    assert!(told.contains("it allows: home"), "{told}");
}

#[test]
fn an_unknown_connection_is_refused_in_the_words_for_strangers() {
    let world = World::running();

    let told = refused_by_wrapper(&world, &["-c", "no_such"]);

    assert_eq!(told, format!("pat-exec: {REFUSAL_TEXT}\n"));
}

#[test]
fn every_refusal_of_identity_or_policy_is_byte_for_byte_the_same() {
    let world = World::running();
    let Some(stranger) = Stranger::of(&world, "refusals-are-the-same") else { return };
    let someone_elses = World::builder().local_user(&STRANGER.to_string()).build();
    let mut someone_elses = someone_elses;
    someone_elses.start();
    let known = format!(r#"{{"connection":"{CONNECTION}"}}"#);
    let unknown = r#"{"connection":"no_such"}"#;

    let asked = |mut command: Command| command.output().unwrap().stdout;
    let (socket, other_socket) = (world.socket(), someone_elses.socket());
    let (socket, other_socket) = (socket.to_str().unwrap(), other_socket.to_str().unwrap());
    let own = |socket: &str, body: &str| {
        let mut command = Command::new(client_program());
        command.args(["ask", socket, body]);
        asked(command)
    };
    let replies = [
        asked(stranger.client(&["ask", socket, &known])),
        asked(stranger.client(&["ask", socket, unknown])),
        asked(stranger.client(&["ask", socket, "{}"])),
        own(socket, unknown),
        own(other_socket, &known),
        own(other_socket, unknown),
        own(other_socket, "{}"),
    ];

    let first = String::from_utf8_lossy(&replies[0]).into_owned();
    assert!(first.starts_with("HTTP/1.1 403") && first.contains(REFUSAL_TEXT), "{first}");
    for reply in &replies {
        assert_eq!(String::from_utf8_lossy(reply), first);
    }
    let served = asked(stranger.client(&["ask", other_socket, &known]));
    assert!(served.starts_with(b"HTTP/1.1 200"), "the entry's own uid is served");
}

#[test]
fn the_audit_log_has_the_cause_that_a_refusal_does_not_tell() {
    let world = World::running();
    let Some(stranger) = Stranger::of(&world, "cause-in-the-audit-log") else { return };

    let arguments = ["-c", CONNECTION, "/bin/echo", "started"];
    let output = stranger.pat_exec(&world.socket(), &arguments).output().unwrap();

    assert_eq!(output.status.code(), Some(125), "{}", said(&output));
    assert_eq!(String::from_utf8_lossy(&output.stderr), format!("pat-exec: {REFUSAL_TEXT}\n"));
    let log = world.patctl_ok(&["log", "--json", "-n", "1000"]);
    assert!(log.contains("deny") && log.contains(&STRANGER.to_string()), "{log}");
    let uid = STRANGER.to_string();
    let explained = world.patctl(["explain", "--uid", &uid, CONNECTION]).output().unwrap();
    assert_eq!(explained.status.code(), Some(1), "{}", said(&explained));
    // As the refusal has it.
    let explained = world.patctl_ok(&["explain"]);
    let more = format!("more: patctl explain --uid {uid} {CONNECTION}");
    assert!(explained.contains(&more), "{explained}");
}

#[test]
fn the_list_shows_the_callers_own_connections_and_nobody_elses() {
    let world = World::running();
    let Some(stranger) = Stranger::of(&world, "list-of-ones-own") else { return };
    add(&world, "for_both", &format!("{},{STRANGER}", own_name()));

    let own = list(&mut world.pat_exec(["--list"]));
    let others = list(&mut stranger.pat_exec(&world.socket(), &["--list"]));

    assert_eq!(names(&own), ["for_both", CONNECTION]);
    assert_eq!(names(&others), ["for_both"]);
}

#[test]
fn the_list_says_what_a_connection_is_and_whether_it_is_ready() {
    let world = World::running();
    log_in(&world);

    let listed = list(&mut world.pat_exec(["--list"]));

    let row: Vec<&str> = listed.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(row, [CONNECTION, USER, ROLE, "home", "yes"]);
}

#[test]
fn who_has_several_connections_and_names_none_is_shown_them() {
    let world = World::running();
    add(&world, "another", &own_name());

    let told = refused_by_wrapper(&world, &[]);

    assert!(told.contains("another") && told.contains(CONNECTION), "{told}");
}

#[test]
fn the_only_connection_needs_no_name() {
    let world = World::running();

    let mut client = Client::under(world.pat_exec(["--"]));

    client.log_in(&world);
}

#[test]
fn the_commands_own_c_names_the_connection_for_the_clients_that_mean_it_so() {
    let world = World::running();
    add(&world, "another", &own_name());

    for name in ["cortex", "coco", "snow"] {
        let program = world.folder().join(name);
        symlink(client_program(), &program).unwrap();
        let output = connecting(world.pat_exec([program.to_str().unwrap(), "-c", "another"]));
        assert!(output.contains(USER), "{name}: {output}");
    }
}

#[test]
fn the_c_of_any_other_command_is_its_own_affair() {
    let world = World::running();
    add(&world, "another", &own_name());
    let program = world.folder().join("python3");
    symlink(client_program(), &program).unwrap();

    let mut wrapper = world.pat_exec([program.to_str().unwrap(), "-c", CONNECTION]);
    let output = wrapper.output().unwrap();

    assert_eq!(output.status.code(), Some(125), "{}", said(&output));
    assert!(said(&output).contains("another"), "it asks which: {}", said(&output));
}

#[test]
fn without_a_broker_the_wrapper_says_where_it_looked_and_what_to_try() {
    let mut world = World::running();
    world.stop();

    let told = refused_by_wrapper(&world, &["-c", CONNECTION]);

    assert!(told.contains(world.socket().to_str().unwrap()), "{told}");
    assert!(told.contains("systemctl status patd"), "{told}");
}

#[test]
fn a_squatters_socket_hears_nothing() {
    let world = World::new();
    let Some(stranger) = Stranger::of(&world, "squatter") else { return };
    let socket = stranger.own_folder().join("patd.sock");
    let socket = socket.to_str().unwrap();
    let mut squatter = stranger.client(&["squat", socket]).stdout(Stdio::piped()).spawn().unwrap();
    let mut heard = BufReader::new(squatter.stdout.take().unwrap()).lines();
    assert_eq!(heard.next().unwrap().unwrap(), "listening");

    let mut wrapper = Command::new(world.programs.pat_exec());
    wrapper.args(["--socket", socket, "-c", CONNECTION, "/bin/echo", "started"]);
    let output = wrapper.output().unwrap();

    assert_eq!(output.status.code(), Some(125), "{}", said(&output));
    assert!(said(&output).contains(&format!("uid {STRANGER}")), "{}", said(&output));
    assert_eq!(heard.next().unwrap().unwrap(), "heard 0 bytes");
    squatter.wait().unwrap();
}

fn add(world: &World, connection: &str, local_users: &str) {
    world.patctl_ok(&["add", connection, "--user", USER, "--role", ROLE, "--for", local_users]);
}

fn list(wrapper: &mut Command) -> String {
    let output = wrapper.output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    String::from_utf8(output.stdout).unwrap()
}

fn names(table: &str) -> Vec<&str> {
    table.lines().skip(1).map(|row| row.split_whitespace().next().unwrap()).collect()
}

/// Runs a client that is complete with its arguments, lets it connect once, and returns what it said.
fn connecting(mut wrapper: Command) -> String {
    let mut child = wrapper.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"connect\n").unwrap();
    said(&child.wait_with_output().unwrap())
}
