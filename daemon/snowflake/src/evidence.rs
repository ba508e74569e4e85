//! What a real login with the current token shows, and what it may not do: take another role, take secondary roles,
//! log in with another role. For verify; the session is ended in every case.
//!
//! Each look costs one refused login, which LOGIN_HISTORY keeps. It comes before the good one, so that a user's
//! count of failed logins in a row stays where it was (snowflake docs: admin-user-management, locked users).

use pat_wire::secret::Secret;
use patd_core::lifecycle::ProbeOutcome;
use patd_core::names::Role;
use patd_core::pattern::observed::{Grant, Seen};
use patd_core::pattern::reading::{self, Rows};
use patd_core::pattern::verify::{Attempt, Evidence};

use crate::http::Client;
use crate::mask::masked;
use crate::probe::session::{self, NoRows};
use crate::probe::{Expected, Form, Shown};

/// Logs in with the secret as the clients do, tries to leave the one role, and returns what came of it.
///
/// # Errors
/// The login's outcome, where there is no session to ask: refused here, refused secret, or unclear.
pub async fn evidence(
    client: &Client,
    secret: &Secret,
    expected: &Expected,
    form: Form,
) -> Result<Evidence, ProbeOutcome> {
    let other_role_login = other_role_login(client, secret, expected, form).await;
    let session = session::log_in(client, secret, &expected.user, &expected.role, form).await?;
    let found = look(&Look { client, session: &session, expected }, other_role_login).await;
    session::log_out(client, &session).await;
    found
}

/// An open session, and what it must show.
struct Look<'a> {
    client: &'a Client,
    session: &'a Secret,
    expected: &'a Expected,
}

async fn look(look: &Look<'_>, other_role_login: Attempt) -> Result<Evidence, ProbeOutcome> {
    let shown = look.ask().await?;
    let secondary = shown.secondary_roles();
    let secondary = secondary.ok_or_else(|| ProbeOutcome::Unclear(UNREADABLE.into()))?;
    Ok(Evidence {
        user: look.expected.user.as_str().to_owned(),
        current_user: named(shown.user.as_deref(), look.expected.user.as_str()),
        current_role: named(shown.role.as_deref(), look.expected.role.as_str()),
        secondary_roles: listed(&secondary),
        grants: look.grants(&look.expected.role).await,
        public_database_roles: look.public_database_roles().await,
        role_switch: look.switch().await,
        secondary_switch: look.attempt(USE_SECONDARY_ROLES, Look::secondary).await,
        other_role_login,
    })
}

impl Look<'_> {
    async fn ask(&self) -> Result<Shown, ProbeOutcome> {
        session::ask(self.client, self.session).await
    }

    /// What cannot be seen here is not held: Cortex must then come from the role itself.
    async fn public_database_roles(&self) -> Vec<String> {
        let Seen::Known(grants) = self.grants(&Role::new(OTHER_ROLE)).await else {
            return Vec::new();
        };
        let roles = grants.into_iter().filter(|grant| {
            grant.privilege == "USAGE"
                && matches!(grant.on.as_str(), "DATABASE_ROLE" | "DATABASE ROLE")
        });
        roles.map(|grant| grant.name).collect()
    }

    /// Returns the grants of a role, as this session sees them.
    async fn grants(&self, role: &Role) -> Seen<Vec<Grant>> {
        let needs =
            |why: String| Seen::Hidden { needs: format!("SHOW GRANTS in its own session ({why})") };
        let question = match reading::grants_of(role) {
            Ok(question) => question,
            Err(error) => return needs(error.to_string()),
        };
        match session::run(self.client, self.session, &question.text).await {
            Ok(rows) => match reading::read_grants(&rows) {
                Ok(grants) => Seen::Known(grants.into_iter().collect()),
                Err(fault) => needs(fault.to_string()),
            },
            Err(no) => needs(words(no)),
        }
    }

    async fn switch(&self) -> Attempt {
        match self.expected.role.as_str() {
            OTHER_ROLE => Attempt::Unclear(NO_OTHER_ROLE.into()),
            _ => self.attempt(USE_OTHER_ROLE, Look::role).await,
        }
    }

    /// Returns what a statement that would leave the one role came to. Snowflake's words are not enough: what is
    /// active afterwards decides.
    async fn attempt(
        &self,
        sql: &str,
        active: fn(&Self, &Shown) -> Result<String, String>,
    ) -> Attempt {
        let (before, said, after) = match self.around(sql, active).await {
            Ok(all) => all,
            Err(why) => return Attempt::Unclear(why),
        };
        match said {
            Ok(_) => Attempt::Accepted(after),
            Err(_) if after != before => Attempt::Accepted(after),
            Err(no @ NoRows::Refused { .. }) => Attempt::Refused(words(no)),
            Err(no) => Attempt::Unclear(words(no)),
        }
    }

    async fn around(
        &self,
        sql: &str,
        active: fn(&Self, &Shown) -> Result<String, String>,
    ) -> Result<(String, Result<Rows, NoRows>, String), String> {
        let before = active(self, &self.ask().await.map_err(told)?)?;
        let said = session::run(self.client, self.session, sql).await;
        let after = active(self, &self.ask().await.map_err(told)?)?;
        Ok((before, said, after))
    }

    fn role(&self, shown: &Shown) -> Result<String, String> {
        Ok(named(shown.role.as_deref(), self.expected.role.as_str()))
    }

    fn secondary(&self, shown: &Shown) -> Result<String, String> {
        let roles = shown.secondary_roles().ok_or(UNREADABLE)?;
        Ok(masked(&roles, &[self.session]))
    }
}

/// Every user has PUBLIC: a refusal of it is one of the token's restriction, not of a missing grant.
async fn other_role_login(
    client: &Client,
    secret: &Secret,
    expected: &Expected,
    form: Form,
) -> Attempt {
    let other = Role::new(OTHER_ROLE);
    if expected.role == other {
        return Attempt::Unclear(NO_OTHER_ROLE.into());
    }
    let session = match session::log_in(client, secret, &expected.user, &other, form).await {
        Ok(session) => session,
        Err(ProbeOutcome::RefusedSecret { code, message }) => {
            return Attempt::Refused(format!("{code} {message}"));
        }
        Err(outcome) => return Attempt::Unclear(told(outcome)),
    };
    let shown = session::ask(client, &session).await;
    session::log_out(client, &session).await;
    match shown {
        Ok(shown) => Attempt::Accepted(named(shown.role.as_deref(), expected.role.as_str())),
        Err(outcome) => Attempt::Unclear(told(outcome)),
    }
}

/// A name is compared, so the expected one stays as it is; any other text of a server's is masked.
fn named(shown: Option<&str>, expected: &str) -> String {
    match shown {
        Some(name) if name == expected => name.to_owned(),
        Some(name) => masked(name, &[]),
        None => "none".to_owned(),
    }
}

fn listed(roles: &str) -> Vec<String> {
    let roles = roles.split(',').map(str::trim).filter(|role| !role.is_empty());
    roles.map(|role| masked(role, &[])).collect()
}

fn words(no: NoRows) -> String {
    match no {
        NoRows::Refused { code, message } | NoRows::Here { code, message } => {
            format!("{code} {message}")
        }
        NoRows::Unclear(why) => why,
    }
}

fn told(outcome: ProbeOutcome) -> String {
    match outcome {
        ProbeOutcome::RefusedHere { code, message }
        | ProbeOutcome::RefusedSecret { code, message } => format!("{code} {message}"),
        ProbeOutcome::NoSecret(why) | ProbeOutcome::Unclear(why) => why,
        ProbeOutcome::Wrong { shown } => shown,
        ProbeOutcome::Proved => "proved".to_owned(),
    }
}

const OTHER_ROLE: &str = "PUBLIC";
const NO_OTHER_ROLE: &str = "the one role is PUBLIC, and every user has no other";
const UNREADABLE: &str = "the session's secondary roles are not readable";
const USE_OTHER_ROLE: &str = "use role public";
const USE_SECONDARY_ROLES: &str = "use secondary roles all";
