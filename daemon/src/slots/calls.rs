//! What a slot asks of Snowflake, each call in a task of its own: one that panics or hangs is an unclear answer,
//! never a dead slot.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use pat_wire::secret::Secret;
use patd_core::lifecycle::{AddOutcome, Event, Failure, ProbeOutcome, RemoveOutcome};
use patd_core::names::{Role, TokenName, User};
use patd_core::time::Timestamp;
use patd_snowflake::authority::AddToken;
use patd_snowflake::probe::Form;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

/// One question to Snowflake.
pub enum Call {
    /// Make a token.
    Add(AddToken),
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
    /// The secret of an ADD that minted one.
    pub secret: Option<Secret>,
    /// Snowflake's clock, if the answer showed it.
    pub server_time: Option<Timestamp>,
}

/// Snowflake, as far as slots need it.
pub trait Upstream: Send + Sync {
    /// Asks, once, and answers in bounded time.
    fn ask(&self, call: Call) -> Pin<Box<dyn Future<Output = Answer> + Send + '_>>;
}

/// An account with the number of calls it is asked at once.
pub(crate) struct Account {
    upstream: Arc<dyn Upstream>,
    permits: Arc<Semaphore>,
}

/// A call on its way.
pub(crate) struct InFlight {
    task: JoinHandle<Answer>,
    kind: Kind,
}

/// Which answer to expect, should the task not bring one.
enum Kind {
    Add,
    List,
    Remove(TokenName),
    Probe,
}

impl Account {
    pub(crate) fn new(upstream: Arc<dyn Upstream>) -> Self {
        Self { upstream, permits: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// Sends a call; it waits for its turn among those of the account.
    pub(crate) fn send(&self, call: Call) -> InFlight {
        let kind = Kind::of(&call);
        let (upstream, permits) = (self.upstream.clone(), self.permits.clone());
        let task = tokio::spawn(async move {
            // The semaphore is never closed; if it were, the call would go out unthrottled.
            let _permit = permits.acquire_owned().await.ok();
            upstream.ask(call).await
        });
        InFlight { task, kind }
    }
}

impl InFlight {
    /// Returns a call whose answer was found out without asking anybody: a probe's.
    pub(crate) fn answered(answer: Answer) -> Self {
        Self { task: tokio::spawn(std::future::ready(answer)), kind: Kind::Probe }
    }

    /// Waits for the answer. Safe to drop and call again.
    pub(crate) async fn answer(&mut self) -> Answer {
        match (&mut self.task).await {
            Ok(answer) => answer,
            Err(_) => Answer { event: self.kind.unclear(), secret: None, server_time: None },
        }
    }
}

impl Kind {
    fn of(call: &Call) -> Self {
        match call {
            Call::Add(_) => Self::Add,
            Call::List(_) => Self::List,
            Call::Remove(_, name) => Self::Remove(name.clone()),
            Call::Probe { .. } => Self::Probe,
        }
    }

    fn unclear(&self) -> Event {
        let why = || "the call broke off inside the daemon; its log has the cause".to_owned();
        match self {
            Self::Add => Event::Added(AddOutcome::Unclear(why())),
            Self::List => Event::Listed(Err(Failure::Unclear(why()))),
            Self::Remove(name) => Event::Removed {
                name: name.clone(),
                outcome: RemoveOutcome::Failed(Failure::Unclear(why())),
            },
            Self::Probe => Event::Probed(ProbeOutcome::Unclear(why())),
        }
    }
}

/// Calls of one account at once: a storm of slots must not look like an attack.
const AT_ONCE: usize = 8;
