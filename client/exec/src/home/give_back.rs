//! The user loses nothing: what the child made, replaced or added in its private home goes to the real
//! directory, never over what somebody else changed meanwhile, and never with a secret in it.

use std::ffi::OsString;
use std::fs::{File, Metadata, Permissions};
use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use super::files::{self, Side};
use super::known::{Known, Print, State, Step, step};
use super::record::Record;
use super::secrets::Secrets;
use super::{CONNECTIONS, Home};
use crate::failure::{say, shown};

mod added;
mod places;
mod strip;

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
    let place = home.path();
    match given {
        Ok(true) => remove(home),
        Ok(false) => say(&format!(
            "what is named above is still in {}; the next pat-exec tries again",
            place.display()
        )),
        Err(error) => {
            // Whatever else is there, this has the token in it.
            let _ = std::fs::remove_file(place.join(CONNECTIONS));
            say(&format!(
                "cannot look through {}: {error}; next: save what you need of it, and remove it",
                place.display()
            ));
        }
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
    /// Nothing is left that a later try could give back.
    is_complete: bool,
    has_said_too_deep: bool,
}

impl<'a> Giving<'a> {
    fn start(home: &'a Home, record: &'a Record, is_last: bool) -> io::Result<Self> {
        let known = Known::read(home.private())?;
        let secrets = Secrets::read(home.private())?;
        Ok(Self {
            home,
            record,
            known,
            secrets,
            is_last,
            is_complete: true,
            has_said_too_deep: false,
        })
    }

    fn run(&mut self) -> io::Result<()> {
        let record = self.record;
        self.directory(Path::new(""), &record.real)?;
        self.known.write(self.home.private())?;
        self.connections();
        Ok(())
    }

    fn directory(&mut self, below: &Path, target: &Path) -> io::Result<()> {
        if below.components().count() > DEEPEST {
            return Err(ErrorKind::InvalidFilename.into());
        }
        for name in files::names(&self.home.path().join(below))? {
            let path = below.join(&name);
            let is_ours = name == CONNECTIONS && below.as_os_str().is_empty();
            if is_ours || files::is_temporary(&name) {
                continue;
            }
            if self.secrets.are_in(name.as_bytes()) {
                say("a name with the token in it was not kept");
                continue;
            }
            match self.entry(&path, &target.join(&name)) {
                Ok(()) => {}
                // Ours, or the system's for a path that is too long: no later try would do better.
                Err(error) if error.kind() == ErrorKind::InvalidFilename => self.too_deep(&path),
                Err(error) => {
                    self.is_complete = false;
                    say(&format!("could not keep {}: {error}", shown(&path)));
                }
            }
        }
        Ok(())
    }

    fn too_deep(&mut self, path: &Path) {
        if self.is_last && !self.has_said_too_deep {
            self.has_said_too_deep = true;
            say(&format!("{} and whatever else is nested so deep was not kept", shown(path)));
        }
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
                say(&format!("{} holds the token and was not kept", shown(path)));
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
        match self.with_lasting_places(path)? {
            Some(bytes) => file.write_all(&bytes)?,
            None => copy_bytes(files::open(&source, Side::Private)?, &mut file)?,
        }
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
        if metadata.is_symlink() {
            let target = std::fs::read_link(self.home.path().join(path))?;
            return Ok(self.secrets.are_in(target.as_os_str().as_bytes()));
        }
        if !metadata.is_file() {
            return Ok(false);
        }
        self.secrets.are_in_file(files::open(&self.home.path().join(path), Side::Private)?)
    }

    fn is_same(&self, path: &Path, metadata: &Metadata, target: &Path) -> io::Result<bool> {
        if !metadata.is_file() {
            return Ok(false);
        }
        if let Some(bytes) = self.with_lasting_places(path)? {
            return Ok(files::read(target, Side::Real).is_ok_and(|there| *there == *bytes));
        }
        let there = std::fs::metadata(target);
        if !there.is_ok_and(|there| there.size() == metadata.size()) {
            return Ok(false);
        }
        let ours = files::open(&self.home.path().join(path), Side::Private)?;
        have_same_bytes(ours, files::open(target, Side::Real)?)
    }
}

/// Not `io::copy`: what that does for pipes and sockets would make the wrapper larger, and these are files of a few
/// kilobytes.
fn copy_bytes(from: File, to: &mut File) -> io::Result<()> {
    let mut from = BufReader::new(from);
    loop {
        let bytes = from.fill_buf()?;
        let count = bytes.len();
        if count == 0 {
            return Ok(());
        }
        to.write_all(bytes)?;
        from.consume(count);
    }
}

fn have_same_bytes(one: File, other: File) -> io::Result<bool> {
    let (mut one, mut other) = (BufReader::new(one), BufReader::new(other));
    loop {
        let (of_one, of_other) = (one.fill_buf()?, other.fill_buf()?);
        let both = of_one.len().min(of_other.len());
        if both == 0 {
            return Ok(of_one.len() == of_other.len());
        }
        if of_one.get(..both) != of_other.get(..both) {
            return Ok(false);
        }
        one.consume(both);
        other.consume(both);
    }
}

fn is_link_to(link: &Path, target: &Path) -> bool {
    std::fs::read_link(link).is_ok_and(|leads_to| leads_to == target)
}

/// Returns a name beside `target` that nothing has.
fn free_name(target: &Path) -> io::Result<PathBuf> {
    let free = asides(target)?.find(|path| std::fs::symlink_metadata(path).is_err());
    free.ok_or_else(too_many_aside)
}

/// Returns such a name, or none if one of the names before it has a file of these bytes.
fn free_name_for(target: &Path, bytes: &[u8]) -> io::Result<Option<PathBuf>> {
    for path in asides(target)? {
        if std::fs::symlink_metadata(&path).is_err() {
            return Ok(Some(path));
        }
        if files::read(&path, Side::Real).is_ok_and(|there| *there == bytes) {
            return Ok(None);
        }
    }
    Err(too_many_aside())
}

fn asides(target: &Path) -> io::Result<impl Iterator<Item = PathBuf>> {
    let name = target.file_name().ok_or(ErrorKind::InvalidInput)?;
    Ok((1..=MOST_ASIDE).map(move |number| {
        let end = if number == 1 { ASIDE.to_owned() } else { format!("{ASIDE}.{number}") };
        // A name has at most 255 bytes.
        let start = name.as_bytes().get(..255 - end.len()).unwrap_or(name.as_bytes());
        target.with_file_name(OsString::from_vec([start, end.as_bytes()].concat()))
    }))
}

fn too_many_aside() -> io::Error {
    io::Error::other(format!("too many {ASIDE} files; next: clean them up"))
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
/// Directories within directories that are given back: no client nests as many.
const DEEPEST: usize = 64;
