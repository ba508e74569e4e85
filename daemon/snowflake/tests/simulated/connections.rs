//! Connections: kept for a look, one of its own for whatever changes something or brings a secret.

use patd_core::pattern::reading::Breadth;
use patd_snowflake::authority::{Added, Authority};
use patd_snowflake::provision::{observe, run};
use patd_snowflake::sql_api::SqlApi;
use snowflake_sim::{Act, Fault, On, Options};

use crate::house::{House, known};
use crate::proxy::Proxy;
use crate::world::{client, token};

/// An account behind TLS and a proxy, which is asked for each connection.
async fn behind_a_proxy() -> (House, Proxy) {
    (House::with(Options { tls: true, ..Options::default() }), Proxy::start(None).await)
}

fn api(house: &House, proxy: &Proxy) -> SqlApi {
    let client = client(&house.endpoint(Some(&proxy.url(""))));
    SqlApi::new(client, house.login("SEC", "ACCOUNTADMIN"))
}

#[tokio::test]
async fn a_look_asks_its_hundreds_of_questions_over_a_few_connections() {
    let (house, proxy) = behind_a_proxy().await;
    let made: Vec<String> =
        (0..60).map(|number| format!("CREATE USER P{number:02} TYPE = PERSON")).collect();
    house.admin(&made.join(";"));
    let before = house.sim.queries().len();

    let seen = observe(&api(&house, &proxy), &house.desired, Breadth::Whole).await;

    assert_eq!(known(&seen.expect("an observation").persons).len(), 62);
    let (asked, connections) = (house.sim.queries().len() - before, proxy.requests().len());
    assert!(asked > 120 && connections <= 8, "{asked} statements, {connections} connections");
}

#[tokio::test]
async fn a_kept_connection_that_breaks_is_replaced() {
    let (house, proxy) = behind_a_proxy().await;
    house.sim.fault(Fault { on: On::SqlApi, after: 20, times: 1, act: Act::DropBeforeCommit });

    let seen = observe(&api(&house, &proxy), &house.desired, Breadth::Whole).await;

    assert!(seen.is_ok(), "{seen:?}");
    assert!(house.sim.faults_left().is_empty());
}

#[tokio::test]
async fn each_change_and_each_secret_has_a_connection_of_its_own() {
    let (house, proxy) = behind_a_proxy().await;
    let admin = api(&house, &proxy);
    observe(&admin, &house.desired, Breadth::Resident).await.expect("an observation");
    let mut connections = proxy.requests().len();

    for number in 1..=3 {
        run(&admin, &format!("CREATE ROLE R{number}")).await.expect("a step");
        assert_eq!(proxy.requests().len(), connections + 1);
        connections += 1;
    }
    let broker = client(&house.endpoint(Some(&proxy.url(""))));
    let broker = Authority::with_client(broker, house.login("BROKER", "BROKER_ROLE"));
    for number in 1..=3 {
        let added = broker.add(&token(&format!("T{number}"))).await;
        assert!(matches!(added, Added::Minted(_)));
        assert_eq!(proxy.requests().len(), connections + 1);
        connections += 1;
    }
}
