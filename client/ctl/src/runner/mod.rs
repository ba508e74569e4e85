//! Who talks to Snowflake for a provisioning verb: the daemon with the resident credential, this program with a
//! key of an admin's own, or the admin's own `snow` session. What is asked and run is decided elsewhere.

mod own_key;
mod passphrase;
mod resident;
mod snow;

pub(crate) use own_key::client;
use patd_core::pattern::desired::Desired;
use patd_core::pattern::observed::Observed;
use patd_core::pattern::plan::Step;
use patd_core::pattern::reading::Rows;
use patd_core::sql::Statement;
use patd_snowflake::refusal::is_about_our_address;

use crate::answer::{Exit, Failure};
use crate::cli::{Cli, SessionArgs, Via};
use crate::confirm::Consent;
use crate::progress::Eyes;
use crate::target::Target;
use crate::text::plain;

/// Someone who can ask Snowflake and run statements there.
pub(crate) trait Session {
    /// Returns what is there, as far as the acting role can see.
    fn observe(&mut self, desired: &Desired) -> Result<Observed, Failure>;

    /// Runs the steps of the plan that was made of the last observation, in order, up to the first that fails; says
    /// so after each that is done.
    fn run(
        &mut self,
        steps: &[Step],
        consent: &Consent,
        done: &mut dyn FnMut(),
    ) -> Result<(), Undone>;

    /// Asks one question. It only reads.
    fn ask(&mut self, statement: &Statement) -> Result<Rows, Undone>;

    /// Returns who looks at what it does meanwhile.
    fn eyes(&self) -> Eyes;
}

/// Why a statement has no outcome to build on. The texts are masked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Undone {
    /// A definite no: nothing was done.
    Refused {
        /// Its code, where it has one.
        code: String,
        /// Why.
        message: String,
    },
    /// It may or may not have been done.
    Unclear(String),
}

impl Undone {
    /// Returns what happened, in words.
    pub(crate) fn said(&self) -> String {
        match self {
            Self::Refused { code, message } if code.is_empty() => plain(message),
            Self::Refused { code, message } => plain(&format!("refused: {code} {message}")),
            Self::Unclear(why) => plain(&format!("it is not clear whether it was done: {why}")),
        }
    }
}

impl From<Undone> for Failure {
    fn from(undone: Undone) -> Self {
        let next_step = match &undone {
            Undone::Refused { code, message } if is_about_our_address(code, message) => {
                "the text names the address that Snowflake saw: let the network policy admit it, \
                 or run this from one that it admits"
            }
            Undone::Refused { .. } | Undone::Unclear(_) => "",
        };
        Self::new(Exit::Failed, undone.said(), next_step)
    }
}

impl From<patd_core::lifecycle::Failure> for Undone {
    fn from(failure: patd_core::lifecycle::Failure) -> Self {
        match failure {
            patd_core::lifecycle::Failure::Refused(refusal) => {
                Self::Refused { code: refusal.code, message: refusal.message }
            }
            patd_core::lifecycle::Failure::Unclear(why) => Self::Unclear(why),
        }
    }
}

/// Refuses the resident credential for a verb that the daemon has no plan of its own for.
pub(crate) fn needs_an_admin(args: &SessionArgs) -> Result<(), Failure> {
    if args.user.is_some() || args.via.is_some() {
        return Ok(());
    }
    let what =
        "this needs a session of an admin's own: the daemon's credential can only manage tokens";
    Err(Failure::new(Exit::Usage, what, "add --as USER --key-file FILE, or --via snow"))
}

/// Returns the session that the command line chose.
pub(crate) fn open(
    cli: &Cli,
    args: &SessionArgs,
    target: &Target,
) -> Result<Box<dyn Session>, Failure> {
    let eyes = Eyes::of(cli);
    match (&args.user, args.via) {
        (Some(user), _) => Ok(Box::new(own_key::OwnKey::open(user, args, target, eyes)?)),
        (None, Some(Via::Snow)) => Ok(Box::new(snow::Snow::of(args, eyes))),
        (None, None) => Ok(Box::new(resident::Resident::of(cli, target))),
    }
}
