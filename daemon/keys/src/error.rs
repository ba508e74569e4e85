//! Why a key could not be had or kept, in words a person can act on. Never a byte of the key.

use pat_wire::trust::{Fault, Untrusted};

/// Why a key could not be read or stored. Its text says what happened, where, and the next step.
#[derive(Debug, thiserror::Error)]
#[error("{what}; {next_step}")]
pub struct KeyError {
    /// What kind of fault it is.
    pub fault: KeyFault,
    /// What happened, and where.
    pub what: String,
    /// What a person can do.
    pub next_step: String,
    /// The system's own error.
    #[source]
    pub source: Option<std::io::Error>,
}

/// The kinds of [`KeyError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFault {
    /// There is no such key. It is never made up for it.
    Absent,
    /// Someone else may have read or written it.
    Untrusted,
    /// It is there, and not a key.
    Malformed,
    /// Its keeper cannot be reached, is locked, or did not answer in time.
    Unavailable,
    /// A key is there already, and would have been overwritten.
    Exists,
    /// It could not be read or written.
    Io,
}

impl KeyError {
    pub(crate) fn new(
        fault: KeyFault,
        what: impl Into<String>,
        next_step: impl Into<String>,
    ) -> Self {
        Self { fault, what: what.into(), next_step: next_step.into(), source: None }
    }

    pub(crate) fn caused_by(mut self, source: std::io::Error) -> Self {
        self.source = Some(source);
        self
    }
}

impl From<Untrusted> for KeyError {
    fn from(untrusted: Untrusted) -> Self {
        let is_io = matches!(untrusted.fault, Fault::System(_));
        let fault = if is_io { KeyFault::Io } else { KeyFault::Untrusted };
        let what = format!("{}: {}", untrusted.path.display(), untrusted.fault);
        Self::new(fault, what, untrusted.next_step)
    }
}
