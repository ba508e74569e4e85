//! The `home` delivery: a private `SNOWFLAKE_HOME` in memory, made from the user's real directory, kept
//! fresh by a helper, given back and removed when its owner has ended.
//!
//! ```text
//! PLACE/pat-exec-UID-RANDOM/   0700
//!     owner                    whose it is; locked by the helper, or by a sweep
//!     known                    what was linked and copied, to see what changed
//!     kept.toml                the user's other connections, if they are kept
//!     secrets                  what must not be given back
//!     home/                    SNOWFLAKE_HOME
//!         connections.toml     0600
//!         NAME -> real directory/NAME
//! ```

pub(crate) mod files;
pub(crate) mod give_back;
mod keep;
mod known;
pub(crate) mod place;
pub(crate) mod real;
pub(crate) mod record;
mod secrets;
pub(crate) mod sweep;

use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use pat_wire::message::HandOut;
use pat_wire::secret::Zeroizing;

pub(crate) use keep::Others;
use known::{Known, Print, State};
use record::Record;
use secrets::Secrets;

use crate::connections::Connections;
use crate::entry;

/// A private home. Removed when dropped, unless its helper has taken it over.
#[derive(Debug)]
pub(crate) struct Home {
    private: PathBuf,
    is_mine: bool,
}

impl Home {
    /// Makes an empty one that says whose it is.
    pub(crate) fn new(place: &Path, uid: u32, record: &Record) -> io::Result<Self> {
        let template = place.join(format!("{PREFIX}{uid}-XXXXXX"));
        let home = Self { private: nix::unistd::mkdtemp(&template)?, is_mine: true };
        record.write(&home.private)?;
        Ok(home)
    }

    /// Opens one for the helper that looks after it.
    pub(crate) fn of_helper(private: PathBuf) -> Self {
        Self { private, is_mine: false }
    }

    /// Returns the outer directory.
    pub(crate) fn private(&self) -> &Path {
        &self.private
    }

    /// Returns what `SNOWFLAKE_HOME` is set to.
    pub(crate) fn path(&self) -> PathBuf {
        self.private.join(HOME)
    }

    /// Leaves it to the helper.
    pub(crate) fn hand_over(&mut self) {
        self.is_mine = false;
    }

    /// Links the real directory in, except for the connections.
    pub(crate) fn link(&self, real: &Path) -> io::Result<()> {
        let home = self.path();
        files::make_directory(&home, 0o700)?;
        let mut known = Known::default();
        for entry in std::fs::read_dir(real)? {
            let name = entry?.file_name();
            if name == CONNECTIONS
                || name.as_encoded_bytes().starts_with(files::TEMPORARY.as_bytes())
            {
                continue;
            }
            let target = real.join(&name);
            symlink(&target, home.join(&name))?;
            let state = State { copied: None, target: Print::following(&target) };
            known.insert(name.into(), state);
        }
        known.write(&self.private)
    }

    /// Writes the connections for the first time.
    pub(crate) fn fill(&self, hand_out: &HandOut, kept: &Connections) -> io::Result<()> {
        files::write_new(&self.private.join(KEPT), kept.to_text().as_bytes())?;
        Secrets::remember(&self.private, hand_out.secret.expose())?;
        files::write_new(&self.path().join(CONNECTIONS), text(hand_out, kept).as_bytes())
    }

    /// Puts a new secret into the connections, and leaves the others as the child has them by now.
    pub(crate) fn refill(&self, hand_out: &HandOut) -> io::Result<()> {
        // Before the file has it: what the child copies from there on is recognised.
        Secrets::remember(&self.private, hand_out.secret.expose())?;
        let path = self.path().join(CONNECTIONS);
        let now = Zeroizing::new(std::fs::read(&path).unwrap_or_default());
        let others = std::str::from_utf8(&now)
            .ok()
            .and_then(|text| Connections::of_connections_file(text).ok())
            .unwrap_or(kept(&self.private)?);
        files::replace(
            &path,
            text(hand_out, &others.without(&hand_out.terms.connection)).as_bytes(),
        )
    }

    /// Removes everything. What children of the child still write into it goes too.
    pub(crate) fn remove(&self) -> io::Result<()> {
        // The secret first: the rest may fail.
        let _ = std::fs::remove_file(self.path().join(CONNECTIONS));
        let mut removed = Ok(());
        for _ in 0..REMOVALS {
            removed = std::fs::remove_dir_all(&self.private);
            if removed.is_ok() {
                break;
            }
        }
        match removed {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if self.is_mine {
            // The next start sweeps what is left.
            let _ = self.remove();
        }
    }
}

/// Sized once: a buffer that grows leaves copies of what it held.
fn text(hand_out: &HandOut, others: &Connections) -> Zeroizing<String> {
    let table = entry::table(hand_out);
    let others = others.to_text();
    let mut text = Zeroizing::new(String::with_capacity(NOTE.len() + table.len() + others.len()));
    text.push_str(NOTE);
    text.push_str(&table);
    text.push_str(&others);
    text
}

fn kept(private: &Path) -> io::Result<Connections> {
    let text = std::fs::read_to_string(private.join(KEPT))?;
    Connections::of_connections_file(&text).map_err(|_| io::ErrorKind::InvalidData.into())
}

/// How the names of private homes start; the owner's uid is next.
pub(crate) const PREFIX: &str = "pat-exec-";
/// The directory that is `SNOWFLAKE_HOME`.
pub(crate) const HOME: &str = "home";
const CONNECTIONS: &str = "connections.toml";
const CONFIG: &str = "config.toml";
const KEPT: &str = "kept.toml";
const NOTE: &str =
    "# Made by pat-exec for one run: replaced at every rotation, gone when the run ends.\n";
const REMOVALS: u32 = 5;
