//! A home that is begun while the broker looks into the question: an empty directory, and a helper that waits. If
//! nothing comes of it, or this process is killed, the helper removes it.

use nix::sys::signal::{SigSet, SigmaskHow, Signal};

use crate::failure::Failure;
use crate::helper;
use crate::home::Home;
use crate::home::site::{self, Site};

/// An empty home of this process, and its helper.
pub(crate) struct Begun {
    pub(crate) site: Site,
    pub(crate) home: Home,
    pub(crate) helper: helper::Started,
}

impl Begun {
    /// Makes the directory and starts the helper.
    ///
    /// # Errors
    /// There is no site for a home, or the helper cannot be started.
    pub(crate) fn new() -> Result<Self, Failure> {
        let site = Site::find()?;
        let mask = hold_signals()?;
        let begun = Self::at(site);
        // Who waits for the broker can be interrupted.
        release_signals(&mask)?;
        begun
    }

    /// Between the directory and the helper a signal would leave the first without the second.
    fn at(mut site: Site) -> Result<Self, Failure> {
        let place = site.place()?;
        let home = Home::new(place, site.uid).map_err(|error| site::failed(place, error))?;
        let helper = helper::start(home.private(), site.pidfd.take())?;
        Ok(Self { site, home, helper })
    }

    /// Removes the home: another delivery was chosen. The command gets no child that is not its own.
    pub(crate) fn dismiss(self) {
        drop(self.home);
        self.helper.dismiss();
    }
}

/// Holds back what would leave a home half made. Returns the mask to restore.
///
/// # Errors
/// The mask cannot be changed.
pub(crate) fn hold_signals() -> Result<SigSet, Failure> {
    let held = [
        Signal::SIGHUP,
        Signal::SIGINT,
        Signal::SIGQUIT,
        Signal::SIGTERM,
        Signal::SIGTSTP,
        Signal::SIGALRM,
        Signal::SIGUSR1,
        Signal::SIGUSR2,
        // A write beyond the caller's limit is then an error of ours, and cleaned up after.
        Signal::SIGXFSZ,
    ];
    let set: SigSet = held.into_iter().collect();
    set.thread_swap_mask(SigmaskHow::SIG_BLOCK)
        .map_err(|errno| Failure::system("cannot hold signals back", errno))
}

/// Restores the mask: what was held back arrives now.
///
/// # Errors
/// The mask cannot be changed.
pub(crate) fn release_signals(mask: &SigSet) -> Result<(), Failure> {
    mask.thread_set_mask().map_err(|errno| Failure::system("cannot restore the signal mask", errno))
}
