//! The world most promises start in: a service user with a restricted token, and a broker with a key.

use std::sync::OnceLock;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde_json::{Value, json};
use snowflake_sim::{Options, Simulator};

use crate::client::{Answer, Call};

/// The account's name in tokens.
pub const ACCOUNT: &str = "MYORG-MYACCOUNT";

/// A running simulator with its people.
pub struct World {
    pub sim: Simulator,
    /// A token of MIGUEL_CLI restricted to MIGUEL_CLI_ROLE.
    pub pat: String,
}

impl World {
    pub fn new() -> World {
        World::with(Options::default())
    }

    pub fn with(options: Options) -> World {
        let sim = Simulator::start(options).expect("a simulator");
        let key = rsa_key();
        sim.admin_script(&format!(
            "CREATE DATABASE DB; CREATE SCHEMA DB.PUBLIC2; CREATE WAREHOUSE WH;
             CREATE NETWORK POLICY LOCAL ALLOWED_IP_LIST = ('127.0.0.1');
             CREATE ROLE MIGUEL_CLI_ROLE; CREATE ROLE BROKER_ROLE;
             GRANT USAGE ON WAREHOUSE WH TO ROLE MIGUEL_CLI_ROLE;
             GRANT USAGE ON WAREHOUSE WH TO ROLE BROKER_ROLE;
             CREATE USER MIGUEL_CLI TYPE = SERVICE DEFAULT_ROLE = MIGUEL_CLI_ROLE
               DEFAULT_SECONDARY_ROLES = () NETWORK_POLICY = LOCAL;
             CREATE USER BROKER TYPE = SERVICE DEFAULT_ROLE = BROKER_ROLE
               DEFAULT_SECONDARY_ROLES = () NETWORK_POLICY = LOCAL RSA_PUBLIC_KEY = '{}';
             GRANT ROLE MIGUEL_CLI_ROLE TO USER MIGUEL_CLI;
             GRANT ROLE BROKER_ROLE TO USER BROKER;
             GRANT MODIFY PROGRAMMATIC AUTHENTICATION METHODS ON USER MIGUEL_CLI
               TO ROLE BROKER_ROLE;",
            key.public_base64()
        ))
        .expect("the world's objects");
        let pat = add_pat(&sim, "FIRST");
        World { sim, pat }
    }

    /// Submits as the broker, by a fresh JWT.
    pub fn submit(&self, body: &Value) -> Answer {
        self.submit_to("/api/v2/statements", body)
    }

    pub fn submit_to(&self, path: &str, body: &Value) -> Answer {
        let call = Call::post(path).json(body);
        self.send(&as_broker(call, &self.jwt()))
    }

    /// Looks at a statement as the broker.
    pub fn look(&self, path: &str) -> Answer {
        self.send(&as_broker(Call::get(path), &self.jwt()))
    }

    pub fn statement(&self, sql: &str) -> Answer {
        self.submit(&json!({"statement": sql}))
    }

    pub fn send(&self, call: &Call) -> Answer {
        call.send(self.sim.port()).expect("an answer")
    }

    /// A good JWT of the broker at the simulator's time.
    pub fn jwt(&self) -> String {
        let now = self.sim.clock().as_second();
        rsa_key().jwt(&rsa_key().claims(ACCOUNT, "BROKER", now, now + 3000))
    }

    /// How many tokens MIGUEL_CLI has.
    pub fn token_count(&self) -> usize {
        self.sim.tokens("MIGUEL_CLI").len()
    }

    /// Opens a driver session by token; returns the answer's `data`.
    pub fn login(&self) -> Value {
        let answer = self.send(&login_call(&self.pat));
        let body = answer.json();
        assert_eq!(body["success"], json!(true), "{body}");
        body["data"].clone()
    }

    /// Asks a question in a driver session.
    pub fn query(&self, session: &str, sql: &str) -> Value {
        self.send(&query_call(session, sql)).json()
    }
}

pub fn as_broker(call: Call, jwt: &str) -> Call {
    call.header("Authorization", format!("Bearer {jwt}"))
        .header("X-Snowflake-Authorization-Token-Type", "KEYPAIR_JWT")
        .header("Accept", "application/json")
}

pub fn with_pat(call: Call, pat: &str) -> Call {
    call.header("Authorization", format!("Bearer {pat}"))
        .header("X-Snowflake-Authorization-Token-Type", "PROGRAMMATIC_ACCESS_TOKEN")
}

pub fn login_call(pat: &str) -> Call {
    login_with(json!({
        "LOGIN_NAME": "MIGUEL_CLI", "AUTHENTICATOR": "PROGRAMMATIC_ACCESS_TOKEN", "TOKEN": pat,
        "CLIENT_APP_ID": "PythonConnector", "CLIENT_APP_VERSION": "4.7.5",
    }))
}

pub fn login_with(data: Value) -> Call {
    Call::post("/session/v1/login-request?request_id=1").json(&json!({"data": data}))
}

pub fn query_call(session: &str, sql: &str) -> Call {
    in_session(Call::post("/queries/v1/query-request?requestId=1"), session)
        .json(&json!({"sqlText": sql, "sequenceId": 1}))
}

pub fn in_session(call: Call, token: &str) -> Call {
    call.header("Authorization", format!("Snowflake Token=\"{token}\""))
}

pub fn add_pat(sim: &Simulator, name: &str) -> String {
    let sql = format!("ALTER USER MIGUEL_CLI ADD PAT {name} ROLE_RESTRICTION = 'MIGUEL_CLI_ROLE'");
    let tables = sim.admin_script(&sql).expect("a token");
    tables[0].cell(0, "token_secret").expect("its secret").to_owned()
}

/// An RSA key, made once for all promises: making one takes long.
pub struct RsaKey(KeyPair);

pub fn rsa_key() -> &'static RsaKey {
    static KEY: OnceLock<RsaKey> = OnceLock::new();
    KEY.get_or_init(RsaKey::generate)
}

impl RsaKey {
    pub fn generate() -> RsaKey {
        RsaKey(KeyPair::generate(KeySize::Rsa2048).expect("an RSA key"))
    }

    pub fn public_base64(&self) -> String {
        STANDARD.encode(self.spki())
    }

    pub fn fingerprint(&self) -> String {
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &self.spki());
        format!("SHA256:{}", STANDARD.encode(hash))
    }

    fn spki(&self) -> Vec<u8> {
        self.0.public_key().as_der().expect("the public key").as_ref().to_vec()
    }

    pub fn claims(&self, account: &str, user: &str, iat: i64, exp: i64) -> Value {
        json!({
            "iss": format!("{account}.{user}.{}", self.fingerprint()),
            "sub": format!("{account}.{user}"), "iat": iat, "exp": exp,
        })
    }

    pub fn jwt(&self, claims: &Value) -> String {
        self.jwt_with(&json!({"alg": "RS256", "typ": "JWT"}), claims)
    }

    pub fn jwt_with(&self, header: &Value, claims: &Value) -> String {
        let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let signed = format!("{}.{}", encode(header), encode(claims));
        let mut signature = vec![0; self.0.public_modulus_len()];
        self.0
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .expect("a signature");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

pub fn moment(text: &str) -> Timestamp {
    text.parse().expect("a moment")
}
