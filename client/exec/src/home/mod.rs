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
pub(crate) mod site;
pub(crate) mod sweep;
mod tree;

use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use pat_wire::message::HandOut;

use files::Side;
pub(crate) use keep::Others;
use known::{Known, Print, State};
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
    /// Makes an empty one. What says whose it is comes next, before anything else.
    pub(crate) fn new(place: &Path, uid: u32) -> io::Result<Self> {
        let template = place.join(format!("{PREFIX}{uid}-XXXXXX"));
        Ok(Self { private: nix::unistd::mkdtemp(&template)?, is_mine: true })
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
        for name in files::names(real)? {
            if name == CONNECTIONS || files::is_temporary(&name) {
                continue;
            }
            let target = real.join(&name);
            symlink(&target, home.join(&name))?;
            let state = State { copied: None, target: Print::following(&target) };
            known.insert(name.into(), state);
        }
        known.write_new(&self.private)
    }

    /// Writes the connections for the first time.
    pub(crate) fn fill(&self, hand_out: &HandOut, kept: &Connections) -> io::Result<()> {
        files::write_new(&self.private.join(KEPT), kept.to_text().as_bytes())?;
        Secrets::remember(&self.private, hand_out.secret.expose())?;
        let text = entry::file(NOTE, hand_out, kept);
        files::write_new(&self.path().join(CONNECTIONS), text.as_bytes())
    }

    /// Puts a new secret into the connections, and leaves the others as the child has them by now.
    pub(crate) fn refill(&self, hand_out: &HandOut) -> io::Result<()> {
        // Before the file has it: what the child copies from there on is recognised.
        Secrets::remember(&self.private, hand_out.secret.expose())?;
        let path = self.path().join(CONNECTIONS);
        let now = files::read_text(&path, Side::Private).ok();
        let others = match now.and_then(|text| Connections::of_connections_file(&text).ok()) {
            Some(now) => now.without(&hand_out.terms.connection),
            // The child removed or broke the file.
            None => kept(&self.private),
        };
        files::replace(&path, entry::file(NOTE, hand_out, &others).as_bytes())
    }

    /// Removes everything. What children of the child still write into it goes too.
    pub(crate) fn remove(&self) -> io::Result<()> {
        // The secrets first: the rest may fail.
        let _ = std::fs::remove_file(self.path().join(CONNECTIONS));
        let _ = Secrets::forget(&self.private);
        match tree::remove(&self.private) {
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

/// Returns what the home had when the user's files last had it too. Without the record it is nothing: what
/// the user has already is not given back twice.
fn kept(private: &Path) -> Connections {
    let text = files::read_text(&private.join(KEPT), Side::Private).ok();
    text.and_then(|text| Connections::of_connections_file(&text).ok()).unwrap_or_default()
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
