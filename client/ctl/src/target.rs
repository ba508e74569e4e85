//! What a provisioning verb is about: one account of the configuration, and what is wanted there.

use std::path::Path;

use patd_config::{AccountConfig, BrokerKey, Config};
use patd_core::pattern::desired::Desired;

use crate::answer::{Exit, Failure};
use crate::cli::{Cli, Without};
use crate::public_key::{self, PublicKey};

/// An account and what is wanted there.
#[derive(Debug)]
pub(crate) struct Target {
    /// The whole configuration.
    pub(crate) config: Config,
    /// The account.
    pub(crate) account: AccountConfig,
    /// What is wanted there, with the broker's public key where this host keeps it.
    pub(crate) desired: Desired,
    /// What was taken out of that.
    pub(crate) without: Vec<Without>,
}

impl Target {
    /// Returns the named account, or the only one.
    pub(crate) fn find(cli: &Cli, named: Option<&str>) -> Result<Self, Failure> {
        Self::of_config(cli, patd_config::load(&cli.config)?, named)
    }

    /// Returns the named account, or the only one, of a configuration that need not be written yet.
    pub(crate) fn of_config(
        cli: &Cli,
        config: Config,
        named: Option<&str>,
    ) -> Result<Self, Failure> {
        let account = account(&config, named)?.clone();
        let key = broker_key(&cli.config, &config, &account)?;
        let desired = config.desired(&account.name, key).ok_or_else(|| unclear(&config))?;
        Ok(Self { config, account, desired, without: Vec::new() })
    }

    /// Takes something out of what is wanted. What is there already stays.
    pub(crate) fn leave_out(&mut self, without: &[Without]) {
        for without in without {
            match without {
                Without::AccountPolicies => {
                    self.desired.scopes.bar_persons = false;
                    self.desired.scopes.admit_services = false;
                }
            }
        }
        self.without.extend(without);
    }

    /// Returns whether a key of this host's broker is known, so that a script can set it.
    pub(crate) fn has_key(&self) -> bool {
        self.desired.broker.public_key.is_some()
    }

    /// Returns where the broker's public key is kept.
    pub(crate) fn key_file(&self, dir: &Path) -> std::path::PathBuf {
        public_key::path(dir, &self.account.name, self.config.accounts.len() == 1)
    }
}

/// Returns the named account, or the only one.
pub(crate) fn account<'c>(
    config: &'c Config,
    named: Option<&str>,
) -> Result<&'c AccountConfig, Failure> {
    let mut accounts = config.accounts.values();
    let found = match (named, config.accounts.len()) {
        (None, 1) => accounts.next(),
        (None, _) => None,
        (Some(named), _) => {
            accounts.find(|account| account.name.as_str().eq_ignore_ascii_case(named))
        }
    };
    found.ok_or_else(|| unclear(config))
}

fn unclear(config: &Config) -> Failure {
    let names: Vec<&str> = config.accounts.keys().map(|name| name.as_str()).collect();
    let next_step = format!("add --account with one of: {}", names.join(", "));
    Failure::new(Exit::Usage, "which account is meant is not clear", next_step)
}

/// Where there is no file, the key is not ours to set: an admin's own machine has none.
fn broker_key(
    dir: &Path,
    config: &Config,
    account: &AccountConfig,
) -> Result<Option<BrokerKey>, Failure> {
    let path = public_key::path(dir, &account.name, config.accounts.len() == 1);
    if std::fs::symlink_metadata(&path).is_err_and(|e| e.kind() == std::io::ErrorKind::NotFound) {
        return Ok(None);
    }
    let key = PublicKey::read(&path)?;
    Ok(Some(BrokerKey { body: key.body().to_owned(), fingerprint: key.fingerprint() }))
}
