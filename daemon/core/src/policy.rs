//! Who may have which secret: a function of selectors (facts about the peer), the claim (what it says) and
//! the entries (trusted configuration). A grant can be made here only.

use std::fmt;

use crate::names::{Connection, SlotId, Target};

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

impl Selector {
    /// The overflow ids stand for "somebody the kernel cannot name": they identify nobody.
    fn can_match(&self) -> bool {
        !matches!(self, Self::Uid(OVERFLOW_ID) | Self::Gid(OVERFLOW_ID))
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uid(uid) => write!(f, "unix:uid:{uid}"),
            Self::Gid(gid) => write!(f, "unix:gid:{gid}"),
            Self::Unit(unit) => write!(f, "systemd:unit:{unit}"),
            Self::Gate => f.write_str("gate:yes"),
        }
    }
}

/// How a secret may reach the child.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Delivery {
    /// A private `SNOWFLAKE_HOME`.
    Home,
    /// Environment variables.
    Env,
}

impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Home => "home",
            Self::Env => "env",
        })
    }
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
    /// The only programs that may run with the secret; any, if there is none. Only the gated wrapper keeps to it, so
    /// that an ungated peer gets nothing.
    pub targets: Vec<Target>,
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

impl Entry {
    fn needs_gate(&self) -> bool {
        self.gate == Gate::Required || !self.targets.is_empty()
    }

    fn matches(&self, selectors: &[Selector]) -> bool {
        self.any_of.iter().any(|wanted| wanted.can_match() && selectors.contains(wanted))
    }
}

/// A "yes" with its conditions. Only [`decide`] makes one; it is not `Clone`.
#[derive(Debug, PartialEq, Eq)]
pub struct Grant {
    connection: Connection,
    slot: SlotId,
    deliver: Delivery,
    gated: bool,
    targets: Vec<Target>,
}

impl Grant {
    /// Returns the connection granted.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Returns the slot whose secret may be handed out.
    pub fn slot(&self) -> &SlotId {
        &self.slot
    }

    /// Returns the delivery granted.
    pub fn deliver(&self) -> Delivery {
        self.deliver
    }

    /// Returns whether the gate was seen.
    pub fn gated(&self) -> bool {
        self.gated
    }

    /// Returns the only programs that may run with the secret; any, if there is none.
    pub fn targets(&self) -> &[Target] {
        &self.targets
    }
}

/// Why not. For the audit log and `explain`; a peer that matched no entry sees one fixed text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DenyReason {
    /// No entry matches the selectors at all, or none of that name does.
    #[error("no entry matches this peer and connection")]
    NoEntry,
    /// An entry matches, but needs the gate.
    #[error("the entry needs the gate, and the kernel did not show it")]
    GateRequired,
    /// Several match and the claim names none: the peer's own connections, by name.
    #[error("several connections are possible")]
    Ambiguous(Vec<Connection>),
    /// The entry does not allow this delivery; what it allows.
    #[error("the entry does not allow this delivery; it allows: {}", list(.0))]
    Delivery(Vec<Delivery>),
    /// The peer is never served (uid 65534, pid 0).
    #[error("this peer is never served: {0}")]
    NeverServed(&'static str),
}

impl DenyReason {
    /// Returns what to change, if the request should be allowed.
    pub fn next_step(&self) -> &'static str {
        match self {
            Self::NoEntry => "name the account or its group under [access] of the connection",
            Self::GateRequired => {
                "start the command with the installed pat-exec, outside sandboxes that set no_new_privs"
            }
            Self::Ambiguous(_) => "name one with -c",
            Self::Delivery(_) => {
                "ask for an allowed delivery, or add this one to deliver of the entry"
            }
            Self::NeverServed(_) => "run the daemon and its peers in the same user namespace",
        }
    }
}

/// Returns who may have what: the entries that the selectors match, narrowed by the claim.
pub fn decide(selectors: &[Selector], claim: &Claim, entries: &[Entry]) -> Decision {
    if let Some(reason) = never_served(selectors) {
        return Decision::Deny(DenyReason::NeverServed(reason));
    }
    let asked =
        |entry: &&Entry| claim.connection.as_ref().is_none_or(|name| *name == entry.connection);
    let candidates: Vec<&Entry> =
        entries.iter().filter(|entry| entry.matches(selectors)).filter(asked).collect();
    let gated = selectors.contains(&Selector::Gate);
    match names(&candidates).as_slice() {
        [] => Decision::Deny(DenyReason::NoEntry),
        [_] => best(&candidates, claim, gated),
        several => Decision::Deny(DenyReason::Ambiguous(several.to_vec())),
    }
}

/// Returns the peer's own entries, by name of the connection.
pub fn visible<'a>(selectors: &[Selector], entries: &'a [Entry]) -> Vec<&'a Entry> {
    if never_served(selectors).is_some() {
        return Vec::new();
    }
    let mut own: Vec<&Entry> = entries.iter().filter(|entry| entry.matches(selectors)).collect();
    own.sort_by(|one, other| one.connection.cmp(&other.connection));
    own
}

/// Returns one line an entry: whether it matches the selectors, and what the claim makes of it.
pub fn explain(selectors: &[Selector], claim: &Claim, entries: &[Entry]) -> Vec<String> {
    entries.iter().map(|entry| explain_one(selectors, claim, entry)).collect()
}

fn never_served(selectors: &[Selector]) -> Option<&'static str> {
    if selectors.contains(&Selector::Uid(OVERFLOW_ID)) {
        return Some("uid 65534 stands for every user the kernel cannot map");
    }
    let known = selectors.iter().any(|selector| matches!(selector, Selector::Uid(_)));
    (!known).then_some("the kernel named no uid")
}

/// Of several entries for one connection the first that says yes decides; if none does, the first says why.
fn best(candidates: &[&Entry], claim: &Claim, gated: bool) -> Decision {
    let mut first_no = None;
    for entry in candidates {
        match grant(entry, claim, gated) {
            Ok(grant) => return Decision::Allow(grant),
            Err(reason) => first_no = first_no.or(Some(reason)),
        }
    }
    Decision::Deny(first_no.unwrap_or(DenyReason::NoEntry))
}

fn grant(entry: &Entry, claim: &Claim, gated: bool) -> Result<Grant, DenyReason> {
    if entry.needs_gate() && !gated {
        return Err(DenyReason::GateRequired);
    }
    let deliver = claim.deliver.or(entry.deliver.first().copied());
    let deliver = deliver
        .filter(|wanted| entry.deliver.contains(wanted))
        .ok_or_else(|| DenyReason::Delivery(entry.deliver.clone()))?;
    Ok(Grant {
        connection: entry.connection.clone(),
        slot: entry.slot.clone(),
        deliver,
        gated,
        targets: entry.targets.clone(),
    })
}

fn names(entries: &[&Entry]) -> Vec<Connection> {
    let mut names: Vec<Connection> = entries.iter().map(|entry| entry.connection.clone()).collect();
    names.sort();
    names.dedup();
    names
}

fn explain_one(selectors: &[Selector], claim: &Claim, entry: &Entry) -> String {
    let name = &entry.connection;
    if let Some(reason) = never_served(selectors) {
        return format!("{name}: no match: this peer is never served: {reason}");
    }
    if !entry.matches(selectors) {
        return format!("{name}: no match: it asks for one of {}", list(&entry.any_of));
    }
    if claim.connection.as_ref().is_some_and(|asked| asked != name) {
        return format!("{name}: matches, but the request names another connection");
    }
    match grant(entry, claim, selectors.contains(&Selector::Gate)) {
        Ok(grant) => {
            let (deliver, gate) = (grant.deliver, gate_word(grant.gated));
            format!("{name}: allowed, delivery {deliver}, {gate}{}", only(&grant.targets))
        }
        Err(reason) => format!("{name}: matches, but {reason}"),
    }
}

fn only(targets: &[Target]) -> String {
    if targets.is_empty() { String::new() } else { format!(", to run only {}", list(targets)) }
}

fn gate_word(gated: bool) -> &'static str {
    if gated { "gated" } else { "ungated" }
}

fn list<T: fmt::Display>(items: &[T]) -> String {
    if items.is_empty() {
        return "nothing".to_owned();
    }
    items.iter().map(T::to_string).collect::<Vec<_>>().join(", ")
}

/// What the kernel shows for an id it cannot map into the reader's user namespace.
const OVERFLOW_ID: u32 = 65_534;
