//! A finding: one line about one thing, with a stable id, what was seen, and what to do.

use pat_wire::text::plain;
use serde::Serialize;
use serde::ser::SerializeStruct;

/// A fact, or what would be needed to see it.
pub type Fact<T> = Result<T, Needs>;

/// Why a fact is not there: what would show it, such as "root".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needs(pub String);

impl Needs {
    /// Returns what would be needed.
    pub fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

/// What a finding is about. The words are those of `patctl doctor`, of the log and of the manual.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Id {
    /// The configuration can be used.
    Configuration,
    /// The daemon answers, and nothing stands that a person must act on.
    Daemon,
    /// How surely this kernel tells who is at the other end of a socket.
    PeerTier,
    /// Memory is not written to a disk in the clear.
    Swap,
    /// A crash leaves no memory on a disk.
    CoreFiles,
    /// Programs of one user cannot look into each other.
    PtraceScope,
    /// How the key of the store is kept.
    RootKey,
    /// How the key is kept that logs in at Snowflake.
    AdminKey,
    /// Nobody else can put a socket in the place of the one of hand-out.
    SocketFolder,
    /// Nor in the place of the admin socket.
    AdminFolder,
    /// Everybody may connect to the socket of hand-out.
    HandOutSocket,
    /// Only administrators may connect to the admin socket.
    AdminSocket,
    /// The packaged wrapper is as it was installed.
    Wrapper,
    /// The wrapper's file system lets it be setgid.
    WrapperMount,
    /// The group of the gate is there, and empty.
    GateGroup,
    /// The account's host has an address.
    Dns,
    /// The account's host is reached, and is who it says.
    Tls,
    /// The clock agrees with Snowflake's.
    Clock,
    /// Snowflake refuses nobody of ours for the address.
    NetworkPolicy,
    /// The broker's role may do what it must, and no more.
    Privileges,
    /// Clients and daemon reach Snowflake by the same way.
    Proxy,
    /// No credential of Snowflake's lies in a file of the user's.
    PlaintextToken,
    /// None is in the environment.
    EnvironmentToken,
    /// No other connection of the user's opens the same account.
    SiblingCredential,
    /// Cortex's managed settings leave the private home in force.
    CortexSettings,
}

impl Id {
    /// Every id there is, in the order in which findings are shown.
    pub const ALL: [Self; 25] = [
        Self::Configuration,
        Self::Daemon,
        Self::PeerTier,
        Self::Swap,
        Self::CoreFiles,
        Self::PtraceScope,
        Self::RootKey,
        Self::AdminKey,
        Self::SocketFolder,
        Self::AdminFolder,
        Self::HandOutSocket,
        Self::AdminSocket,
        Self::Wrapper,
        Self::WrapperMount,
        Self::GateGroup,
        Self::Dns,
        Self::Tls,
        Self::Clock,
        Self::NetworkPolicy,
        Self::Privileges,
        Self::Proxy,
        Self::PlaintextToken,
        Self::SiblingCredential,
        Self::EnvironmentToken,
        Self::CortexSettings,
    ];

    /// Returns the id as it is written everywhere.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Daemon => "daemon",
            Self::PeerTier => "peer-tier",
            Self::Swap => "swap",
            Self::CoreFiles => "core-files",
            Self::PtraceScope => "ptrace-scope",
            Self::RootKey => "root-key",
            Self::AdminKey => "admin-key",
            Self::SocketFolder => "socket-folder",
            Self::AdminFolder => "admin-folder",
            Self::HandOutSocket => "hand-out-socket",
            Self::AdminSocket => "admin-socket",
            Self::Wrapper => "wrapper",
            Self::WrapperMount => "wrapper-mount",
            Self::GateGroup => "gate-group",
            Self::Dns => "dns",
            Self::Tls => "tls",
            Self::Clock => "clock",
            Self::NetworkPolicy => "network-refusal",
            Self::Privileges => "privileges",
            Self::Proxy => "proxy",
            Self::PlaintextToken => "plaintext-token",
            Self::EnvironmentToken => "environment-token",
            Self::SiblingCredential => "sibling-credential",
            Self::CortexSettings => "cortex-settings",
        }
    }
}

impl Serialize for Id {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// How it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As it should be.
    Ok,
    /// It works, and is worse than it could be.
    Warning,
    /// It does not work, or does not protect.
    Failed,
    /// It cannot be seen from here.
    NotChecked {
        /// What would show it.
        needs: String,
    },
}

impl Outcome {
    /// Returns the outcome as `patctl doctor --json` has it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
            Self::NotChecked { .. } => "not-checked",
        }
    }

    fn needs(&self) -> Option<&str> {
        match self {
            Self::NotChecked { needs } => Some(needs),
            Self::Ok | Self::Warning | Self::Failed => None,
        }
    }
}

/// One line: what was looked at, how it stands, what to do. Texts are on one line and steer no terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it is about.
    pub id: Id,
    /// Of what: `this host`, `account MYORG-MYACCOUNT`, `your files`.
    pub subject: String,
    /// How it stands.
    pub outcome: Outcome,
    /// What was seen, and where.
    pub evidence: String,
    /// What to do about it; empty where nothing is to be done.
    pub next_step: String,
}

/// The outcome is a word; `needs` is there only where it was not checked.
impl Serialize for Finding {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { id, subject, outcome, evidence, next_step } = self;
        let needs = outcome.needs();
        let mut fields =
            serializer.serialize_struct("Finding", 5 + usize::from(needs.is_some()))?;
        fields.serialize_field("id", id)?;
        fields.serialize_field("subject", subject)?;
        fields.serialize_field("outcome", outcome.as_str())?;
        match needs {
            Some(needs) => fields.serialize_field("needs", needs)?,
            None => fields.skip_field("needs")?,
        }
        fields.serialize_field("evidence", evidence)?;
        fields.serialize_field("next_step", next_step)?;
        fields.end()
    }
}

impl Finding {
    /// Returns that all is well.
    pub fn ok(id: Id, subject: &str, evidence: impl AsRef<str>) -> Self {
        Self::new(id, subject, Outcome::Ok, evidence.as_ref(), "")
    }

    /// Returns that it could be better.
    pub fn warning(
        id: Id,
        subject: &str,
        evidence: impl AsRef<str>,
        next: impl AsRef<str>,
    ) -> Self {
        Self::new(id, subject, Outcome::Warning, evidence.as_ref(), next.as_ref())
    }

    /// Returns that it is wrong.
    pub fn failed(id: Id, subject: &str, evidence: impl AsRef<str>, next: impl AsRef<str>) -> Self {
        Self::new(id, subject, Outcome::Failed, evidence.as_ref(), next.as_ref())
    }

    /// Returns that it cannot be seen from here.
    pub fn unseen(id: Id, subject: &str, needs: &Needs) -> Self {
        Self::new(id, subject, Outcome::NotChecked { needs: plain(&needs.0) }, "", "")
    }

    /// Returns the verdict on a fact; what cannot be seen is not judged.
    pub fn of<T>(id: Id, subject: &str, fact: Fact<T>, judge: impl FnOnce(T) -> Self) -> Self {
        match fact {
            Ok(fact) => judge(fact),
            Err(needs) => Self::unseen(id, subject, &needs),
        }
    }

    fn new(id: Id, subject: &str, outcome: Outcome, evidence: &str, next: &str) -> Self {
        let [subject, evidence, next_step] = [subject, evidence, next].map(plain);
        Self { id, subject, outcome, evidence, next_step }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_has_a_word_of_its_own() {
        let words: std::collections::BTreeSet<&str> =
            Id::ALL.iter().map(|id| id.as_str()).collect();
        assert_eq!(words.len(), Id::ALL.len());
    }

    #[test]
    fn a_name_from_elsewhere_commands_no_terminal() {
        let found = Finding::failed(Id::Swap, "a\u{1b}[2J", "b\nc", "d\u{202e}");
        assert_eq!(
            [found.subject, found.evidence, found.next_step],
            ["a\u{fffd}[2J", "b\u{fffd}c", "d\u{fffd}"]
        );
    }

    #[test]
    fn what_cannot_be_seen_is_never_judged() {
        let fact: Fact<u8> = Err(Needs::new("root"));
        let found = Finding::of(Id::Swap, "this host", fact, |_| panic!("judged"));
        assert_eq!(found.outcome, Outcome::NotChecked { needs: "root".into() });
    }
}
