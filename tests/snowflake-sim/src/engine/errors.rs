//! Every error the engine can answer with, in one table. Where Snowflake publishes no code the
//! simulator has a stable one of its own, in the range 399xxx; a client must not branch on those.

use serde::Serialize;

/// A failed statement, as both transports print it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code} ({sqlstate}): {message}")]
pub struct SqlError {
    /// Six digits.
    pub code: &'static str,
    /// Five characters.
    pub sqlstate: &'static str,
    /// Text for people.
    pub message: String,
    /// QUERY_ID of the failed statement.
    pub query_id: String,
}

/// A refused login, or an open session that may go no further.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{code}: {message}")]
pub struct LoginFailure {
    /// Six digits.
    pub code: &'static str,
    /// Text the client sees.
    pub message: String,
    /// The real reason, for tests and the simulator's log; no client sees it.
    pub cause: &'static str,
}

/// A row of the table: code and SQLSTATE of one kind of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Code {
    pub(super) code: &'static str,
    pub(super) sqlstate: &'static str,
}

impl Code {
    const fn new(code: &'static str, sqlstate: &'static str) -> Self {
        Self { code, sqlstate }
    }

    pub(super) fn error(self, message: impl Into<String>) -> SqlError {
        SqlError {
            code: self.code,
            sqlstate: self.sqlstate,
            message: message.into(),
            query_id: String::new(),
        }
    }

    /// Returns the error with Snowflake's usual first line before the text.
    pub(super) fn compilation(self, message: impl AsRef<str>) -> SqlError {
        self.error(format!("SQL compilation error:\n{}", message.as_ref()))
    }
}

// Published, or seen on real accounts.
pub(super) const SYNTAX: Code = Code::new("001003", "42000");
pub(super) const INVALID_PROPERTY: Code = Code::new("001006", "22023");
pub(super) const INVALID_VALUE: Code = Code::new("001008", "22023");
pub(super) const UNKNOWN_FUNCTION: Code = Code::new("002140", "42601");
pub(super) const UNKNOWN_COLUMN: Code = Code::new("000904", "42000");
pub(super) const ALREADY_EXISTS: Code = Code::new("002002", "42710");
pub(super) const DOES_NOT_EXIST: Code = Code::new("002003", "02000");
pub(super) const INSUFFICIENT: Code = Code::new("003001", "42501");
pub(super) const NO_DATABASE: Code = Code::new("090105", "22000");
pub(super) const NO_SCHEMA: Code = Code::new("090106", "22000");
pub(super) const AUTH_POLICY_CONTENT: Code = Code::new("004800", "22023");

// Not published: the simulator's own.
pub(super) const TOKEN_NOT_FOUND: Code = Code::new("399001", "02000");
pub(super) const TOKEN_EXISTS: Code = Code::new("399002", "42710");
pub(super) const TOKEN_LIMIT: Code = Code::new("399003", "54000");
pub(super) const TOKEN_NAME: Code = Code::new("399004", "22023");
pub(super) const RESTRICTION_REQUIRED: Code = Code::new("399005", "22023");
pub(super) const ROLE_NOT_GRANTED: Code = Code::new("399006", "22023");
pub(super) const ROLE_BLOCKED: Code = Code::new("399007", "22023");
pub(super) const EXPIRY_RANGE: Code = Code::new("399008", "22023");
pub(super) const BYPASS_RANGE: Code = Code::new("399009", "22023");
pub(super) const BYPASS_FOR_AGENT: Code = Code::new("399010", "22023");
pub(super) const NETWORK_POLICY_REQUIRED: Code = Code::new("399011", "22023");
pub(super) const METHOD_NOT_ALLOWED: Code = Code::new("399012", "22023");
pub(super) const PAT_SESSION: Code = Code::new("399013", "42501");
pub(super) const CROSS_ROLE: Code = Code::new("399014", "42501");
pub(super) const HOURS_RANGE: Code = Code::new("399015", "22023");
pub(super) const PREDECESSOR: Code = Code::new("399016", "22023");
pub(super) const KEY_PAIR_NOT_FOUND: Code = Code::new("399021", "02000");
pub(super) const KEY_PAIR_EXISTS: Code = Code::new("399022", "42710");
pub(super) const KEY_PAIR_LIMIT: Code = Code::new("399023", "54000");
pub(super) const KEY_PAIR_NAME: Code = Code::new("399024", "22023");
pub(super) const KEY_INVALID: Code = Code::new("399025", "22023");
pub(super) const KEY_NOT_UNIQUE: Code = Code::new("399026", "22023");
pub(super) const PROPERTY_FOR_TYPE: Code = Code::new("399031", "22023");
pub(super) const RESTRICTED_SESSION: Code = Code::new("399032", "42501");
pub(super) const POLICY_IN_USE: Code = Code::new("399041", "22023");
pub(super) const POLICY_ATTACHED: Code = Code::new("399042", "22023");
pub(super) const POLICY_NOT_ATTACHED: Code = Code::new("399043", "22023");
pub(super) const OWN_ADDRESS: Code = Code::new("399044", "22023");
pub(super) const RULE_IN_USE: Code = Code::new("399045", "22023");
pub(super) const RULE_VALUE: Code = Code::new("399046", "22023");
pub(super) const DEPENDENT_GRANT: Code = Code::new("399051", "42501");
pub(super) const GRANT_CYCLE: Code = Code::new("399052", "42501");
pub(super) const WRONG_PRIVILEGE: Code = Code::new("399053", "42501");
pub(super) const SYSTEM_OBJECT: Code = Code::new("399054", "42501");

/// The codes of refused logins.
pub(super) mod login {
    use super::LoginFailure;

    pub(in crate::engine) fn pat_invalid(cause: &'static str) -> LoginFailure {
        failure("394400", "Programmatic access token is invalid.", cause)
    }

    pub(in crate::engine) fn network_policy_required() -> LoginFailure {
        failure("390432", "Network policy is required.", "no network policy covers the user")
    }

    pub(in crate::engine) fn address_refused(ip: std::net::IpAddr) -> LoginFailure {
        let message =
            format!("Incoming request with IP/Token {ip} is not allowed to access Snowflake.");
        failure("390422", message, "the network policy does not allow the address")
    }

    pub(in crate::engine) fn method_rejected(cause: &'static str) -> LoginFailure {
        failure("390202", "AUTHN_POLICY_AUTHN_ATTEMPT_REJECTED", cause)
    }

    pub(in crate::engine) fn password_wrong(cause: &'static str) -> LoginFailure {
        failure("390100", "Incorrect username or password was specified.", cause)
    }

    pub(in crate::engine) fn jwt_invalid(cause: &'static str) -> LoginFailure {
        failure("390144", "JWT token is invalid.", cause)
    }

    pub(in crate::engine) fn role_refused(role: &str) -> LoginFailure {
        let message = format!(
            "Role '{role}' specified in the connect string does not exist or not authorized. \
             Contact your local system administrator, or attempt to login with another role, e.g. PUBLIC."
        );
        failure("390189", message, "the requested role is not available to the user")
    }

    pub(in crate::engine) fn session_gone(cause: &'static str) -> LoginFailure {
        failure(
            "390111",
            "Session no longer exists. New login required to access the service.",
            cause,
        )
    }

    fn failure(
        code: &'static str,
        message: impl Into<String>,
        cause: &'static str,
    ) -> LoginFailure {
        LoginFailure { code, message: message.into(), cause }
    }
}

pub(super) fn unknown(kind: &str, name: &str) -> SqlError {
    DOES_NOT_EXIST.compilation(format!("{kind} '{name}' does not exist or not authorized."))
}

pub(super) fn insufficient(kind: &str, name: &str) -> SqlError {
    INSUFFICIENT.error(format!(
        "SQL access control error:\nInsufficient privileges to operate on {kind} '{name}'."
    ))
}

pub(super) fn exists(name: &str) -> SqlError {
    ALREADY_EXISTS.compilation(format!("Object '{name}' already exists."))
}

pub(super) fn invalid_value(value: &str, property: &str) -> SqlError {
    INVALID_VALUE.compilation(format!("invalid value [{value}] for parameter '{property}'"))
}

pub(super) fn invalid_property(property: &str, kind: &str) -> SqlError {
    INVALID_PROPERTY.compilation(format!("invalid property '{property}' for '{kind}'"))
}
