//! Logins by a browser (`externalbrowser`). The client asks for a page and keeps a proof key; whoever opens the page is
//! signed in by the identity provider, which is simulated with it, and sent to the client's own port with a token. Token and
//! proof key together are a login.
//!
//! Source: snowflake docs, user-guide/admin-security-fed-auth-use; the messages as the Python connector speaks them.

use http::StatusCode;
use http::header::{HOST, LOCATION};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{done, failed};
use crate::http::reply::Reply;
use crate::http::request::Request;
use crate::world::World;

/// The logins that wait for a browser, or for the client after it.
#[derive(Clone, Debug, Default)]
pub(crate) struct SignIns(Vec<SignIn>);

#[derive(Clone, Debug)]
struct SignIn {
    page: String,
    proof_key: String,
    login_name: String,
    port: u16,
    token: Option<String>,
}

#[derive(Deserialize)]
struct Body {
    data: Data,
}

#[derive(Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
struct Data {
    login_name: String,
    browser_mode_redirect_port: Value,
}

/// `POST /session/authenticator-request`: the address of a page, and the key that proves who asked for it.
pub(crate) fn request(world: &mut World, request: &Request) -> Reply {
    let body = serde_json::from_slice::<Body>(&request.body).ok();
    let asked = body.and_then(|body| Some((port(&body.data)?, body.data.login_name)));
    let (Some((port, login_name)), Some(host)) = (asked, request.header(&HOST)) else {
        let text = "Incoming request does not contain a valid payload.";
        return failed("390142", text, &Value::Null);
    };
    let page = world.chance.handle().to_string();
    let proof_key = world.chance.handle().to_string();
    let scheme = if world.has_tls { "https" } else { "http" };
    let answer =
        json!({"ssoUrl": format!("{scheme}://{host}/sign-in/{page}"), "proofKey": proof_key});
    world.sign_ins.0.push(SignIn { page, proof_key, login_name, port, token: None });
    done(&answer)
}

/// `GET /sign-in/{page}`: signs in whoever opens it, and sends the browser back to the client.
pub(crate) fn page(world: &mut World, page: &str) -> Reply {
    let token = world.chance.session_token();
    let Some(sign_in) = world.sign_ins.0.iter_mut().find(|sign_in| sign_in.page == page) else {
        return Reply::empty(StatusCode::NOT_FOUND);
    };
    let back = format!("http://localhost:{}/?token={token}", sign_in.port);
    sign_in.token = Some(token);
    Reply::empty(StatusCode::FOUND).with_header(LOCATION, back)
}

impl SignIns {
    /// Returns who was signed in, once: by the token that the browser brought and the key that the client kept.
    pub(super) fn take(&mut self, token: &str, proof_key: &str) -> Option<String> {
        let is_it = |sign_in: &SignIn| {
            sign_in.proof_key == proof_key && sign_in.token.as_deref() == Some(token)
        };
        let at = self.0.iter().position(is_it)?;
        Some(self.0.remove(at).login_name)
    }
}

/// A number, or a text that is one.
fn port(data: &Data) -> Option<u16> {
    let value = &data.browser_mode_redirect_port;
    let number = value.as_u64().and_then(|number| u16::try_from(number).ok());
    number.or_else(|| value.as_str()?.parse().ok())
}
