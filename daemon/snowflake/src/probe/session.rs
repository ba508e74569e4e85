//! A driver session with the secret: log in, ask, run a statement, log out.

use http::{HeaderMap, Method, StatusCode, header};
use pat_wire::secret::Secret;
use patd_core::lifecycle::ProbeOutcome;
use patd_core::names::{Role, User};
use patd_core::pattern::reading::Rows;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::Form;
use super::message::{self, No, Shown, Unusable};
use crate::chain::chain;
use crate::http::{Answer, Client, Outgoing, headers, secret_header};
use crate::mask::masked;
use crate::refusal::{is_about_our_address, is_about_the_secret, is_passing};

/// Why a statement in a session brought no rows.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoRows {
    /// Snowflake refuses it, in its words.
    Refused { code: String, message: String },
    /// The session is no longer let in from here.
    Here { code: String, message: String },
    /// No clear answer.
    Unclear(String),
}

/// Returns the session token of a login with the secret, asking for the role as the clients do.
pub(crate) async fn log_in(
    client: &Client,
    secret: &Secret,
    user: &User,
    role: &Role,
    form: Form,
) -> Result<Secret, ProbeOutcome> {
    let account = client.endpoint().account().as_str();
    let body = message::login_body(account, user, secret, form)
        .ok_or_else(|| ProbeOutcome::Unclear("cannot encode the login".into()))?;
    let path = format!(
        "/session/v1/login-request?request_id={}&roleName={}",
        Uuid::new_v4(),
        percent_encoded(role.as_str())
    );
    let sent = send(client, path, HeaderMap::new(), body, secret).await;
    let answer = sent.map_err(ProbeOutcome::Unclear)?;
    message::session_token(&answer.body).map_err(|why| outcome(answer.status, why, secret))
}

/// Returns what the session says of itself.
pub(crate) async fn ask(client: &Client, session: &Secret) -> Result<Shown, ProbeOutcome> {
    let rows = match run(client, session, message::QUERY).await {
        Ok(rows) => rows,
        Err(NoRows::Here { code, message }) => {
            return Err(ProbeOutcome::RefusedHere { code, message });
        }
        // The login went through: whatever the query says, it is not the secret that is refused.
        Err(NoRows::Refused { code, message }) => {
            let said = format!("logged in, but not answered: {code} {message}");
            return Err(ProbeOutcome::Unclear(said));
        }
        Err(NoRows::Unclear(why)) => return Err(ProbeOutcome::Unclear(why)),
    };
    message::shown(&rows).map_err(|why| outcome(StatusCode::OK, why, session))
}

/// Runs a statement in the session and returns its rows.
pub(crate) async fn run(client: &Client, session: &Secret, sql: &str) -> Result<Rows, NoRows> {
    let path = format!("/queries/v1/query-request?requestId={}", Uuid::new_v4());
    let authorization = authorization(session).map_err(NoRows::Unclear)?;
    let body = message::query_body(sql);
    let body = body.ok_or_else(|| NoRows::Unclear("cannot encode the statement".into()))?;
    let answer = send(client, path, authorization, body, session).await.map_err(NoRows::Unclear)?;
    message::rows(&answer.body).map_err(|why| no_rows(answer.status, why, session))
}

/// Ends the session. It would end by itself; a failure is only noted.
pub(crate) async fn log_out(client: &Client, session: &Secret) {
    let path = format!("/session?delete=true&requestId={}", Uuid::new_v4());
    let Ok(authorization) = authorization(session) else { return };
    let sent = send(client, path, authorization, Zeroizing::new(b"{}".to_vec()), session).await;
    if let Err(why) = sent {
        tracing::debug!(why, "The session was not ended");
    }
}

async fn send(
    client: &Client,
    path: String,
    headers: HeaderMap,
    body: Zeroizing<Vec<u8>>,
    in_flight: &Secret,
) -> Result<Answer, String> {
    let sent = client.send(Outgoing { method: Method::POST, path, headers, body }).await;
    sent.map_err(|error| masked(&chain(&error), &[in_flight]))
}

fn authorization(session: &Secret) -> Result<HeaderMap, String> {
    secret_header("Snowflake Token=\"", session, "\"")
        .map(|value| headers([(header::AUTHORIZATION, value)]))
        .ok_or_else(|| "the session token does not fit a header".to_owned())
}

/// The driver protocol says no with HTTP 200 and a code; a gateway says it with a status.
fn refusal(status: StatusCode, why: Unusable, in_flight: &Secret) -> Result<No, String> {
    match why {
        Unusable::No(No { code, message }) => {
            // They may repeat what was sent.
            let (code, message) = (Zeroizing::new(code), Zeroizing::new(message));
            Ok(No { code: masked(&code, &[in_flight]), message: masked(&message, &[in_flight]) })
        }
        Unusable::Malformed(_) if status != StatusCode::OK => {
            Err(format!("HTTP {}", status.as_u16()))
        }
        Unusable::Malformed(reason) => Err(reason),
    }
}

fn outcome(status: StatusCode, why: Unusable, in_flight: &Secret) -> ProbeOutcome {
    match refusal(status, why, in_flight) {
        Err(reason) => ProbeOutcome::Unclear(reason),
        Ok(No { code, message }) if is_about_our_address(&code, &message) => {
            ProbeOutcome::RefusedHere { code, message }
        }
        Ok(No { code, message }) if is_about_the_secret(&code) => {
            ProbeOutcome::RefusedSecret { code, message }
        }
        Ok(No { code, message }) => {
            ProbeOutcome::Unclear(format!("{code} {message}").trim().into())
        }
    }
}

fn no_rows(status: StatusCode, why: Unusable, in_flight: &Secret) -> NoRows {
    match refusal(status, why, in_flight) {
        Err(reason) => NoRows::Unclear(reason),
        Ok(No { code, message }) if is_about_our_address(&code, &message) => {
            NoRows::Here { code, message }
        }
        Ok(No { code, message }) if is_passing(&code) => {
            NoRows::Unclear(format!("{code} {message}").trim().into())
        }
        Ok(No { code, message }) => NoRows::Refused { code, message },
    }
}

fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte));
            }
            other => encoded.push_str(&format!("%{other:02X}")),
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use pat_wire::secret::Secret;
    use patd_core::lifecycle::ProbeOutcome;

    use super::{No, NoRows, Unusable, no_rows, outcome, percent_encoded};

    fn of(code: &str, message: &str) -> ProbeOutcome {
        let no = Unusable::No(No { code: code.into(), message: message.into() });
        outcome(StatusCode::OK, no, &Secret::new("hush-hush".into()))
    }

    #[test]
    fn a_refusal_for_our_address_is_not_one_of_the_secret() {
        for (code, message) in [
            (
                "390422",
                "Incoming request with IP/Token 10.0.0.1 is not allowed to access Snowflake.",
            ),
            ("390432", "Network policy is required."),
            ("394400", "Fail : Network policy is required."),
        ] {
            assert!(matches!(of(code, message), ProbeOutcome::RefusedHere { .. }), "{code}");
        }
    }

    #[test]
    fn what_says_nothing_about_the_secret_is_unclear() {
        assert!(matches!(
            of("394400", "Programmatic access token is invalid."),
            ProbeOutcome::RefusedSecret { .. }
        ));
        assert!(matches!(of("390202", "rejected"), ProbeOutcome::RefusedSecret { .. }));
        for code in ["", "390505", "390102", "200001"] {
            assert!(matches!(of(code, "later"), ProbeOutcome::Unclear(_)), "{code}");
        }
        let html = Unusable::Malformed("the answer is not JSON".into());
        let secret = Secret::new("x".into());
        let busy = outcome(StatusCode::BAD_GATEWAY, html, &secret);
        assert_eq!(busy, ProbeOutcome::Unclear("HTTP 502".into()));
    }

    #[test]
    fn only_a_no_to_the_statement_is_a_refusal_of_it() {
        let of = |code: &str, message: &str| {
            let no = Unusable::No(No { code: code.into(), message: message.into() });
            no_rows(StatusCode::OK, no, &Secret::new("hush-hush".into()))
        };
        for code in ["399032", "003001", "002003"] {
            assert!(matches!(of(code, "no"), NoRows::Refused { .. }), "{code}");
        }
        for code in ["", "390112", "390114", "390505", "000604"] {
            assert!(matches!(of(code, "later"), NoRows::Unclear(_)), "{code}");
        }
        let elsewhere = of("390422", "Incoming request with IP/Token 10.0.0.1 is not allowed");
        assert!(matches!(elsewhere, NoRows::Here { .. }));
        let NoRows::Refused { message, .. } = of("003001", "hush-hush") else { panic!("another") };
        assert_eq!(message, "[masked]");
    }

    #[test]
    fn a_secret_in_a_refusal_is_masked() {
        let ProbeOutcome::RefusedSecret { message, .. } =
            of("394400", "token hush-hush is invalid")
        else {
            panic!("another outcome");
        };
        assert_eq!(message, "token [masked] is invalid");
    }

    #[test]
    fn a_role_with_any_character_fits_the_query() {
        assert_eq!(percent_encoded("A_B-1"), "A_B-1");
        assert_eq!(percent_encoded("my role&x=ä"), "my%20role%26x%3D%C3%A4");
    }
}
