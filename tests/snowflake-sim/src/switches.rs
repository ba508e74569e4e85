//! Undocumented behaviours of the HTTP layer, beside the engine's own switches.

use serde::{Deserialize, Serialize};

/// Every undocumented behaviour of the two protocols; a client must work under each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpSwitches {
    /// Whether a JWT older than 60 seconds is refused (394302); the docs contradict each other.
    pub jwt_must_be_fresh: bool,
    /// Whether a replay (same `requestId`, `retry=true`) of ADD or ROTATE shows the secret again.
    pub replay_shows_secret: bool,
    /// Whether GET on the handle of ADD or ROTATE shows the secret.
    pub status_shows_secret: bool,
    /// Whether a missing token type header means OAUTH, as the OpenAPI text says.
    pub missing_token_type_is_oauth: bool,
    /// Whether every submit is answered 202 first, asked for or not.
    pub always_202_first: bool,
    /// How many status requests a 202 statement answers with another 202.
    pub polls_before_done: u32,
    /// Whether the account has the SQL API at all.
    pub sql_api_enabled: bool,
    /// Whether driver logins must name an authenticator: no token is taken as a password then.
    pub authenticator_required: bool,
    /// Rows in one partition of a result.
    pub rows_per_partition: usize,
    /// Whether partitions after the first come packed as gzip, asked for or not.
    pub partitions_are_gzipped: bool,
    /// Whether one user may read another user's statement handles.
    pub handles_are_shared: bool,
}

impl Default for HttpSwitches {
    fn default() -> HttpSwitches {
        HttpSwitches {
            jwt_must_be_fresh: false,
            replay_shows_secret: true,
            status_shows_secret: true,
            missing_token_type_is_oauth: false,
            always_202_first: false,
            polls_before_done: 0,
            sql_api_enabled: true,
            authenticator_required: false,
            rows_per_partition: 1000,
            partitions_are_gzipped: true,
            handles_are_shared: false,
        }
    }
}
