//! What the programs of a world print, kept in a file of its folder: a person would see it, so a scan must.

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::{Command, Output};

use crate::setup::World;

impl World {
    /// Runs a program to its end, and keeps what it prints on both streams.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn output(&self, command: &mut Command) -> io::Result<Output> {
        let output = command.output()?;
        let mut kept = File::options().append(true).create(true).open(self.said())?;
        kept.write_all(&output.stdout)?;
        kept.write_all(&output.stderr)?;
        Ok(output)
    }

    /// Where it is kept.
    pub fn said(&self) -> PathBuf {
        self.folder().join("said")
    }

    pub(crate) fn run_ok(&self, what: &str, command: &mut Command) -> Result<(), String> {
        let output = self.output(command).map_err(|error| format!("{what}: {error}"))?;
        if output.status.success() { Ok(()) } else { Err(format!("{what}: {}", text(&output))) }
    }
}

pub(crate) fn text(output: &Output) -> String {
    format!(
        "{}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}
