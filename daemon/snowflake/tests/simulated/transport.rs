//! TLS with an own CA, CONNECT proxies, a host that is down: who is trusted, and what the error says.

use std::path::PathBuf;

use patd_core::lifecycle::Failure;
use patd_core::lifecycle::ProbeOutcome;
use patd_core::names::User;
use patd_snowflake::authority::{Added, Authority};
use patd_snowflake::endpoint::Endpoint;
use patd_snowflake::http::{Client, HttpError};
use patd_snowflake::probe::{Form, probe};
use patd_snowflake::reach::{Distrust, Unreached, reach};
use snowflake_sim::Options;

use crate::proxy::Proxy;
use crate::world::{USER, World, added, client, expected, login, token};

struct TlsWorld {
    world: World,
    directory: tempfile::TempDir,
}

impl TlsWorld {
    fn new() -> Self {
        let world = World::with(Options { tls: true, ..Options::default() });
        let directory = tempfile::tempdir().expect("directory");
        let ca = world.sim.ca_pem().expect("a CA");
        std::fs::write(directory.path().join("ca.pem"), ca).expect("file");
        Self { world, directory }
    }

    fn ca_file(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    fn authority(&self, proxy: Option<&str>) -> Authority {
        let endpoint = self.world.endpoint(Some(&self.ca_file()), proxy);
        Authority::with_client(client(&endpoint), login())
    }
}

fn unclear(outcome: Result<(), Failure>) -> String {
    match outcome {
        Err(Failure::Unclear(reason)) => reason,
        other => panic!("not unclear: {other:?}"),
    }
}

#[tokio::test]
async fn a_ca_file_makes_its_servers_trusted() {
    let tls = TlsWorld::new();
    let authority = tls.authority(None);
    let Added::Minted(secret) = authority.add(&token("T1")).await else { panic!("not minted") };
    let outcome = probe(authority.client(), &secret, &expected(), Form::Password).await;
    assert_eq!(outcome, ProbeOutcome::Proved);
}

#[tokio::test]
async fn without_the_ca_file_nothing_is_sent_and_the_error_says_why() {
    let tls = TlsWorld::new();
    let other = TlsWorld::new();
    // A CA is needed where the system has none of its own; another one's does not help.
    let endpoint = tls.world.endpoint(Some(&other.ca_file()), None);
    let authority = Authority::with_client(client(&endpoint), login());

    let reason = unclear(added(&authority, &token("T1")).await);

    assert!(reason.contains("certificate"), "{reason}");
    assert_eq!(tls.world.token_names(), Vec::<String>::new());
}

#[tokio::test]
async fn plain_http_to_a_tls_server_and_the_reverse_are_unclear() {
    let tls = TlsWorld::new();
    let plain = World::new();
    let account = patd_core::names::Account::new("MYORG-MYACCOUNT");
    let at = |port, tls| {
        Endpoint::new(account.clone(), "127.0.0.1", port, tls, None, None).expect("endpoint")
    };
    for endpoint in [at(tls.world.sim.port(), false), at(plain.sim.port(), true)] {
        // Without any trusted root the client is not even made: that is a refusal too.
        let Ok(client) = Client::new(&endpoint) else { continue };
        let authority = Authority::with_client(client, login());
        unclear(added(&authority, &token("T1")).await);
    }
    assert_eq!(plain.token_names(), Vec::<String>::new());
}

#[test]
fn a_ca_file_that_is_missing_or_empty_is_refused_by_name() {
    let directory = tempfile::tempdir().expect("directory");
    let empty = directory.path().join("empty.pem");
    std::fs::write(&empty, "").expect("file");
    let account = patd_core::names::Account::new("A-B");
    for path in [empty, directory.path().join("missing.pem")] {
        let endpoint = Endpoint::new(account.clone(), "127.0.0.1", 1, true, Some(&path), None);
        let Err(error) = Client::new(&endpoint.expect("endpoint")) else { panic!("accepted") };
        assert!(error.to_string().contains(&path.display().to_string()), "{error}");
        assert!(matches!(error, HttpError::CaFile { .. } | HttpError::CaFileEmpty(_)));
    }
}

#[tokio::test]
async fn a_configured_proxy_is_asked_to_connect_and_sees_nothing_else() {
    let tls = TlsWorld::new();
    let proxy = Proxy::start(Some("Basic dXNlcjpwYXNz")).await;

    let authority = tls.authority(Some(&proxy.url("user:pass@")));
    let Added::Minted(secret) = authority.add(&token("T1")).await else { panic!("not minted") };

    let target = format!("{}:{}", tls.world.sim.host(), tls.world.sim.port());
    let requests = proxy.requests();
    assert!(!requests.is_empty());
    for request in requests {
        assert!(request.starts_with(&format!("CONNECT {target} HTTP/1.1\r\n")), "{request}");
        assert!(!request.contains("Bearer") && !request.contains(secret.expose()), "{request}");
    }
}

#[tokio::test]
async fn a_proxy_that_wants_another_password_is_named_as_the_cause() {
    let tls = TlsWorld::new();
    let proxy = Proxy::start(Some("Basic dXNlcjpwYXNz")).await;
    let authority = tls.authority(Some(&proxy.url("user:hush@")));

    let reason = unclear(added(&authority, &token("T1")).await);

    assert!(reason.contains("proxy authorization required"), "{reason}");
    assert!(!reason.contains("hush"), "{reason}");
    assert_eq!(tls.world.token_names(), Vec::<String>::new());
}

#[tokio::test]
async fn an_account_that_is_down_is_unclear_until_it_is_up_again() {
    let world = World::new();
    let secret = world.secret("T1").await;
    let authority = world.authority();
    world.sim.stop_answering().expect("stopped");

    unclear(added(&authority, &token("T2")).await);
    assert!(matches!(authority.list(&User::new(USER)).await, Err(Failure::Unclear(_))));
    let outcome = probe(&world.client(), &secret, &expected(), Form::Token).await;
    assert!(matches!(outcome, ProbeOutcome::Unclear(_)), "{outcome:?}");

    world.sim.resume_answering().expect("resumed");
    assert_eq!(added(&authority, &token("T2")).await, Ok(()));
}

#[tokio::test]
async fn a_look_without_a_login_tells_who_answers_and_what_time_it_is_there() {
    let (tls, other) = (TlsWorld::new(), TlsWorld::new());
    let trusted = client(&tls.world.endpoint(Some(&tls.ca_file()), None));
    let distrusting = client(&tls.world.endpoint(Some(&other.ca_file()), None));
    let logins = tls.world.sim.logins().len();
    tls.world.sim.advance(std::time::Duration::from_secs(7_200));

    let ahead = reach(&trusted).await.expect("an answer").expect("a date");
    let distrust = reach(&distrusting).await.expect_err("another CA");
    tls.world.sim.stop_answering().expect("the port closes");
    let silent = reach(&trusted).await.expect_err("nobody");

    assert!((7_190..=7_210).contains(&ahead), "{ahead}");
    assert!(matches!(distrust, Unreached::Distrusted(Distrust::Issuer, _)), "{distrust:?}");
    assert!(matches!(silent, Unreached::Silent(_)), "{silent:?}");
    assert_eq!(tls.world.sim.logins().len(), logins);
}
