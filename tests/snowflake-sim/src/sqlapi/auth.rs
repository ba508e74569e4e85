//! Bearer tokens: which kind the request says it is, or looks like, and whom it logs in.

use http::HeaderName;
use http::header::USER_AGENT;

use super::body::Context;
use crate::auth::{self, Refused};
use crate::engine::{LoginAttempt, LoginMethod, Session, Via};
use crate::http::request::Request;
use crate::world::World;

const TOKEN_TYPE: HeaderName = HeaderName::from_static("x-snowflake-authorization-token-type");

/// Logs the bearer in for this one request.
pub(crate) fn session(
    world: &mut World,
    request: &Request,
    context: &Context,
) -> Result<Session, Refused> {
    let Some(token) = request.credential("Bearer") else {
        return Err(refused("390101", "Authorization header not found in the request data."));
    };
    let now = world.now();
    let attempt = |method| LoginAttempt {
        login_name: None,
        method,
        role: context.role.clone(),
        warehouse: context.warehouse.clone(),
        database: context.database.clone(),
        schema: context.schema.clone(),
        client_ip: world.client_ip(request),
        client_type: "SQL_API".to_owned(),
        client_version: request.header(&USER_AGENT).unwrap_or_default().to_owned(),
        via: Via::SqlApi,
    };
    match token_type(request, token, world.http.missing_token_type_is_oauth) {
        TokenType::KeyPairJwt => {
            let attempt = attempt(LoginMethod::KeyPair { fingerprint: String::new() });
            auth::by_jwt(world, token, attempt, now)
        }
        TokenType::Pat => {
            let secret = token.to_owned();
            Ok(world.engine.login(&attempt(LoginMethod::Pat { secret }), now)?)
        }
        TokenType::Other => Err(refused("390303", "Invalid OAuth access token. ")),
    }
}

enum TokenType {
    KeyPairJwt,
    Pat,
    Other,
}

fn token_type(request: &Request, token: &str, missing_is_oauth: bool) -> TokenType {
    match request.header(&TOKEN_TYPE) {
        Some("KEYPAIR_JWT") => TokenType::KeyPairJwt,
        Some("PROGRAMMATIC_ACCESS_TOKEN") => TokenType::Pat,
        Some(_) => TokenType::Other,
        None if missing_is_oauth => TokenType::Other,
        None if token.matches('.').count() == 2 => TokenType::KeyPairJwt,
        None => TokenType::Pat,
    }
}

fn refused(code: &str, message: &str) -> Refused {
    Refused { code: code.to_owned(), message: message.to_owned() }
}
