//! What happened: logins and statements, in order.

use serde::Serialize;

use super::answer::ResultTable;
use super::api::{Credential, LoginAttempt, LoginMethod, Session, Via};
use super::clock::Millis;
use super::errors::{LoginFailure, SqlError};
use super::statements::StatementKind;

/// One row of LOGIN_HISTORY.
#[derive(Clone, Debug, Serialize)]
pub struct LoginRecord {
    /// EVENT_ID.
    pub event_id: u64,
    /// When.
    pub at: Millis,
    /// The user, if one was identified.
    pub user: Option<String>,
    /// The client's address.
    pub client_ip: String,
    /// The client's own name.
    pub client_type: String,
    /// The client's own version.
    pub client_version: String,
    /// `PROGRAMMATIC_ACCESS_TOKEN`, `RSA_KEYPAIR` or `PASSWORD`.
    pub first_factor: &'static str,
    /// CREDENTIAL_ID of the token or named key pair.
    pub first_factor_id: Option<u64>,
    /// Which door.
    pub via: Via,
    /// The role the session got.
    pub role: Option<String>,
    /// Number of the session that was opened.
    pub session_id: Option<u64>,
    /// Why it failed, if it did.
    pub failure: Option<LoginFailure>,
}

/// One row of QUERY_HISTORY.
#[derive(Clone, Debug, Serialize)]
pub struct QueryRecord {
    /// QUERY_ID.
    pub query_id: String,
    /// The text, verbatim.
    pub text: String,
    /// What it was recognised as.
    pub kind: StatementKind,
    /// Number of the session.
    pub session_id: u64,
    /// The user.
    pub user: String,
    /// The role it ran under.
    pub role: Option<String>,
    /// The warehouse.
    pub warehouse: Option<String>,
    /// The database.
    pub database: Option<String>,
    /// The schema.
    pub schema: Option<String>,
    /// QUERY_TAG of the session.
    pub tag: String,
    /// When.
    pub at: Millis,
    /// Code and message, if it failed.
    pub error: Option<(String, String)>,
}

/// The records, oldest first.
#[derive(Clone, Default)]
pub(super) struct History {
    pub(super) logins: Vec<LoginRecord>,
    pub(super) queries: Vec<QueryRecord>,
}

impl History {
    pub(super) fn record_query(
        &mut self,
        query_id: &str,
        session: &Session,
        sql: &str,
        kind: StatementKind,
        outcome: &Result<ResultTable, SqlError>,
        now: Millis,
    ) {
        let error = outcome.as_ref().err().map(|e| (e.code.to_owned(), e.message.clone()));
        self.queries.push(QueryRecord {
            query_id: query_id.to_owned(),
            text: sql.to_owned(),
            kind,
            session_id: session.id,
            user: session.user.clone(),
            role: session.role.clone(),
            warehouse: session.warehouse.clone(),
            database: session.database.clone(),
            schema: session.schema.clone(),
            tag: session.parameters.get("QUERY_TAG").cloned().unwrap_or_default(),
            at: now,
            error,
        });
    }

    /// Writes down a login and returns its EVENT_ID.
    pub(super) fn record_login(
        &mut self,
        attempt: &LoginAttempt,
        user: Option<String>,
        outcome: Result<&Session, &LoginFailure>,
        now: Millis,
    ) -> u64 {
        let event_id = self.next_event();
        let session = outcome.ok();
        self.logins.push(LoginRecord {
            event_id,
            at: now,
            user,
            client_ip: attempt.client_ip.to_string(),
            client_type: attempt.client_type.clone(),
            client_version: attempt.client_version.clone(),
            first_factor: factor(&attempt.method, session.map(|s| &s.credential)),
            first_factor_id: session.and_then(|s| credential_id(&s.credential)),
            via: attempt.via,
            role: session.and_then(|s| s.role.clone()),
            session_id: session.map(|s| s.id),
            failure: outcome.err().cloned(),
        });
        event_id
    }

    /// Returns the EVENT_ID the next login gets.
    pub(super) fn next_event(&self) -> u64 {
        500_001 + self.logins.len() as u64
    }
}

fn factor(method: &LoginMethod, credential: Option<&Credential>) -> &'static str {
    match (method, credential) {
        (LoginMethod::Browser, _) => "SAML2_ASSERTION",
        (LoginMethod::KeyPair { .. }, _) => "RSA_KEYPAIR",
        (LoginMethod::Pat { .. }, _)
        | (LoginMethod::Password { .. }, Some(Credential::Pat { .. })) => {
            "PROGRAMMATIC_ACCESS_TOKEN"
        }
        (LoginMethod::Password { .. }, _) => "PASSWORD",
    }
}

fn credential_id(credential: &Credential) -> Option<u64> {
    match credential {
        Credential::Pat { id, .. } => Some(*id),
        Credential::KeyPair { .. }
        | Credential::Password
        | Credential::Browser
        | Credential::Control => None,
    }
}
