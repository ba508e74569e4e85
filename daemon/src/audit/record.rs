//! What a record may say. Typed and escaped fields; never a secret, a prefix of one, a command line, or SQL but that
//! of a step of a plan, which holds no secret.

use std::collections::BTreeMap;

use serde::Serialize;

/// Something that happened.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event<'a> {
    /// The daemon is ready.
    Start {
        /// Version of the program.
        version: &'a str,
        /// How peers are identified.
        peer_tier: &'a str,
        /// The root key's provider.
        root_key: &'a str,
    },
    /// The daemon ends in order.
    Stop,
    /// A configuration came into force.
    ConfigLoaded {
        /// Entries in it.
        entries: usize,
        /// Slots in it.
        slots: usize,
    },
    /// A configuration was refused; the one before stays.
    ConfigRefused {
        /// How many faults it has.
        faults: usize,
    },
    /// The end of the log was damaged (a crash during a write); what is missing is unknown.
    Gap {
        /// What was found.
        what: &'a str,
        /// How many records are known to be lost.
        #[serde(skip_serializing_if = "is_zero")]
        lost: u64,
    },
    /// A secret is about to be released, under a lease.
    Allow {
        /// Who asked.
        subject: Subject<'a>,
        /// The connection granted.
        connection: &'a str,
        /// Whose secret.
        slot: String,
        /// Which secret.
        generation: u64,
        /// The lease.
        lease: &'a str,
        /// The delivery granted.
        deliver: String,
        /// Whether the kernel showed the gate.
        gated: bool,
        /// The lease this one takes over from.
        #[serde(skip_serializing_if = "Option::is_none")]
        replaces: Option<String>,
    },
    /// A request was refused.
    Deny {
        /// Who asked.
        subject: Subject<'a>,
        /// What was asked.
        asked: &'a str,
        /// The connection claimed, shortened.
        #[serde(skip_serializing_if = "Option::is_none")]
        connection: Option<String>,
        /// The cause, which the peer is not told.
        reason: String,
    },
    /// Refusals that have no record of their own, because there were too many.
    RefusalsLeftOut {
        /// How many.
        count: u64,
        /// When the first of them was.
        since: String,
        /// How many of each uid; of the first few uids only.
        uids: BTreeMap<u32, u64>,
    },
    /// A release that was announced did not happen.
    NotReleased {
        /// The lease.
        lease: &'a str,
        /// Why.
        reason: &'a str,
    },
    /// A lease is over.
    LeaseEnded {
        /// The lease.
        lease: &'a str,
        /// Whose secret.
        slot: String,
        /// Which secret.
        generation: u64,
        /// The connection it was granted for, where it is known.
        #[serde(skip_serializing_if = "Option::is_none")]
        connection: Option<&'a str>,
        /// Whose it was, where it is known.
        #[serde(skip_serializing_if = "Option::is_none")]
        uid: Option<u32>,
        /// Why.
        reason: EndReason,
    },
    /// A token is about to be asked for.
    Intent {
        /// The slot.
        slot: String,
        /// The generation it makes.
        generation: u64,
        /// The token's name.
        token: &'a str,
    },
    /// What became of the asking.
    Issue {
        /// The slot.
        slot: String,
        /// The generation it makes.
        generation: u64,
        /// The token's name.
        token: &'a str,
        /// What became of it.
        outcome: String,
    },
    /// A login with a new secret.
    Probe {
        /// The slot.
        slot: String,
        /// The generation tried.
        generation: u64,
        /// What was shown.
        outcome: String,
    },
    /// Another generation is served.
    Promote {
        /// The slot.
        slot: String,
        /// The generation now served.
        generation: u64,
    },
    /// A token of ours was removed at Snowflake.
    Remove {
        /// The slot.
        slot: String,
        /// The token's name.
        token: &'a str,
        /// What became of it.
        outcome: String,
    },
    /// A person asked for something on the admin socket.
    Admin {
        /// Who asked.
        subject: Subject<'a>,
        /// What.
        verb: &'a str,
        /// About what.
        object: String,
        /// `begun`, `done`, or what else came of it.
        outcome: String,
    },
    /// A step of a plan: about to be run, what became of it, or why it was not run.
    Provision {
        /// Who asked.
        subject: Subject<'a>,
        /// The account.
        account: String,
        /// The statement, shortened.
        statement: String,
        /// `begun`, `done`, or what else came of it.
        outcome: String,
    },
    /// Something a person must act on.
    Alarm {
        /// Stable id.
        id: &'a str,
        /// What it is about.
        subject: String,
        /// What happened.
        message: &'a str,
    },
    /// The condition behind an alarm is gone.
    AlarmCleared {
        /// Stable id.
        id: &'a str,
        /// What it was about.
        subject: String,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// A peer as the kernel showed it.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Subject<'a> {
    /// Effective uid at connect.
    pub uid: u32,
    /// Effective gid at connect.
    pub egid: u32,
    /// Process id at connect: decoration.
    pub pid: i32,
    /// The system manager's unit, where it was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<&'a str>,
}

/// Why a lease is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndReason {
    /// Its holder's process ended.
    HolderEnded,
    /// The holder took a newer one in its place.
    Moved,
    /// The slot was revoked or fenced off.
    Revoked,
    /// Its generation's token is gone.
    GenerationGone,
    /// The release it was opened for did not happen.
    NotReleased,
    /// An administrator ended it; the process may live on.
    EndedByAdmin,
}

/// Returns what a peer said, cut short and without what a terminal would obey: JSON leaves the controls above
/// U+007F and those of writing direction as they are, and somebody will look at the file with cat.
pub fn claimed(text: &str) -> String {
    tame(text, LONGEST_CLAIM)
}

/// Returns a statement of a plan in the same way; long enough that every name in it shows.
pub fn statement(text: &str) -> String {
    tame(text, LONGEST_STATEMENT)
}

fn tame(text: &str, most: usize) -> String {
    let shown =
        |c: char| if c.is_control() || turns_text(c) { char::REPLACEMENT_CHARACTER } else { c };
    text.chars().take(most).map(shown).collect()
}

fn turns_text(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

const LONGEST_CLAIM: usize = 128;
const LONGEST_STATEMENT: usize = 4_096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_peer_said_is_short_and_commands_no_terminal() {
        let said = claimed("a\u{9b}31m\u{202e}\u{7f}\nb");

        assert_eq!(said, "a\u{fffd}31m\u{fffd}\u{fffd}\u{fffd}b");
        assert_eq!(claimed("Größe 漢字"), "Größe 漢字");
        assert_eq!(claimed(&"x".repeat(1_000)).len(), LONGEST_CLAIM);
    }
}
