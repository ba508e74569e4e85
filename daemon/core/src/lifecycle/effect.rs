//! What the daemon must do, in order, stopping at the first that fails. At most one effect of a list asks
//! Snowflake something, it is the last but for `WakeAt`, and its answer comes back as an event.

use crate::names::{Generation, TokenName};
use crate::time::Timestamp;

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Make the new state durable, with the secrets of every generation it still names (and no other).
    /// Must be done before anything after it. If it fails, the old state stays in force: a call that is still on
    /// its way is answered to it; if none is, it is told `Event::Started` when the daemon tries again.
    Store,
    /// Forget the slot durably, with its secrets, leases and alarms; a call that is on its way is not waited for. In the
    /// place of `Store`: if it fails, the old state stays in force.
    Forget,
    /// Send `ALTER USER … ADD PROGRAMMATIC ACCESS TOKEN` for the intent in `Work::Issuing`. Never retried blindly.
    Add,
    /// Send `ALTER USER … ROTATE PROGRAMMATIC ACCESS TOKEN` for the intent in `Work::Issuing`, with the hours it names.
    /// Never retried blindly.
    Rotate,
    /// Send `SHOW USER PROGRAMMATIC ACCESS TOKENS FOR USER …`.
    List,
    /// Log in with the secret of this generation on the path the clients use.
    Probe(Generation),
    /// Send `ALTER USER … REMOVE PROGRAMMATIC ACCESS TOKEN …` for a token of ours.
    Remove(TokenName),
    /// Tell the watchers that another generation is served now.
    Publish,
    /// End every lease of the slot and stop hand-out.
    EndLeases,
    /// Record something a person must act on.
    Alarm(Alarm),
    /// The condition behind the alarm with this id is gone. No-op if that alarm was never raised.
    Clear(&'static str),
    /// Come back with a tick then, at the latest. A moment that is not in the future means: at once.
    WakeAt(Timestamp),
}

/// An error record with a stable id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// Stable id.
    pub id: &'static str,
    /// What happened.
    pub message: String,
    /// What to do.
    pub next_step: String,
}
