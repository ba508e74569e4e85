//! How a no is said: to strangers always in the same words, with the cause in the audit log only.

use pat_wire::error::{ErrorCode, ErrorReply, REFUSAL_TEXT};

use crate::audit::{Event, Subject};
use crate::house::House;
use crate::peer::{Caller, Peer, Unattested};

pub(super) type Refusal = Box<ErrorReply>;

/// Returns the one refusal of identity or policy, byte for byte the same whatever the cause.
pub(super) fn plain() -> Refusal {
    no(ErrorCode::Refused, REFUSAL_TEXT, "")
}

/// Returns a no that says what it is about: for an allowed peer, or an administrator.
pub(super) fn no(
    code: ErrorCode,
    message: impl Into<String>,
    next_step: impl Into<String>,
) -> Refusal {
    Box::new(ErrorReply {
        code,
        message: message.into(),
        next_step: next_step.into(),
        connections: Vec::new(),
    })
}

/// Writes down the refusal of a peer that could not be attested, and returns it.
pub(super) fn nobody(house: &House, asked: &str, why: &Unattested) -> Refusal {
    let subject = Subject { uid: u32::MAX, egid: u32::MAX, pid: 0, unit: None };
    deny(house, subject, asked, None, patd_snowflake::chain::chain(why));
    plain()
}

/// Writes down a refusal, or counts it among too many.
pub(super) fn deny(
    house: &House,
    subject: Subject<'_>,
    asked: &str,
    connection: Option<&str>,
    reason: String,
) {
    let connection = connection.map(crate::audit::claimed);
    let event = Event::Deny { subject, asked, connection, reason };
    house.refusals.note(subject.uid, &event);
}

impl Caller {
    /// Returns the caller as the audit log names it.
    pub(super) fn subject(&self) -> Subject<'static> {
        Subject { uid: self.uid, egid: self.egid, pid: self.pid, unit: None }
    }
}

impl Peer {
    /// Returns the peer as the audit log names it.
    pub(super) fn subject(&self) -> Subject<'_> {
        Subject { uid: self.uid, egid: self.egid, pid: self.pid, unit: self.unit.as_deref() }
    }
}
