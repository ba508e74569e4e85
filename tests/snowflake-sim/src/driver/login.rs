//! `POST /session/v1/login-request`: a token, a password, a key-pair JWT or a browser login becomes a session.

use serde::Deserialize;
use serde_json::{Value, json};

use super::sessions::{MASTER_SECONDS, SESSION_SECONDS, Tokens};
use super::{done, failed, parameters};
use crate::auth::{self, Refused};
use crate::engine::{LoginAttempt, LoginMethod, Session, Via};
use crate::fault::{Act, Point};
use crate::http::reply::{Fate, Reply};
use crate::http::request::Request;
use crate::world::World;

/// The part of the body that matters; clients send much more.
#[derive(Deserialize)]
struct Body {
    data: Data,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE", default)]
struct Data {
    client_app_id: Option<String>,
    client_app_version: Option<String>,
    login_name: Option<String>,
    authenticator: Option<String>,
    token: Option<String>,
    password: Option<String>,
    proof_key: Option<String>,
}

pub(crate) fn login(world: &mut World, request: &Request) -> Reply {
    let act = world.faults.due(Point::Login);
    if let Some(reply) = act.as_ref().and_then(instead) {
        return reply;
    }
    let fate = act.as_ref().map_or(Fate::Arrive, Act::fate);
    let Ok(body) = serde_json::from_slice::<Body>(&request.body) else {
        return failed(
            "390142",
            "Incoming request does not contain a valid payload.",
            &Value::Null,
        );
    };
    let method_name = body.data.method_name();
    let reply = match open(world, request, body.data) {
        Ok(session) => {
            let now = world.now();
            let tokens = world.sessions.open(session.clone(), &mut world.chance, now);
            done(&opened(&session, &tokens))
        }
        Err(refused) => refusal(&refused.code, &refused.message, method_name),
    };
    reply.with_fate(fate)
}

fn instead(act: &Act) -> Option<Reply> {
    match act {
        Act::SqlError { code, message } => Some(refusal(code, message, "PAT")),
        _ => act.instead(),
    }
}

fn refusal(code: &str, message: &str, method: &str) -> Reply {
    let data = json!({"nextAction": "RETRY_LOGIN", "authnMethod": method, "signInOptions": {}});
    failed(code, message, &data)
}

fn open(world: &mut World, request: &Request, data: Data) -> Result<Session, Refused> {
    let now = world.now();
    let (token, proof_key) = (data.token.clone(), data.proof_key.clone().unwrap_or_default());
    let token = token.unwrap_or_default();
    let signed_in = world.sign_ins.take(&token, &proof_key);
    let empty_to_none = |name| request.parameter(name).filter(|v| !v.is_empty()).map(str::to_owned);
    let attempt = |method| LoginAttempt {
        login_name: data.login_name.clone().filter(|name| !name.is_empty()),
        method,
        role: empty_to_none("roleName"),
        warehouse: empty_to_none("warehouse"),
        database: empty_to_none("databaseName"),
        schema: empty_to_none("schemaName"),
        client_ip: world.client_ip(request),
        client_type: data.client_app_id.clone().unwrap_or_default(),
        client_version: data.client_app_version.clone().unwrap_or_default(),
        via: Via::Driver,
    };
    let attempt = match data.authenticator().as_str() {
        "PROGRAMMATIC_ACCESS_TOKEN" => attempt(LoginMethod::Pat { secret: token }),
        "SNOWFLAKE_JWT" => {
            let attempt = attempt(LoginMethod::KeyPair { fingerprint: String::new() });
            return auth::by_jwt(world, &token, attempt, now);
        }
        "SNOWFLAKE" if world.http.authenticator_required => {
            return Err(refused("390100", "Incorrect username or password was specified."));
        }
        "SNOWFLAKE" | "USERNAME_PASSWORD_MFA" => {
            let password = data.password.clone().unwrap_or_default();
            attempt(LoginMethod::Password { password })
        }
        "EXTERNALBROWSER" if signed_in.is_none() || signed_in != data.login_name => {
            return Err(refused(
                "390190",
                "There was an error related to the SAML Identity Provider.",
            ));
        }
        "EXTERNALBROWSER" => attempt(LoginMethod::Browser),
        "OAUTH" => return Err(refused("390303", "Invalid OAuth access token. ")),
        other => {
            return Err(refused("390195", &format!("The authenticator {other} is not known.")));
        }
    };
    Ok(world.engine.login(&attempt, now)?)
}

fn refused(code: &str, message: &str) -> Refused {
    Refused { code: code.to_owned(), message: message.to_owned() }
}

impl Data {
    /// The authenticator, upper case; a password alone means SNOWFLAKE.
    fn authenticator(&self) -> String {
        self.authenticator.as_deref().unwrap_or("SNOWFLAKE").to_uppercase()
    }

    /// What LOGIN_HISTORY and the answer call the method.
    fn method_name(&self) -> &'static str {
        match self.authenticator().as_str() {
            "PROGRAMMATIC_ACCESS_TOKEN" => "PAT",
            "SNOWFLAKE_JWT" => "KEYPAIR",
            "OAUTH" => "OAUTH",
            "EXTERNALBROWSER" => "SAML",
            _ => "USERNAME_PASSWORD",
        }
    }
}

fn opened(session: &Session, tokens: &Tokens) -> Value {
    json!({
        "token": tokens.session,
        "masterToken": tokens.master,
        "validityInSeconds": SESSION_SECONDS,
        "masterValidityInSeconds": MASTER_SECONDS,
        "sessionId": session.id,
        "serverVersion": "10.15.0",
        "displayUserName": session.user,
        "firstLogin": false,
        "remMeToken": null,
        "remMeValidityInSeconds": 0,
        "healthCheckInterval": 45,
        "newClientForUpgrade": null,
        "parameters": parameters::of(session),
        "sessionInfo": {
            "databaseName": session.database,
            "schemaName": session.schema,
            "warehouseName": session.warehouse,
            "roleName": session.role,
        },
    })
}
