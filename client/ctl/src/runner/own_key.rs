//! `--as USER --key-file FILE`: this program logs in itself, for this run only. Neither the key nor what it
//! signs reaches the daemon.

use std::path::Path;
use std::sync::Arc;

use pat_wire::secret::Secret;
use patd_config::{AccountConfig, KeySource};
use patd_core::names::{Role, User};
use patd_core::pattern::desired::Desired;
use patd_core::pattern::observed::Observed;
use patd_core::pattern::plan::Step;
use patd_core::pattern::reading::{Breadth, Rows};
use patd_core::sql::Statement;
use patd_keys::KeyFault;
use patd_snowflake::chain::chain;
use patd_snowflake::endpoint::Endpoint;
use patd_snowflake::http::{Client, HttpError};
use patd_snowflake::key::{KeyError, SigningKey};
use patd_snowflake::provision;
use patd_snowflake::sql_api::{AdminLogin, SqlApi};
use tokio::runtime::{Builder, Runtime};

use crate::answer::{Exit, Failure};
use crate::cli::SessionArgs;
use crate::confirm::Consent;
use crate::progress::{Eyes, Progress};
use crate::runner::{Session, Undone, passphrase};
use crate::target::Target;

/// The SQL API, as an admin of the site.
pub(super) struct OwnKey {
    runtime: Runtime,
    api: SqlApi,
    eyes: Eyes,
}

impl OwnKey {
    /// Reads the key. Asks nobody yet but, for an encrypted key, the person at the terminal.
    pub(super) fn open(
        user: &str,
        args: &SessionArgs,
        target: &Target,
        eyes: Eyes,
    ) -> Result<Self, Failure> {
        let Some(path) = &args.key_file else {
            return Err(Failure::new(Exit::Usage, "--as needs a key", "add --key-file FILE"));
        };
        let role = args.role.as_deref().map(Role::new);
        let login = AdminLogin {
            user: User::new(user),
            role: role.unwrap_or_else(|| target.desired.run_as.clone()),
            key: Arc::new(signing_key(path)?),
        };
        let client = client(&target.account)?;
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| {
            Failure::new(Exit::Failed, format!("cannot start a client ({error})"), "try again")
        })?;
        Ok(Self { runtime, api: SqlApi::new(client, login), eyes })
    }
}

impl Session for OwnKey {
    fn observe(&mut self, desired: &Desired) -> Result<Observed, Failure> {
        let shown = Progress::waiting(self.eyes, "looking at the account");
        let observed = self.runtime.block_on(provision::observe_telling(
            &self.api,
            desired,
            Breadth::Whole,
            |answered| shown.at(format!("looking at the account: {answered} answers")),
        ));
        observed.map_err(|failure| Failure::from(Undone::from(failure)))
    }

    fn run(&mut self, steps: &[Step], _: &Consent, done: &mut dyn FnMut()) -> Result<(), Undone> {
        for step in steps {
            self.runtime.block_on(provision::run(&self.api, &step.statement))?;
            done();
        }
        Ok(())
    }

    fn ask(&mut self, statement: &Statement) -> Result<Rows, Undone> {
        let run = self.runtime.block_on(provision::run(&self.api, &statement.text));
        run.map_err(Undone::from)
    }

    fn eyes(&self) -> Eyes {
        self.eyes
    }
}

/// Returns a client of an account's endpoint.
pub(crate) fn client(account: &AccountConfig) -> Result<Client, Failure> {
    let endpoint = Endpoint::new(
        account.name.clone(),
        &account.host,
        account.port,
        account.tls,
        account.ca_file.as_deref(),
        account.proxy.as_deref(),
    )
    .map_err(|error| Failure::new(Exit::BadConfig, error.to_string(), "correct [account]"))?;
    Client::new(&endpoint).map_err(|error: HttpError| {
        Failure::new(Exit::BadConfig, chain(&error), "correct [account]")
    })
}

fn signing_key(path: &Path) -> Result<SigningKey, Failure> {
    let path = std::path::absolute(path).map_err(|error| Failure::io("find", path, &error))?;
    let pem = patd_keys::read(&KeySource::File(path.clone()), None).map_err(|error| {
        match error.fault == KeyFault::Absent {
            true => Failure::new(Exit::Failed, error.what, "name the private key of that user"),
            false => Failure::from(error),
        }
    })?;
    let parse = |passphrase| SigningKey::from_pem(pem.expose().as_bytes(), passphrase);
    let parsed = match parse(None) {
        Err(KeyError::PassphraseNeeded) => parse(Some(&passphrase_of(&path)?)),
        parsed => parsed,
    };
    parsed.map_err(|error| {
        Failure::new(Exit::Failed, format!("{}: {}", path.display(), chain(&error)), "")
    })
}

/// Returns what is kept beside the key, as the daemon's is, else what the person at the terminal types.
fn passphrase_of(path: &Path) -> Result<Secret, Failure> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".passphrase");
    match patd_keys::read(&KeySource::File(beside.into()), None) {
        // The line's end that an editor or echo leaves is no part of it.
        Ok(kept) => Ok(Secret::new(kept.expose().trim_end_matches(['\r', '\n']).to_owned())),
        Err(error) if error.fault == KeyFault::Absent => passphrase::asked(path),
        Err(error) => Err(error.into()),
    }
}
