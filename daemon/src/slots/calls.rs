//! What a slot asks of Snowflake, each call in a task of its own: one that panics or hangs is an unclear answer,
//! never a dead slot.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use pat_wire::secret::Secret;
use patd_core::lifecycle::{
    AddOutcome, Event, Failure, ProbeOutcome, RemoveOutcome, RotateOutcome,
};
use patd_core::names::{Role, TokenName, User};
use patd_core::pace::{Showed, Urgency};
use patd_core::time::Timestamp;
use patd_snowflake::authority::{AddToken, RotateToken};
use patd_snowflake::probe::Form;
use tokio::task::JoinHandle;

use super::gate::{Gate, Ticket};

/// One question to Snowflake.
pub enum Call {
    /// Make a token.
    Add(AddToken),
    /// Give a token another secret.
    Rotate(RotateToken),
    /// List the tokens of a user.
    List(User),
    /// Remove a token of ours.
    Remove(User, TokenName),
    /// Log in with a new secret, as the clients do.
    Probe {
        /// Who it must be.
        user: User,
        /// Under which role.
        role: Role,
        /// With what.
        secret: Secret,
        /// How the clients of this slot present it.
        form: Form,
    },
}

/// What came back, as the lifecycle takes it, and apart from it a minted secret.
pub struct Answer {
    /// The event.
    pub event: Event,
    /// The secret of an ADD or ROTATE that minted one.
    pub secret: Option<Secret>,
    /// Snowflake's clock, if the answer showed it.
    pub server_time: Option<Timestamp>,
}

/// Snowflake, as far as slots need it.
pub trait Upstream: Send + Sync {
    /// Asks, once, and answers in bounded time.
    fn ask(&self, call: Call) -> Pin<Box<dyn Future<Output = Answer> + Send + '_>>;

    /// Returns how often Snowflake said so far that it is asked too much. None: nobody is asked, and there is no pace.
    fn throttled(&self) -> Option<u64>;

    /// Returns the statements an hour that the configuration allows, if it says.
    fn statements_per_hour(&self) -> Option<u32>;
}

/// An account with the pace at which it is asked.
pub(crate) struct Account {
    upstream: Arc<dyn Upstream>,
    gate: Option<Arc<Gate>>,
}

/// A call on its way, or in the queue.
pub(crate) struct InFlight {
    task: JoinHandle<Answer>,
    kind: Kind,
    ticket: Option<Ticket>,
}

/// Which answer to expect, should the task not bring one.
enum Kind {
    Add,
    Rotate,
    List,
    Remove(TokenName),
    Probe,
}

impl Account {
    /// Without a gate nothing waits: then nobody is asked.
    pub(crate) fn new(upstream: Arc<dyn Upstream>, gate: Option<Arc<Gate>>) -> Self {
        Self { upstream, gate }
    }

    /// Sends a call; it waits for its turn among those of the account.
    pub(crate) fn send(&self, call: Call, urgency: Urgency) -> InFlight {
        let kind = Kind::of(&call);
        let upstream = self.upstream.clone();
        let Some(gate) = &self.gate else {
            let task = tokio::spawn(async move { upstream.ask(call).await });
            return InFlight { task, kind, ticket: None };
        };
        let (ticket, its_turn) = gate.queue(call.user().clone(), urgency);
        let unsent = kind.unclear(NOT_SENT);
        let task = tokio::spawn(async move {
            let Ok(pass) = its_turn.await else {
                return Answer { event: unsent, secret: None, server_time: None };
            };
            let before = upstream.throttled();
            let answer = upstream.ask(call).await;
            pass.ended(showed(&answer.event, before != upstream.throttled()));
            answer
        });
        InFlight { task, kind, ticket: Some(ticket) }
    }
}

impl Call {
    /// Returns the answer of somebody who cannot be asked.
    pub fn unanswered(&self, why: &str) -> Answer {
        Answer { event: Kind::of(self).unclear(why), secret: None, server_time: None }
    }

    fn user(&self) -> &User {
        match self {
            Self::Add(token) => &token.user,
            Self::Rotate(token) => &token.user,
            Self::List(user) | Self::Remove(user, _) | Self::Probe { user, .. } => user,
        }
    }
}

impl InFlight {
    /// Returns a call whose answer was found out without asking anybody: a probe's.
    pub(crate) fn answered(answer: Answer) -> Self {
        Self { task: tokio::spawn(std::future::ready(answer)), kind: Kind::Probe, ticket: None }
    }

    /// Lets it go before others, if it still waits.
    pub(crate) fn hurry(&self) {
        if let Some(ticket) = &self.ticket {
            ticket.hurry();
        }
    }

    /// Sees to it that it is not sent, if it still waits. False: it may have been.
    pub(crate) fn withdraw(&self) -> bool {
        self.ticket.as_ref().is_some_and(Ticket::withdraw)
    }

    /// Waits for the answer. Safe to drop and call again.
    pub(crate) async fn answer(&mut self) -> Answer {
        match (&mut self.task).await {
            Ok(answer) => answer,
            Err(_) => {
                Answer { event: self.kind.unclear(BROKE_OFF), secret: None, server_time: None }
            }
        }
    }
}

impl Kind {
    fn of(call: &Call) -> Self {
        match call {
            Call::Add(_) => Self::Add,
            Call::Rotate(_) => Self::Rotate,
            Call::List(_) => Self::List,
            Call::Remove(_, name) => Self::Remove(name.clone()),
            Call::Probe { .. } => Self::Probe,
        }
    }

    fn unclear(&self, why: &str) -> Event {
        let why = || why.to_owned();
        match self {
            Self::Add => Event::Added(AddOutcome::Unclear(why())),
            Self::Rotate => Event::Rotated(RotateOutcome::Unclear(why())),
            Self::List => Event::Listed(Err(Failure::Unclear(why()))),
            Self::Remove(name) => Event::Removed {
                name: name.clone(),
                outcome: RemoveOutcome::Failed(Failure::Unclear(why())),
            },
            Self::Probe => Event::Probed(ProbeOutcome::Unclear(why())),
        }
    }
}

/// What an answer shows about the account: a definite no is an answer as good as any.
fn showed(event: &Event, is_throttled: bool) -> Showed {
    match event.is_clear_answer() {
        Some(true) => Showed::Answer,
        Some(false) if is_throttled => Showed::TooMuch,
        Some(false) => Showed::Silence,
        None => Showed::Nothing,
    }
}

const BROKE_OFF: &str = "the call broke off inside the daemon; its log has the cause";
const NOT_SENT: &str = "it was not sent";
