//! What the child added to its generated connections, as `snow connection add` does.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use pat_wire::secret::Zeroizing;

use super::super::files::{self, Side};
use super::super::keep::connections;
use super::super::{CONFIG, CONNECTIONS, KEPT, kept};
use super::{Giving, free_name, free_name_for, say_aside};
use crate::connections::Connections;
use crate::failure::say;

impl Giving<'_> {
    /// Takes the added connections to the user's own file.
    pub(super) fn connections(&mut self) {
        let text = match files::read(&self.home.path().join(CONNECTIONS), Side::Private) {
            Ok(text) => text,
            // Removed by the child: nothing was added.
            Err(error) if error.kind() == ErrorKind::NotFound => return,
            // Not ours any more. There is nothing that could be given back, at a later try either.
            Err(error) => return say(&format!("{CONNECTIONS} of this run was not kept: {error}")),
        };
        let read = std::str::from_utf8(&text).ok().map(Connections::of_connections_file);
        let given = match read {
            Some(Ok(now)) => self.changes(now),
            _ => self.unreadable(&text),
        };
        if let Err(error) = given {
            self.is_complete = false;
            say(&format!("could not keep the added connections: {error}"));
        }
    }

    fn changes(&mut self, now: Connections) -> io::Result<()> {
        let kept = kept(self.home.private());
        let now = now.without(&self.record.connection);
        let changed = now.not_in(&kept);
        let (held, changed) = changed.split_by_content(|text| self.secrets.are_in(text.as_bytes()));
        for name in held.names() {
            say(&format!("connection {name} holds the token and was not kept"));
        }
        let (edited, added) = changed.split_by_name(&kept);
        let own = Own::read(&self.record.real)?;
        let (clashing, added) = added.not_in(&own.connections).split_by_name(&own.connections);
        own.append(&added)?;
        put_aside(&own.path, &edited.not_in(&own.connections))?;
        put_aside(&own.path, &clashing)?;
        // From here on, only what changes is new.
        files::replace(&self.home.private().join(KEPT), now.to_text().as_bytes())
    }

    /// The child broke the file; a person may still want what is in it.
    fn unreadable(&self, text: &[u8]) -> io::Result<()> {
        let text = Zeroizing::new(String::from_utf8_lossy(text).into_owned());
        let text = self.secrets.blanked(&text);
        let target = self.record.real.join(CONNECTIONS);
        // At the next try it may be there already.
        let Some(aside) = free_name_for(&target, text.as_bytes())? else { return Ok(()) };
        files::write_new(&aside, text.as_bytes())?;
        say(&format!("the connections of this run are not TOML; they are in {}", aside.display()));
        Ok(())
    }
}

/// The user's file that a connection is added to.
struct Own {
    path: PathBuf,
    connections: Connections,
    is_config: bool,
    /// Nothing can be appended to it.
    is_closed: bool,
}

impl Own {
    /// A new `connections.toml` would hide connections that are in `config.toml`: then it is that file.
    fn read(real: &Path) -> io::Result<Self> {
        let path = real.join(CONNECTIONS);
        if !path.exists() {
            let config = real.join(CONFIG);
            let connections = connections(&config, Connections::of_config_file)?;
            let connections = connections.unwrap_or_default();
            if !connections.is_empty() {
                let text = files::read_text(&config, Side::Real)?;
                let is_closed = Connections::are_inline(&text);
                return Ok(Self { path: config, connections, is_config: true, is_closed });
            }
        }
        let connections = connections(&path, Connections::of_connections_file)?.unwrap_or_default();
        Ok(Self { path, connections, is_config: false, is_closed: false })
    }

    fn append(&self, added: &Connections) -> io::Result<()> {
        if added.is_empty() {
            return Ok(());
        }
        if self.is_closed {
            return self.beside(added);
        }
        let text = if self.is_config { added.to_config_text() } else { added.to_text() };
        files::append(&self.path, Side::Real, text.as_bytes())?.sync_all()
    }

    fn beside(&self, added: &Connections) -> io::Result<()> {
        let aside = free_name(&self.path)?;
        files::write_new(&aside, added.to_text().as_bytes())?;
        let (own, aside) = (self.path.display(), aside.display());
        say(&format!(
            "nothing can be added to the inline table of {own}; the new connections are in {aside}"
        ));
        Ok(())
    }
}

fn put_aside(own: &Path, connections: &Connections) -> io::Result<()> {
    if connections.is_empty() {
        return Ok(());
    }
    let aside = free_name(own)?;
    files::write_new(&aside, connections.to_text().as_bytes())?;
    say_aside(own, &aside);
    Ok(())
}
