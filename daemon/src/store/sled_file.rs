//! The only file that names sled. Every guard it needs is here: half-written snapshots are deleted before
//! open, open and scan run on a thread of their own and may panic, a commit is flushed and then fsynced, and
//! each error is told apart: damage, or the system's refusal.

use std::fs::File;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use nix::fcntl::{Flock, FlockArg};
use patd_keys::durable;

use super::contents::Contents;

/// An open sled database: bytes by key.
pub(super) struct SledFile {
    db: sled::Db,
    /// sled's flush is `sync_file_range` only: after a power cut the tail may be gone. fsync works per inode.
    log: File,
}

/// One key with its new value, or none to remove it.
pub(super) type Change<'a> = (&'a [u8], Option<&'a [u8]>);

/// Why sled did not do as asked.
#[derive(Debug)]
pub(super) enum Fault {
    /// It is not as it was written: set it aside.
    Damaged(String),
    /// The disk is full, the right is missing: leave it alone.
    System(io::Error),
}

impl SledFile {
    /// Opens the database in `dir`, or makes it, and reads all of it: that it opens proves nothing.
    pub(super) fn open(dir: &Path) -> Result<(Self, Contents), Fault> {
        let path = dir.to_owned();
        let opening = std::thread::Builder::new()
            .name("store-open".to_owned())
            .spawn(move || guarded(|| open_and_scan(&path)))
            .map_err(Fault::System)?;
        opening.join().unwrap_or_else(|_panic| Err(Fault::Damaged("sled panicked".to_owned())))
    }

    /// Shows the value of a key to `look`.
    pub(super) fn read<T>(
        &self,
        key: &[u8],
        look: impl FnOnce(Option<&[u8]>) -> T,
    ) -> Result<T, Fault> {
        let value = guarded(|| self.db.get(key).map_err(Fault::of))?;
        Ok(look(value.as_deref()))
    }

    /// Makes all the changes, or none; durable when it returns.
    pub(super) fn commit(&self, changes: &[Change<'_>]) -> Result<(), Fault> {
        let mut batch = sled::Batch::default();
        for (key, value) in changes {
            match value {
                Some(value) => batch.insert(*key, *value),
                None => batch.remove(*key),
            }
        }
        guarded(|| {
            self.db.apply_batch(batch).map_err(Fault::of)?;
            self.db.flush().map_err(Fault::of)?;
            self.log.sync_all().map_err(Fault::System)
        })
    }
}

impl Fault {
    fn of(error: sled::Error) -> Self {
        match error {
            sled::Error::Io(why) if refused_by_system(&why) => Self::System(why),
            sled::Error::Io(why) => Self::Damaged(format!("read error: {why}")),
            sled::Error::Corruption { .. } => Self::Damaged("corrupt".to_owned()),
            sled::Error::CollectionNotFound(_) => Self::Damaged("incomplete".to_owned()),
            sled::Error::Unsupported(why) | sled::Error::ReportableBug(why) => Self::Damaged(why),
        }
    }
}

/// Runs a call of sled's, which may panic on a torn file.
fn guarded<T>(call: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(call))
        .unwrap_or_else(|_panic| Err(Fault::Damaged("sled panicked".to_owned())))
}

fn open_and_scan(dir: &Path) -> Result<(SledFile, Contents), Fault> {
    wait_until_closed(&dir.join("db")).map_err(Fault::System)?;
    delete_half_snapshots(dir).map_err(Fault::System)?;
    let db = sled::Config::new()
        .path(dir)
        .mode(sled::Mode::LowSpace)
        .cache_capacity(CACHE_BYTES)
        .flush_every_ms(None)
        .open()
        .map_err(Fault::of)?;
    let log = File::open(dir.join("db")).map_err(Fault::System)?;
    // sled writes its settings once and does not sync them: without them it does not open.
    let settings = File::open(dir.join("conf")).map_err(Fault::System)?;
    let mut contents = Contents::default();
    for pair in db.iter() {
        let (key, value) = pair.map_err(Fault::of)?;
        contents.push(&key, &value);
    }
    if contents.len() as u64 > CACHE_BYTES {
        bring_cache_to_size(&db, contents.iter().map(|(key, _)| key))?;
    }
    let synced = settings.sync_all().and_then(|()| log.sync_all());
    synced.and_then(|()| durable::sync_dir(dir)).map_err(Fault::System)?;
    Ok((SledFile { db, log }, contents))
}

/// All was read just now, and is in the cache: sled looks at a share of it when that share was asked for so many times,
/// and not before (src/lru.rs).
fn bring_cache_to_size<'k>(
    db: &sled::Db,
    keys: impl Iterator<Item = &'k [u8]>,
) -> Result<(), Fault> {
    for key in keys.flat_map(|key| std::iter::repeat_n(key, ASKED)) {
        db.get(key).map_err(Fault::of)?;
    }
    Ok(())
}

/// After its last handle is dropped, sled's threads may hold the file's lock a little longer. Nobody else can:
/// the caller has the lock of the whole state folder.
fn wait_until_closed(log: &Path) -> io::Result<()> {
    let mut file = match File::open(log) {
        Ok(file) => file,
        Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(why) => return Err(why),
    };
    let deadline = Instant::now() + CLOSING;
    loop {
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(_released_when_dropped) => return Ok(()),
            Err((_, why)) if Instant::now() > deadline => return Err(why.into()),
            Err((unlocked, _)) => file = unlocked,
        }
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

/// A kill during open() leaves `snap.<lsn>.generating`, which every later open() takes for the newest
/// snapshot and fails on (spacejam/sled issue 1527).
fn delete_half_snapshots(dir: &Path) -> io::Result<()> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(why) => return Err(why),
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("snap.") && name.ends_with(".generating") {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn refused_by_system(why: &io::Error) -> bool {
    matches!(
        why.kind(),
        io::ErrorKind::PermissionDenied
            | io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge
            | io::ErrorKind::ReadOnlyFilesystem
            | io::ErrorKind::WouldBlock
            | io::ErrorKind::OutOfMemory
            | io::ErrorKind::Interrupted
    ) || matches!(why.raw_os_error(), Some(nix::libc::EMFILE | nix::libc::ENFILE))
}

const CACHE_BYTES: u64 = 2 << 20;
/// With some ten records on a page, each page is asked for often enough.
const ASKED: usize = 6;
const CLOSING: Duration = Duration::from_secs(5);
