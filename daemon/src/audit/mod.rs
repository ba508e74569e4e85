//! The audit log: who asked, what was decided, what was done. A record reaches the kernel before the secret
//! it is about is released, and the disk within 100 ms (or first, with `audit = "strict"`). If it cannot be
//! written, nothing is released.

mod checkpoint;
#[cfg(test)]
mod injection;
mod record;
mod refusals;
mod writer;

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pat_wire::admin::LogFilter;
use patd_audit::{Head, Log};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use checkpoint::Checkpoints;
pub use record::{EndReason, Event, Subject, claimed, statement};
pub use refusals::Refusals;
use writer::Writer;

use crate::metrics::Counts;

/// The log, open for appending. One for the daemon.
pub struct Audit {
    writer: Mutex<Writer>,
    strict: AtomicBool,
    is_failing: AtomicBool,
    dirty: Notify,
    counts: Counts,
}

/// The record is not safely written, so what it is about must not happen.
#[derive(Debug, thiserror::Error)]
#[error("the audit log cannot be written; see the disk below the state folder: df -h")]
pub struct AuditError(#[source] pub io::Error);

impl Audit {
    /// Opens `folder`/audit.jsonl, made if there is none, and continues its numbering.
    ///
    /// # Errors
    /// If it cannot be opened for appending.
    pub fn open(
        folder: &Path,
        boot_id: &str,
        strict: bool,
        at: i64,
    ) -> Result<Arc<Self>, AuditError> {
        let writer = Writer::open(folder, boot_id, at).map_err(AuditError)?;
        Ok(Arc::new(Self {
            writer: Mutex::new(writer),
            strict: strict.into(),
            is_failing: false.into(),
            dirty: Notify::new(),
            counts: Counts::default(),
        }))
    }

    /// Writes a record. When this returns, the kernel has it; with `audit = "strict"`, the disk.
    ///
    /// # Errors
    /// If it is not written whole. Whatever it announces must then not be done.
    pub fn write(&self, at: i64, event: &Event<'_>) -> Result<(), AuditError> {
        self.append(at, event, self.strict.load(Ordering::Relaxed))
    }

    fn append(&self, at: i64, event: &Event<'_>, sync: bool) -> Result<(), AuditError> {
        let written = self.writer().append(at, event, sync);
        self.is_failing.store(written.is_err(), Ordering::Relaxed);
        self.counts.recorded(event, written.is_ok());
        if let Err(error) = &written {
            tracing::error!(error = %error, "Audit record not written");
        }
        self.dirty.notify_one();
        written.map_err(AuditError)
    }

    /// Writes a record about something that is done in any case (a lease that ended, a revocation).
    /// A failure is logged, and shows in the next release, which is refused. Nothing is released after it, so
    /// it never waits for the disk: strangers cause refusals at will, and must not hold others up with fsyncs.
    pub fn note(&self, at: i64, event: &Event<'_>) {
        let _reported = self.append(at, event, false);
    }

    /// Chooses whether the disk, or only the kernel, must have a record before what it announces.
    pub fn set_strict(&self, strict: bool) {
        self.strict.store(strict, Ordering::Relaxed);
    }

    /// Returns the newest records that a filter picks, oldest first.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub fn newest(&self, picks: &LogFilter, limit: usize) -> io::Result<Vec<String>> {
        let folder = self.writer().folder().to_owned();
        Log::open(&folder)?.newest(picks, limit)
    }

    /// Returns what was counted with the records.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Returns whether the newest record could not be written.
    pub fn is_failing(&self) -> bool {
        self.is_failing.load(Ordering::Relaxed)
    }

    /// Returns how many seconds old the newest record was that made room for others, if any did since this was last
    /// asked.
    pub fn thrown_away(&self) -> Option<i64> {
        self.writer().thrown_away.take()
    }

    /// Returns what somebody else did to the log, if anything was seen since this was last asked.
    pub fn meddling(&self) -> Option<&'static str> {
        self.writer().meddling.take()
    }

    /// Brings records to the disk within 100 ms of being written, and says now and then what the last
    /// of them is; until told to stop.
    pub async fn sync_until(self: Arc<Self>, stop: CancellationToken) {
        let mut checkpoints = Checkpoints::of_this_process();
        let mut rounds = tokio::time::interval(checkpoint::ROUND);
        loop {
            let is_last = tokio::select! {
                () = self.dirty.notified() => false,
                _ = rounds.tick() => false,
                () = stop.cancelled() => true,
            };
            if !is_last {
                tokio::time::sleep(GROUP).await;
            }
            if let Some(head) = self.sync().await {
                checkpoints.note(head, std::time::Instant::now(), is_last);
            }
            if is_last {
                break;
            }
        }
    }

    /// Returns the last record, if it is on the disk. A copy of the descriptor is synced on another thread, so that
    /// no hand-out waits for the disk.
    async fn sync(&self) -> Option<Head> {
        let (synced, head) = match self.to_sync() {
            Ok((Some(file), head)) => {
                (tokio::task::spawn_blocking(move || file.sync_data()).await, head)
            }
            Ok((None, head)) => return head,
            Err(error) => (Ok(Err(error)), None),
        };
        match synced {
            Ok(Ok(())) => head,
            Ok(Err(error)) => {
                tracing::error!(error = %error, "Audit log not brought to the disk");
                self.writer().distrust();
                None
            }
            Err(_) => None,
        }
    }

    fn to_sync(&self) -> io::Result<(Option<std::fs::File>, Option<Head>)> {
        let mut writer = self.writer();
        writer.look();
        writer.file_to_sync()
    }

    fn writer(&self) -> std::sync::MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// fsyncs are grouped within this.
const GROUP: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strict_log_syncs_what_announces_a_release_and_not_what_a_stranger_causes() {
        let folder = tempfile::tempdir().unwrap();
        let audit = Audit::open(folder.path(), "b", true, 0).unwrap();

        audit.write(0, &Event::Stop).unwrap();
        assert!(audit.writer().file_to_sync().unwrap().0.is_none(), "on the disk already");
        audit.note(0, &Event::Stop);
        assert!(audit.writer().file_to_sync().unwrap().0.is_some(), "left to the grouped sync");
    }
}
