//! Who may have which secret: a function of selectors (facts about the peer), the claim (what it says) and
//! the entries (trusted configuration). A grant can be made here only.

use crate::names::{Connection, SlotId};

/// A fact found out about a peer, never said by it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Selector {
    /// `unix:uid:1001`
    Uid(u32),
    /// `unix:gid:100`: the effective gid or a supplementary group.
    Gid(u32),
    /// `systemd:unit:foo.service`
    Unit(String),
    /// `gate:yes`: the kernel showed egid `patclient` at connect.
    Gate,
}

/// How a secret may reach the child.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Delivery {
    /// A private `SNOWFLAKE_HOME`.
    Home,
    /// Environment variables.
    Env,
}

/// Whether the wrapper's gate is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// Without `gate:yes` nothing is handed out.
    Required,
    /// Without it the hand-out is marked ungated.
    Preferred,
}

/// Trusted configuration: whoever shows one of `any_of` may have the slot's secret, by these deliveries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What `-c` names.
    pub connection: Connection,
    /// Where the secret comes from.
    pub slot: SlotId,
    /// One of these must be found. Empty: matches nobody.
    pub any_of: Vec<Selector>,
    /// The default first.
    pub deliver: Vec<Delivery>,
    /// The gate.
    pub gate: Gate,
}

/// What the request says. It narrows, never widens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claim {
    /// The connection asked for.
    pub connection: Option<Connection>,
    /// The delivery asked for.
    pub deliver: Option<Delivery>,
}

/// The outcome. "Yes" carries its conditions.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub enum Decision {
    /// Yes.
    Allow(Grant),
    /// No.
    Deny(DenyReason),
}

/// A "yes" with its conditions. Only [`decide`] makes one; it is not `Clone`.
#[derive(Debug, PartialEq, Eq)]
pub struct Grant {
    connection: Connection,
    slot: SlotId,
    deliver: Delivery,
    gated: bool,
}

/// Why not. For the audit log and `explain`; a peer that matched no entry sees one fixed text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DenyReason {
    /// No entry matches the selectors at all, or none of that name does.
    NoEntry,
    /// An entry matches, but needs the gate.
    GateRequired,
    /// Several match and the claim names none: the peer's own connections, by name.
    Ambiguous(Vec<Connection>),
    /// The entry does not allow this delivery; what it allows.
    Delivery(Vec<Delivery>),
    /// The peer is never served (uid 65534, pid 0).
    NeverServed(&'static str),
}
