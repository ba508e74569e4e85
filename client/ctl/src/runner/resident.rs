//! The resident credential: the daemon looks and runs. It takes no SQL from anybody: it makes the same plan of its
//! own configuration and its own last look, and runs a statement only as the next step of that.

use std::path::PathBuf;

use pat_wire::connection::BrokerError;
use patd_core::names::Account;
use patd_core::pattern::desired::Desired;
use patd_core::pattern::observed::Observed;
use patd_core::pattern::plan::Step;
use patd_core::pattern::reading::Rows;
use patd_core::sql::Statement;
use patd_snowflake::provision::fingerprint;
use serde_json::{Value, json};

use crate::answer::Failure;
use crate::cli::Cli;
use crate::confirm::Consent;
use crate::daemon;
use crate::runner::{Session, Undone};

/// The daemon, about one account.
pub(super) struct Resident {
    socket: PathBuf,
    account: Account,
    /// Of the last look, which the daemon keeps too.
    fingerprint: String,
}

impl Resident {
    /// Returns the session. Asks nobody yet.
    pub(super) fn of(cli: &Cli, account: &Account) -> Self {
        let (socket, account) = (cli.socket.clone(), account.clone());
        Self { socket, account, fingerprint: String::new() }
    }
}

impl Session for Resident {
    fn observe(&mut self, _: &Desired) -> Result<Observed, Failure> {
        let question = json!({ "account": self.account.as_str(), "whole": true });
        let observed: Observed = daemon::provisioning(&self.socket, "/v1/observe", &question)?;
        self.fingerprint = fingerprint(&observed);
        Ok(observed)
    }

    fn run(&mut self, step: &Step, consent: &Consent) -> Result<(), Undone> {
        let order = json!({
            "account": self.account.as_str(),
            "fingerprint": self.fingerprint,
            "statement": step.statement,
            "confirmed": consent.words(),
        });
        let done: Result<Value, BrokerError> =
            daemon::provisioning(&self.socket, "/v1/provision", &order);
        done.map(drop).map_err(undone)
    }

    fn ask(&mut self, _: &Statement) -> Result<Rows, Undone> {
        let message = "the daemon asks Snowflake nothing that a socket says; \
                       use --as USER --key-file FILE, or --via snow";
        Err(Undone::Refused { code: String::new(), message: message.to_owned() })
    }
}

/// An answer of the daemon's is one; where the connection broke, nobody knows what it still does.
fn undone(error: BrokerError) -> Undone {
    match error {
        BrokerError::NoBroker(_)
        | BrokerError::NotAllowed(_)
        | BrokerError::NotTheSocket { .. }
        | BrokerError::WrongListener { .. } => refused(error.to_string()),
        BrokerError::TimedOut(_)
        | BrokerError::Closed(_)
        | BrokerError::NotUnderstood(_)
        | BrokerError::System { .. } => Undone::Unclear(error.to_string()),
        BrokerError::Answered(reply) => refused(format!("{}; {}", reply.message, reply.next_step)),
    }
}

fn refused(message: String) -> Undone {
    Undone::Refused { code: String::new(), message }
}
