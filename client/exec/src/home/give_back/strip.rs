//! What could not be given back waits in its home for the next start: without the token.

use std::io::{self, ErrorKind};
use std::path::Path;

use pat_wire::secret::Zeroizing;

use super::super::files::{self, Side};
use super::super::secrets::Secrets;
use super::super::{CONNECTIONS, tree};
use super::{DEEPEST, Giving};
use crate::connections::Connections;
use crate::failure::{say, shown};

impl Giving<'_> {
    /// Takes every secret out of the home. Afterwards nobody could recognise one.
    pub(super) fn strip(&self) -> io::Result<()> {
        self.strip_connections()?;
        self.strip_directory(&self.home.path(), DEEPEST)?;
        Secrets::forget(self.home.private())
    }

    fn strip_connections(&self) -> io::Result<()> {
        let path = self.home.path().join(CONNECTIONS);
        let Ok(text) = files::read(&path, Side::Private) else {
            // If it is there at all it is dealt with as any other file.
            return Ok(());
        };
        let text = Zeroizing::new(String::from_utf8_lossy(&text).into_owned());
        let holds = |text: &str| self.secrets.are_in(text.as_bytes());
        let left = match Connections::of_connections_file(&text) {
            Ok(now) => now.without(&self.record.connection).split_by_content(holds).1.to_text(),
            Err(_) => self.secrets.blanked(&text),
        };
        files::replace(&path, left.as_bytes())
    }

    fn strip_directory(&self, directory: &Path, levels: usize) -> io::Result<()> {
        for name in files::names(directory)? {
            match self.strip_entry(&directory.join(name), levels) {
                // Children of the child may still be at work.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                other => other?,
            }
        }
        Ok(())
    }

    /// What cannot be searched goes: a token might be in it.
    fn strip_entry(&self, path: &Path, levels: usize) -> io::Result<()> {
        let kind = std::fs::symlink_metadata(path)?.file_type();
        let is_stripped = if kind.is_dir() {
            levels.checked_sub(1).is_some_and(|levels| self.strip_directory(path, levels).is_ok())
        } else {
            !kind.is_file() || self.is_free_of_secrets(path)
        };
        if is_stripped {
            return Ok(());
        }
        say(&format!("{} may hold the token and was removed", shown(path)));
        if kind.is_dir() { tree::remove(path) } else { std::fs::remove_file(path) }
    }

    fn is_free_of_secrets(&self, path: &Path) -> bool {
        let file = files::open(path, Side::Private);
        file.and_then(|file| self.secrets.are_in_file(file)).is_ok_and(|are_in| !are_in)
    }
}
