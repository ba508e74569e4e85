//! What the watch knows of each account: what the last look found, and when the next one is due.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use patd_core::names::{Account, Generation, SlotId};
use patd_core::pattern::verify::Check;
use patd_core::time::Timestamp;
use tokio::sync::Notify;

use super::alarms::Standing;
use super::logins::Logins;
use super::pace::Pace;
use crate::clock::Clock;
use crate::house::Trust;

/// The watch, seen from outside. One for the daemon.
pub struct Watching {
    board: Mutex<BTreeMap<Account, Watch>>,
    pub(super) bell: Arc<Notify>,
    /// A look at one account at a time.
    pub(super) looking: tokio::sync::Mutex<()>,
    /// When the daemon started, on the boot clock.
    pub(super) start: Duration,
}

/// One account.
#[derive(Default)]
pub(super) struct Watch {
    pub(super) pace: Pace,
    pub(super) seen: Seen,
    pub(super) logins: Logins,
    pub(super) alarms: Standing,
    /// When a look last brought something, on the boot clock.
    pub(super) sighted: Option<Duration>,
    /// What the last look looked for; another configuration is news.
    pub(super) trust: Weak<Trust>,
    /// The generations of its slots at the last look; another one is news.
    pub(super) generations: BTreeMap<Arc<SlotId>, Generation>,
}

/// What was seen of an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// What the last look that succeeded found.
    pub findings: Option<Findings>,
    /// Why the last look brought nothing, if so.
    pub failure: Option<String>,
}

/// What a look found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Findings {
    /// When.
    pub at: Timestamp,
    /// The checks that do not hold, and those that could not be made.
    pub drift: Vec<Check>,
}

impl Watching {
    /// Returns a watch that has not looked yet. Whoever rings `bell` makes it see whether a look is due.
    pub fn new(bell: Arc<Notify>, clock: &Clock) -> Self {
        let start = clock.read().boot;
        Self { board: Mutex::default(), bell, looking: tokio::sync::Mutex::default(), start }
    }

    /// Lets the watch see whether a look is due. Cheap, and never waits.
    pub fn ring(&self) {
        self.bell.notify_one();
    }

    /// Returns what was seen of an account.
    pub fn seen(&self, account: &Account) -> Seen {
        self.board().get(account).map(|watch| watch.seen.clone()).unwrap_or_default()
    }

    /// Reads or writes what is known of an account.
    pub(super) fn with<T>(&self, account: &Account, act: impl FnOnce(&mut Watch) -> T) -> T {
        act(self.board().entry(account.clone()).or_default())
    }

    /// Takes out what is known of accounts that are not configured any more.
    pub(super) fn take_others(&self, configured: &BTreeSet<Account>) -> Vec<Watch> {
        let mut board = self.board();
        let gone: Vec<Account> =
            board.keys().filter(|account| !configured.contains(*account)).cloned().collect();
        gone.iter().filter_map(|account| board.remove(account)).collect()
    }

    fn board(&self) -> MutexGuard<'_, BTreeMap<Account, Watch>> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
