//! The leases themselves, their caps, and who is told when one ends.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use patd_core::names::{Connection, Generation, SlotId};
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

use super::journal::{Journal, NOBODYS, Stored};
use super::refreshing::Refreshing;
use super::watching;
use crate::audit::EndReason;

/// Names a lease: 32 hexadecimal digits, random. Not a secret, and of no use to another uid.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LeaseId(String);

impl LeaseId {
    /// Takes what a peer sent; whether there is such a lease is the table's to say.
    pub fn claimed(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Returns a fresh random id; none if the kernel gives no randomness.
    pub fn fresh() -> Option<Self> {
        crate::chance::hex::<16>().map(|text| Self(text.to_ascii_lowercase()))
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One generation in one holder's hands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Its id.
    pub id: LeaseId,
    /// Whose secret.
    pub slot: Arc<SlotId>,
    /// Which secret.
    pub generation: Generation,
    /// To whom.
    pub uid: u32,
    /// What of it an older version did not write down.
    pub terms: Option<Terms>,
}

/// How a lease came to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// The connection it was granted for.
    pub connection: Connection,
    /// When, by the wall clock: seconds since 1970.
    pub since: i64,
    /// When, in seconds since boot: by this its age is told, which nobody can change by setting a clock.
    pub since_boot: u64,
    /// Whether the kernel showed the gate.
    pub gated: bool,
}

/// An open lease, as it is shown.
pub struct Open {
    /// The lease.
    pub lease: Lease,
    /// Who holds it; none if nobody knows.
    pub holder: Option<Holder>,
    /// Whether somebody waits for its end.
    pub is_watched: bool,
}

/// The lease that somebody means by the beginning of its id.
pub enum Meant {
    /// This one.
    One(Box<Open>),
    /// There is none.
    None,
    /// There are several.
    Several,
}

impl Lease {
    /// Returns whose it is; none if nobody knows.
    pub fn owner(&self) -> Option<u32> {
        (self.uid != NOBODYS).then_some(self.uid)
    }
}

/// The process that holds a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Holder {
    /// Its id.
    pub pid: i32,
    /// The tick it started at, where it could be read: tells it from a later process with the same id.
    pub start_time: Option<u64>,
}

/// A lease to be opened, with the process that will hold it.
pub struct NewLease {
    /// What it says.
    pub lease: Lease,
    /// The process.
    pub holder: Holder,
    /// Stands for the process.
    pub pidfd: OwnedFd,
    /// The lease that this one takes the place of, in the end: it does not count.
    pub replaces: Option<LeaseId>,
}

/// Why a lease was not opened.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// This uid, or all together, hold as many as may be.
    #[error("too many leases are open")]
    TooMany,
    /// One process holds as many as may be.
    #[error("this process holds too many leases")]
    TooManyOfProcess,
    /// The holder's end could not be watched.
    #[error("the holder's process cannot be watched")]
    Unwatchable(#[source] std::io::Error),
}

/// The table of open leases. One for the daemon.
pub struct Leases {
    /// Those that a newer one is being fetched for.
    pub refreshing: Arc<Refreshing>,
    inner: Mutex<Inner>,
    ended: mpsc::UnboundedSender<(Lease, EndReason)>,
}

/// The leases that ended, one after the other.
pub struct Ends(mpsc::UnboundedReceiver<(Lease, EndReason)>);

impl Ends {
    /// Waits for the next lease to end; none once the table is gone.
    pub async fn next(&mut self) -> Option<(Lease, EndReason)> {
        self.0.recv().await
    }
}

struct Inner {
    open: HashMap<LeaseId, Row>,
    by_slot: HashMap<Arc<SlotId>, BTreeMap<Generation, u32>>,
    by_uid: HashMap<u32, usize>,
    by_holder: HashMap<Holder, usize>,
    /// Open leases of all uids.
    most: usize,
    journal: Journal,
}

struct Row {
    lease: Lease,
    /// None if nobody knows: found in a damaged journal.
    holder: Option<Holder>,
    watcher: Option<AbortHandle>,
    /// Dropped with the row: whoever watches the lease then knows that it ended.
    ended: watch::Sender<()>,
}

impl Row {
    fn is_watched(&self) -> bool {
        self.ended.receiver_count() > 0
    }

    fn shown(&self) -> Open {
        let (lease, holder) = (self.lease.clone(), self.holder);
        Open { lease, holder, is_watched: self.is_watched() }
    }
}

impl Leases {
    /// Returns an empty table over a journal, and where it tells of leases that ended.
    pub(super) fn over(journal: Journal, most: usize) -> (Arc<Self>, Ends) {
        let (ended, ends) = mpsc::unbounded_channel();
        let inner = Inner {
            open: HashMap::new(),
            by_slot: HashMap::new(),
            by_uid: HashMap::new(),
            by_holder: HashMap::new(),
            most,
            journal,
        };
        let (refreshing, inner) = (Arc::default(), Mutex::new(inner));
        (Arc::new(Self { refreshing, inner, ended }), Ends(ends))
    }

    /// Opens a lease and starts to watch its holder.
    ///
    /// # Errors
    /// If there are too many, or if the holder cannot be watched.
    pub fn open(self: &Arc<Self>, new: NewLease) -> Result<(), Refused> {
        let mut inner = self.inner();
        inner.has_room_for(&new)?;
        let NewLease { lease, holder, pidfd, .. } = new;
        let watcher = watching::holder(Arc::downgrade(self), lease.id.clone(), pidfd)
            .map_err(Refused::Unwatchable)?;
        inner.journal.opened(&Stored::of(&lease, holder));
        inner.insert(lease, Some(holder), Some(watcher));
        Ok(())
    }

    /// Puts back a lease from before a restart. Without a pidfd its holder is unknown, and counts as holding.
    pub(super) fn restore(
        self: &Arc<Self>,
        lease: Lease,
        holder: Option<Holder>,
        pidfd: Option<OwnedFd>,
    ) {
        // Held over both: a watcher that sees the end at once waits for the row it is to remove.
        let mut inner = self.inner();
        let watcher = pidfd
            .and_then(|pidfd| watching::holder(Arc::downgrade(self), lease.id.clone(), pidfd).ok());
        inner.insert(lease, holder, watcher);
    }

    /// Tells of a lease that ended while nobody kept the table.
    pub(super) fn ended_before(&self, lease: Lease) {
        let _told = self.ended.send((lease, EndReason::HolderEnded));
    }

    /// Ends one lease. Returns it, if it was open.
    pub fn end(&self, id: &LeaseId, reason: EndReason) -> Option<Lease> {
        let lease = self.inner().remove(id)?;
        // The receiver is gone only when the daemon ends.
        let _told = self.ended.send((lease.clone(), reason));
        Some(lease)
    }

    /// Ends the lease whose place another one of the same uid and slot took. One of another slot stays: its
    /// holder got nothing newer for it.
    pub fn end_replaced(&self, id: &LeaseId, uid: u32, slot: &SlotId) {
        let is_replaced = self.inner().replaced(id, uid, slot).is_some();
        if is_replaced {
            self.end(id, EndReason::Moved);
        }
    }

    /// Ends every lease of a slot.
    pub fn end_slot(&self, slot: &SlotId, reason: EndReason) {
        self.end_where(reason, |lease| *lease.slot == *slot);
    }

    /// Ends every lease of generations that `gone` picks.
    pub fn end_generations(&self, slot: &SlotId, gone: impl Fn(Generation) -> bool) {
        self.end_where(EndReason::GenerationGone, |lease| {
            *lease.slot == *slot && gone(lease.generation)
        });
    }

    fn end_where(&self, reason: EndReason, picks: impl Fn(&Lease) -> bool) {
        let picked: Vec<LeaseId> = {
            let inner = self.inner();
            let rows = inner.open.values().filter(|row| picks(&row.lease));
            rows.map(|row| row.lease.id.clone()).collect()
        };
        for id in picked {
            self.end(&id, reason);
        }
    }

    /// Returns the lease if it is open and this uid's, with a channel that closes when it ends.
    pub fn of_uid(&self, id: &LeaseId, uid: u32) -> Option<(Lease, watch::Receiver<()>)> {
        let inner = self.inner();
        let row = inner.open.get(id).filter(|row| row.lease.uid == uid)?;
        Some((row.lease.clone(), row.ended.subscribe()))
    }

    /// Returns whether somebody waits for the end of this lease.
    pub fn is_watched(&self, id: &LeaseId) -> bool {
        self.inner().open.get(id).is_some_and(Row::is_watched)
    }

    /// Returns every open lease, in no order.
    pub fn all(&self) -> Vec<Open> {
        self.inner().open.values().map(Row::shown).collect()
    }

    /// Returns the lease whose id begins so.
    pub fn meant_by(&self, beginning: &str) -> Meant {
        let inner = self.inner();
        let mut rows = inner.open.iter().filter(|(id, _)| id.0.starts_with(beginning));
        match (rows.next(), rows.next()) {
            (Some((_, row)), None) => Meant::One(Box::new(row.shown())),
            (None, _) => Meant::None,
            (Some(_), Some(_)) => Meant::Several,
        }
    }

    /// Returns the generations of a slot that somebody holds or may hold, with how many leases each.
    pub fn held(&self, slot: &SlotId) -> BTreeMap<Generation, u32> {
        self.inner().by_slot.get(slot).cloned().unwrap_or_default()
    }

    /// Returns whether this uid has a lease.
    pub fn has_uid(&self, uid: u32) -> bool {
        self.inner().by_uid.contains_key(&uid)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Counts what is held, but for a lease that ends in favour of the new one.
    fn has_room_for(&self, new: &NewLease) -> Result<(), Refused> {
        let NewLease { lease, holder, replaces, .. } = new;
        let going = replaces.as_ref().and_then(|id| self.replaced(id, lease.uid, &lease.slot));
        let left = |held: usize, goes: bool| held.saturating_sub(usize::from(goes));
        let of_holder = self.by_holder.get(holder).copied().unwrap_or(0);
        let of_uid = self.by_uid.get(&lease.uid).copied().unwrap_or(0);
        if left(of_holder, going.is_some_and(|row| row.holder == Some(*holder))) >= PER_PROCESS {
            return Err(Refused::TooManyOfProcess);
        }
        if left(of_uid, going.is_some()) >= PER_UID.min(self.most / 4)
            || left(self.open.len(), going.is_some()) >= self.most
        {
            return Err(Refused::TooMany);
        }
        Ok(())
    }

    fn replaced(&self, id: &LeaseId, uid: u32, slot: &SlotId) -> Option<&Row> {
        self.open.get(id).filter(|row| row.lease.uid == uid && *row.lease.slot == *slot)
    }

    fn insert(&mut self, lease: Lease, holder: Option<Holder>, watcher: Option<AbortHandle>) {
        let counts = self.by_slot.entry(lease.slot.clone()).or_default();
        let count = counts.entry(lease.generation).or_insert(0);
        *count = count.saturating_add(1);
        let of_uid = self.by_uid.entry(lease.uid).or_insert(0);
        *of_uid = of_uid.saturating_add(1);
        if let Some(holder) = holder {
            let of_holder = self.by_holder.entry(holder).or_insert(0);
            *of_holder = of_holder.saturating_add(1);
        }
        let row = Row { lease: lease.clone(), holder, watcher, ended: watch::Sender::new(()) };
        self.open.insert(lease.id, row);
    }

    fn remove(&mut self, id: &LeaseId) -> Option<Lease> {
        let row = self.open.remove(id)?;
        if let Some(watcher) = row.watcher {
            watcher.abort();
        }
        let lease = row.lease;
        if let Some(counts) = self.by_slot.get_mut(&lease.slot) {
            lower(counts.get_mut(&lease.generation));
            counts.retain(|_, count| *count > 0);
            if counts.is_empty() {
                self.by_slot.remove(&lease.slot);
            }
        }
        one_less(&mut self.by_uid, &lease.uid);
        if let Some(holder) = row.holder {
            one_less(&mut self.by_holder, &holder);
        }
        self.journal.ended(id, self.open.len());
        Some(lease)
    }
}

fn lower(count: Option<&mut u32>) {
    if let Some(count) = count {
        *count = count.saturating_sub(1);
    }
}

/// Counts one down, and forgets what is down to none.
fn one_less<K: Eq + Hash>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.remove(key);
        }
    }
}

/// Open leases of one process: one that asks in a loop must not use up those of its user.
pub(crate) const PER_PROCESS: usize = 64;
/// Open leases of one uid. Each costs a descriptor and a small task.
pub(crate) const PER_UID: usize = 1_024;
