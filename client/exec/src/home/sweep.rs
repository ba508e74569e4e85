//! At every start: homes whose owner has ended without anybody to clean up after it (the helper was
//! killed) are given back and removed.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use nix::fcntl::{Flock, FlockArg};
use pat_wire::limits;

use super::files::{self, Side};
use super::record::{self, Record};
use super::{Home, give_back, place};

/// Sweeps the places where homes are made.
pub(crate) fn sweep(places: &[PathBuf], uid: u32) {
    for place in places {
        for private in homes(place, uid) {
            sweep_one(private);
        }
    }
}

/// Locks a home against every other helper and sweep. None if it is looked after, or gone.
pub(crate) fn lock(private: &Path) -> Option<Flock<File>> {
    let file = files::open(&record::path(private), Side::Private).ok()?;
    let lock = Flock::lock(file, FlockArg::LockExclusiveNonblock).ok()?;
    // Whoever held it before may have removed the home.
    record::path(private).exists().then_some(lock)
}

fn homes(place: &Path, uid: u32) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(place) else {
        return Vec::new();
    };
    let named =
        entries.filter_map(Result::ok).filter(|entry| place::is_named(&entry.file_name(), uid));
    let is_own = |metadata| place::is_own(&metadata, uid);
    let ours = named.filter(|entry| entry.metadata().is_ok_and(is_own));
    ours.map(|entry| entry.path()).collect()
}

fn sweep_one(private: PathBuf) {
    match Record::read(&private) {
        Ok(record) if record.owner.is_dead() => {
            if let Some(_lock) = lock(&private) {
                give_back::finish(&Home::of_helper(private), &record);
            }
        }
        Ok(_) => {}
        // Killed before it had a record: there was no secret in it yet. One that cannot be read was changed
        // by its own user or written by another version: nobody can say whose it is.
        Err(error) if error.kind() == io::ErrorKind::NotFound && is_old(&private) => {
            let _ = Home::of_helper(private).remove();
        }
        Err(_) => {}
    }
}

fn is_old(private: &Path) -> bool {
    let modified = private.metadata().and_then(|metadata| metadata.modified());
    modified.is_ok_and(|at| SystemTime::now().duration_since(at).is_ok_and(|age| age > STARTING))
}

/// Longer than any start takes to write its record, which it does when the broker has answered.
const STARTING: Duration = Duration::from_secs(60);
const _: () = assert!(STARTING.as_secs() >= 2 * limits::CLIENT_DEADLINE.as_secs());
