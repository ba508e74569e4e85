//! The three requests of a probe: log in, ask, log out.

use http::{HeaderMap, Method, StatusCode, header};
use pat_wire::secret::Secret;
use patd_core::lifecycle::ProbeOutcome;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::message::{self, No, Shown, Unusable};
use super::{Expected, Form};
use crate::chain::chain;
use crate::http::{Answer, Client, Outgoing, headers, secret_header};
use crate::mask::masked;
use crate::refusal::{is_about_our_address, is_about_the_secret};

/// Returns the session token of a login with the secret, asking for the role as the clients do.
pub(super) async fn log_in(
    client: &Client,
    secret: &Secret,
    expected: &Expected,
    form: Form,
) -> Result<Secret, ProbeOutcome> {
    let account = client.endpoint().account().as_str();
    let body = message::login_body(account, expected, secret, form)
        .ok_or_else(|| ProbeOutcome::Unclear("cannot encode the login".into()))?;
    let path = format!(
        "/session/v1/login-request?request_id={}&roleName={}",
        Uuid::new_v4(),
        percent_encoded(expected.role.as_str())
    );
    let answer = send(client, path, HeaderMap::new(), body, secret).await?;
    message::session_token(&answer.body).map_err(|why| outcome(answer.status, why, secret))
}

/// Returns what the session says of itself.
pub(super) async fn ask(client: &Client, session: &Secret) -> Result<Shown, ProbeOutcome> {
    let path = format!("/queries/v1/query-request?requestId={}", Uuid::new_v4());
    let authorization = authorization(session)?;
    let answer = send(client, path, authorization, message::query_body(), session).await?;
    message::shown(&answer.body).map_err(|why| {
        let outcome = outcome(answer.status, why, session);
        // The login went through: whatever the query says, it is not the secret that is refused.
        if let ProbeOutcome::RefusedSecret { code, message } = outcome {
            return ProbeOutcome::Unclear(format!("logged in, but not answered: {code} {message}"));
        }
        outcome
    })
}

/// Ends the session. It would end by itself; a failure is only noted.
pub(super) async fn log_out(client: &Client, session: &Secret) {
    let path = format!("/session?delete=true&requestId={}", Uuid::new_v4());
    let Ok(authorization) = authorization(session) else { return };
    let sent = send(client, path, authorization, Zeroizing::new(b"{}".to_vec()), session).await;
    if let Err(outcome) = sent {
        tracing::debug!(?outcome, "The probe's session was not ended");
    }
}

async fn send(
    client: &Client,
    path: String,
    headers: HeaderMap,
    body: Zeroizing<Vec<u8>>,
    in_flight: &Secret,
) -> Result<Answer, ProbeOutcome> {
    let sent = client.send(Outgoing { method: Method::POST, path, headers, body }).await;
    sent.map_err(|error| ProbeOutcome::Unclear(masked(&chain(&error), &[in_flight])))
}

fn authorization(session: &Secret) -> Result<HeaderMap, ProbeOutcome> {
    secret_header("Snowflake Token=\"", session, "\"")
        .map(|value| headers([(header::AUTHORIZATION, value)]))
        .ok_or_else(|| ProbeOutcome::Unclear("the session token does not fit a header".into()))
}

/// The driver protocol says no with HTTP 200 and a code; a gateway says it with a status.
fn outcome(status: StatusCode, why: Unusable, in_flight: &Secret) -> ProbeOutcome {
    let (code, message) = match why {
        Unusable::No(No { code, message }) => {
            (masked(&code, &[in_flight]), masked(&message, &[in_flight]))
        }
        Unusable::Malformed(_) if status != StatusCode::OK => {
            return ProbeOutcome::Unclear(format!("HTTP {}", status.as_u16()));
        }
        Unusable::Malformed(reason) => return ProbeOutcome::Unclear(reason),
    };
    if is_about_our_address(&code, &message) {
        ProbeOutcome::RefusedHere { code, message }
    } else if is_about_the_secret(&code) {
        ProbeOutcome::RefusedSecret { code, message }
    } else {
        ProbeOutcome::Unclear(format!("{code} {message}").trim().to_owned())
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

    use super::{No, Unusable, outcome, percent_encoded};

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
