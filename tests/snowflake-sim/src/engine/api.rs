//! What callers hand to the engine and hold on to: account names, login attempts, sessions, key slots.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// The names of the simulated account.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AccountIdentity {
    /// Organization, as CURRENT_ORGANIZATION_NAME() returns it.
    pub organization: String,
    /// Account name within the organization, as CURRENT_ACCOUNT_NAME() returns it.
    pub name: String,
    /// Locator, as CURRENT_ACCOUNT() returns it.
    pub locator: String,
    /// Region, as CURRENT_REGION() returns it.
    pub region: String,
}

impl AccountIdentity {
    /// Returns the identifier clients use: organization, hyphen, account name.
    pub fn identifier(&self) -> String {
        format!("{}-{}", self.organization, self.name)
    }
}

impl Default for AccountIdentity {
    fn default() -> Self {
        Self {
            organization: "MYORG".into(),
            name: "MYACCOUNT".into(),
            locator: "SIM12345".into(),
            region: "AWS_US_WEST_2".into(),
        }
    }
}

/// One public key a user may log in with now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySlot {
    /// `SHA256:` and the base64 of the hash over the key's SubjectPublicKeyInfo.
    pub fingerprint: String,
    /// The SubjectPublicKeyInfo in DER.
    pub spki: Vec<u8>,
    /// `PUBLIC_KEY_1`, `PUBLIC_KEY_2` (the RSA_PUBLIC_KEY properties) or the name of a named key pair.
    pub name: String,
}

/// Which door the login came through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// `POST /session/v1/login-request`.
    Driver,
    /// A bearer token on the SQL API.
    SqlApi,
}

/// What the caller presents. Signatures are verified before the engine is asked.
#[derive(Clone)]
pub enum LoginMethod {
    /// A JWT whose signature was verified with the key of this fingerprint.
    KeyPair {
        /// The fingerprint the JWT named.
        fingerprint: String,
    },
    /// A programmatic access token, presented as such.
    Pat {
        /// The token secret.
        secret: String,
    },
    /// The password field of a driver login: a password or a programmatic access token.
    Password {
        /// What stood in the field.
        password: String,
    },
    /// A browser, in which the identity provider has signed the user in.
    Browser,
}

/// One login, as the front understood it.
#[derive(Clone)]
pub struct LoginAttempt {
    /// The user as the client spelled it; absent on the SQL API with a token.
    pub login_name: Option<String>,
    /// What is presented.
    pub method: LoginMethod,
    /// The role the client asks for, as it spelled it.
    pub role: Option<String>,
    /// The warehouse the client asks for.
    pub warehouse: Option<String>,
    /// The database the client asks for.
    pub database: Option<String>,
    /// The schema the client asks for.
    pub schema: Option<String>,
    /// Where the request came from.
    pub client_ip: IpAddr,
    /// The client's own name, e.g. `PythonConnector`.
    pub client_type: String,
    /// The client's own version.
    pub client_version: String,
    /// Which door it came through.
    pub via: Via,
}

/// What a session was opened with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Credential {
    /// A key pair, possibly restricted to one role.
    KeyPair {
        /// Name of the key slot.
        name: String,
        /// The one role it may be used for.
        role_restriction: Option<String>,
    },
    /// A programmatic access token, possibly restricted to one role.
    Pat {
        /// CREDENTIAL_ID of the token.
        id: u64,
        /// Name of the token at login.
        name: String,
        /// The one role it may be used for.
        role_restriction: Option<String>,
    },
    /// A password.
    Password,
    /// A browser login.
    Browser,
    /// Opened by the control API, no login.
    Control,
}

impl Credential {
    /// Returns the one role this credential is bound to, if it is.
    pub fn role_restriction(&self) -> Option<&str> {
        match self {
            Self::KeyPair { role_restriction, .. } | Self::Pat { role_restriction, .. } => {
                role_restriction.as_deref()
            }
            Self::Password | Self::Browser | Self::Control => None,
        }
    }
}

/// Which further roles of the user count in a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum SecondaryRoles {
    /// None: the primary role alone.
    None,
    /// Every role granted to the user.
    All,
}

/// An open session: who, as what, where. The front keeps it beside its session token.
#[derive(Clone, Debug, Serialize)]
pub struct Session {
    /// Number of the session, as CURRENT_SESSION() returns it.
    pub id: u64,
    /// Name of the user at login.
    pub user: String,
    /// Number of the user: a dropped and re-created user is another one.
    pub user_id: u64,
    /// Current role; none only when the user has none.
    pub role: Option<String>,
    /// Which further roles count.
    pub secondary_roles: SecondaryRoles,
    /// Current warehouse.
    pub warehouse: Option<String>,
    /// Current database.
    pub database: Option<String>,
    /// Current schema.
    pub schema: Option<String>,
    /// Where the client is.
    pub client_ip: IpAddr,
    /// What the session was opened with.
    pub credential: Credential,
    /// LOGIN_HISTORY.EVENT_ID of the login; 0 for the control API.
    pub login_event_id: u64,
    /// Session parameters set by ALTER SESSION, upper-case names.
    pub parameters: std::collections::BTreeMap<String, String>,
}
