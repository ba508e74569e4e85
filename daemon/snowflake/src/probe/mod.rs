//! The proof of a secret: a driver login with it, as the clients do it, and what the session then says of itself.
//!
//! The session is ended at once. Its token lives in a [`Secret`] and goes nowhere but into the next two requests.

mod message;
pub(crate) mod session;

use pat_wire::secret::Secret;
use patd_core::lifecycle::ProbeOutcome;
use patd_core::names::{Role, User};

use crate::http::Client;
use crate::mask::masked;
pub(crate) use message::Shown;

/// What the session must show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// `CURRENT_USER()`.
    pub user: User,
    /// `CURRENT_ROLE()`, with no secondary roles beside it.
    pub role: Role,
}

/// How the clients present the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As the password of the user, without an authenticator.
    Password,
    /// As `TOKEN` with `AUTHENTICATOR=PROGRAMMATIC_ACCESS_TOKEN`.
    Token,
}

/// Logs in with the secret and returns what that proves.
pub async fn probe(
    client: &Client,
    secret: &Secret,
    expected: &Expected,
    form: Form,
) -> ProbeOutcome {
    let session = match session::log_in(client, secret, &expected.user, &expected.role, form).await
    {
        Ok(session) => session,
        Err(outcome) => return outcome,
    };
    let shown = session::ask(client, &session).await;
    session::log_out(client, &session).await;
    match shown {
        Ok(shown) => compared(&shown, expected),
        Err(outcome) => outcome,
    }
}

fn compared(shown: &Shown, expected: &Expected) -> ProbeOutcome {
    let as_expected = shown.user.as_deref() == Some(expected.user.as_str())
        && shown.role.as_deref() == Some(expected.role.as_str());
    match shown.secondary_roles() {
        None => ProbeOutcome::Unclear("the session's secondary roles are not readable".into()),
        Some(secondary) if as_expected && secondary.is_empty() => ProbeOutcome::Proved,
        Some(secondary) => ProbeOutcome::Wrong { shown: description(shown, &secondary) },
    }
}

fn description(shown: &Shown, secondary: &str) -> String {
    let or_none = |name: &Option<String>| name.as_deref().unwrap_or("none").to_owned();
    let mut text = format!("user {}, role {}", or_none(&shown.user), or_none(&shown.role));
    if !secondary.is_empty() {
        text.push_str(", secondary roles ");
        text.push_str(secondary);
    }
    masked(&text, &[])
}

#[cfg(test)]
mod tests {
    use patd_core::lifecycle::ProbeOutcome;
    use patd_core::names::{Role, User};

    use super::{Expected, Shown, compared};

    fn outcome(user: &str, role: Option<&str>, secondary: Option<&str>) -> ProbeOutcome {
        let shown = Shown {
            user: Some(user.to_owned()),
            role: role.map(str::to_owned),
            secondary: secondary.map(str::to_owned),
        };
        let expected = Expected { user: User::new("M"), role: Role::new("R") };
        compared(&shown, &expected)
    }

    #[test]
    fn only_the_one_user_with_the_one_role_is_proved() {
        let none = Some(r#"{"roles":"","value":""}"#);
        assert_eq!(outcome("M", Some("R"), none), ProbeOutcome::Proved);
        // The default of the user says ALL, but under a restricted token none is active.
        let all_but_none = Some(r#"{"roles":"","value":"ALL"}"#);
        assert_eq!(outcome("M", Some("R"), all_but_none), ProbeOutcome::Proved);
        let two = Some(r#"{"roles":"A,B","value":"ALL"}"#);
        for (user, role, secondary, expected) in [
            ("M", Some("PUBLIC"), none, "user M, role PUBLIC"),
            ("N", Some("R"), none, "user N, role R"),
            ("M", None, none, "user M, role none"),
            ("m", Some("R"), none, "user m, role R"),
            ("M", Some("R"), two, "user M, role R, secondary roles A,B"),
        ] {
            let shown = expected.to_owned();
            assert_eq!(outcome(user, role, secondary), ProbeOutcome::Wrong { shown });
        }
    }

    #[test]
    fn secondary_roles_that_cannot_be_read_prove_nothing() {
        for text in [None, Some(""), Some("ALL"), Some("{}"), Some(r#"{"value":""}"#)] {
            let outcome = outcome("M", Some("R"), text);
            assert!(matches!(outcome, ProbeOutcome::Unclear(_)), "{text:?}: {outcome:?}");
        }
    }
}
