//! Which files and directories may be believed, and which are private: by owner, mode and names, they and
//! every directory above them. For the configuration, keys, the state folder, the directory of the socket and
//! the user's own. Nothing is read but metadata.

mod private;
mod program;
mod walk;

use std::path::{Path, PathBuf};

use nix::errno::Errno;

pub use private::{Owners, open_no_follow, open_private, private_dir, private_file};
pub use program::Program;
pub use walk::{Directory, check_dir, check_parents, open_file};

/// A component that cannot be believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {fault}; {next_step}", path.display())]
pub struct Untrusted {
    /// The component at fault, which may be a directory above the path that was asked for.
    pub path: PathBuf,
    /// What is wrong with it.
    pub fault: Fault,
    /// What to do.
    pub next_step: String,
}

/// What is wrong with a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// There is nothing of that name.
    #[error("does not exist")]
    Missing,
    /// The file is a symbolic link.
    #[error("is a symbolic link")]
    Symlink,
    /// More links than a sane path has.
    #[error("leads through too many symbolic links")]
    TooManyLinks,
    /// Not a regular file.
    #[error("is not a regular file")]
    NotAFile,
    /// Not a directory.
    #[error("is not a directory")]
    NotADirectory,
    /// Belongs to somebody who is not trusted.
    #[error("belongs to uid {0}, who is not trusted here")]
    Owner(u32),
    /// Belongs to nobody, or to somebody whom this user namespace has no number for: root, or anyone else.
    #[error("belongs to uid 65534: nobody, or in a container anybody")]
    Nobody,
    /// Group or others may write; the mode bits.
    #[error("is writable by others than its owner (mode {0:04o})")]
    Writable(u32),
    /// A private file or directory that group or others may enter, read or write; the mode bits.
    #[error("has mode {0:04o}, which gives more than its owner needs")]
    Mode(u32),
    /// A private file that can be reached by another name.
    #[error("has a second name (hard link)")]
    SecondName,
    /// A program that nobody may execute; the mode bits.
    #[error("is not executable (mode {0:04o})")]
    NotExecutable(u32),
    /// The system refused to show it.
    #[error("cannot be read ({0})")]
    System(Errno),
}

impl Untrusted {
    fn new(path: &Path, fault: Fault) -> Self {
        let shown = path.display();
        let next_step = match fault {
            Fault::Missing => "create it, or name the right path".to_owned(),
            Fault::Symlink => "put the file itself there instead of a link".to_owned(),
            Fault::TooManyLinks => format!("replace {shown} by a directory"),
            Fault::NotAFile => "put a regular file there".to_owned(),
            Fault::NotADirectory => "make it a directory, or name the right path".to_owned(),
            Fault::Nobody => format!(
                "run pat-exec outside of a container without root, around it; else: chown root: {shown}"
            ),
            Fault::Owner(_) => format!("look at what it holds, then: chown root: {shown}"),
            Fault::Writable(_) => format!("look at what it holds, then: chmod go-w {shown}"),
            Fault::Mode(_) => format!("chmod go-rwx {shown}"),
            Fault::SecondName => "copy it, and remove both names".to_owned(),
            Fault::NotExecutable(_) => format!("chmod a+x {shown}"),
            Fault::System(_) => format!("check the permissions: namei -l {shown}"),
        };
        Self { path: path.to_owned(), fault, next_step }
    }

    fn with_next_step(self, next_step: String) -> Self {
        Self { next_step, ..self }
    }

    fn from_errno(path: &Path, errno: Errno) -> Self {
        let known = [
            (Errno::ENOENT, Fault::Missing),
            (Errno::ENOTDIR, Fault::NotADirectory),
            // The answer to O_NOFOLLOW.
            (Errno::ELOOP, Fault::Symlink),
            // A socket in the file's place cannot be opened.
            (Errno::ENXIO, Fault::NotAFile),
        ];
        let fault = known.into_iter().find(|(known, _)| *known == errno);
        Self::new(path, fault.map_or(Fault::System(errno), |(_, fault)| fault))
    }

    fn from_io(path: &Path, error: &std::io::Error) -> Self {
        let errno = error.raw_os_error().map_or(Errno::EIO, Errno::from_raw);
        Self::from_errno(path, errno)
    }
}
