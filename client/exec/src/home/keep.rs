//! The user's other connections: kept if the entry says so, named if not, and never one of the same name.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::files::{self, Side};
use super::{CONFIG, CONNECTIONS};
use crate::connections::{Connections, Unreadable};
use crate::failure::Failure;

/// The connections of the user's real directory, besides the one delivered.
#[derive(Debug, Default)]
pub(crate) struct Others {
    /// Those that count for `snow` and Python.
    own: Connections,
    /// The file that the home has as it is, and which of its connections are other ones.
    in_config: Option<(PathBuf, Connections)>,
}

impl Others {
    /// Reads the user's files. A `connections.toml` hides the connections of `config.toml` from `snow` and
    /// Python, so one or the other counts.
    ///
    /// # Errors
    /// `config.toml` has a connection of the same name, which Cortex reads too; or a file is not TOML.
    pub(crate) fn read(real: &Path, connection: &str) -> Result<Self, Failure> {
        let failed = |error: io::Error| Failure::own(error.to_string());
        let config = real.join(CONFIG);
        let in_config = connections(&config, Connections::of_config_file).map_err(failed)?;
        if in_config.as_ref().is_some_and(|found| found.contains(connection)) {
            return Err(refused(&config, connection));
        }
        let own = connections(&real.join(CONNECTIONS), Connections::of_connections_file);
        let own = own.map_err(failed)?;
        let in_config = in_config.unwrap_or_default();
        let own = own.unwrap_or_else(|| in_config.clone()).without(connection);
        let has_any = in_config.names().next().is_some();
        Ok(Self { own, in_config: has_any.then_some((config, in_config)) })
    }

    /// Returns them to be kept.
    pub(crate) fn kept(self) -> Connections {
        self.own
    }

    /// Returns the sentences that say who is left out, and who is not for Cortex, if there is anybody.
    pub(crate) fn left_out(&self) -> Vec<String> {
        let names: Vec<&str> = self.own.names().collect();
        let left_out = (!names.is_empty()).then(|| {
            format!(
                "your other connections are left out of this run: {} (keep_connections is false)",
                names.join(", ")
            )
        });
        let seen = self.in_config.as_ref().map(|(config, connections)| {
            let names: Vec<&str> = connections.names().collect();
            format!(
                "{} still has {}, which cortex reads in this run all the same; next: move them to {CONNECTIONS} beside it",
                config.display(),
                names.join(", ")
            )
        });
        left_out.into_iter().chain(seen).collect()
    }
}

fn refused(config: &Path, connection: &str) -> Failure {
    Failure::own(format!(
        "{} has a connection {connection} of its own, which some clients would take instead; \
         next: remove or rename [connections.{connection}] there",
        config.display()
    ))
}

/// Reads a file of the user's; none if there is no such file. An error names the file.
pub(super) fn connections(
    path: &Path,
    read: impl Fn(&str) -> Result<Connections, Unreadable>,
) -> io::Result<Option<Connections>> {
    let failed = |why: &dyn std::fmt::Display| {
        io::Error::other(format!("cannot read {}: {why}; next: correct the file", path.display()))
    };
    match files::read_text(path, Side::Real) {
        Ok(text) => read(&text).map(Some).map_err(|unreadable| failed(&unreadable)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(&error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_toml_hides_the_connections_of_config_toml() {
        let dir = tempfile::tempdir().unwrap();
        write(&dir, CONFIG, "[connections.a]\nuser = \"a\"\n");
        let from_config = Others::read(dir.path(), "x").unwrap();
        write(&dir, CONNECTIONS, "[b]\nuser = \"b\"\n[x]\nuser = \"x\"\n");
        let from_own = Others::read(dir.path(), "x").unwrap();

        assert_eq!(from_config.kept().names().collect::<Vec<_>>(), ["a"]);
        let left_out = from_own.left_out();
        assert!(left_out[0].contains(": b ("), "{left_out:?}");
        assert!(left_out[1].contains("/config.toml still has a, which cortex"), "{left_out:?}");
        assert_eq!(left_out.len(), 2);
        assert_eq!(from_own.kept().names().collect::<Vec<_>>(), ["b"]);
    }

    #[test]
    fn a_same_named_connection_in_config_toml_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        write(&dir, CONFIG, "[connections]\n\"miguel_cli\" = { user = \"m\" }\n");
        write(&dir, CONNECTIONS, "");

        let failure = Others::read(dir.path(), "miguel_cli").unwrap_err().to_string();

        assert!(failure.contains("[connections.miguel_cli]") && failure.contains("config.toml"));
    }

    #[test]
    fn a_file_that_cannot_be_told_is_refused_with_its_line() {
        let dir = tempfile::tempdir().unwrap();
        write(&dir, CONFIG, "a = 1\nb =\n");
        assert!(Others::read(dir.path(), "x").unwrap_err().to_string().contains("line 2"));

        write(&dir, CONFIG, &format!("# {}\n", "x".repeat(1 << 20)));
        assert!(Others::read(dir.path(), "x").unwrap_err().to_string().contains("too large"));

        std::fs::remove_file(dir.path().join(CONFIG)).unwrap();
        let mode = nix::sys::stat::Mode::from_bits_truncate(0o600);
        nix::unistd::mkfifo(&dir.path().join(CONFIG), mode).unwrap();
        assert!(Others::read(dir.path(), "x").unwrap_err().to_string().contains("not a regular"));
    }

    #[test]
    fn nobody_is_left_out_of_an_empty_directory() {
        let dir = tempfile::tempdir().unwrap();

        assert_eq!(Others::read(dir.path(), "x").unwrap().left_out(), Vec::<String>::new());
    }

    fn write(dir: &tempfile::TempDir, name: &str, text: &str) {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
}
