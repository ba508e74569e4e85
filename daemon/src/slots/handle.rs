//! One slot, seen from outside. Its state is kept here. A loop (`actor`) lives only while there is something to do, and
//! whoever brings something starts it. The lock is held for a moment at a time, never while anything is waited for.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use patd_core::lifecycle::Slot;
use patd_core::names::{Generation, SlotId};
use patd_core::time::Timestamp;
use tokio::runtime::Handle as Runtime;
use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::actor::Actor;
use super::due::{First, Wake};
use super::mailbox::{Mailbox, Order};
use super::registry::{Command, Kit};
use super::resting::Kept;
use super::terms::Terms;
use super::view::View;

/// What the loops of all slots share.
pub(super) struct Workplace {
    pub(super) kit: Arc<Kit>,
    /// Loops are also started by threads that are not the runtime's.
    pub(super) runtime: Runtime,
    pub(super) tasks: TaskTracker,
    pub(super) stop: CancellationToken,
    pub(super) first: First,
}

/// One slot, from outside.
pub struct Handle {
    /// Its id.
    pub id: Arc<SlotId>,
    pub(super) wake: Wake,
    pub(super) workplace: Arc<Workplace>,
    this: Weak<Self>,
    cell: Mutex<Cell>,
}

struct Cell {
    kept: Kept,
    terms: Terms,
    /// Whoever follows the slot; none, if nobody did lately.
    out: Option<watch::Sender<View>>,
    /// The mailbox of the loop; none, if the slot is at rest.
    awake: Option<Arc<Mailbox>>,
    /// Until then orders wait.
    has_begun: bool,
    /// The daemon ends, or a fault ended the loop.
    is_closed: bool,
}

/// What a tick asks about each slot, and so without copying anything.
#[derive(Clone, Copy, Debug)]
pub struct Glance {
    /// The generation that is served.
    pub serves: Option<Generation>,
    /// Whether it waits for the first look of the watch.
    pub waits_for_a_look: bool,
    /// Whether the configuration still names the slot.
    pub is_configured: bool,
}

impl Handle {
    /// Returns a slot in this state that has not begun.
    pub(super) fn new(
        workplace: Arc<Workplace>,
        id: SlotId,
        terms: Terms,
        state: &Arc<Slot>,
    ) -> Arc<Self> {
        let kept = Kept::of(state, workplace.kit.store.host(), &terms.role);
        let (has_begun, is_closed) = (false, false);
        let cell = Cell { kept, terms, out: None, awake: None, has_begun, is_closed };
        Arc::new_cyclic(|this| Self {
            id: Arc::new(id),
            wake: Wake::unknown(),
            workplace,
            this: this.clone(),
            cell: Mutex::new(cell),
        })
    }

    /// Returns the slot as it is now.
    pub fn view(&self) -> View {
        self.view_of(&self.cell())
    }

    /// Returns the little that a tick asks about.
    pub fn glance(&self) -> Glance {
        let cell = self.cell();
        let serves = cell.kept.serves();
        let is_unseen = !cell.kept.was_looked_at() && cell.terms.wants_a_look();
        Glance {
            serves,
            waits_for_a_look: is_unseen && serves.is_some(),
            is_configured: cell.terms.is_configured,
        }
    }

    /// Returns whether nothing is known of it and the configuration does not name it. It begins anew when that does.
    pub(super) fn is_forgotten(&self) -> bool {
        let cell = self.cell();
        !cell.terms.is_configured && cell.kept.is_blank()
    }

    /// Returns a channel that shows the slot whenever it changes.
    pub fn follow(&self) -> watch::Receiver<View> {
        let mut cell = self.cell();
        if let Some(out) = &cell.out {
            return out.subscribe();
        }
        let (out, view) = watch::channel(self.view_of(&cell));
        // Of a slot that is closed there is nothing to wait for.
        cell.out = Some(out).filter(|_| !cell.is_closed);
        view
    }

    /// Lets the slot look whether something is due.
    pub fn nudge(&self) {
        self.leave(Mailbox::ring);
    }

    /// Lets the slot know that a request found no secret; it tries at once if [`View::heeds_a_wish`].
    pub fn wish(&self) {
        self.leave(Mailbox::wish);
    }

    /// Carries out a command. Returns whether its decision is durable; what follows shows in [`Self::follow`].
    pub async fn command(&self, command: Command) -> bool {
        let (done, durable) = oneshot::channel();
        let is_taken = self.leave(|mailbox| mailbox.put(Order { command, done }));
        is_taken == Some(true) && durable.await.unwrap_or(false)
    }

    /// Starts the loop for the first time.
    pub(super) fn begin(&self) {
        let mut cell = self.cell();
        if !cell.has_begun && !cell.is_closed && !self.workplace.stop.is_cancelled() {
            cell.has_begun = true;
            let mailbox = cell.awake.get_or_insert_default().clone();
            self.start(&cell, mailbox, true);
        }
    }

    /// Puts other terms in force: nobody is served by the old ones when this returns.
    pub(super) fn retell(&self, terms: Terms) {
        let mut cell = self.cell();
        cell.terms = terms;
        self.show(&cell);
    }

    /// Puts a state in force.
    pub(super) fn commit(&self, state: Arc<Slot>) {
        let mut cell = self.cell();
        cell.kept = Kept::Whole(state);
        self.show(&cell);
    }

    /// Returns the terms in force.
    pub(super) fn terms(&self) -> Terms {
        self.cell().terms.clone()
    }

    /// Lets the slot rest until then, or until somebody comes. False: somebody has come.
    pub(super) fn rest(&self, state: &Arc<Slot>, until: Option<Timestamp>) -> bool {
        let mut cell = self.cell();
        if !cell.awake.as_ref().is_some_and(|mailbox| mailbox.is_empty()) {
            return false;
        }
        cell.kept = Kept::of(state, self.workplace.kit.store.host(), &cell.terms.role);
        cell.out = cell.out.take().filter(|out| out.receiver_count() > 0);
        cell.awake = None;
        self.wake.set(until);
        self.workplace.first.note(until);
        true
    }

    /// Turns everybody away from now on; whoever waits hears it at once.
    pub(super) fn close(&self) {
        let mut cell = self.cell();
        cell.is_closed = true;
        cell.out = None;
        let mailbox = cell.awake.take();
        drop(cell);
        if let Some(mailbox) = mailbox {
            mailbox.clear();
        }
    }

    /// Leaves something for the loop, and starts it if the slot is at rest. None: it has ended.
    fn leave<T>(&self, leave: impl FnOnce(&Mailbox) -> T) -> Option<T> {
        let mut cell = self.cell();
        if cell.is_closed || (cell.awake.is_none() && self.workplace.stop.is_cancelled()) {
            return None;
        }
        let mailbox = match &cell.awake {
            Some(mailbox) => mailbox.clone(),
            None => {
                let mailbox: Arc<Mailbox> = Arc::default();
                cell.awake = Some(mailbox.clone());
                if cell.has_begun {
                    self.start(&cell, mailbox.clone(), false);
                }
                mailbox
            }
        };
        Some(leave(&mailbox))
    }

    fn start(&self, cell: &Cell, mailbox: Arc<Mailbox>, is_first: bool) {
        let Some(this) = self.this.upgrade() else { return };
        let state = cell.kept.whole(self.workplace.kit.store.host());
        let actor = Actor::new(this, cell.terms.clone(), state, mailbox);
        let live = actor.live(is_first, self.workplace.stop.clone());
        self.workplace.tasks.spawn_on(live, &self.workplace.runtime);
    }

    fn show(&self, cell: &Cell) {
        if let Some(out) = &cell.out {
            out.send_replace(self.view_of(cell));
        }
    }

    fn view_of(&self, cell: &Cell) -> View {
        View {
            slot: cell.kept.whole(self.workplace.kit.store.host()),
            rules: Arc::new(cell.terms.rules(&self.id)),
            form: cell.terms.form,
            is_configured: cell.terms.is_configured,
        }
    }

    fn cell(&self) -> MutexGuard<'_, Cell> {
        self.cell.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
