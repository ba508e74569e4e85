//! A program that only root can have written or replaced, opened, and executed in the very directory that was
//! checked. By the directory and not by the file: the command then keeps its name (`ps`), and nobody but root can put
//! another file into that directory.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata};
use std::io::Read;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::walk::{self, Directory};
use super::{Fault, Untrusted};

/// A trusted program, held open together with its directory.
#[derive(Debug)]
pub struct Program {
    path: PathBuf,
    name: OsString,
    directory: Directory,
    /// Opened by name only: whoever may execute it need not be able to read it.
    file: File,
    metadata: Metadata,
}

impl Program {
    /// Opens a program that is root's, and that nobody else can write or replace: not the file, not its directory, none
    /// above.
    ///
    /// # Errors
    /// Says which component is at fault, and what to do about it.
    pub fn open(path: &Path) -> Result<Self, Untrusted> {
        let path = walk::absolute(path)?;
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(Untrusted::new(&path, Fault::NotAFile));
        };
        let directory = Directory::open(parent, &[])?;
        let (file, metadata) = directory.open_unread(name)?;
        if metadata.is_symlink() {
            let next_step =
                format!("name the file that it leads to: readlink -f {}", path.display());
            return Err(Untrusted::new(&path, Fault::Symlink).with_next_step(next_step));
        }
        if !metadata.is_file() {
            return Err(Untrusted::new(&path, Fault::NotAFile));
        }
        walk::refuse_other_owners(metadata.uid(), &path, &[])?;
        walk::refuse_other_writers(metadata.mode(), &path)?;
        if metadata.mode() & EXECUTABLE == 0 {
            return Err(Untrusted::new(&path, Fault::NotExecutable(metadata.mode() & 0o7777)));
        }
        let name = name.to_owned();
        Ok(Self { path, name, directory, file, metadata })
    }

    /// Returns the path it was opened by.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns its name without directories.
    pub fn name(&self) -> &OsStr {
        &self.name
    }

    /// Returns the path by which this process executes it: through the open directory, whatever has become of its path.
    pub fn executable(&self) -> PathBuf {
        self.directory.by_descriptor().join(&self.name)
    }

    /// Returns whether this is the metadata of the same file.
    pub fn is(&self, other: &Metadata) -> bool {
        (self.metadata.dev(), self.metadata.ino()) == (other.dev(), other.ino())
    }

    /// Returns whether an interpreter would run it. One that may not be read cannot be run so either.
    pub fn is_script(&self) -> bool {
        let mut start = [0; 2];
        let read = File::open(format!("/proc/self/fd/{}", self.file.as_raw_fd()))
            .and_then(|mut file| file.read_exact(&mut start));
        read.is_ok() && start == *b"#!"
    }
}

/// Somebody may execute it.
const EXECUTABLE: u32 = 0o111;
