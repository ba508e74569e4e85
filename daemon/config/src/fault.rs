//! What is wrong with the configuration, as a person reads it: `FILE:LINE: what; next step`.

use std::fmt;
use std::path::PathBuf;

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
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    pub(crate) fn add(&mut self, place: &Place, wrong: Wrong) {
        let Wrong { what, next_step } = wrong;
        self.0.push(Fault { file: place.file.to_path_buf(), line: place.line, what, next_step });
    }

    /// Returns the value, if nothing was reported.
    pub(crate) fn none_or<T>(mut self, value: Option<T>) -> Result<T, ConfigErrors> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            Some(_) | None => {
                self.0.sort();
                self.0.dedup();
                Err(ConfigErrors { faults: self.0 })
            }
        }
    }
}
