//! Key-pair JWTs on the SQL API: which are good, and the real reason of each refusal.

use serde_json::{Value, json};

use crate::client::Call;
use crate::world::{ACCOUNT, RsaKey, World, as_broker, rsa_key};

/// A token's outcome: `None` when it logged in, else the detail code in the login history.
fn outcome(world: &World, jwt: &str) -> Option<String> {
    let call = Call::post("/api/v2/statements").json(&json!({"statement": "select 1"}));
    let answer = world.send(&as_broker(call, jwt));
    if answer.status == 200 {
        return None;
    }
    assert_eq!((answer.status, answer.code().as_str()), (401, "390144"));
    let message = answer.json()["message"].as_str().unwrap().to_owned();
    assert!(message.starts_with("JWT token is invalid. ["), "{message}");
    let failure = world.sim.logins().pop().unwrap().failure.expect("a refused login");
    Some(failure.cause[..6].to_owned())
}

struct Claims {
    world: World,
    now: i64,
}

impl Claims {
    fn new() -> Claims {
        let world = World::new();
        let now = world.sim.clock().as_second();
        world.sim.set_clock(jiff::Timestamp::from_second(now).expect("a moment"));
        Claims { world, now }
    }

    fn good(&self) -> Value {
        rsa_key().claims(ACCOUNT, "BROKER", self.now, self.now + 3000)
    }

    fn refused(&self, claims: &Value) -> Option<String> {
        outcome(&self.world, &rsa_key().jwt(claims))
    }

    fn with(&self, name: &str, value: Value) -> Option<String> {
        let mut claims = self.good();
        claims[name] = value;
        self.refused(&claims)
    }

    fn lasting(&self, iat: i64, exp: i64) -> Option<String> {
        let now = self.now;
        self.refused(&rsa_key().claims(ACCOUNT, "BROKER", now + iat, now + exp))
    }

    fn naming(&self, account: &str, user: &str) -> Option<String> {
        self.refused(&rsa_key().claims(account, user, self.now, self.now + 3000))
    }
}

fn refused(code: &str) -> Option<String> {
    Some(code.to_owned())
}

#[test]
fn a_good_token_logs_in() {
    let claims = Claims::new();
    assert_eq!(claims.refused(&claims.good()), None);
    assert_eq!(claims.world.sim.logins().pop().unwrap().user.as_deref(), Some("BROKER"));
}

#[test]
fn the_account_is_named_by_organization_or_locator_in_upper_case() {
    let claims = Claims::new();
    assert_eq!(claims.naming("MYORG-MYACCOUNT", "BROKER"), None);
    assert_eq!(claims.naming("SIM12345", "BROKER"), None);
    assert_eq!(claims.naming("OTHER-ACCOUNT", "BROKER"), refused("394307"));
    assert_eq!(claims.naming("myorg-myaccount", "BROKER"), refused("394307"));
    assert_eq!(claims.naming("MYORG.MYACCOUNT", "BROKER"), refused("394307"), "a period");
    assert_eq!(claims.naming("SIM12345.US-WEST-2", "BROKER"), refused("394300"), "a region");
}

#[test]
fn the_user_is_the_login_name_in_upper_case() {
    let claims = Claims::new();
    let sql = "ALTER USER BROKER SET LOGIN_NAME = 'BROKER.AT@HOST1'";
    claims.world.sim.admin_script(sql).unwrap();
    assert_eq!(claims.naming(ACCOUNT, "BROKER.AT@HOST1"), None);
    assert_eq!(claims.naming(ACCOUNT, "BROKER"), refused("394300"), "the name is not it");
    assert_eq!(claims.naming(ACCOUNT, "NOBODY"), refused("394300"));
}

#[test]
fn the_subject_is_the_issuer_without_the_fingerprint() {
    let claims = Claims::new();
    assert_eq!(claims.with("sub", json!("MYORG-MYACCOUNT.OTHER")), refused("394300"));
    assert_eq!(claims.with("sub", Value::Null), refused("394300"));
    assert_eq!(claims.with("iss", json!("MYORG-MYACCOUNT.BROKER")), refused("394300"));
}

#[test]
fn a_token_needs_both_times_in_seconds_or_milliseconds() {
    let claims = Claims::new();
    assert_eq!(claims.with("iat", Value::Null), refused("394301"));
    assert_eq!(claims.with("exp", Value::Null), refused("394301"));
    let (iat, exp) = (claims.now * 1000, (claims.now + 60) * 1000);
    assert_eq!(claims.refused(&rsa_key().claims(ACCOUNT, "BROKER", iat, exp)), None);
}

#[test]
fn a_token_lives_until_its_end_and_never_longer_than_an_hour() {
    let claims = Claims::new();
    assert_eq!(claims.lasting(-10, 1), None);
    assert_eq!(claims.lasting(-10, 0), refused("394303"));
    assert_eq!(claims.lasting(-3599, 86_400), None);
    assert_eq!(claims.lasting(-3600, 86_400), refused("394303"));
    assert_eq!(claims.lasting(61, 3600), refused("394302"), "from the future");
}

#[test]
fn a_token_may_have_to_be_fresh() {
    let claims = Claims::new();
    assert_eq!(claims.lasting(-61, 600), None);
    claims.world.sim.http_switches(|s| s.jwt_must_be_fresh = true);
    assert_eq!(claims.lasting(-61, 600), refused("394302"));
    assert_eq!(claims.lasting(-60, 600), None);
}

#[test]
fn a_token_of_a_key_that_is_not_registered_is_refused() {
    let claims = Claims::new();
    let stranger = RsaKey::generate();
    let own = stranger.claims(ACCOUNT, "BROKER", claims.now, claims.now + 60);
    assert_eq!(outcome(&claims.world, &stranger.jwt(&own)), refused("394304"));
    assert_eq!(
        outcome(&claims.world, &stranger.jwt(&claims.good())),
        refused("394306"),
        "another's fingerprint does not help"
    );
}

#[test]
fn a_token_is_signed_with_rs256_and_nothing_else() {
    let claims = Claims::new();
    for algorithm in ["RS384", "ES256", "HS256", "none"] {
        let jwt = rsa_key().jwt_with(&json!({"alg": algorithm}), &claims.good());
        assert_eq!(outcome(&claims.world, &jwt), refused("394305"), "{algorithm}");
    }
}

#[test]
fn a_token_changed_after_signing_is_refused() {
    let claims = Claims::new();
    let jwt = rsa_key().jwt(&claims.good());
    let longer = rsa_key().jwt(&rsa_key().claims(ACCOUNT, "BROKER", claims.now, claims.now + 3500));
    let [head, _, signature] = jwt.split('.').collect::<Vec<_>>()[..] else { panic!("{jwt}") };
    let payload = longer.split('.').nth(1).unwrap();
    let forged = format!("{head}.{payload}.{signature}");
    assert_eq!(outcome(&claims.world, &forged), refused("394306"));
    assert_eq!(outcome(&claims.world, "a.b.c"), refused("394306"));
}

#[test]
fn either_of_the_two_key_properties_is_good_until_it_is_unset() {
    let claims = Claims::new();
    let second = RsaKey::generate();
    let own = second.claims(ACCOUNT, "BROKER", claims.now, claims.now + 60);
    let script = |sql: &str| claims.world.sim.admin_script(sql).unwrap();
    script(&format!("ALTER USER BROKER SET RSA_PUBLIC_KEY_2 = '{}'", second.public_base64()));
    assert_eq!(outcome(&claims.world, &second.jwt(&own)), None);
    assert_eq!(claims.refused(&claims.good()), None);
    script("ALTER USER BROKER UNSET RSA_PUBLIC_KEY");
    assert_eq!(claims.refused(&claims.good()), refused("394304"));
    assert_eq!(outcome(&claims.world, &second.jwt(&own)), None);
}
