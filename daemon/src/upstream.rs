//! Snowflake as the slots see it: one account's authority and the probe at the same endpoint, with the keys
//! they need, read when the configuration comes into force.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use pat_wire::secret::Secret;
use patd_config::{AccountConfig, BrokerKey, KeySource};
use patd_core::lifecycle::Event;
use patd_snowflake::authority::{AdminLogin, Authority};
use patd_snowflake::endpoint::{Endpoint, EndpointError};
use patd_snowflake::http::{Client, HttpError};
use patd_snowflake::key::{KeyError, SigningKey};
use patd_snowflake::probe::{Expected, probe};
use patd_snowflake::sql_api::SqlApi;

use crate::slots::{Answer, Call, Upstream};

/// One account, with its resident admin login.
pub struct Snowflake {
    authority: Authority,
    broker_key: BrokerKey,
    statements_per_hour: Option<u32>,
}

/// Why an account cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// The admin key is not where it should be, or not private.
    #[error("the admin key of account {0} cannot be read")]
    KeySource(String, #[source] patd_keys::KeyError),
    /// It is encrypted, and its passphrase is not beside it.
    #[error("the admin key of account {account} is encrypted; keep its passphrase as {beside}")]
    Passphrase {
        /// Which account.
        account: String,
        /// Where the passphrase is looked for.
        beside: String,
        /// Why it was not there.
        #[source]
        source: patd_keys::KeyError,
    },
    /// It is there, and no RSA private key.
    #[error("the admin key of account {0} cannot be used")]
    Key(String, #[source] KeyError),
    /// Host, port, protocol or proxy make no endpoint.
    #[error("the endpoint of account {0} cannot be used")]
    Endpoint(String, #[source] EndpointError),
    /// The roots to trust cannot be used.
    #[error("account {0} cannot be reached safely")]
    Http(String, #[source] HttpError),
}

impl Snowflake {
    /// Reads the admin key and returns the account behind its endpoint. Asks nobody yet.
    ///
    /// Blocks: on the disk, or on a Secret Service.
    ///
    /// # Errors
    /// If the key or the endpoint cannot be used.
    pub fn open(config: &AccountConfig) -> Result<Self, UpstreamError> {
        let name = || config.name.to_string();
        let key = signing_key(&name(), &config.admin.key)?;
        let broker_key = BrokerKey { body: key.public_key_body(), fingerprint: key.fingerprint() };
        let endpoint = Endpoint::new(
            config.name.clone(),
            &config.host,
            config.port,
            config.tls,
            config.ca_file.as_deref(),
            config.proxy.as_deref(),
        )
        .map_err(|error| UpstreamError::Endpoint(name(), error))?;
        let admin = AdminLogin {
            user: config.admin.user.clone(),
            role: config.admin.role.clone(),
            key: Arc::new(key),
        };
        let authority =
            Authority::new(&endpoint, admin).map_err(|error| UpstreamError::Http(name(), error))?;
        Ok(Self { authority, broker_key, statements_per_hour: config.statements_per_hour })
    }

    /// Returns the public key of the admin login.
    pub fn broker_key(&self) -> &BrokerKey {
        &self.broker_key
    }

    /// Returns the SQL API, for statements that are not about the tokens of a slot.
    pub fn sql_api(&self) -> &SqlApi {
        self.authority.sql_api()
    }

    /// Returns the client, for logins with a secret.
    pub fn client(&self) -> &Client {
        self.authority.client()
    }

    async fn answer(&self, call: Call) -> Answer {
        let mut secret = None;
        let shown_before = self.authority.times_shown();
        let event = match call {
            Call::Add(token) => {
                let (outcome, minted) = self.authority.add(&token).await.into_parts();
                secret = minted;
                crate::crash::at("issue: minted");
                Event::Added(outcome)
            }
            Call::Rotate(token) => {
                let (outcome, minted) = self.authority.rotate(&token).await.into_parts();
                secret = minted;
                Event::Rotated(outcome)
            }
            Call::List(user) => Event::Listed(self.authority.list(&user).await),
            Call::Remove(user, name) => {
                let outcome = self.authority.remove(&user, &name).await;
                Event::Removed { name, outcome }
            }
            Call::Probe { user, role, secret, form } => {
                crate::crash::at("issue: probing");
                let expected = Expected { user, role };
                Event::Probed(probe(self.authority.client(), &secret, &expected, form).await)
            }
        };
        let is_shown = shows_time(&event) && self.authority.times_shown() != shown_before;
        let server_time = is_shown.then(|| self.authority.server_time());
        Answer { event, secret, server_time }
    }
}

/// Returns the admin key; the passphrase of an encrypted one is looked for beside it.
fn signing_key(account: &str, source: &KeySource) -> Result<SigningKey, UpstreamError> {
    let credentials = patd_keys::credentials_directory();
    let pem = patd_keys::read(source, credentials.as_deref())
        .map_err(|error| UpstreamError::KeySource(account.to_owned(), error))?;
    let parse = |passphrase| SigningKey::from_pem(pem.expose().as_bytes(), passphrase);
    let parsed = match parse(None) {
        Err(KeyError::PassphraseNeeded) => {
            let beside = passphrase_of(source);
            let passphrase = patd_keys::read(&beside, credentials.as_deref());
            let passphrase = passphrase.map_err(|error| UpstreamError::Passphrase {
                account: account.to_owned(),
                beside: beside.to_string(),
                source: error,
            })?;
            // The line's end that an editor or echo leaves is no part of it.
            let typed = passphrase.expose().trim_end_matches(['\r', '\n']);
            parse(Some(&Secret::new(typed.to_owned())))
        }
        parsed => parsed,
    };
    parsed.map_err(|error| UpstreamError::Key(account.to_owned(), error))
}

fn passphrase_of(key: &KeySource) -> KeySource {
    match key {
        KeySource::SystemdCredential(name) => {
            KeySource::SystemdCredential(format!("{name}-passphrase"))
        }
        KeySource::Keyring(name) => KeySource::Keyring(format!("{name}-passphrase")),
        KeySource::File(path) => {
            let mut beside = path.clone().into_os_string();
            beside.push(".passphrase");
            KeySource::File(beside.into())
        }
    }
}

impl Upstream for Snowflake {
    fn ask(&self, call: Call) -> Pin<Box<dyn Future<Output = Answer> + Send + '_>> {
        Box::pin(self.answer(call))
    }

    fn throttled(&self) -> Option<u64> {
        Some(self.authority.client().throttled())
    }

    fn statements_per_hour(&self) -> Option<u32> {
        self.statements_per_hour
    }
}

/// The account of a slot that the configuration does not name any more: nobody can be asked there.
pub struct Nowhere;

impl Upstream for Nowhere {
    fn ask(&self, call: Call) -> Pin<Box<dyn Future<Output = Answer> + Send + '_>> {
        let answer = call.unanswered("the configuration does not name this account any more");
        Box::pin(std::future::ready(answer))
    }

    fn throttled(&self) -> Option<u64> {
        None
    }

    fn statements_per_hour(&self) -> Option<u32> {
        None
    }
}

/// Only an answer that arrived, with its date, shows Snowflake's clock; what was learned before it may be from another
/// time. The probe does not look at the clock.
fn shows_time(event: &Event) -> bool {
    !matches!(event, Event::Probed(_)) && event.is_clear_answer() == Some(true)
}
