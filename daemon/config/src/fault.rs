//! What is wrong with the configuration, as a person reads it: `FILE:LINE: what; next step`.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use pat_wire::text::plain;

use crate::at::Place;

/// One fault.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// The file or directory.
    pub file: PathBuf,
    /// The line, where the fault has one.
    pub line: Option<usize>,
    /// What is wrong there.
    pub what: String,
    /// What to do.
    pub next_step: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, "{line}:")?;
        }
        write!(f, " {}; {}", self.what, self.next_step)
    }
}

/// Every fault of a configuration, by file and line. Displays as one line each.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigErrors {
    /// At least one.
    pub faults: Vec<Fault>,
}

impl ConfigErrors {
    /// Returns the faults as lines of text.
    pub fn lines(&self) -> Vec<String> {
        self.faults.iter().map(Fault::to_string).collect()
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines().join("\n"))
    }
}

/// What is wrong with a value, and the next step; the place is the caller's to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) what: String,
    pub(crate) next_step: String,
}

impl Wrong {
    pub(crate) fn new(what: impl Into<String>, next_step: impl Into<String>) -> Self {
        Self { what: what.into(), next_step: next_step.into() }
    }
}

/// The faults found so far: a check reports here and goes on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    found: Vec<Fault>,
    /// Keys that are there, but of a wrong type: nobody needs to hear that they are missing, too.
    mistyped: BTreeSet<(PathBuf, &'static str)>,
}

impl Faults {
    pub(crate) fn add(&mut self, place: &Place, wrong: Wrong) {
        // A name in quotes may hold what steers a terminal: whatever is repeated of a file goes through here.
        self.found.push(Fault {
            file: place.file.to_path_buf(),
            line: place.line,
            what: plain(&wrong.what),
            next_step: plain(&wrong.next_step),
        });
    }

    pub(crate) fn add_mistyped(&mut self, place: &Place, key: &'static str, wrong: Wrong) {
        self.mistyped.insert((place.file.to_path_buf(), key));
        self.add(place, wrong);
    }

    /// Returns whether a key of this name was reported for its type.
    pub(crate) fn is_mistyped(&self, file: &Path, key: &'static str) -> bool {
        self.mistyped.contains(&(file.to_path_buf(), key))
    }

    /// Returns the value, if nothing was reported.
    pub(crate) fn none_or<T>(mut self, value: Option<T>) -> Result<T, ConfigErrors> {
        match value {
            Some(value) if self.found.is_empty() => Ok(value),
            Some(_) | None => {
                self.found.sort();
                self.found.dedup();
                Err(ConfigErrors { faults: self.found })
            }
        }
    }
}
