//! From a presented credential to a session: JWTs are verified here, everything else the engine judges.

use crate::engine::{LoginAttempt, LoginFailure, LoginMethod, Millis, Session};
use crate::jwt;
use crate::world::World;

/// A refused login: what the client is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) code: String,
    pub(crate) message: String,
}

impl From<LoginFailure> for Refused {
    fn from(failure: LoginFailure) -> Refused {
        Refused { code: failure.code.to_owned(), message: failure.message }
    }
}

/// Verifies a key-pair JWT and logs its user in.
///
/// `attempt.login_name`, when the client sent one, must be the user the token names.
pub(crate) fn by_jwt(
    world: &mut World,
    token: &str,
    attempt: LoginAttempt,
    now: Millis,
) -> Result<Session, Refused> {
    let verdict = jwt::verify(
        token,
        world.engine.account(),
        |login_name| world.engine.public_keys(login_name, now),
        now,
        world.http.jwt_must_be_fresh,
    );
    let named = attempt.login_name.as_deref().map(str::to_uppercase);
    match verdict {
        Ok(bearer) if named.is_none_or(|name| name == bearer.login_name) => {
            let method = LoginMethod::KeyPair { fingerprint: bearer.fingerprint };
            let login_name = Some(bearer.login_name);
            Ok(world.engine.login(&LoginAttempt { login_name, method, ..attempt }, now)?)
        }
        Ok(_) => Err(jwt_refused(world, jwt::Refusal::UnknownUser, &attempt, now)),
        Err(refusal) => Err(jwt_refused(world, refusal, &attempt, now)),
    }
}

/// The client is told 390144 and a number; the real reason goes into the login history, as
/// SYSTEM$GET_LOGIN_FAILURE_DETAILS has it on the real server.
fn jwt_refused(
    world: &mut World,
    refusal: jwt::Refusal,
    attempt: &LoginAttempt,
    now: Millis,
) -> Refused {
    let message = format!("JWT token is invalid. [{}]", world.chance.handle());
    let failure = LoginFailure { code: "390144", message, cause: refusal.cause() };
    world.engine.record_refused_login(attempt, &failure, now);
    failure.into()
}
