//! Where log lines go: the journal when standard error is connected to it, else standard error as text.
//! No secret can get here: the types that hold one cannot be printed.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Starts logging. `RUST_LOG` selects; without it, information and above.
pub(crate) fn start() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT));
    let registry = tracing_subscriber::registry().with(filter);
    let journal = if stderr_is_the_journal() { tracing_journald::layer().ok() } else { None };
    // A second start (tests that run the daemon in their own process) keeps the first.
    let _kept = match journal {
        Some(journal) => registry.with(journal.with_syslog_identifier("patd".into())).try_init(),
        None => {
            let text =
                tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(false);
            registry.with(text).try_init()
        }
    };
}

/// systemd.exec(5): `JOURNAL_STREAM` is "device:inode" of the stream it connected.
fn stderr_is_the_journal() -> bool {
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
    fn another_stream_than_the_journals_is_standard_error() {
        assert!(is_stream("8:1234", 8, 1234));
        assert!(
            !is_stream("8:1234", 8, 1235) && !is_stream("", 8, 1234) && !is_stream("8", 8, 1234)
        );
    }
}
