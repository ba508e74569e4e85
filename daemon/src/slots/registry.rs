//! All slots by id: lets them begin, finds them, wakes those that are due, replaces their rules on a reload.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use patd_core::lifecycle::{Rules, Slot};
use patd_core::names::{self, SlotId, TokenName};
use patd_core::pace::{HeldUp, Limits};
use patd_core::time::Timestamp;
use patd_snowflake::probe::Form;
use tokio::runtime::Handle as Runtime;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::calls::{Account, Upstream};
use super::due::First;
use super::gate::Gate;
use super::handle::{Handle, Workplace};
use super::terms::{Shapes, Terms};
use crate::alarms::Alarms;
use crate::audit::Audit;
use crate::clock::Clock;
use crate::disk::Disk;
use crate::leases::Leases;
use crate::metrics::Traffic;
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
    /// The user is gone at Snowflake: forget the slot.
    Gone,
    /// Keep in mind which checks about the slot do not hold, by their ids.
    Judge(BTreeSet<String>),
}

/// All slots. One for the daemon.
pub struct Slots {
    workplace: Arc<Workplace>,
    /// In the order of their ids.
    all: Arc<ArcSwap<Vec<Arc<Handle>>>>,
    gates: Mutex<BTreeMap<names::Account, Arc<Gate>>>,
    has_begun: AtomicBool,
}

impl Slots {
    /// Returns no slots yet; their loops live on the runtime that this is called on, and end when `stop` says so.
    pub fn new(kit: Arc<Kit>, stop: CancellationToken) -> Self {
        let (runtime, tasks, first) = (Runtime::current(), TaskTracker::new(), First::unknown());
        let workplace = Arc::new(Workplace { kit, runtime, tasks, stop, first });
        let (all, gates) = (Arc::default(), Mutex::default());
        Self { workplace, all, gates, has_begun: AtomicBool::new(false) }
    }

    /// Lets the slots begin. Until then they are served as they were stored, and orders wait: a thousand first
    /// looks hold up neither the doors nor the word that they are open.
    pub fn begin(&self) {
        self.has_begun.store(true, Ordering::Relaxed);
        self.go_round(self.all.load_full(), Handle::begin);
        let (workplace, all) = (self.workplace.clone(), self.all.clone());
        let keeping = async move {
            tokio::select! {
                () = keep_time(&workplace, &all) => {}
                () = workplace.stop.cancelled() => {}
            }
        };
        self.workplace.runtime.spawn(keeping);
    }

    /// Brings the slots to a plan: new ones start from `stored`, or empty; others live by their new rules when
    /// this returns. A slot that is not in the plan stays as it is.
    pub fn adopt(&self, plans: BTreeMap<SlotId, Plan>, mut stored: BTreeMap<SlotId, Slot>) {
        let mut all = Vec::clone(&self.all.load());
        // Until all names lie apart: the place of one that went would be taken for the next.
        drop(stored.values_mut().filter_map(set_apart).collect::<Vec<TokenName>>());
        let mut shapes = Shapes::default();
        let accounts = self.accounts(&plans);
        let nowhere = |plan: &Plan| Arc::new(Account::new(plan.upstream.clone(), None));
        let (mut retold, mut new) = (Vec::new(), Vec::new());
        for (id, plan) in plans {
            let account = accounts.get(&id.account).cloned().unwrap_or_else(|| nowhere(&plan));
            let terms = Terms::new(plan, account, &mut shapes);
            match place_of(&all, &id).ok().and_then(|place| all.get(place)) {
                Some(handle) => {
                    handle.retell(terms);
                    retold.push(handle.clone());
                }
                None => {
                    let host = self.workplace.kit.store.host();
                    let state = stored.remove(&id).unwrap_or_else(|| Slot::new(host.clone()));
                    new.push(Handle::new(self.workplace.clone(), id, terms, &Arc::new(state)));
                }
            }
        }
        all.extend(new.iter().cloned());
        all.sort_by(|one, other| one.id.cmp(&other.id));
        all.shrink_to_fit();
        self.all.store(Arc::new(all));
        if self.has_begun.load(Ordering::Relaxed) {
            self.go_round(Arc::new(new), Handle::begin);
            self.go_round(Arc::new(retold), Handle::nudge);
        }
    }

    /// Lets slots do something, a few at a time: loops that have nothing more to do end before the next begin.
    fn go_round(&self, slots: Arc<Vec<Arc<Handle>>>, act: fn(&Handle)) {
        let going = async move {
            for some in slots.chunks(AT_A_TIME) {
                some.iter().for_each(|handle| act(handle));
                tokio::task::yield_now().await;
            }
        };
        self.workplace.runtime.spawn(going);
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
                        let (clock, alarms) =
                            (self.workplace.kit.clock.clone(), self.workplace.kit.alarms.clone());
                        let pace = (limits, jitter(self.workplace.kit.store.host(), name.as_str()));
                        let gate = Gate::new(name.clone(), pace, clock, alarms);
                        gates.insert(name.clone(), gate.clone());
                        gate
                    }
                };
                (name.clone(), Arc::new(Account::new(upstream.clone(), Some(gate))))
            };
        users.into_iter().map(account).collect()
    }

    /// Returns one slot.
    pub fn find(&self, id: &SlotId) -> Option<Arc<Handle>> {
        let all = self.all.load();
        place_of(&all, id).ok().and_then(|place| all.get(place)).cloned()
    }

    /// Returns all slots, by id, but for those that were forgotten.
    pub fn all(&self) -> Vec<Arc<Handle>> {
        self.all.load().iter().filter(|handle| !handle.is_forgotten()).cloned().collect()
    }

    /// Shows all slots, by id, without copying them, but for those that were forgotten.
    pub fn each(&self, mut show: impl FnMut(&Handle)) {
        let all = self.all.load();
        all.iter().filter(|handle| !handle.is_forgotten()).for_each(|handle| show(handle));
    }

    /// Lets the slots look for which something is due, and the calls go that waited for their time. Cheap, and never
    /// waits.
    pub fn tick(&self) {
        ring_due(&self.workplace, &self.all.load());
        self.all_gates().iter().for_each(Gate::look);
    }

    /// Returns the accounts whose calls are held up, and why.
    pub fn held_up(&self) -> Vec<(names::Account, HeldUp)> {
        let gates = self.all_gates();
        let held_up = |gate: &Arc<Gate>| Some((gate.account().clone(), gate.held_up()?));
        gates.iter().filter_map(held_up).collect()
    }

    /// Returns what went to each account, and what waits.
    pub fn traffic(&self) -> Vec<Traffic> {
        self.all_gates().iter().map(|gate| gate.traffic()).collect()
    }

    /// Waits until every loop has ended, and closes the slots, those that are at rest and those that never began. Call
    /// after `stop`.
    pub async fn ended(&self) {
        self.workplace.tasks.close();
        self.workplace.tasks.wait().await;
        self.all.load().iter().for_each(|handle| handle.close());
    }

    fn all_gates(&self) -> Vec<Arc<Gate>> {
        self.gates().values().cloned().collect()
    }

    fn gates(&self) -> MutexGuard<'_, BTreeMap<names::Account, Arc<Gate>>> {
        self.gates.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wakes the slots at rest when their time has come, each within a second of it.
async fn keep_time(workplace: &Arc<Workplace>, all: &ArcSwap<Vec<Arc<Handle>>>) {
    loop {
        workplace.first.come(&workplace.kit.clock).await;
        ring_due(workplace, &all.load());
        tokio::time::sleep(PAUSE).await;
    }
}

fn ring_due(workplace: &Workplace, all: &[Arc<Handle>]) {
    let now = workplace.kit.clock.now();
    workplace.first.forget();
    let mut first: Option<Timestamp> = None;
    for handle in all {
        if handle.wake.is_due(now) {
            handle.nudge();
        } else if let Some(at) = handle.wake.at() {
            first = Some(first.map_or(at, |first| first.min(at)));
        }
    }
    workplace.first.note(first);
}

/// Lets what stays of a state lie apart from all that was read with it, which can be given back to the system then.
/// Returns what it had.
fn set_apart(state: &mut Slot) -> Option<TokenName> {
    let serving = state.serving.as_mut()?;
    let apart = TokenName::new(serving.name.as_str());
    Some(std::mem::replace(&mut serving.name, apart))
}

fn place_of(all: &[Arc<Handle>], id: &SlotId) -> Result<usize, usize> {
    all.binary_search_by(|handle| (*handle.id).cmp(id))
}

const PAUSE: Duration = Duration::from_secs(1);
const AT_A_TIME: usize = 32;
