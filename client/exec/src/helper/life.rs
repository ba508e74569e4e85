//! What the helper does while the owner of its home lives: watch the lease, fetch the next secret, put it
//! into the connections. A broker that is away is waited for; the owner's end is noticed in every state.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use pat_wire::connection::{Broker, BrokerError, Reply, to_json};
use pat_wire::error::ErrorCode;
use pat_wire::limits;
use pat_wire::message::{Delivery, HandOut, HandOutRequest, WatchEvent, WatchReply, WatchRequest};

use super::owner::{Owner, Woken};
use crate::broker::{self, Way};
use crate::chance::jittered;
use crate::home::record::Record;
use crate::home::{Home, give_back};

/// Lives until the owner has ended, then gives back and removes the home.
pub(super) fn live(home: &Home, record: Record, way: Way) {
    let owner = Owner::new(record.owner.clone());
    let lease = Some(record.lease.clone());
    let mut life =
        Life { home, record, way, owner, lease, is_current: true, unwritten: None, failures: 0 };
    // A command that ends at once costs the broker nothing; a rotation meanwhile is the first thing a watch says.
    if life.owner.wait(None, Some(UNWATCHED)) != Woken::OwnerEnded {
        while life.step() != Outcome::OwnerEnded {}
    }
    give_back::finish(life.home, &life.record);
}

struct Life<'a> {
    home: &'a Home,
    record: Record,
    way: Way,
    owner: Owner,
    /// None if the broker no longer knows the last one.
    lease: Option<String>,
    /// Whether the home has the secret of that lease's generation.
    is_current: bool,
    /// What was handed out and is not in the home yet: only the writing is tried again.
    unwritten: Option<HandOut>,
    /// Attempts in a row that came to nothing.
    failures: u32,
}

/// How one step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    OwnerEnded,
    /// There is something newer to fetch.
    Outdated,
    /// The home has what is current.
    Current,
    /// Not now: the broker is away or busy.
    Later,
    /// Not until a person acts: refused or revoked.
    Refused,
}

impl Life<'_> {
    fn step(&mut self) -> Outcome {
        let began = Instant::now();
        let outcome = match (self.unwritten.take(), self.lease.clone()) {
            (Some(hand_out), _) => self.write(hand_out),
            (None, Some(lease)) if self.is_current => self.watch(lease),
            (None, _) => self.fetch(),
        };
        // A watch that ends after a long time is no failure, and one that ends at once is.
        if began.elapsed() > LONGEST_PAUSE {
            self.failures = 0;
        }
        match outcome {
            Outcome::OwnerEnded => Outcome::OwnerEnded,
            Outcome::Outdated => {
                self.is_current = false;
                outcome
            }
            Outcome::Current => {
                self.is_current = true;
                self.failures = 0;
                outcome
            }
            Outcome::Later => self.pause(FIRST_PAUSE, LONGEST_PAUSE),
            Outcome::Refused => self.pause(FIRST_PAUSE_OF_REFUSED, LONGEST_PAUSE_OF_REFUSED),
        }
    }

    fn pause(&mut self, first: Duration, longest: Duration) -> Outcome {
        let doubled = 2u32.saturating_pow(self.failures.min(16));
        self.failures = self.failures.saturating_add(1);
        let pause = jittered(first.saturating_mul(doubled).min(longest));
        match self.owner.wait(None, Some(pause)) {
            Woken::OwnerEnded => Outcome::OwnerEnded,
            Woken::Readable | Woken::TimedOut => Outcome::Later,
        }
    }

    fn watch(&mut self, lease: String) -> Outcome {
        let reply = match self.ask("/v1/watch", to_json(&WatchRequest { lease }), None) {
            Ok(reply) => reply,
            Err(outcome) => return outcome,
        };
        match reply.read::<WatchReply>().map(|reply| reply.event) {
            Ok(WatchEvent::GenerationChanged) => Outcome::Outdated,
            // By an administrator, who may yet enrol it again.
            Ok(WatchEvent::LeaseEnded) => {
                self.lease = None;
                Outcome::Outdated
            }
            Err(error) => self.judge(&error),
        }
    }

    fn fetch(&mut self) -> Outcome {
        let request = HandOutRequest {
            connection: Some(self.record.connection.clone()),
            deliver: Some(Delivery::Home),
            replaces: self.lease.clone(),
        };
        let at_most = Some(limits::CLIENT_DEADLINE);
        let reply = match self.ask("/v1/hand-out", to_json(&request), at_most) {
            Ok(reply) => reply,
            Err(outcome) => return outcome,
        };
        match reply.hand_out() {
            Ok(hand_out) if broker::check(&request, &hand_out).is_ok() => self.put(hand_out),
            Ok(_) => Outcome::Refused,
            Err(error) => self.judge(&error),
        }
    }

    /// From here on this is the lease: the one before ended with the hand-out.
    fn put(&mut self, hand_out: HandOut) -> Outcome {
        self.lease = Some(hand_out.terms.lease.clone());
        give_back::so_far(self.home, &self.record);
        self.write(hand_out)
    }

    fn write(&mut self, hand_out: HandOut) -> Outcome {
        // The child removed it: there is nothing to keep fresh any more.
        if !self.home.path().exists() {
            return match self.owner.wait(None, None) {
                Woken::OwnerEnded => Outcome::OwnerEnded,
                Woken::Readable | Woken::TimedOut => Outcome::Later,
            };
        }
        if self.home.refill(&hand_out).is_ok() {
            return Outcome::Current;
        }
        // A full tmpfs, for one: the old secret is valid for a while yet.
        self.unwritten = Some(hand_out);
        Outcome::Later
    }

    /// Returns the reply, or how the step ends without one.
    fn ask(
        &mut self,
        path: &str,
        question: Result<Vec<u8>, BrokerError>,
        at_most: Option<Duration>,
    ) -> Result<Reply, Outcome> {
        let sent = question.and_then(|question| {
            let mut broker = self.connect()?;
            broker.send("POST", path, &question)?;
            Ok(broker)
        });
        let mut broker = sent.map_err(|error| self.judge(&error))?;
        match self.owner.wait(Some(broker.as_fd()), at_most) {
            Woken::OwnerEnded => return Err(Outcome::OwnerEnded),
            Woken::TimedOut => return Err(Outcome::Later),
            Woken::Readable => broker.wait_at_most(limits::REPLY_DEADLINE),
        }
        broker.receive(limits::BODY_BYTES).map_err(|error| self.judge(&error))
    }

    /// For a short time only: meanwhile the owner's end is not noticed.
    fn connect(&self) -> Result<Broker, BrokerError> {
        // If the group cannot be changed the helper must not go on with anything.
        let connected = self.way.connect(limits::REQUEST_DEADLINE);
        connected.unwrap_or_else(|_| std::process::abort())
    }

    fn judge(&mut self, error: &BrokerError) -> Outcome {
        match error.code() {
            // From before a restart.
            Some(ErrorCode::UnknownLease) => {
                self.lease = None;
                Outcome::Later
            }
            Some(
                ErrorCode::Refused
                | ErrorCode::Revoked
                | ErrorCode::DeliveryNotAllowed
                | ErrorCode::WhichConnection
                | ErrorCode::UnknownConnection
                | ErrorCode::Malformed
                | ErrorCode::TooLarge
                | ErrorCode::NotFound
                | ErrorCode::UnknownAccount
                | ErrorCode::OtherPlan,
            ) => Outcome::Refused,
            Some(
                ErrorCode::NotReady
                | ErrorCode::Busy
                | ErrorCode::AuditUnavailable
                | ErrorCode::Upstream
                | ErrorCode::Unclear
                | ErrorCode::Internal,
            )
            | None => Outcome::Later,
        }
    }
}

/// How long a command runs before its lease is watched.
const UNWATCHED: Duration = Duration::from_millis(50);
/// After a restart of the broker its watchers come back within this time, each at its own moment.
const FIRST_PAUSE: Duration = Duration::from_millis(400);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
const FIRST_PAUSE_OF_REFUSED: Duration = Duration::from_secs(10);
const LONGEST_PAUSE_OF_REFUSED: Duration = Duration::from_secs(600);
