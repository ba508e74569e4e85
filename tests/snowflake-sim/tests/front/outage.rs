//! Snowflake down and up again, and TLS.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;
use snowflake_sim::{Options, Simulator, StartError};

use crate::client::Call;
use crate::world::{World, login_call};

#[test]
fn a_stopped_server_refuses_and_comes_back_on_the_same_port_with_its_state() {
    let world = World::new();
    let session = world.login()["token"].as_str().unwrap().to_owned();
    let (port, url) = (world.sim.port(), world.sim.url());
    world.sim.stop_answering().unwrap();
    let refused = login_call(&world.pat).send(port).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    world.sim.stop_answering().unwrap();
    world.sim.resume_answering().unwrap();
    world.sim.resume_answering().unwrap();
    assert_eq!((world.sim.port(), world.sim.url()), (port, url));
    assert_eq!(world.query(&session, "select 1")["success"], true);
    assert_eq!(world.token_count(), 1);
}

#[test]
fn a_stop_breaks_the_connections_that_are_open() {
    let world = World::new();
    let mut stream = TcpStream::connect(("127.0.0.1", world.sim.port())).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(b"POST /telemetry/send HTTP/1.1\r\nHost: sim\r\n").unwrap();
    world.sim.stop_answering().unwrap();
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest) {
        Ok(_) => assert!(rest.is_empty(), "{rest:?}"),
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
}

#[test]
fn the_owner_can_meddle_while_the_server_is_down() {
    let world = World::new();
    world.sim.stop_answering().unwrap();
    world.sim.admin_script("ALTER USER MIGUEL_CLI REMOVE PAT FIRST").unwrap();
    assert_eq!(world.token_count(), 0);
}

#[test]
fn a_dropped_simulator_frees_its_port() {
    let world = World::new();
    let listen = ([127, 0, 0, 1], world.sim.port()).into();
    assert!(matches!(
        Simulator::start(Options { listen, ..Options::default() }),
        Err(StartError::Listen { .. })
    ));
    drop(world);
    let again = Simulator::start(Options { listen, ..Options::default() }).unwrap();
    assert_eq!(again.port(), listen.port());
}

#[test]
fn tls_works_for_who_trusts_the_ca_and_for_nobody_else() {
    let world = World::with(Options { tls: true, ..Options::default() });
    assert!(world.sim.url().starts_with("https://127.0.0.1:"));
    let call = login_call(&world.pat);
    let port = world.sim.port();
    let answer = call.send_tls(port, world.sim.ca_pem()).unwrap();
    assert_eq!(answer.json()["success"], true);
    let distrust = call.send_tls(port, None).unwrap_err();
    assert!(distrust.to_string().contains("UnknownIssuer"), "{distrust}");
    let other = Simulator::start(Options { tls: true, ..Options::default() }).unwrap();
    assert!(call.send_tls(port, other.ca_pem()).is_err(), "every start has a CA of its own");
    assert!(call.send(port).is_err(), "plain http");
}

#[test]
fn a_server_without_tls_has_no_ca() {
    let world = World::new();
    assert!(world.sim.url().starts_with("http://127.0.0.1:"));
    assert_eq!((world.sim.host().as_str(), world.sim.ca_pem()), ("127.0.0.1", None));
    assert_eq!(world.sim.account(), "MYORG-MYACCOUNT");
    let call = Call::post("/telemetry/send").json(&json!({}));
    assert!(call.send_tls(world.sim.port(), None).is_err());
}
