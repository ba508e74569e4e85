//! Logins by a browser: a page, a token that the browser brings back, and a proof key that only the client has.

use serde_json::{Value, json};

use crate::client::Call;
use crate::world::{World, login_with};

struct Asked {
    page: String,
    proof_key: String,
}

fn asked(world: &World) -> Asked {
    world.sim.admin_script("CREATE USER ANA TYPE = PERSON DEFAULT_ROLE = PUBLIC").ok();
    let data = json!({"LOGIN_NAME": "ANA", "BROWSER_MODE_REDIRECT_PORT": "4711"});
    let body = json!({ "data": data });
    let answer = world.send(&Call::post("/session/authenticator-request").json(&body)).json();
    let text = |name: &str| answer["data"][name].as_str().unwrap().to_owned();
    let url = text("ssoUrl");
    let (_, page) = url.split_once("/sign-in/").unwrap();
    Asked { page: format!("/sign-in/{page}"), proof_key: text("proofKey") }
}

/// Opens the page, and returns the token with which the browser is sent back.
fn opened(world: &World, asked: &Asked) -> String {
    let answer = world.send(&Call::get(&asked.page));
    assert_eq!(answer.status, 302, "{answer:?}");
    let back = answer.header("location").unwrap().to_owned();
    back.strip_prefix("http://localhost:4711/?token=").unwrap().to_owned()
}

fn log_in(world: &World, user: &str, token: &str, proof_key: &str) -> Value {
    let data = json!({"LOGIN_NAME": user, "AUTHENTICATOR": "EXTERNALBROWSER",
                      "TOKEN": token, "PROOF_KEY": proof_key});
    world.send(&login_with(data)).json()
}

#[test]
fn who_opened_the_page_is_logged_in_once() {
    let world = World::new();
    let asked = asked(&world);
    let token = opened(&world, &asked);

    let first = log_in(&world, "ANA", &token, &asked.proof_key);
    let second = log_in(&world, "ANA", &token, &asked.proof_key);

    assert_eq!(first["data"]["displayUserName"], "ANA", "{first}");
    assert_eq!(second["code"], "390190", "{second}");
    let logins = world.sim.logins();
    assert!(logins.iter().any(|login| login.first_factor == "SAML2_ASSERTION"));
}

#[test]
fn neither_token_nor_proof_key_nor_another_name_is_enough() {
    let world = World::new();
    let asked = asked(&world);
    let token = opened(&world, &asked);
    let unopened = self::asked(&world);

    for (user, token, proof_key) in [
        ("ANA", "", asked.proof_key.as_str()),
        ("ANA", token.as_str(), unopened.proof_key.as_str()),
        ("ANA", "", unopened.proof_key.as_str()),
        ("MIGUEL_CLI", token.as_str(), asked.proof_key.as_str()),
    ] {
        let answer = log_in(&world, user, token, proof_key);
        assert_eq!(answer["code"], "390190", "{user}: {answer}");
    }
}

#[test]
fn a_policy_without_saml_lets_no_browser_in() {
    let world = World::new();
    let asked = asked(&world);
    let token = opened(&world, &asked);
    let policy = "CREATE DATABASE P; CREATE SCHEMA P.S; \
                  CREATE AUTHENTICATION POLICY P.S.KEYS AUTHENTICATION_METHODS = ('KEYPAIR'); \
                  ALTER USER ANA SET AUTHENTICATION POLICY P.S.KEYS";
    world.sim.admin_script(policy).unwrap();

    let answer = log_in(&world, "ANA", &token, &asked.proof_key);

    assert_eq!(answer["success"], false, "{answer}");
    assert_eq!(answer["code"], "390202", "{answer}");
}
