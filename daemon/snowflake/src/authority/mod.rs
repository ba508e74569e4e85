//! Who issues: Snowflake, asked by the broker user. Four statements about one user's tokens: ADD, ROTATE, SHOW, REMOVE.
//!
//! An ADD or a ROTATE is sent once. Whoever calls has made its intent durable before, and on `Unclear` looks with
//! [`Authority::list`] what became of it.

#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod minted;
mod rows;

use pat_wire::secret::Secret;
use patd_core::lifecycle::{
    AddOutcome, Failure, Intent, Refusal, RefusalKind, RemoveOutcome, RotateOutcome, TokenRow,
};
use patd_core::names::{HostId, TokenName, User};
use patd_core::sql::{self, SqlError};
use patd_core::time::Timestamp;

use crate::endpoint::Endpoint;
use crate::http::{Client, HttpError};
use crate::refusal::is_missing_token;
pub use crate::sql_api::AdminLogin;
use crate::sql_api::SqlApi;

/// Snowflake as the issuer of one account's tokens.
pub struct Authority {
    api: SqlApi,
}

/// A token to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddToken {
    /// For whom.
    pub user: User,
    /// Its life in days, 1 to 365.
    pub days_to_expiry: u32,
    /// Our lineage, for the comment.
    pub host: HostId,
    /// The durable intent: it holds the name and the role.
    pub intent: Intent,
}

/// A token to give another secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RotateToken {
    /// Whose.
    pub user: User,
    /// Its name, which stays.
    pub name: TokenName,
    /// The hours for which its present secret goes on working.
    pub overlap: u32,
}

/// The answer to a ROTATE.
#[must_use = "a secret that is dropped here is lost"]
pub enum Rotated {
    /// The new secret of exactly the token asked for.
    Minted {
        /// The secret.
        secret: Secret,
        /// The name that the secret before it has now.
        predecessor: TokenName,
    },
    /// A definite no: nothing was changed.
    Refused(Refusal),
    /// Anything else; a reason without a secret.
    Unclear(String),
}

/// The answer to an ADD.
#[must_use = "a secret that is dropped here is lost"]
pub enum Added {
    /// The secret of exactly the token asked for.
    Minted(Secret),
    /// A definite no: nothing was made.
    Refused(Refusal),
    /// Anything else; a reason without a secret.
    Unclear(String),
}

impl Authority {
    /// Returns the authority at this endpoint.
    ///
    /// # Errors
    /// If the endpoint cannot be trusted or its CA file not be used.
    pub fn new(endpoint: &Endpoint, admin: AdminLogin) -> Result<Self, HttpError> {
        Ok(Self::with_client(Client::new(endpoint)?, admin))
    }

    /// Returns the authority behind this client.
    pub fn with_client(client: Client, admin: AdminLogin) -> Self {
        Self { api: SqlApi::new(client, admin) }
    }

    /// Makes a token. Sent once; only a refused JWT is made anew, when nothing was carried out yet.
    pub async fn add(&self, token: &AddToken) -> Added {
        let AddToken { user, days_to_expiry, host, intent } = token;
        let statement = match sql::add_pat(user, *days_to_expiry, host, intent) {
            Ok(statement) => statement,
            Err(error) => return Added::Refused(not_sent(&error)),
        };
        match self.api.run(&statement).await {
            Ok(body) => {
                minted::minted(&body, &intent.name).map_or_else(Added::Unclear, Added::Minted)
            }
            Err(Failure::Refused(refusal)) => Added::Refused(refusal),
            Err(Failure::Unclear(reason)) => Added::Unclear(reason),
        }
    }

    /// Gives a token another secret. Sent once, like an ADD.
    pub async fn rotate(&self, token: &RotateToken) -> Rotated {
        let RotateToken { user, name, overlap } = token;
        let statement = match sql::rotate_pat(user, name, *overlap) {
            Ok(statement) => statement,
            Err(error) => return Rotated::Refused(not_sent(&error)),
        };
        match self.api.run(&statement).await {
            Ok(body) => match minted::rotated(&body, name) {
                Ok((secret, predecessor)) => Rotated::Minted { secret, predecessor },
                Err(reason) => Rotated::Unclear(reason),
            },
            Err(Failure::Refused(refusal)) => Rotated::Refused(refusal),
            Err(Failure::Unclear(reason)) => Rotated::Unclear(reason),
        }
    }

    /// Returns every token of the user, ours or not.
    ///
    /// # Errors
    /// `Refused`: Snowflake would not show them. `Unclear`: there is no list to act on.
    pub async fn list(&self, user: &User) -> Result<Vec<TokenRow>, Failure> {
        let statement = sql::show_pats(user).map_err(|error| Failure::Refused(not_sent(&error)))?;
        rows::token_rows(&self.api.table(&statement).await?, user)
    }

    /// Removes a token.
    pub async fn remove(&self, user: &User, name: &TokenName) -> RemoveOutcome {
        let statement = match sql::remove_pat(user, name) {
            Ok(statement) => statement,
            Err(error) => return RemoveOutcome::Failed(Failure::Refused(not_sent(&error))),
        };
        match self.api.table(&statement).await {
            Ok(_) => RemoveOutcome::Removed,
            Err(Failure::Refused(refusal)) if is_missing_token(&refusal.message) => {
                RemoveOutcome::Absent
            }
            Err(failure) => RemoveOutcome::Failed(failure),
        }
    }

    /// Returns Snowflake's time: ours, corrected by what its last answer showed.
    pub fn server_time(&self) -> Timestamp {
        self.api.server_time()
    }

    /// Returns by how many seconds Snowflake's clock is ahead of ours; none before the first answer.
    pub fn skew(&self) -> Option<i64> {
        self.api.skew()
    }

    /// Returns how often an answer has shown Snowflake's clock.
    pub fn times_shown(&self) -> u64 {
        self.api.times_shown()
    }

    /// Returns the client, for probes at the same endpoint.
    pub fn client(&self) -> &Client {
        self.api.client()
    }

    /// Returns the SQL API, for statements that are not about tokens.
    pub fn sql_api(&self) -> &SqlApi {
        &self.api
    }
}

impl Added {
    /// Returns the event's outcome and, apart from it, the secret: the core never sees one.
    pub fn into_parts(self) -> (AddOutcome, Option<Secret>) {
        match self {
            Self::Minted(secret) => (AddOutcome::Minted, Some(secret)),
            Self::Refused(refusal) => (AddOutcome::Refused(refusal), None),
            Self::Unclear(reason) => (AddOutcome::Unclear(reason), None),
        }
    }
}

impl Rotated {
    /// Returns the event's outcome and, apart from it, the secret.
    pub fn into_parts(self) -> (RotateOutcome, Option<Secret>) {
        match self {
            Self::Minted { secret, predecessor } => {
                (RotateOutcome::Minted { predecessor }, Some(secret))
            }
            Self::Refused(refusal) => (RotateOutcome::Refused(refusal), None),
            Self::Unclear(reason) => (RotateOutcome::Unclear(reason), None),
        }
    }
}

fn not_sent(error: &SqlError) -> Refusal {
    Refusal { kind: RefusalKind::Other, code: String::new(), message: error.to_string() }
}
