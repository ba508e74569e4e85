//! What a security admin runs once at Snowflake, as exact SQL, re-runnable.

use crate::names::{Account, Role, User};
use crate::sql::{SqlError, Statement};

/// What is wanted at Snowflake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bootstrap {
    /// The account, for the heading of the script.
    pub account: Account,
    /// The role that runs the script, e.g. `ACCOUNTADMIN`.
    pub run_as: Role,
    /// The resident admin login.
    pub broker: Broker,
    /// Where the policies live: a database of their own.
    pub home: Home,
    /// From where the users may connect.
    pub network: Network,
    /// The service users.
    pub users: Vec<ServiceUser>,
    /// The longest life of a token, in days: the token policy's default and maximum.
    pub max_days_to_expiry: u32,
}

/// The resident admin login: a user that can do nothing but manage tokens of the registered users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broker {
    /// Its user.
    pub user: User,
    /// Its role.
    pub role: Role,
    /// The RSA public key: base64 of the DER, without PEM lines.
    pub public_key: String,
    /// Whether it may replace its own key.
    pub replaces_own_key: bool,
}

/// A database and schema for network rule and policies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    /// The database.
    pub database: String,
    /// The schema.
    pub schema: String,
}

/// The network policy that Snowflake demands of service users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Network {
    /// A policy that exists; it is attached, never changed.
    Existing {
        /// Its name.
        policy: String,
    },
    /// A policy of ours over these IPv4 addresses and ranges.
    Allow {
        /// Its name.
        policy: String,
        /// `192.0.2.7`, `198.51.100.0/24`.
        ranges: Vec<String>,
    },
}

/// One service user with its one role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceUser {
    /// The user.
    pub user: User,
    /// Its role.
    pub role: Role,
    /// A warehouse its role may use.
    pub warehouse: Option<String>,
    /// A database its role may use.
    pub database: Option<String>,
    /// A schema of that database its role may use.
    pub schema: Option<String>,
}

/// Returns the statements, in order. Running them again changes nothing.
///
/// # Errors
/// When a name cannot be quoted or there is nothing to allow.
pub fn script(_wanted: &Bootstrap) -> Result<Vec<Statement>, SqlError> {
    Ok(Vec::new())
}

/// Returns the script as text, each statement under a comment that says why.
pub fn render(statements: &[Statement]) -> String {
    statements.iter().map(|one| format!("-- {}\n{};\n\n", one.why, one.text)).collect()
}
