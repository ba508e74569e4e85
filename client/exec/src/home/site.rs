//! Where a private home will stand, and whose it is: what can be known before there is a hand-out.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use super::{place, real, sweep};
use crate::failure::Failure;
use crate::process::{self, Identity};

/// Everything about a home but what goes into it.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) uid: u32,
    /// The user's real directory, which may not be there yet.
    pub(crate) real: PathBuf,
    pub(crate) owner: Identity,
    /// None on a kernel without pidfds of peers (before 6.5).
    pub(crate) pidfd: Option<OwnedFd>,
    /// The command is to go on after its login has ended, and the home will not.
    pub(crate) outlives_login: bool,
    places: Vec<PathBuf>,
}

impl Site {
    /// Looks for the site of a home of this process, and sweeps what earlier ones left there.
    ///
    /// # Errors
    /// There is no real directory of the caller's own, or no place in memory.
    pub(crate) fn find() -> Result<Self, Failure> {
        let uid = nix::unistd::getuid().as_raw();
        let real = real::find(|name| std::env::var_os(name), uid)?;
        let places = place::candidates(std::env::var_os("XDG_RUNTIME_DIR").as_deref(), uid);
        let best = place::best(&places)?;
        let owner = Identity::own().map_err(|error| failed(best, error))?;
        sweep::sweep(&places, uid);
        let (pidfd, outlives_login) = (process::own_pidfd(), process::ignores_hangup());
        Ok(Self { uid, real, owner, pidfd, outlives_login, places })
    }

    /// Returns the directory that the home is made in.
    ///
    /// # Errors
    /// As [`Site::find`] has said already.
    pub(crate) fn place(&self) -> Result<&Path, Failure> {
        place::best(&self.places)
    }
}

/// What is said when a home cannot be made in a place.
pub(crate) fn failed(place: &Path, error: std::io::Error) -> Failure {
    Failure::system(format_args!("cannot make a home in {}", place.display()), error)
}
