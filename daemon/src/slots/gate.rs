//! Where the calls of one account wait for their turn. Who goes next is decided by `patd_core::pace`; here are the
//! queues, the waiting and the waking.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use patd_core::lifecycle::Alarm;
use patd_core::names::{Account, User};
use patd_core::pace::{self, HeldUp, Limits, Pace, Showed, Turn, Urgency};
use patd_core::schedule::Jitter;
use tokio::sync::{Notify, oneshot};

use crate::alarms::Alarms;
use crate::clock::Clock;
use crate::metrics::Traffic;

/// The way to one account. It stays the same while the daemon runs, whatever is configured anew.
pub(crate) struct Gate {
    account: Account,
    waiting: Mutex<Waiting>,
    /// The alarm that stands. Whoever holds this brings it to what is so; taken before `waiting`.
    alarm: Mutex<Option<Alarm>>,
    /// Rung when it may be someone's turn at another time than was thought.
    changed: Notify,
    clock: Arc<Clock>,
    alarms: Arc<Alarms>,
}

struct Waiting {
    pace: Pace,
    emergencies: VecDeque<Call>,
    wished: VecDeque<Call>,
    ordinary: VecDeque<Call>,
    tickets: u64,
    /// Calls that went.
    sent: u64,
    /// Whether a task sees to it that nobody waits for ever.
    is_kept: bool,
}

struct Call {
    ticket: u64,
    user: User,
    turn: oneshot::Sender<Pass>,
}

/// A call in the queue, and how it is taken out of it, or moved forward.
pub(crate) struct Ticket {
    gate: Arc<Gate>,
    number: u64,
}

/// The place of a call on its way. Dropped without a word about the account, it says nothing about it.
pub(crate) struct Pass {
    gate: Arc<Gate>,
    inner: Option<pace::Pass>,
}

impl Gate {
    pub(crate) fn new(
        account: Account,
        (limits, jitter): (Limits, Jitter),
        clock: Arc<Clock>,
        alarms: Arc<Alarms>,
    ) -> Arc<Self> {
        let waiting = Mutex::new(Waiting {
            pace: Pace::new(limits, jitter, clock.read().boot),
            emergencies: VecDeque::new(),
            wished: VecDeque::new(),
            ordinary: VecDeque::new(),
            tickets: 0,
            sent: 0,
            is_kept: false,
        });
        let alarm = Mutex::default();
        Arc::new(Self { account, waiting, alarm, changed: Notify::new(), clock, alarms })
    }

    /// Takes over other limits.
    pub(crate) fn reconfigure(self: &Arc<Self>, limits: Limits) {
        self.waiting().pace.reconfigure(limits, self.clock.read().boot);
        self.look();
    }

    /// Queues a call. The receiver has its pass when it is its turn, and none when it was taken out.
    pub(crate) fn queue(
        self: &Arc<Self>,
        user: User,
        urgency: Urgency,
    ) -> (Ticket, oneshot::Receiver<Pass>) {
        let (turn, its_turn) = oneshot::channel();
        let mut waiting = self.waiting();
        waiting.tickets = waiting.tickets.wrapping_add(1);
        let number = waiting.tickets;
        waiting.queue(urgency).push_back(Call { ticket: number, user, turn });
        self.admit(&mut waiting);
        let has_to_wait = waiting.is_anybody_there();
        if has_to_wait && !waiting.is_kept {
            waiting.is_kept = true;
            tokio::spawn(self.clone().keep());
        }
        drop(waiting);
        if has_to_wait {
            self.tell();
        }
        (Ticket { gate: self.clone(), number }, its_turn)
    }

    /// Looks whether it is someone's turn, and brings the alarm to what is so now.
    pub(crate) fn look(self: &Arc<Self>) {
        self.admit(&mut self.waiting());
        self.changed.notify_one();
        self.tell();
    }

    /// Returns what holds the calls up, as it is now.
    pub(crate) fn held_up(&self) -> Option<HeldUp> {
        self.waiting().pace.held_up(self.clock.read().boot)
    }

    /// Returns how many calls went so far, and how many wait.
    pub(crate) fn traffic(&self) -> Traffic {
        let waiting = self.waiting();
        let queues = [&waiting.emergencies, &waiting.wished, &waiting.ordinary];
        let held: usize = queues.map(VecDeque::len).into_iter().sum();
        let held = u64::try_from(held).unwrap_or(u64::MAX);
        Traffic { account: self.account.to_string(), sent: waiting.sent, held }
    }

    /// Returns the account.
    pub(crate) fn account(&self) -> &Account {
        &self.account
    }

    /// Sees to it that calls go when their time has come, as long as there are any.
    async fn keep(self: Arc<Self>) {
        loop {
            let wake = {
                let mut waiting = self.waiting();
                let wake = self.admit(&mut waiting);
                if !waiting.is_anybody_there() {
                    waiting.is_kept = false;
                    return;
                }
                wake
            };
            tokio::select! {
                () = self.until(wake) => {}
                () = self.changed.notified() => {}
            }
        }
    }

    async fn until(&self, wake: Option<Duration>) {
        let Some(wake) = wake else { return pending().await };
        let left = wake.saturating_sub(self.clock.read().boot);
        // The clock counts in seconds; a moment too late is no harm.
        let seconds = i64::try_from(left.as_millis().div_ceil(1_000)).unwrap_or(i64::MAX);
        self.clock.wait_until(self.clock.now().plus(seconds)).await;
    }

    /// Lets go whose turn it is. Returns when it is worth looking again, if that is known.
    fn admit(self: &Arc<Self>, waiting: &mut Waiting) -> Option<Duration> {
        let now = self.clock.read().boot;
        let wakes = [Urgency::Emergency, Urgency::Wished, Urgency::Ordinary]
            .map(|urgency| self.admit_of(waiting, urgency, now));
        wakes.into_iter().flatten().min()
    }

    /// In the order in which they came, past those of a user whose calls alone are held.
    fn admit_of(
        self: &Arc<Self>,
        waiting: &mut Waiting,
        urgency: Urgency,
        now: Duration,
    ) -> Option<Duration> {
        let mut wake: Option<Duration> = None;
        let mut place = 0;
        while let Some(user) = waiting.queue(urgency).get(place).map(|call| call.user.clone()) {
            match waiting.pace.admit(&user, urgency, now) {
                Turn::Go(pass) => {
                    let pass = Pass { gate: self.clone(), inner: Some(pass) };
                    let call = waiting.queue(urgency).remove(place);
                    waiting.sent = waiting.sent.saturating_add(1);
                    if let Some(Err(mut nobody)) = call.map(|call| call.turn.send(pass)) {
                        // Whoever asked has gone; the lock is held here, and dropping the pass would take it.
                        let pass = nobody.inner.take();
                        waiting.sent = waiting.sent.saturating_sub(1);
                        waiting.give_back(pass, Showed::Nothing, now);
                    }
                }
                Turn::Wait { until, is_for_all } => {
                    wake = wake.into_iter().chain(until).min();
                    if is_for_all {
                        return wake;
                    }
                    place += 1;
                }
            }
        }
        wake
    }

    fn ended(self: &Arc<Self>, pass: Option<pace::Pass>, showed: Showed) {
        self.waiting().give_back(pass, showed, self.clock.read().boot);
        self.look();
    }

    /// Brings the alarm to what is so now.
    fn tell(&self) {
        let mut alarm = self.alarm.lock().unwrap_or_else(PoisonError::into_inner);
        let after = self.held_up().and_then(|held_up| held_up.alarm());
        let before = std::mem::replace(&mut *alarm, after.clone());
        let subject = || format!("account {}", self.account);
        if let Some(gone) = before.as_ref().filter(|gone| !is_same(gone, after.as_ref())) {
            self.alarms.clear(&subject(), gone.id);
        }
        if let Some(alarm) = after.filter(|alarm| before.as_ref() != Some(alarm)) {
            self.alarms.raise(&subject(), &alarm);
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn queue(&mut self, urgency: Urgency) -> &mut VecDeque<Call> {
        match urgency {
            Urgency::Emergency => &mut self.emergencies,
            Urgency::Wished => &mut self.wished,
            Urgency::Ordinary => &mut self.ordinary,
        }
    }

    fn is_anybody_there(&self) -> bool {
        !(self.emergencies.is_empty() && self.wished.is_empty() && self.ordinary.is_empty())
    }

    /// Takes a call out, wherever it waits.
    fn take(&mut self, ticket: u64) -> Option<Call> {
        [Urgency::Ordinary, Urgency::Wished, Urgency::Emergency]
            .into_iter()
            .find_map(|urgency| self.take_of(urgency, ticket))
    }

    fn take_of(&mut self, urgency: Urgency, ticket: u64) -> Option<Call> {
        let queue = self.queue(urgency);
        let place = queue.iter().position(|call| call.ticket == ticket)?;
        queue.remove(place)
    }

    fn give_back(&mut self, pass: Option<pace::Pass>, showed: Showed, now: Duration) {
        if let Some(pass) = pass {
            self.pace.ended(pass, showed, now);
        }
    }
}

impl Ticket {
    /// Moves a call that still waits behind those that nobody waits for: now somebody does. A revocation stays where it is.
    pub(crate) fn hurry(&self) {
        let mut waiting = self.gate.waiting();
        if let Some(call) = waiting.take_of(Urgency::Ordinary, self.number) {
            waiting.wished.push_back(call);
            drop(waiting);
            self.gate.look();
        }
    }

    /// Takes a call out that still waits: it is not sent any more. False: it went.
    pub(crate) fn withdraw(&self) -> bool {
        let call = self.gate.waiting().take(self.number);
        call.is_some()
    }
}

impl Pass {
    /// Gives the place back and says what the call showed.
    pub(crate) fn ended(mut self, showed: Showed) {
        let pass = self.inner.take();
        self.gate.ended(pass, showed);
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if let pass @ Some(_) = self.inner.take() {
            self.gate.ended(pass, Showed::Nothing);
        }
    }
}

fn is_same(gone: &Alarm, after: Option<&Alarm>) -> bool {
    after.is_some_and(|after| after.id == gone.id)
}

#[cfg(test)]
mod tests {
    use crate::audit::Audit;

    use super::*;

    fn gate(folder: &tempfile::TempDir) -> Arc<Gate> {
        let audit = Audit::open(folder.path(), "b", false, 0).unwrap();
        let clock = Arc::new(Clock::manual(0));
        let alarms = Arc::new(Alarms::new(audit, clock.clone()));
        let limits = Limits { ordinary: 500, reserve: 500 };
        Gate::new(Account::new("A"), (limits, Jitter::from_hash(0)), clock, alarms)
    }

    /// Takes every place there is for calls of this urgency.
    fn taken(gate: &Arc<Gate>, urgency: Urgency) -> Vec<Pass> {
        let next = || gate.queue(User::new("U"), urgency).1.try_recv().ok();
        std::iter::from_fn(next).collect()
    }

    #[tokio::test]
    async fn whoever_asks_takes_no_revocation_out_of_its_queue() {
        let folder = tempfile::tempdir().unwrap();
        let gate = gate(&folder);
        let mut going = taken(&gate, Urgency::Emergency);
        let (first, mut its_turn) = gate.queue(User::new("FIRST"), Urgency::Emergency);
        let (_second, mut not_yet) = gate.queue(User::new("SECOND"), Urgency::Emergency);

        first.hurry();
        drop(going.pop());

        let turn = its_turn.try_recv();
        assert!(turn.is_ok(), "it was the first");
        assert!(not_yet.try_recv().is_err());
    }

    #[tokio::test]
    async fn a_call_that_somebody_waits_for_now_goes_before_those_that_nobody_waits_for() {
        let folder = tempfile::tempdir().unwrap();
        let gate = gate(&folder);
        let mut going = taken(&gate, Urgency::Ordinary);
        let (_first, mut not_yet) = gate.queue(User::new("FIRST"), Urgency::Ordinary);
        let (second, mut its_turn) = gate.queue(User::new("SECOND"), Urgency::Ordinary);

        second.hurry();
        drop(going.pop());

        let turn = its_turn.try_recv();
        assert!(turn.is_ok(), "somebody waits for it");
        assert!(not_yet.try_recv().is_err());
    }
}
