//! The resident credential: the daemon looks and runs. It takes no SQL from anybody: it makes the same plan of its
//! own configuration and its own last look, and runs a statement only as the next step of that.

use std::path::PathBuf;

use pat_wire::connection::BrokerError;
use pat_wire::error::{ErrorCode, ErrorReply};
use pat_wire::provision::{self as wire, ObserveRequest, ProvisionRequest, Provisioned};
use patd_core::names::Account;
use patd_core::pattern::desired::Desired;
use patd_core::pattern::observed::Observed;
use patd_core::pattern::plan::Step;
use patd_core::pattern::reading::Rows;
use patd_core::sql::Statement;
use patd_snowflake::provision::fingerprint;

use crate::answer::Failure;
use crate::cli::{Cli, Without};
use crate::confirm::Consent;
use crate::daemon;
use crate::progress::{Eyes, Progress};
use crate::runner::{Session, Undone};
use crate::target::Target;

/// The daemon, about one account.
pub(super) struct Resident {
    socket: PathBuf,
    account: Account,
    without: Vec<wire::Without>,
    eyes: Eyes,
    /// Of the last look, which the daemon keeps too.
    fingerprint: String,
}

impl Resident {
    /// Returns the session. Asks nobody yet.
    pub(super) fn of(cli: &Cli, target: &Target) -> Self {
        let word = |without: &Without| match without {
            Without::AccountPolicies => wire::Without::AccountPolicies,
        };
        Self {
            socket: cli.socket.clone(),
            account: target.account.name.clone(),
            without: target.without.iter().map(word).collect(),
            eyes: Eyes::of(cli),
            fingerprint: String::new(),
        }
    }
}

impl Session for Resident {
    fn observe(&mut self, _: &Desired) -> Result<Observed, Failure> {
        let account = Some(self.account.to_string());
        let _shown = Progress::waiting(self.eyes, format!("the daemon looks at {}", self.account));
        let question = ObserveRequest { account, whole: true, without: self.without.clone() };
        let observed: Observed = daemon::provisioning(&self.socket, "/v1/observe", &question)?;
        self.fingerprint = fingerprint(&observed);
        Ok(observed)
    }

    fn run(
        &mut self,
        steps: &[Step],
        consent: &Consent,
        done: &mut dyn FnMut(),
    ) -> Result<(), Undone> {
        let confirmed: Vec<String> = consent.words().into_iter().map(str::to_owned).collect();
        for step in steps {
            let order = ProvisionRequest {
                account: Some(self.account.to_string()),
                fingerprint: self.fingerprint.clone(),
                statement: step.statement.clone(),
                confirmed: confirmed.clone(),
            };
            let Provisioned {} =
                daemon::provisioning(&self.socket, "/v1/provision", &order).map_err(undone)?;
            done();
        }
        Ok(())
    }

    fn ask(&mut self, _: &Statement) -> Result<Rows, Undone> {
        let message = "the daemon asks Snowflake nothing that a socket says; \
                       use --as USER --key-file FILE, or --via snow";
        Err(Undone::Refused { code: String::new(), message: message.to_owned() })
    }

    fn eyes(&self) -> Eyes {
        self.eyes
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
        BrokerError::Answered(reply) => answered(&reply),
    }
}

fn answered(reply: &ErrorReply) -> Undone {
    let said = match reply.next_step.is_empty() {
        true => reply.message.clone(),
        false => format!("{}; {}", reply.message, reply.next_step),
    };
    match reply.code == ErrorCode::Unclear {
        true => Undone::Unclear(said),
        false => refused(said),
    }
}

fn refused(message: String) -> Undone {
    Undone::Refused { code: String::new(), message }
}
