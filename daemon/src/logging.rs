//! Where log lines go: standard error, as text; for the journal with a priority in front of each line.
//! No secret can get here: the types that hold one cannot be printed.

use std::fmt;

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
        registry.with(text.event_format(ForTheJournal)).try_init()
    } else {
        registry.with(text).try_init()
    };
}

/// Lines as `journalctl` is to show them: the journal has the time already, and reads the priority (sd-daemon(3)).
/// Its native protocol would put the fields where `journalctl -u patd` does not show them: the cause and the next
/// step of a fault.
struct ForTheJournal;

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
        writer.write_str(&prioritised(*event.metadata().level(), &text))
    }
}

/// Every line has the priority; those after the first are set in, so that none can pass for another record.
fn prioritised(level: Level, text: &str) -> String {
    let priority = match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        Level::DEBUG | Level::TRACE => 7,
    };
    let indents = std::iter::once("").chain(std::iter::repeat("  "));
    text.lines()
        .zip(indents)
        .map(|(line, indent)| format!("<{priority}>{indent}{line}\n"))
        .collect()
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
    use super::*;

    #[test]
    fn every_line_of_a_record_has_its_priority_and_only_the_first_starts_at_the_margin() {
        let text = "Not started error=two faults:\n<6>Ready";
        assert_eq!(
            prioritised(Level::ERROR, text),
            "<3>Not started error=two faults:\n<3>  <6>Ready\n"
        );
        assert_eq!(prioritised(Level::DEBUG, "x"), "<7>x\n");
    }

    #[test]
    fn another_stream_than_the_journals_is_standard_error() {
        assert!(is_stream("8:1234", 8, 1234));
        assert!(
            !is_stream("8:1234", 8, 1235) && !is_stream("", 8, 1234) && !is_stream("8", 8, 1234)
        );
    }
}
