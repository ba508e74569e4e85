//! Doors for `tests/fuzz`: what the wrapper makes of files that the user or the child wrote. Only with the feature
//! `fuzzing`, which no release build has.

#[cfg(not(debug_assertions))]
compile_error!("the feature fuzzing is for tests and is never part of a release build");

use std::io;
use std::path::{Path, PathBuf};

use pat_wire::message::HandOut;
pub use pat_wire::secret::Zeroizing;

use crate::connections::Connections;
use crate::home::record::Record;
use crate::home::{Home, Others, give_back};
use crate::process::Identity;
use crate::toml::{FaultyLine, Item, items};

/// A key by its full path, and its value as it is written; a table or an array of tables has none.
pub type Said = (Vec<String>, Option<String>);

/// Which of the two files a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `connections.toml`.
    Connections,
    /// `config.toml`.
    Config,
}

/// Returns what the wrapper reads in a TOML text, in its order: of an array of tables only that it is there.
///
/// # Errors
/// The line.
pub fn said(text: &str) -> Result<Vec<Said>, usize> {
    let items = items(text).map_err(|FaultyLine(line)| line)?;
    let said = items.into_iter().map(|item| match item {
        Item::Value(path, value) => (path, Some(value.to_owned())),
        Item::Table(path) | Item::TableArray(path) | Item::Inline(path) => (path, None),
    });
    Ok(said.collect())
}

/// Returns the names of the connections of a text and the text that the wrapper writes of them, for a file of the
/// same kind.
///
/// # Errors
/// Why they cannot be told.
pub fn connections(kind: Kind, text: &str) -> Result<(Vec<String>, Zeroizing<String>), String> {
    let read = match kind {
        Kind::Connections => Connections::of_connections_file(text),
        Kind::Config => Connections::of_config_file(text),
    };
    let read = read.map_err(|unreadable| unreadable.to_string())?;
    let written = match kind {
        Kind::Connections => read.to_text(),
        Kind::Config => read.to_config_text(),
    };
    Ok((read.names().map(str::to_owned).collect(), written))
}

/// A private home as the wrapper makes it for a hand-out, without its helper.
pub struct Run {
    home: Home,
    record: Record,
}

impl Run {
    /// Makes the home below `place`, with what is in `real`.
    ///
    /// # Errors
    /// What the wrapper would say instead of running the command.
    pub fn new(place: &Path, real: &Path, hand_out: &HandOut) -> Result<Self, String> {
        let others = Others::read(real, &hand_out.terms.connection);
        let others = others.map_err(|failure| failure.to_string())?;
        let kept = match hand_out.terms.keep_connections {
            true => others.kept(),
            false => Connections::default(),
        };
        Self::made(place, real, hand_out, &kept).map_err(|error| error.to_string())
    }

    fn made(place: &Path, real: &Path, hand_out: &HandOut, kept: &Connections) -> io::Result<Self> {
        let record = Record {
            owner: Identity::own()?,
            real: real.to_owned(),
            connection: hand_out.terms.connection.clone(),
            lease: hand_out.terms.lease.clone(),
            socket: None,
        };
        let home = Home::new(place, nix::unistd::getuid().as_raw())?;
        record.write(home.private())?;
        home.link(real)?;
        home.fill(hand_out, kept)?;
        Ok(Self { home, record })
    }

    /// Returns what `SNOWFLAKE_HOME` is.
    pub fn home(&self) -> PathBuf {
        self.home.path()
    }

    /// Gives back what there is by now, as before each refresh.
    pub fn give_back(&self) {
        give_back::so_far(&self.home, &self.record);
    }

    /// Gives a fresh secret, as after a rotation.
    ///
    /// # Errors
    /// The system's.
    pub fn refresh(&self, hand_out: &HandOut) -> io::Result<()> {
        self.home.refill(hand_out)
    }

    /// Gives everything back and removes the home, as when the command has ended.
    pub fn finish(self) {
        give_back::finish(&self.home, &self.record);
    }
}
