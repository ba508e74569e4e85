//! The loop of one slot: hear something, let the lifecycle decide, carry out its effects. One call to
//! Snowflake is on its way at most; everything else is heard meanwhile.

use std::sync::Arc;

use pat_wire::secret::Secret;
use patd_core::lifecycle::{self, Alarm, Effect, Event, Slot};
use patd_core::names::{Generation, IntentId, SlotId};
use patd_core::pace::Urgency;
use patd_core::time::Timestamp;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::calls::{Answer, InFlight};
use super::handle::Handle;
use super::mailbox::{Found, Mailbox, Order};
use super::registry::{Command, Kit};
use super::terms::Terms;

/// Everything one slot's loop works with.
pub(super) struct Actor {
    pub(super) id: Arc<SlotId>,
    pub(super) kit: Arc<Kit>,
    pub(super) terms: Terms,
    pub(super) state: Arc<Slot>,
    pub(super) memory: Memory,
    handle: Arc<Handle>,
    mailbox: Arc<Mailbox>,
}

/// What is known only while the loop runs.
#[derive(Default)]
pub(super) struct Memory {
    /// The call on its way.
    pub(super) call: Option<InFlight>,
    /// A secret that Snowflake just returned and that is not sealed yet.
    pub(super) minted: Option<(Generation, Secret)>,
    /// When to look again at the latest.
    pub(super) wake: Option<Timestamp>,
    /// Somebody waits for what is asked now.
    pub(super) is_wished: bool,
    /// The disk failed: the lifecycle starts over from what was durable.
    pub(super) must_start_over: bool,
    /// The slot retires with the daemon: it does not serve again.
    pub(super) is_retiring: bool,
    /// The daemon ends: what is on its way is finished, nothing new is asked.
    pub(super) is_ending: bool,
    /// The slot is at rest: the loop has ended in order.
    is_at_rest: bool,
}

/// Something the loop heard.
enum Heard {
    Answer(Answer),
    Order(Order),
    Wish,
    Time,
    Stop,
}

impl Actor {
    pub(super) fn new(
        handle: Arc<Handle>,
        terms: Terms,
        state: Arc<Slot>,
        mailbox: Arc<Mailbox>,
    ) -> Box<Self> {
        let (id, kit) = (handle.id.clone(), handle.workplace.kit.clone());
        let memory = Memory { wake: handle.wake.at(), ..Memory::default() };
        Box::new(Self { id, kit, terms, state, memory, handle, mailbox })
    }

    /// Lives until the slot is at rest or the daemon ends, and finishes the call on its way first.
    /// Boxed, so that many waiting loops are small.
    pub(super) async fn live(mut self: Box<Self>, is_first: bool, stop: CancellationToken) {
        if is_first {
            Box::pin(self.leave()).await;
            Box::pin(self.take(Event::Started)).await;
            Box::pin(self.tick()).await;
        }
        while !self.rests() {
            let heard = self.hear(&stop).await;
            self.terms = self.handle.terms();
            match heard {
                Heard::Answer(answer) => Box::pin(self.answered(answer)).await,
                Heard::Order(order) => {
                    Box::pin(self.commanded(order.command, order.done)).await;
                }
                Heard::Wish => Box::pin(self.wanted()).await,
                Heard::Time => Box::pin(self.tick()).await,
                Heard::Stop => self.end(),
            }
            if self.memory.is_ending && self.memory.call.is_none() {
                break;
            }
        }
    }

    /// Ends the loop, if there is nothing to do for a while and nobody has come.
    fn rests(&mut self) -> bool {
        let Memory { call, wake, must_start_over, is_retiring, is_ending, .. } = &self.memory;
        let is_busy = call.is_some() || *must_start_over || *is_retiring || *is_ending;
        let is_soon = wake.is_some_and(|at| at.since(self.kit.clock.now()) < WORTH_A_REST);
        self.memory.is_at_rest = !is_busy && !is_soon && self.handle.rest(&self.state, *wake);
        self.memory.is_at_rest
    }

    async fn hear(&mut self, stop: &CancellationToken) -> Heard {
        let is_ending = self.memory.is_ending;
        self.handle.wake.set(self.memory.wake);
        tokio::select! {
            biased;
            answer = next_answer(&mut self.memory.call) => Heard::Answer(answer),
            () = stop.cancelled(), if !is_ending => Heard::Stop,
            found = self.mailbox.take(), if !is_ending => match found {
                Found::Order(order) => Heard::Order(order),
                Found::Wish => Heard::Wish,
                Found::Nothing => Heard::Time,
            },
            () = waking(&self.kit, self.memory.wake), if !is_ending => Heard::Time,
        }
    }

    /// What still waits for its turn is not sent any more.
    fn end(&mut self) {
        self.memory.is_ending = true;
        self.withdraw();
    }

    /// A call that still waits for its turn never was: nothing is known to have been asked.
    fn withdraw(&mut self) {
        if self.memory.call.as_ref().is_some_and(InFlight::withdraw) {
            self.memory.call = None;
            Arc::make_mut(&mut self.state).flight = lifecycle::Flight::default();
        }
    }

    async fn answered(&mut self, answer: Answer) {
        self.memory.call = None;
        if let Some(time) = answer.server_time {
            self.kit.clock.anchor(time);
        }
        if self.memory.is_ending && matches!(answer.event, Event::Listed(_)) {
            // A list only says what to ask next, and nothing is asked any more.
            return;
        }
        self.note_answer(&answer.event);
        if let (Some(secret), Some(generation)) = (answer.secret, self.intended()) {
            self.memory.minted = Some((generation, secret));
        }
        let _durable = self.take(answer.event).await;
        self.leave().await;
        // Sealed by now, or lost: then the lifecycle finds the orphan by its name.
        self.memory.minted = None;
    }

    async fn commanded(&mut self, command: Command, done: oneshot::Sender<bool>) {
        if self.memory.must_start_over && self.memory.call.is_none() {
            self.start_over().await;
        }
        let event = match command {
            Command::Revoke => Some(Event::Revoke),
            Command::Retire => {
                self.memory.is_retiring = true;
                Some(Event::Retire)
            }
            // Named again meanwhile: somebody thinks that there is such a user.
            Command::Gone if self.terms.is_configured => None,
            Command::Gone => Some(Event::Gone),
            Command::Judge(failed) => Some(Event::Judged { failed }),
            Command::Rotate { taint } => fresh().map(|fresh| Event::Rotate { taint, fresh }),
            Command::Enrol => fresh().map(|fresh| Event::Enrol { fresh }),
        };
        let is_durable = match event {
            Some(event @ (Event::Revoke | Event::Retire | Event::Gone)) => {
                // Nothing that waits for its turn stands between a tombstone and its REMOVE.
                self.withdraw();
                self.take(event).await
            }
            Some(event) => {
                self.look_for_room().await;
                self.take_as_wished(event).await
            }
            None => false,
        };
        // Whoever asked may have gone.
        let _heard = done.send(is_durable);
    }

    /// Tells the lifecycle that time passed. A slot that nobody configures any more issues nothing, but what
    /// was revoked is still removed.
    async fn tick(&mut self) {
        self.memory.wake = None;
        if self.memory.must_start_over && self.memory.call.is_none() {
            self.start_over().await;
            if self.memory.must_start_over {
                return;
            }
        }
        if self.is_left() {
            return self.leave().await;
        }
        self.look_for_room().await;
        self.serve_again().await;
        let Some(fresh) = fresh() else { return };
        let held = self.kit.leases.held(&self.id).into_keys().collect();
        self.take(Event::Tick { held, fresh }).await;
    }

    /// Tells the lifecycle that the configuration does not name the slot, if it does not.
    async fn leave(&mut self) {
        if self.is_left() {
            self.take(Event::Unconfigured).await;
        }
    }

    fn is_left(&self) -> bool {
        !self.terms.is_configured && !self.is_tombstoned()
    }

    /// Lifts the tombstone that the daemon itself made when it ended.
    async fn serve_again(&mut self) {
        if self.state.retired && self.terms.is_configured && !self.memory.is_retiring {
            let Some(fresh) = fresh() else { return };
            self.take(Event::Enrol { fresh }).await;
        }
    }

    /// Somebody found no secret. A disk that failed is waited for: whoever asks does not make it answer sooner.
    async fn wanted(&mut self) {
        if self.memory.must_start_over || !self.terms.is_configured {
            return;
        }
        let Some(fresh) = fresh() else { return };
        self.take_as_wished(Event::Wanted { fresh }).await;
        // The bell may have rung for the time as well.
        self.tick().await;
    }

    /// What follows, and what waits for its turn already, goes before what nobody waits for.
    async fn take_as_wished(&mut self, event: Event) -> bool {
        if let Some(call) = &self.memory.call {
            call.hurry();
        }
        self.memory.is_wished = true;
        let is_durable = self.take(event).await;
        self.memory.is_wished = false;
        is_durable
    }

    /// Tells the lifecycle when the disk got too full to begin a generation, or is so no more.
    async fn look_for_room(&mut self) {
        let is_enough = self.kit.disk.look(&self.kit.alarms);
        if is_enough == self.state.flight.is_cramped {
            self.take(Event::Room { is_enough }).await;
        }
    }

    /// Returns how urgent what is asked now is.
    pub(super) fn urgency(&self) -> Urgency {
        match (self.is_revoking(), self.memory.is_wished) {
            (true, _) => Urgency::Emergency,
            (false, true) => Urgency::Wished,
            (false, false) => Urgency::Ordinary,
        }
    }

    /// The state in force is put once more: then the disk has it, whatever came of the put that failed.
    async fn start_over(&mut self) {
        if !self.store(Some(Slot::clone(&self.state))).await {
            return;
        }
        self.memory.must_start_over = false;
        Arc::make_mut(&mut self.state).flight = lifecycle::Flight::default();
        self.take(Event::Started).await;
    }

    /// Lets the lifecycle decide and carries out its effects. Returns whether all that had to be durable is.
    async fn take(&mut self, event: Event) -> bool {
        let now = self.kit.clock.now();
        let rules = self.terms.rules(&self.id);
        let (next, effects) = lifecycle::step(&self.state, &event, now, &rules);
        self.carry_out(next, effects).await
    }

    async fn carry_out(&mut self, next: Slot, effects: Vec<Effect>) -> bool {
        let mut next = Some(next);
        if !effects.contains(&Effect::Store) && !effects.contains(&Effect::Forget) {
            self.commit(next.take());
        }
        for effect in effects {
            crate::crash::point();
            let is_done = if effect == Effect::Store {
                self.store(next.take()).await
            } else if effect == Effect::Forget {
                self.forget(next.take()).await
            } else {
                self.perform(effect);
                true
            };
            if !is_done {
                return false;
            }
            crate::crash::point();
        }
        true
    }

    /// Makes a state the one in force, for the loop and for everybody who looks.
    pub(super) fn commit(&mut self, next: Option<Slot>) {
        let Some(next) = next else { return };
        self.state = Arc::new(next);
        self.handle.commit(self.state.clone());
        let kept: Vec<Generation> = self.state.held().map(|held| held.generation).collect();
        self.kit.leases.end_generations(&self.id, |generation| !kept.contains(&generation));
    }
}

/// Unless the slot is at rest, nobody waits for it any more; if a fault ended the loop, a person hears of it.
impl Drop for Actor {
    fn drop(&mut self) {
        if self.memory.is_at_rest {
            return;
        }
        self.handle.close();
        if std::thread::panicking() {
            let message =
                "the slot's loop broke off; it is served, but not rotated any more".into();
            let next_step =
                "systemctl restart patd, and report what journalctl -u patd says".into();
            let alarm = Alarm { id: "slot-broke-off", message, next_step };
            self.kit.alarms.raise(&self.id.to_string(), &alarm);
        }
    }
}

/// Waits for the answer of the call on its way, for ever if there is none.
async fn next_answer(call: &mut Option<InFlight>) -> Answer {
    match call {
        Some(call) => call.answer().await,
        None => std::future::pending().await,
    }
}

async fn waking(kit: &Kit, wake: Option<Timestamp>) {
    match wake {
        Some(wake) => kit.clock.wait_until(wake).await,
        None => std::future::pending().await,
    }
}

/// A random id for an intent; none if the kernel gives no randomness: nothing is issued then.
fn fresh() -> Option<IntentId> {
    crate::chance::hex::<3>().map(IntentId::new)
}

/// Seconds: what is due sooner is waited for by the loop itself.
const WORTH_A_REST: i64 = 60;
