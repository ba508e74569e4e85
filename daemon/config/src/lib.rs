//! The trusted configuration: reads the files, checks owners and modes of each and of every parent, parses,
//! checks, and reports all faults at once. Nothing falls back to a default in silence.
//!
//! Used by `patd` (start, reload) and `patctl` (validate, init, add). It resolves local account and group
//! names, and does no other I/O than reading files.

#![forbid(unsafe_code)]

#[cfg(all(feature = "fuzzing", not(debug_assertions)))]
compile_error!("the feature fuzzing is for tests and is never part of a release build");

mod at;
mod check;
mod fault;
mod files;
pub mod host;
mod key_source;
mod local;
mod object;
mod provision;
mod proxy;
mod raw;
mod raw_provision;
mod syntax;
mod table;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use patd_core::lifecycle::Strategy;
use patd_core::names::{Account, Connection, Role, SlotId, User};
use patd_core::pattern::desired::ServiceUser;
use patd_core::policy::Entry;
use patd_core::window::Window;

pub use fault::{ConfigErrors, Fault};
pub use files::{ACCOUNTS_DIR, MAIN_FILE, Sources, USERS_DIR};
pub use key_source::NotAKeySource;
pub use provision::{BrokerKey, Provision, source};
pub use proxy::Proxy;

/// Returns the configuration of a directory: `patd.toml`, `accounts.d/*.toml`, `users.d/*.toml`.
///
/// Blocks: on the disk, and on whatever the system asks for local accounts.
///
/// # Errors
/// All faults of all files; nothing of a faulty configuration is returned.
pub fn load(dir: &Path) -> Result<Config, ConfigErrors> {
    Sources::read(dir).check()
}

/// Returns a warehouse, database or schema of a [`ConnectionConfig`] as SHOW spells it: unquoted names are
/// upper case at Snowflake, quoted ones as they are between their quotes.
pub fn as_shown(session_default: &str) -> String {
    syntax::as_shown(session_default)
}

/// The checked configuration. Every part of it was written by someone trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Accounts by name.
    pub accounts: BTreeMap<Account, AccountConfig>,
    /// What is wanted of each account at Snowflake.
    pub provision: BTreeMap<Account, Provision>,
    /// Managed tokens.
    pub slots: BTreeMap<SlotId, SlotConfig>,
    /// What is wanted of service users of whom more is said than nothing: see [`Config::service_user`].
    pub(crate) service_users: BTreeMap<SlotId, ServiceUser>,
    /// What `-c` names, with what is written into the generated entry.
    pub connections: BTreeMap<Connection, ConnectionConfig>,
    /// Who may have what.
    pub entries: Vec<Entry>,
    /// Entries that cannot serve yet, and why (a local account that does not exist).
    pub inert: Vec<Inert>,
    /// Where the root key comes from.
    pub root_key: KeySource,
    /// Whether each audit record is fsynced before the release (`strict`) or within 100 ms.
    pub audit_strict: bool,
    /// Members may use the admin socket, besides root and the daemon's own uid.
    pub admin_group: Option<u32>,
    /// The gid of the gate, where the group exists.
    pub gate_gid: Option<u32>,
    /// Who owns the files: root, or the daemon's own uid.
    pub owner: Owner,
}

/// Who wrote the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Root.
    Root,
    /// The uid that reads it (a per-user or test daemon).
    OwnUid,
}

/// One Snowflake account and the resident admin login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountConfig {
    /// Account identifier, as clients write it.
    pub name: Account,
    /// Host; by default `<account>.snowflakecomputing.com` (underscores as hyphens, lower case).
    pub host: String,
    /// Port; 443.
    pub port: u16,
    /// `https`, or `http` for loopback hosts only.
    pub tls: bool,
    /// Roots to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// `http://[user:password@]host:port`; no proxy is used unless it is here.
    pub proxy: Option<Proxy>,
    /// Whether host, port and protocol were configured, and so belong in the generated entry.
    pub explicit_endpoint: bool,
    /// The most statements of an hour about its tokens; none: enough for its service users.
    pub statements_per_hour: Option<u32>,
    /// The broker user, its role and key.
    pub admin: AdminConfig,
}

/// The resident admin login of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminConfig {
    /// Broker user (its LOGIN_NAME).
    pub user: User,
    /// Broker role.
    pub role: Role,
    /// The private key.
    pub key: KeySource,
}

/// Where a key comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// `systemd-credential:NAME`: a file of that name in `$CREDENTIALS_DIRECTORY`.
    SystemdCredential(String),
    /// `keyring:NAME`: the Secret Service, service `patd`, user NAME. "Any program of this user can ask for it".
    Keyring(String),
    /// `file:PATH`, mode 0400 or 0600, owner trusted.
    File(PathBuf),
}

/// One managed token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotConfig {
    /// The one role.
    pub role: Role,
    /// Life of a token in days, 1 to 365.
    pub days_to_expiry: u32,
    /// Seconds an old generation lives on after its last holder moved or died.
    pub drain_min: u32,
    /// Seconds after which an old generation is removed in any case.
    pub drain_max: u32,
    /// When a due rotation may begin; at any time if there is none.
    pub window: Option<Window>,
    /// How a secret is replaced.
    pub strategy: Strategy,
    /// Whether its tokens are removed when the daemon ends, as on a host that ends with it.
    pub retire_at_exit: bool,
}

/// What is written into the generated entry of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionConfig {
    /// Whose secret.
    pub slot: SlotId,
    /// Session defaults.
    pub warehouse: Option<String>,
    /// See `warehouse`.
    pub database: Option<String>,
    /// See `warehouse`.
    pub schema: Option<String>,
    /// `password` (default) or `token`.
    pub token_form: bool,
    /// Whether the user's other connections are kept in the private home.
    pub keep_connections: bool,
    /// `env = { SNOWFLAKE_PASSWORD = "secret" }`.
    pub env: BTreeMap<String, String>,
    /// How many secrets a uid may ask for in a minute; as many as the daemon lets any uid, if there is none.
    pub rate_per_minute: Option<u32>,
}

/// An entry that matches nobody for now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inert {
    /// The connection.
    pub connection: Connection,
    /// Why, in a sentence.
    pub reason: String,
    /// What to do.
    pub next_step: String,
}
