//! What is known of the files of a home: how they and their counterparts in the real directory looked
//! when they were linked or last copied. From that follows, purely, what is to be done with each.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::Metadata;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::files::{self, Side};

/// How a file looked: enough to see that it is another one or was written since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Print(String);

impl Print {
    /// Takes the print of a file.
    pub(crate) fn of(metadata: &Metadata) -> Self {
        let (dev, ino, size) = (metadata.dev(), metadata.ino(), metadata.size());
        Self(format!("{dev}:{ino}:{size}:{}.{}", metadata.mtime(), metadata.mtime_nsec()))
    }

    /// Takes the print of what a path leads to; none if it leads nowhere.
    pub(crate) fn following(path: &Path) -> Option<Self> {
        std::fs::metadata(path).ok().map(|metadata| Self::of(&metadata))
    }
}

/// One file, by its path below the home.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    /// The child's file when it was last copied or put aside.
    pub(crate) copied: Option<Print>,
    /// The real file when it was linked or last written by us.
    pub(crate) target: Option<Print>,
}

/// What is to be done with a file of the child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing new.
    Leave,
    /// It goes where it belongs.
    Copy,
    /// Somebody else changed what it would replace: it goes beside it.
    PutAside,
}

/// Returns what is to be done, from how the child's file and the real one look now.
pub(crate) fn step(state: Option<&State>, now: &Print, target: Option<&Print>) -> Step {
    let known = state.cloned().unwrap_or_default();
    if known.copied.as_ref() == Some(now) {
        Step::Leave
    } else if known.target.as_ref() == target {
        Step::Copy
    } else {
        Step::PutAside
    }
}

/// The files of one home.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Known(BTreeMap<PathBuf, State>);

impl Known {
    /// Returns the state of one.
    pub(crate) fn of(&self, path: &Path) -> Option<&State> {
        self.0.get(path)
    }

    /// Sets the state of one.
    pub(crate) fn insert(&mut self, path: PathBuf, state: State) {
        self.0.insert(path, state);
    }

    /// Writes them into the private directory for the first time, before anybody reads there.
    pub(crate) fn write_new(&self, private: &Path) -> io::Result<()> {
        files::write_new(&private.join(FILE), &self.to_bytes())
    }

    /// Writes them into the private directory.
    pub(crate) fn write(&self, private: &Path) -> io::Result<()> {
        files::replace(&private.join(FILE), &self.to_bytes())
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (path, State { copied, target }) in &self.0 {
            let print =
                |print: &Option<Print>| print.clone().map(|print| print.0).unwrap_or_default();
            let (copied, target) = (print(copied), print(target));
            for field in [path.as_os_str().as_bytes(), copied.as_bytes(), target.as_bytes()] {
                bytes.extend_from_slice(field);
                bytes.push(0);
            }
        }
        bytes
    }

    /// Reads them from the private directory. Without the file nothing was linked yet.
    pub(crate) fn read(private: &Path) -> io::Result<Self> {
        let bytes = match files::read(&private.join(FILE), Side::Private) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error),
        };
        let fields: Vec<&[u8]> = bytes.split(|byte| *byte == 0).collect();
        let print = |field: &[u8]| {
            let text = String::from_utf8_lossy(field).into_owned();
            Some(Print(text)).filter(|print| !print.0.is_empty())
        };
        let mut known = Self::default();
        for state in fields.chunks_exact(3) {
            if let [path, copied, target] = state {
                let state = State { copied: print(copied), target: print(target) };
                known.insert(OsString::from_vec(path.to_vec()).into(), state);
            }
        }
        Ok(known)
    }
}

const FILE: &str = "known";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_goes_home_unless_somebody_else_was_there() {
        let print = |text: &str| Print(text.to_owned());
        let (old, new, other) = (print("old"), print("new"), print("other"));
        let linked = State { copied: None, target: Some(old.clone()) };
        let copied = State { copied: Some(new.clone()), target: Some(old.clone()) };

        // Made by the child, and nobody made one there meanwhile.
        assert_eq!(step(None, &new, None), Step::Copy);
        assert_eq!(step(None, &new, Some(&other)), Step::PutAside);
        // Replaced by the child, and the real one is as it was, changed, or gone.
        assert_eq!(step(Some(&linked), &new, Some(&old)), Step::Copy);
        assert_eq!(step(Some(&linked), &new, Some(&other)), Step::PutAside);
        assert_eq!(step(Some(&linked), &new, None), Step::PutAside);
        // Copied before: only what is new since is copied again.
        assert_eq!(step(Some(&copied), &new, Some(&other)), Step::Leave);
        assert_eq!(step(Some(&copied), &other, Some(&old)), Step::Copy);
    }

    #[test]
    fn states_are_read_as_they_were_written() {
        let dir = tempfile::tempdir().unwrap();
        let print = Print::following(dir.path());
        let mut known = Known::default();
        known.insert("a\nb".into(), State { copied: None, target: print.clone() });
        known.insert("c/d".into(), State { copied: print, target: None });

        assert_eq!(Known::read(dir.path()).unwrap(), Known::default());
        known.write(dir.path()).unwrap();
        assert_eq!(Known::read(dir.path()).unwrap(), known);
    }
}
