//! Where log lines go: standard error, as text; for the journal with a priority in front of each line, or as a record with
//! fields where there is something to look for. No secret can get here: the types that hold one cannot be printed.

pub(crate) mod journal;

use std::fmt;
use std::path::PathBuf;

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Starts logging. `RUST_LOG` selects; without it, information and above.
pub(crate) fn start() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT));
    let registry = tracing_subscriber::registry().with(filter);
    let text = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(false);
    // A second start (tests that run the daemon in their own process) keeps the first.
    let _kept = if stderr_is_the_journal() {
        registry.with(text.event_format(ForTheJournal::at(journal::SOCKET))).try_init()
    } else {
        registry.with(text).try_init()
    };
}

/// Lines as `journalctl` is to show them: the journal has the time already, and reads the priority (sd-daemon(3)).
/// A record in its own form has the same line as its message, with the cause and the next step of a fault, since
/// `journalctl -u patd` shows no other field. What the journal does not take that way is written as a line.
struct ForTheJournal(PathBuf);

impl ForTheJournal {
    fn at(socket: impl Into<PathBuf>) -> Self {
        Self(socket.into())
    }
}

impl<S, N> FormatEvent<S, N> for ForTheJournal
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut text = String::new();
        context.format_fields(Writer::new(&mut text), event)?;
        let priority = priority(*event.metadata().level());
        let is_told = journal::Fields::of(event).is_some_and(|fields| {
            fields.send(&self.0, priority, &set_in(&text).join("\n")).is_ok()
        });
        if is_told { Ok(()) } else { writer.write_str(&prioritised(priority, &text)) }
    }
}

/// As syslog(3) numbers them.
fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        Level::DEBUG | Level::TRACE => 7,
    }
}

/// Every line has the priority.
fn prioritised(priority: u8, text: &str) -> String {
    set_in(text).iter().map(|line| format!("<{priority}>{line}\n")).collect()
}

/// Lines after the first are set in, so that none can pass for another record.
fn set_in(text: &str) -> Vec<String> {
    let indents = std::iter::once("").chain(std::iter::repeat("  "));
    text.lines().zip(indents).map(|(line, indent)| format!("{indent}{line}")).collect()
}

/// systemd.exec(5): `JOURNAL_STREAM` is "device:inode" of the stream it connected.
pub(crate) fn stderr_is_the_journal() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else { return false };
    let Ok(stderr) = nix::sys::stat::fstat(std::io::stderr()) else { return false };
    is_stream(&stream, stderr.st_dev, stderr.st_ino)
}

fn is_stream(stream: &str, device: u64, inode: u64) -> bool {
    stream.split_once(':') == Some((&device.to_string(), &inode.to_string()))
}

/// The scheduler tells of every tick; only its complaints are wanted.
const DEFAULT: &str = "info,tokio_cron_scheduler=warn";

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;
    use std::path::Path;
    use std::sync::{Arc, Mutex};

    use tracing::subscriber::with_default;
    use tracing_subscriber::Layer;

    use super::*;

    #[test]
    fn every_line_of_a_record_has_its_priority_and_only_the_first_starts_at_the_margin() {
        let text = "Not started error=two faults:\n<6>Ready";
        assert_eq!(
            prioritised(priority(Level::ERROR), text),
            "<3>Not started error=two faults:\n<3>  <6>Ready\n"
        );
        assert_eq!(prioritised(priority(Level::DEBUG), "x"), "<7>x\n");
    }

    #[test]
    fn what_can_be_looked_for_is_a_record_with_fields_and_everything_else_is_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let journal = UnixDatagram::bind(&path).unwrap();
        journal.set_nonblocking(true).unwrap();
        let records = || {
            let mut bytes = [0; 4096];
            let mut texts = Vec::new();
            while let Ok(length) = journal.recv(&mut bytes) {
                texts.push(String::from_utf8_lossy(&bytes[..length]).into_owned());
            }
            texts
        };
        let lines = Lines::default();
        let (there, gone) = (lines.layer(&path), lines.layer(&folder.path().join("gone")));

        with_default(tracing_subscriber::registry().with(there), || {
            tracing::error!(alarm = "disk-low", subject = "store", next_step = "df -h", "Alarm");
            tracing::info!(slot = %"A/U", generation = 7_u64, "Generation promoted");
            tracing::error!(error = "two\nfaults", "Not started");
        });
        let told = records();
        assert_eq!(told.len(), 2, "{told:?}");
        for field in ["PRIORITY=3\n", "PATD_EVENT=Alarm\n", "PATD_PROBLEM=disk-low\n"] {
            assert!(told[0].contains(field), "{told:?}");
        }
        assert!(told[0].contains("PATD_SUBJECT=store\nPATD_NEXT_STEP=df -h\n"), "{told:?}");
        let message = "Alarm alarm=\"disk-low\" subject=\"store\" next_step=\"df -h\"\n";
        assert!(told[0].ends_with(message), "the line has it too: {told:?}");
        assert!(told[1].contains("PATD_SLOT=A/U\nPATD_GENERATION=7\n"), "{told:?}");
        assert_eq!(lines.taken(), "<3>Not started error=\"two\\nfaults\"\n");

        with_default(tracing_subscriber::registry().with(gone), || {
            tracing::info!(slot = %"A/U", "Retired");
        });
        assert_eq!(lines.taken(), "<6>Retired slot=A/U\n", "nobody took the record");
    }

    /// Stands for standard error.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Lines {
        fn layer<S: Subscriber + for<'span> LookupSpan<'span>>(
            &self,
            journal: &Path,
        ) -> impl Layer<S> {
            let lines = self.clone();
            tracing_subscriber::fmt::layer()
                .with_writer(move || lines.clone())
                .with_ansi(false)
                .event_format(ForTheJournal::at(journal))
        }

        fn taken(&self) -> String {
            String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
        }
    }

    impl std::io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn another_stream_than_the_journals_is_standard_error() {
        assert!(is_stream("8:1234", 8, 1234));
        assert!(
            !is_stream("8:1234", 8, 1235) && !is_stream("", 8, 1234) && !is_stream("8", 8, 1234)
        );
    }
}
