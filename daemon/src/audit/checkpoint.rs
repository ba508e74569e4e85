//! Where the chain of the log has got to, said now and then where whoever can write the log cannot take it back: to
//! the journal. By it a log that was cut or made anew is noticed (`patctl audit verify --head`).

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use patd_audit::Head;

use crate::logging::journal::{AUDIT_HASH, AUDIT_SEQ, Fields, SOCKET};

/// What was said last, and when.
pub(super) struct Checkpoints {
    journal: Option<PathBuf>,
    said: Option<(Head, Instant)>,
}

impl Checkpoints {
    /// Returns checkpoints for the journal, if standard error is connected to it, and else for the log there.
    pub(super) fn of_this_process() -> Self {
        let journal = crate::logging::stderr_is_the_journal().then(|| SOCKET.into());
        Self { journal, said: None }
    }

    /// Takes the last record that is on the disk, and says it if it is time: after so many records, after a while,
    /// and at the end.
    pub(super) fn note(&mut self, head: Head, now: Instant, is_last: bool) {
        let is_due = self.said.is_none_or(|(said, at)| {
            let is_news = head.seq != said.seq;
            let is_long_ago = now.saturating_duration_since(at) >= ROUND;
            let is_time = head.seq.saturating_sub(said.seq) >= RECORDS || is_long_ago;
            is_news && (is_last || is_time)
        });
        if is_due {
            self.say(head);
            self.said = Some((head, now));
        }
    }

    fn say(&self, head: Head) {
        let is_told = self.journal.as_deref().is_some_and(|journal| tell(journal, head).is_ok());
        if !is_told {
            tracing::info!(head = %head, "Audit head");
        }
    }
}

/// A record with the head in fields of its own beside the line.
fn tell(journal: &Path, head: Head) -> std::io::Result<()> {
    let Head { seq, hash } = head;
    let fields = Fields::new([(AUDIT_SEQ, seq.to_string()), (AUDIT_HASH, hash.to_string())]);
    fields.send(journal, INFORMATION, &format!("Audit head head={head}"))
}

/// Records after which the head is said again.
const RECORDS: u64 = 64;
/// Time after which it is said again, if it has moved.
pub(super) const ROUND: Duration = Duration::from_secs(300);
/// As syslog(3) numbers priorities.
const INFORMATION: u8 = 6;

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;

    use patd_audit::Hash;

    use super::*;

    fn head(seq: u64) -> Head {
        Head { seq, hash: Hash::of(&seq.to_be_bytes()) }
    }

    #[test]
    fn the_head_is_said_at_first_after_so_many_records_after_a_while_and_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let journal = UnixDatagram::bind(&path).unwrap();
        journal.set_nonblocking(true).unwrap();
        let said = || {
            let mut text = [0; 1024];
            let length = journal.recv(&mut text).ok()?;
            let text = String::from_utf8(text[..length].to_vec()).unwrap();
            patd_audit::heads_in(&text).next()
        };
        let mut checkpoints = Checkpoints { journal: Some(path), said: None };
        let now = Instant::now();

        checkpoints.note(head(10), now, false);
        assert_eq!(said(), Some(head(10)), "what is found at the start");
        checkpoints.note(head(10), now, false);
        checkpoints.note(head(73), now, false);
        assert_eq!(said(), None);
        checkpoints.note(head(74), now, false);
        assert_eq!(said(), Some(head(74)));
        let now = now + ROUND;
        checkpoints.note(head(74), now, false);
        assert_eq!(said(), None, "nothing is new");
        checkpoints.note(head(75), now, false);
        assert_eq!(said(), Some(head(75)));
        checkpoints.note(head(76), now, true);
        assert_eq!(said(), Some(head(76)));
        checkpoints.note(head(76), now, true);
        assert_eq!(said(), None);
    }
}
