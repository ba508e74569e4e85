//! All slots by id: starts their loops, finds them, replaces their rules on a reload.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use patd_core::lifecycle::{Rules, Slot};
use patd_core::names::{self, SlotId};
use patd_core::pace::{HeldUp, Limits};
use patd_core::time::Timestamp;
use patd_snowflake::probe::Form;
use tokio::sync::{Notify, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::actor::{Actor, Memory, Terms};
use super::calls::{Account, Upstream};
use super::gate::Gate;
use super::mailbox::{Mailbox, Order};
use super::view::View;
use crate::alarms::Alarms;
use crate::audit::Audit;
use crate::clock::Clock;
use crate::disk::Disk;
use crate::leases::Leases;
use crate::reload::jitter;
use crate::store::Store;

/// What every slot works with.
pub struct Kit {
    /// Sealed, durable state and secrets.
    pub store: Arc<dyn Store>,
    /// The audit log.
    pub audit: Arc<Audit>,
    /// Who holds what.
    pub leases: Arc<Leases>,
    /// What a person must act on.
    pub alarms: Arc<Alarms>,
    /// The time.
    pub clock: Arc<Clock>,
    /// Whether the disk has room for another generation.
    pub disk: Arc<Disk>,
    /// Rung when a slot serves another generation.
    pub promoted: Arc<Notify>,
}

/// What configuration wants of one slot. Slots of one account share its upstream.
#[derive(Clone)]
pub struct Plan {
    /// The rules it lives by.
    pub rules: Rules,
    /// Where it asks.
    pub upstream: Arc<dyn Upstream>,
    /// How its clients present the secret, and so how it is proven.
    pub form: Form,
    /// False for a slot that only the store knows: it issues nothing, and can be revoked.
    pub is_configured: bool,
}

/// What a person, or the watch, wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// A new generation now.
    Rotate {
        /// Why the current secret is no longer trusted, if so.
        taint: Option<String>,
    },
    /// No more hand-outs, and no tokens at Snowflake.
    Revoke,
    /// The daemon ends: no more hand-outs and no tokens at Snowflake until it serves again.
    Retire,
    /// Lift a tombstone, quarantine or fence.
    Enrol,
    /// Keep in mind which checks about the slot do not hold, by their ids.
    Judge(BTreeSet<String>),
}

/// One slot, from outside.
pub struct Handle {
    /// Its id.
    pub id: Arc<SlotId>,
    mailbox: Arc<Mailbox>,
    view: watch::Receiver<View>,
    wake: Arc<Wake>,
}

/// When a slot has to look again at the latest, as its loop knows it and a tick compares it.
pub(super) struct Wake(AtomicI64);

/// All slots. One for the daemon.
pub struct Slots {
    kit: Arc<Kit>,
    by_id: ArcSwap<BTreeMap<Arc<SlotId>, Arc<Handle>>>,
    gates: Mutex<BTreeMap<names::Account, Arc<Gate>>>,
    tasks: TaskTracker,
    /// Loops that wait for [`Slots::begin`]; none once it was called.
    waiting: Mutex<Option<Vec<Actor>>>,
    stop: CancellationToken,
}

impl Slots {
    /// Returns no slots yet; their loops end when `stop` says so.
    pub fn new(kit: Arc<Kit>, stop: CancellationToken) -> Self {
        let waiting = Mutex::new(Some(Vec::new()));
        let (by_id, gates) = (ArcSwap::default(), Mutex::default());
        Self { kit, by_id, gates, tasks: TaskTracker::new(), waiting, stop }
    }

    /// Lets the loops begin. Until then slots are served as they were stored, and orders wait: a thousand first
    /// looks hold up neither the doors nor the word that they are open.
    pub fn begin(&self) {
        let waiting = self.waiting().take();
        waiting.into_iter().flatten().for_each(|actor| self.let_live(actor));
    }

    fn let_live(&self, actor: Actor) {
        self.tasks.spawn(Box::new(actor).live(self.stop.clone()));
    }

    /// Brings the slots to a plan: new ones start from `stored`, or empty; others live by their new rules when
    /// this returns. A slot that is not in the plan stays as it is.
    pub async fn adopt(&self, plans: BTreeMap<SlotId, Plan>, mut stored: BTreeMap<SlotId, Slot>) {
        let mut by_id = BTreeMap::clone(&self.by_id.load());
        let mut retold = Vec::new();
        let accounts = self.accounts(&plans);
        let nowhere = |plan: &Plan| Arc::new(Account::new(plan.upstream.clone(), None));
        for (id, plan) in plans {
            let terms = Terms {
                account: accounts.get(&id.account).cloned().unwrap_or_else(|| nowhere(&plan)),
                rules: Arc::new(plan.rules),
                form: plan.form,
                is_configured: plan.is_configured,
            };
            match by_id.get(&id) {
                Some(handle) => retold.push(handle.retell(terms)),
                None => {
                    let state = stored
                        .remove(&id)
                        .unwrap_or_else(|| Slot::new(self.kit.store.host().clone()));
                    let handle = self.start(Arc::new(id), terms, state);
                    by_id.insert(handle.id.clone(), Arc::new(handle));
                }
            }
        }
        self.by_id.store(Arc::new(by_id));
        for done in retold {
            // A loop that ended serves nobody by any rules.
            let _ended = done.await;
        }
    }

    /// One gate an account, whatever the number of its slots, and the same after a reload.
    fn accounts(&self, plans: &BTreeMap<SlotId, Plan>) -> BTreeMap<names::Account, Arc<Account>> {
        let mut users: BTreeMap<&names::Account, (usize, &Arc<dyn Upstream>)> = BTreeMap::new();
        for (id, plan) in plans.iter().filter(|(_, plan)| plan.upstream.throttled().is_some()) {
            users.entry(&id.account).or_insert((0, &plan.upstream)).0 += 1;
        }
        let mut gates = self.gates();
        gates.retain(|name, _| users.contains_key(name));
        let account =
            |(name, (users, upstream)): (&names::Account, (usize, &Arc<dyn Upstream>))| {
                let limits = Limits::new(upstream.statements_per_hour(), users);
                let gate = match gates.get(name) {
                    Some(gate) => {
                        gate.reconfigure(limits);
                        gate.clone()
                    }
                    None => {
                        let (clock, alarms) = (self.kit.clock.clone(), self.kit.alarms.clone());
                        let pace = (limits, jitter(self.kit.store.host(), name.as_str()));
                        let gate = Gate::new(name.clone(), pace, clock, alarms);
                        gates.insert(name.clone(), gate.clone());
                        gate
                    }
                };
                (name.clone(), Arc::new(Account::new(upstream.clone(), Some(gate))))
            };
        users.into_iter().map(account).collect()
    }

    fn start(&self, id: Arc<SlotId>, terms: Terms, state: Slot) -> Handle {
        let mailbox = Arc::new(Mailbox::default());
        let state = Arc::new(state);
        let first = View {
            slot: state.clone(),
            rules: terms.rules.clone(),
            form: terms.form,
            is_configured: terms.is_configured,
        };
        let (out, view) = watch::channel(first);
        let wake = Arc::new(Wake::unknown());
        let actor = Actor {
            id: id.clone(),
            kit: self.kit.clone(),
            terms,
            state,
            mailbox: mailbox.clone(),
            wake: wake.clone(),
            out,
            memory: Memory::default(),
        };
        match self.waiting().as_mut() {
            Some(waiting) => waiting.push(actor),
            None => self.let_live(actor),
        }
        Handle { id, mailbox, view, wake }
    }

    /// Returns one slot.
    pub fn find(&self, id: &SlotId) -> Option<Arc<Handle>> {
        self.by_id.load().get(id).cloned()
    }

    /// Returns all slots, by id.
    pub fn all(&self) -> Vec<Arc<Handle>> {
        self.by_id.load().values().cloned().collect()
    }

    /// Shows all slots, by id, without copying them.
    pub fn each(&self, mut show: impl FnMut(&Handle)) {
        self.by_id.load().values().for_each(|handle| show(handle));
    }

    /// Lets the slots look for which something is due, and the calls go that waited for their time. Cheap, and never
    /// waits.
    pub fn tick(&self) {
        let now = self.kit.clock.now();
        let by_id = self.by_id.load();
        by_id.values().filter(|handle| handle.wake.is_due(now)).for_each(|handle| handle.nudge());
        self.all_gates().iter().for_each(Gate::look);
    }

    /// Returns the accounts whose calls are held up, and why.
    pub fn held_up(&self) -> Vec<(names::Account, HeldUp)> {
        let gates = self.all_gates();
        let held_up = |gate: &Arc<Gate>| Some((gate.account().clone(), gate.held_up()?));
        gates.iter().filter_map(held_up).collect()
    }

    /// Waits until every loop has ended; those that never began end here. Call after `stop`.
    pub async fn ended(&self) {
        drop(self.waiting().take());
        self.tasks.close();
        self.tasks.wait().await;
    }

    fn all_gates(&self) -> Vec<Arc<Gate>> {
        self.gates().values().cloned().collect()
    }

    fn gates(&self) -> MutexGuard<'_, BTreeMap<names::Account, Arc<Gate>>> {
        self.gates.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waiting(&self) -> MutexGuard<'_, Option<Vec<Actor>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Handle {
    /// Returns the slot as it is now.
    pub fn view(&self) -> View {
        self.view.borrow().clone()
    }

    /// Shows the slot as it is now, without copying it. Others wait for this look to end.
    pub fn glance<T>(&self, look: impl FnOnce(&View) -> T) -> T {
        look(&self.view.borrow())
    }

    /// Returns a channel that shows the slot whenever it changes.
    pub fn follow(&self) -> watch::Receiver<View> {
        self.view.clone()
    }

    /// Lets the slot look whether something is due.
    pub fn nudge(&self) {
        self.mailbox.ring();
    }

    /// Lets the slot know that a request found no secret; it tries at once if [`View::heeds_a_wish`].
    pub fn wish(&self) {
        self.mailbox.wish();
    }

    /// Carries out a command. Returns whether its decision is durable; what follows shows in [`Self::follow`].
    pub async fn command(&self, command: Command) -> bool {
        let (done, durable) = oneshot::channel();
        self.mailbox.put(Order::Command { command, done }) && durable.await.unwrap_or(false)
    }

    /// New rules are never turned away: whoever fills the mailbox would keep the old ones in force.
    fn retell(&self, terms: Terms) -> oneshot::Receiver<()> {
        let (done, taken) = oneshot::channel();
        self.mailbox.put_first(Order::Terms { terms, done });
        taken
    }
}

impl Wake {
    /// Not before the loop has looked for the first time.
    pub(super) fn unknown() -> Self {
        Self(AtomicI64::new(NEVER))
    }

    pub(super) fn set(&self, at: Option<Timestamp>) {
        self.0.store(at.map_or(NEVER, |at| at.0), Ordering::Relaxed);
    }

    /// A moment too far away is a clock that went back: no slot plans that far ahead.
    fn is_due(&self, now: Timestamp) -> bool {
        let at = self.0.load(Ordering::Relaxed);
        at != NEVER && !(1..=FARTHEST).contains(&Timestamp(at).since(now))
    }
}

const NEVER: i64 = i64::MIN;
/// Seconds: a slot looks at Snowflake's list every hour, a quarter more or less.
const FARTHEST: i64 = 2 * 3_600;
