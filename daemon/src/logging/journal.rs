//! Records in the journal's own form, so that what they are about has fields of its own beside the line
//! (systemd.journal-fields(7)); the journal adds who said it. `patd(8)` documents every field that is here.

use std::fmt;
use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::Path;

use pat_wire::text::plain;
use tracing::field::{Field, Visit};

/// Where the journal listens.
pub(crate) const SOCKET: &str = "/run/systemd/journal/socket";
/// The number of the newest audit record.
pub(crate) const AUDIT_SEQ: &str = "PATD_AUDIT_SEQ";
/// The hash of the newest audit record.
pub(crate) const AUDIT_HASH: &str = "PATD_AUDIT_HASH";
/// What happened: the words that a line of the log begins with.
const EVENT: &str = "PATD_EVENT";

/// What a line of the log says of the thing it is about, and the field that it becomes. A line with none of these stays a
/// line on standard error: there is nothing to look for in it, and the last words of a daemon that does not start are
/// among them, which the journal may not be able to attribute to a process that is gone.
const NAMED: [(&str, &str); 7] = [
    ("account", "PATD_ACCOUNT"),
    ("alarm", "PATD_PROBLEM"),
    ("connection", "PATD_CONNECTION"),
    ("generation", "PATD_GENERATION"),
    ("next_step", "PATD_NEXT_STEP"),
    ("slot", "PATD_SLOT"),
    ("subject", "PATD_SUBJECT"),
];

/// The fields of one record.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Fields(Vec<(&'static str, String)>);

impl Fields {
    /// Returns the fields of an event; none if it is about nothing that has one.
    pub(super) fn of(event: &tracing::Event<'_>) -> Option<Self> {
        let mut seen = Seen::default();
        event.record(&mut seen);
        let Seen { named, message } = seen;
        let fields = std::iter::once((EVENT, message)).chain(named.iter().cloned()).collect();
        (!named.is_empty()).then_some(Self(fields))
    }

    /// Returns fields of these names.
    pub(crate) fn new<const N: usize>(fields: [(&'static str, String); N]) -> Self {
        Self(fields.into())
    }

    /// Sends a record with these fields and a message.
    ///
    /// # Errors
    /// If the journal does not take it: it must be said elsewhere then.
    pub(crate) fn send(&self, journal: &Path, priority: u8, message: &str) -> io::Result<()> {
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        socket.send_to(&self.record(priority, message), journal).map(|_| ())
    }

    /// A value of one line stands behind its name; one of several has its length before it
    /// (systemd.io/JOURNAL_NATIVE_PROTOCOL).
    fn record(&self, priority: u8, message: &str) -> Vec<u8> {
        let mut record = format!("PRIORITY={priority}\nSYSLOG_IDENTIFIER=patd\n").into_bytes();
        for (name, value) in &self.0 {
            record.extend_from_slice(format!("{name}={}\n", plain(value)).as_bytes());
        }
        let length = u64::try_from(message.len()).unwrap_or(u64::MAX);
        record.extend_from_slice(b"MESSAGE\n");
        record.extend_from_slice(&length.to_le_bytes());
        record.extend_from_slice(message.as_bytes());
        record.push(b'\n');
        record
    }
}

#[derive(Default)]
struct Seen {
    message: String,
    named: Vec<(&'static str, String)>,
}

impl Seen {
    fn note(&mut self, field: &Field, value: String) {
        if field.name() == "message" {
            self.message = value;
        } else if let Some((_, name)) = NAMED.iter().find(|(own, _)| *own == field.name()) {
            self.named.push((name, value));
        }
    }
}

impl Visit for Seen {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.note(field, value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.note(field, format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_manual_documents_every_field_and_no_other() {
        let manual = include_str!("../../../packaging/man/patd.8").replace("\\-", "-");
        let (_, logging) = manual.split_once("\n.SH LOGGING\n").unwrap();
        let (logging, _) = logging.split_once("\n.SH ").unwrap();
        let is_of_a_name = |c: char| c.is_ascii_uppercase() || c == '_';
        let written: BTreeSet<&str> = logging
            .split(|c: char| !is_of_a_name(c))
            .filter(|word| word.starts_with("PATD_"))
            .collect();

        let sent = NAMED.iter().map(|(_, name)| *name).chain([EVENT, AUDIT_SEQ, AUDIT_HASH]);

        assert_eq!(written, sent.collect());
    }

    #[test]
    fn a_message_of_several_lines_has_its_length_and_a_value_stays_on_its_line() {
        let fields = Fields::new([("PATD_SUBJECT", "a\nPRIORITY=0\u{1b}[2J".to_owned())]);

        let record = fields.record(3, "one\n  two");

        let mut expected = b"PRIORITY=3\nSYSLOG_IDENTIFIER=patd\n".to_vec();
        expected.extend_from_slice("PATD_SUBJECT=a\u{fffd}PRIORITY=0\u{fffd}[2J\n".as_bytes());
        expected.extend_from_slice(b"MESSAGE\n\x09\0\0\0\0\0\0\0one\n  two\n");
        assert_eq!(record, expected);
    }
}
