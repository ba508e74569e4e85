//! The user loses nothing: what the child made, replaced or added in its private home goes to the real
//! directory, never over what somebody else changed meanwhile, and never with a secret in it.

use std::fs::{File, Metadata, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use super::known::{Known, Print, State, Step, step};
use super::record::Record;
use super::secrets::Secrets;
use super::{CONNECTIONS, Home, files};
use crate::failure::say;

mod added;

/// Gives back what there is by now; the child is still running.
pub(crate) fn so_far(home: &Home, record: &Record) {
    if let Err(error) = Giving::start(home, record, false).and_then(|mut giving| giving.run()) {
        say(&format!("cannot look through {}: {error}", home.path().display()));
    }
}

/// Gives everything back and removes the home. What could not be given back stays, without its secrets,
/// for the next start to try again.
pub(crate) fn finish(home: &Home, record: &Record) {
    // Killed before there was anything to link.
    if !home.path().exists() {
        return remove(home);
    }
    let given = Giving::start(home, record, true).and_then(|mut giving| {
        giving.run()?;
        if !giving.is_complete {
            giving.strip()?;
        }
        Ok(giving.is_complete)
    });
    match given {
        Ok(true) => remove(home),
        Ok(false) => say(&format!(
            "what is named above is still in {}; the next pat-exec tries again",
            home.path().display()
        )),
        Err(error) => say(&format!("cannot look through {}: {error}", home.path().display())),
    }
}

fn remove(home: &Home) {
    if let Err(error) = home.remove() {
        say(&format!("cannot remove {}: {error}", home.private().display()));
    }
}

struct Giving<'a> {
    home: &'a Home,
    record: &'a Record,
    known: Known,
    secrets: Secrets,
    /// The owner has ended: nothing will be written any more.
    is_last: bool,
    is_complete: bool,
}

impl<'a> Giving<'a> {
    fn start(home: &'a Home, record: &'a Record, is_last: bool) -> io::Result<Self> {
        let known = Known::read(home.private())?;
        let secrets = Secrets::read(home.private())?;
        Ok(Self { home, record, known, secrets, is_last, is_complete: true })
    }

    fn run(&mut self) -> io::Result<()> {
        self.directory(Path::new(""), &self.record.real.clone())?;
        self.known.write(self.home.private())?;
        self.connections();
        Ok(())
    }

    fn directory(&mut self, below: &Path, target: &Path) -> io::Result<()> {
        for entry in std::fs::read_dir(self.home.path().join(below))? {
            let name = entry?.file_name();
            let path = below.join(&name);
            let is_ours = name == CONNECTIONS && below.as_os_str().is_empty();
            if is_ours || name.as_encoded_bytes().starts_with(files::TEMPORARY.as_bytes()) {
                continue;
            }
            if let Err(error) = self.entry(&path, &target.join(&name)) {
                self.is_complete = false;
                say(&format!("could not keep {}: {error}", path.display()));
            }
        }
        Ok(())
    }

    fn entry(&mut self, path: &Path, target: &Path) -> io::Result<()> {
        let source = self.home.path().join(path);
        let metadata = match std::fs::symlink_metadata(&source) {
            // Children of the child may still be at work.
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            other => other?,
        };
        let kind = metadata.file_type();
        if kind.is_dir() {
            self.below(path, &metadata, target)
        } else if kind.is_file() || (kind.is_symlink() && !is_link_to(&source, target)) {
            self.file(path, &metadata, target)
        } else {
            Ok(())
        }
    }

    /// Goes into a directory, made in the real one if it is new.
    fn below(&mut self, path: &Path, metadata: &Metadata, target: &Path) -> io::Result<()> {
        match std::fs::metadata(target) {
            Ok(there) if there.is_dir() => self.directory(path, target),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                files::make_directory(target, metadata.mode() & 0o777 | 0o700)?;
                self.directory(path, target)
            }
            Ok(_) => {
                let aside = free_name(target)?;
                files::make_directory(&aside, metadata.mode() & 0o777 | 0o700)?;
                say_aside(target, &aside);
                self.directory(path, &aside)
            }
            Err(error) => Err(error),
        }
    }

    fn file(&mut self, path: &Path, metadata: &Metadata, target: &Path) -> io::Result<()> {
        let now = Print::of(metadata);
        let there = Print::following(target);
        let state = self.known.of(path);
        let written = match step(state, &now, there.as_ref()) {
            Step::Leave => return Ok(()),
            _ if self.holds_secret(path, metadata)? => {
                say(&format!("{} holds the token and was not kept", path.display()));
                if self.is_last {
                    std::fs::remove_file(self.home.path().join(path))?;
                }
                state.and_then(|state| state.target.clone())
            }
            Step::Copy => {
                let real = std::fs::canonicalize(target).unwrap_or_else(|_| target.to_owned());
                self.copy(path, metadata, &real, there.as_ref())?;
                Print::following(target)
            }
            Step::PutAside if self.is_same(path, metadata, target)? => there,
            Step::PutAside => {
                let aside = free_name(target)?;
                self.copy(path, metadata, &aside, None)?;
                say_aside(target, &aside);
                there
            }
        };
        self.known.insert(path.to_owned(), State { copied: Some(now), target: written });
        Ok(())
    }

    /// `there` is what may be replaced: none means that nothing may be.
    fn copy(
        &self,
        path: &Path,
        metadata: &Metadata,
        target: &Path,
        there: Option<&Print>,
    ) -> io::Result<()> {
        let temporary = files::temporary(target)?;
        let copied = self.copy_to(path, metadata, &temporary, there.is_some());
        let copied = copied.and_then(|()| match there {
            // link() fails where something has appeared meanwhile; rename() would replace it.
            None => std::fs::hard_link(&temporary, target),
            Some(there) if Print::following(target).as_ref() == Some(there) => {
                std::fs::rename(&temporary, target)
            }
            Some(_) => Err(io::Error::other("it was changed at this very moment")),
        });
        match std::fs::remove_file(&temporary) {
            Err(error) if error.kind() != ErrorKind::NotFound => copied.and(Err(error)),
            _ => copied,
        }
    }

    /// `is_durable` for what is to replace something: a crash must not leave less than there was.
    fn copy_to(
        &self,
        path: &Path,
        metadata: &Metadata,
        to: &Path,
        is_durable: bool,
    ) -> io::Result<()> {
        let source = self.home.path().join(path);
        if metadata.is_symlink() {
            return symlink(self.link_target(&std::fs::read_link(source)?), to);
        }
        let mut file = files::create_new(to, 0o600)?;
        io::copy(&mut File::open(source)?, &mut file)?;
        file.set_permissions(Permissions::from_mode(metadata.mode() & 0o777))?;
        if is_durable { file.sync_all() } else { Ok(()) }
    }

    /// A link into the home would lead nowhere.
    fn link_target(&self, target: &Path) -> PathBuf {
        match target.strip_prefix(self.home.path()) {
            Ok(below) => self.record.real.join(below),
            Err(_) => target.to_owned(),
        }
    }

    fn holds_secret(&self, path: &Path, metadata: &Metadata) -> io::Result<bool> {
        if !metadata.is_file() {
            return Ok(false);
        }
        self.secrets.are_in_file(File::open(self.home.path().join(path))?)
    }

    fn is_same(&self, path: &Path, metadata: &Metadata, target: &Path) -> io::Result<bool> {
        let there = std::fs::metadata(target);
        if !metadata.is_file() || !there.is_ok_and(|there| there.size() == metadata.size()) {
            return Ok(false);
        }
        Ok(std::fs::read(self.home.path().join(path))? == std::fs::read(target)?)
    }
}

fn is_link_to(link: &Path, target: &Path) -> bool {
    std::fs::read_link(link).is_ok_and(|leads_to| leads_to == target)
}

/// Returns a name beside `target` that nothing has.
fn free_name(target: &Path) -> io::Result<PathBuf> {
    let name = target.file_name().ok_or(ErrorKind::InvalidInput)?;
    (1..=MOST_ASIDE)
        .map(|number| {
            let mut name = name.to_owned();
            name.push(if number == 1 { ASIDE.to_owned() } else { format!("{ASIDE}.{number}") });
            target.with_file_name(name)
        })
        .find(|path| std::fs::symlink_metadata(path).is_err())
        .ok_or_else(|| io::Error::other(format!("too many {ASIDE} files; next: clean them up")))
}

fn say_aside(target: &Path, aside: &Path) {
    say(&format!(
        "{} was changed meanwhile; the version of this run is {}",
        target.display(),
        aside.display()
    ));
}

const ASIDE: &str = ".from-pat-exec";
const MOST_ASIDE: u32 = 1000;
