//! The SQL API as the broker user: one statement, one answer to act on or a clear word that there is none.
//!
//! A statement is sent once. The single exception: a JWT refused because the clocks differ is made anew with the
//! server's time; then nothing was carried out yet. `retry=true` is never sent: whether a replay would deliver
//! a token's secret again is not documented.

mod answer;
mod clock;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod handle;
mod whole;

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use pat_wire::secret::Secret;
use patd_core::lifecycle::Failure;
use patd_core::names::{Role, User};
use patd_core::sql::{Kind, Statement};
use patd_core::time::Timestamp;
use serde::Serialize;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::chain::chain;
use crate::http::{Answer, Client, Outgoing, secret_header};
use crate::jwt;
use crate::key::SigningKey;
use crate::mask::masked;
use crate::refusal::{is_jwt_code, refusal};
pub(crate) use answer::{Notice, RESULT_TOO_LARGE, ResultSet, unreadable};
pub(crate) use clock::ServerClock;
use clock::is_off;

/// Seconds after which Snowflake itself cancels a statement of ours; with [`crate::http::Limits::request`] on top, for
/// the way there, nothing that went unanswered can still happen.
pub const STATEMENT_SECONDS: u32 = 60;

/// The resident admin login: the broker user (its LOGIN_NAME), its role, its key.
#[derive(Clone, Debug)]
pub struct AdminLogin {
    /// Broker user.
    pub user: User,
    /// Broker role.
    pub role: Role,
    /// Its private key.
    pub key: Arc<SigningKey>,
}

/// The SQL API of one account, as one admin.
pub struct SqlApi {
    client: Client,
    login: AdminLogin,
    clock: ServerClock,
}

/// A result without secrets: texts or nulls, by column name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<Option<String>>>,
}

impl SqlApi {
    /// Returns the API behind this client.
    pub fn new(client: Client, login: AdminLogin) -> Self {
        Self { client, login, clock: ServerClock::unknown() }
    }

    /// Returns the client, for logins to the same endpoint.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Returns by how many seconds the server's clock is ahead of ours, once an answer has shown it.
    pub fn skew(&self) -> Option<i64> {
        self.clock.skew()
    }

    /// Returns how often an answer has shown the server's clock.
    pub fn times_shown(&self) -> u64 {
        self.clock.times_shown()
    }

    /// Returns the server's time as far as it is known.
    pub fn server_time(&self) -> Timestamp {
        self.clock.now()
    }

    /// Runs one statement and returns its whole result. A statement whose result holds a secret is not sent:
    /// this result would be ordinary text.
    ///
    /// # Errors
    /// `Refused`: nothing was done. `Unclear`: it may or may not have been.
    pub async fn table(&self, statement: &Statement) -> Result<Table, Failure> {
        if matches!(statement.kind, Kind::AddPat | Kind::RotatePat) {
            return Err(Failure::Refused(refusal(
                "",
                "a statement that returns a secret was not sent",
                &[],
            )));
        }
        let whole = self.whole(statement).await?;
        whole.ok_or_else(|| Failure::Unclear("the result is incomplete: too large (391908)".into()))
    }

    /// Returns the same API for a run of questions without secrets: see [`Client::for_looking`].
    pub(crate) fn for_looking(&self, bytes: usize, connections: usize) -> Self {
        let client = self.client.for_looking(bytes, connections);
        Self { client, login: self.login.clone(), clock: ServerClock::unknown() }
    }

    /// Runs one statement and returns the body of its result.
    pub(crate) async fn run(&self, statement: &Statement) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let answer = self.submit(&statement.text).await?;
        if answer.status == StatusCode::OK {
            return Ok(answer.body);
        }
        let notice = Notice::parse(&answer.body);
        match answer.status {
            StatusCode::ACCEPTED => match notice.path_handle() {
                Some(handle) => self.outcome(handle).await,
                None => Err(Failure::Unclear("still running, and its handle is unusable".into())),
            },
            status if status.is_client_error() => Err(self.refused(status, &notice)),
            status => Err(self.unclear(status, &notice)),
        }
    }

    async fn submit(&self, sql: &str) -> Result<Answer, Failure> {
        let (answer, issued) = self.submit_once(sql).await?;
        let off = answer.date.map_or(0, |date| date.since(issued));
        let jwt_refused = answer.status == StatusCode::UNAUTHORIZED
            && is_jwt_code(&Notice::parse(&answer.body).code);
        if !(jwt_refused && is_off(off)) {
            return Ok(answer);
        }
        tracing::warn!(
            host = self.client.endpoint().host(),
            seconds = off,
            "The clock of this host differs from Snowflake's; trying again with Snowflake's time"
        );
        Ok(self.submit_once(sql).await?.0)
    }

    async fn submit_once(&self, sql: &str) -> Result<(Answer, Timestamp), Failure> {
        let issued = self.clock.issue_time();
        let body = Submission {
            statement: sql,
            timeout: STATEMENT_SECONDS,
            role: self.login.role.as_str(),
        };
        let body = serde_json::to_vec(&body)
            .map_err(|_| Failure::Unclear("cannot encode the statement".into()))?;
        let path = format!("/api/v2/statements?requestId={}", Uuid::new_v4());
        let answer = self.send(Method::POST, path, Zeroizing::new(body), issued).await?;
        Ok((answer, issued))
    }

    async fn send(
        &self,
        method: Method,
        path: String,
        body: Zeroizing<Vec<u8>>,
        issued: Timestamp,
    ) -> Result<Answer, Failure> {
        let headers = self.authorization(issued)?;
        let sent = self.client.send(Outgoing { method, path, headers, body }).await;
        let answer = sent.map_err(|error| Failure::Unclear(masked(&chain(&error), &[])))?;
        tracing::debug!(status = answer.status.as_u16(), "The SQL API answered");
        self.clock.learn(answer.date);
        Ok(answer)
    }

    fn authorization(&self, issued: Timestamp) -> Result<HeaderMap, Failure> {
        let jwt = self.jwt(issued).map_err(|error| Failure::Unclear(chain(&error)))?;
        let bearer = secret_header("Bearer ", &jwt, "")
            .ok_or_else(|| Failure::Unclear("the JWT does not fit a header".into()))?;
        Ok(crate::http::headers([
            (header::AUTHORIZATION, bearer),
            (TOKEN_TYPE, HeaderValue::from_static("KEYPAIR_JWT")),
        ]))
    }

    fn jwt(&self, issued: Timestamp) -> Result<Secret, crate::key::KeyError> {
        let AdminLogin { user, key, .. } = &self.login;
        let account = self.client.endpoint().account();
        jwt::token(key, &jwt::claims(account, user, &key.fingerprint(), issued, JWT_LIFE))
    }

    /// A 4xx: a definite no if it carries a code of Snowflake's that says so.
    fn refused(&self, status: StatusCode, notice: &Notice) -> Failure {
        // 429: nothing was done, but nothing was said about the statement either.
        let undecided =
            matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS)
                || notice.code.is_empty()
                || UNDECIDED.contains(&notice.code.as_str());
        if undecided {
            return self.unclear(status, notice);
        }
        let mut refusal = refusal(&notice.code, &notice.message, &[]);
        if let Some(skew) = self.skew().filter(|_| is_jwt_code(&notice.code)).filter(|&s| is_off(s))
        {
            refusal.message.push_str(&format!(
                " (the clock of this host differs from Snowflake's by {skew} s; Snowflake's was used)"
            ));
        }
        Failure::Refused(refusal)
    }

    fn unclear(&self, status: StatusCode, notice: &Notice) -> Failure {
        Failure::Unclear(self.http_text(status, notice))
    }

    fn http_text(&self, status: StatusCode, notice: &Notice) -> String {
        let host = self.client.endpoint().host();
        let said = format!("{} {}", masked(&notice.code, &[]), masked(&notice.message, &[]));
        match said.trim() {
            "" => format!("HTTP {} from {host}, without a text of Snowflake's", status.as_u16()),
            said => format!("HTTP {} from {host}: {said}", status.as_u16()),
        }
    }
}

impl Table {
    /// Returns each row's value in the one column of that name.
    ///
    /// # Errors
    /// If there is none of that name, or more than one.
    pub fn column(&self, name: &str) -> Result<Vec<Option<&str>>, Failure> {
        let mut places =
            self.columns.iter().enumerate().filter(|(_, c)| c.eq_ignore_ascii_case(name));
        match (places.next(), places.next()) {
            (Some((place, _)), None) => {
                Ok(self.rows.iter().map(|row| row.get(place).and_then(Option::as_deref)).collect())
            }
            (None, _) => Err(Failure::Unclear(format!("the result has no column {name}"))),
            (Some(_), Some(_)) => {
                Err(Failure::Unclear(format!("the result has more than one column {name}")))
            }
        }
    }

    /// Returns the names of the columns and the rows.
    pub(crate) fn into_parts(self) -> (Vec<String>, Vec<Vec<Option<String>>>) {
        (self.columns, self.rows)
    }

    /// Returns a table for a test.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn of(columns: &[&str], rows: &[&[Option<&str>]]) -> Self {
        let owned =
            |row: &&[Option<&str>]| row.iter().map(|cell| cell.map(str::to_owned)).collect();
        Self {
            columns: columns.iter().map(|&name| name.to_owned()).collect(),
            rows: rows.iter().map(owned).collect(),
        }
    }

    /// Returns how many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Returns whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

#[derive(Serialize)]
struct Submission<'a> {
    statement: &'a str,
    timeout: u32,
    role: &'a str,
}

/// "SQL execution canceled", "Statement reached its … timeout", "Statement … not found": none says that nothing was done.
const UNDECIDED: [&str; 3] = ["000604", "000630", "000709"];
const TOKEN_TYPE: HeaderName = HeaderName::from_static("x-snowflake-authorization-token-type");
/// A fresh one is made for each request; it only has to survive the way there.
const JWT_LIFE: Duration = Duration::from_secs(300);
