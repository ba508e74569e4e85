//! The effects of one slot, each carried out where it belongs: the store, Snowflake, the leases, the alarms,
//! the audit log.

use patd_core::lifecycle::{
    AddOutcome, Alarm, Effect, Event, Failure, Held, Intent, ProbeOutcome, RemoveOutcome,
    RotateOutcome, Slot, Standing, Work,
};
use patd_core::names::Generation;
use patd_snowflake::authority::{AddToken, RotateToken};

use super::actor::Actor;
use super::calls::{Answer, Call};
use crate::audit::{self, EndReason};
use crate::store::StoreError;

impl Actor {
    /// Makes a state durable, with the secret that was just minted if the state names it. On failure the state
    /// before stays in force.
    pub(super) async fn store(&mut self, next: Option<Slot>) -> bool {
        let Some(next) = next else { return true };
        let (kit, id) = (self.kit.clone(), self.id.clone());
        let minted = self.memory.minted.take();
        let put = tokio::task::spawn_blocking(move || {
            let kept = minted.as_ref().filter(|(generation, _)| names(&next, *generation));
            let fresh = kept.map(|(generation, secret)| (*generation, secret));
            if fresh.is_some() {
                crate::crash::at("issue: sealing");
            }
            kit.store.put(&id, &next, fresh).map(|()| next)
        });
        let problem = match put.await {
            Ok(Ok(next)) => {
                self.kit.alarms.clear(&self.id.to_string(), NOT_STORED);
                self.commit(Some(next));
                return true;
            }
            Ok(Err(error)) => patd_snowflake::chain::chain(&error),
            Err(_) => BROKE_OFF.to_owned(),
        };
        self.not_stored(problem);
        false
    }

    /// Forgets the slot with everything about it. On failure the state before stays in force.
    pub(super) async fn forget(&mut self, next: Option<Slot>) -> bool {
        let (kit, id) = (self.kit.clone(), self.id.clone());
        let removed = tokio::task::spawn_blocking(move || kit.store.remove(&id)).await;
        match removed {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                self.not_stored(patd_snowflake::chain::chain(&error));
                return false;
            }
            Err(_) => {
                self.not_stored(BROKE_OFF.to_owned());
                return false;
            }
        }
        tracing::info!(slot = %self.id, "Slot forgotten");
        (self.memory.call, self.memory.minted, self.memory.wake) = (None, None, None);
        self.commit(next);
        self.kit.alarms.clear_all(&self.id.to_string());
        true
    }

    fn not_stored(&mut self, message: String) {
        self.memory.must_start_over = true;
        self.memory.wake = Some(self.kit.clock.now().plus(RETRY_STORE));
        let next_step = "look at the disk below the state folder: df -h, journalctl -k".to_owned();
        self.kit.alarms.raise(&self.id.to_string(), &Alarm { id: NOT_STORED, message, next_step });
    }

    /// Carries out any effect but `Store`.
    pub(super) fn perform(&mut self, effect: Effect) {
        match effect {
            // The actor's own loop stores and forgets.
            Effect::Store | Effect::Forget => {}
            Effect::Add => self.add(),
            Effect::Rotate => self.rotate(),
            Effect::List => self.ask(Call::List(self.id.user.clone())),
            Effect::Probe(generation) => self.probe(generation),
            Effect::Remove(name) => self.ask(Call::Remove(self.id.user.clone(), name)),
            Effect::Publish => self.publish(),
            Effect::EndLeases => self.kit.leases.end_slot(&self.id, EndReason::Revoked),
            Effect::Alarm(alarm) => self.kit.alarms.raise(&self.id.to_string(), &alarm),
            Effect::Clear(id) => self.kit.alarms.clear(&self.id.to_string(), id),
            Effect::WakeAt(at) => self.wake_at(at),
        }
    }

    fn wake_at(&mut self, at: patd_core::time::Timestamp) {
        self.memory.wake = Some(self.memory.wake.map_or(at, |before| before.min(at)));
    }

    fn add(&mut self) {
        let Work::Issuing(intent) = self.state.work.clone() else { return };
        self.note_intent(&intent);
        self.ask(Call::Add(AddToken {
            user: self.id.user.clone(),
            days_to_expiry: self.terms.days_to_expiry(),
            host: self.state.host.clone(),
            intent,
        }));
    }

    fn rotate(&mut self) {
        let Work::Issuing(intent) = self.state.work.clone() else { return };
        let Some(overlap) = intent.overlap else { return };
        self.note_intent(&intent);
        let user = self.id.user.clone();
        self.ask(Call::Rotate(RotateToken { user, name: intent.name, overlap }));
    }

    fn note_intent(&self, intent: &Intent) {
        self.note(&audit::Event::Intent {
            slot: self.id.to_string(),
            generation: intent.generation.0,
            token: intent.name.as_str(),
        });
    }

    /// A staged secret that the store does not have is discarded and made anew. One that cannot be read just now is proven
    /// later: that says nothing about the token.
    fn probe(&mut self, generation: Generation) {
        let secret = match self.kit.store.secret(&self.id, generation) {
            Ok(secret) => secret,
            Err(error) => {
                return self.answer_later(Event::Probed(not_read(&error)));
            }
        };
        let role = self.state.held().find(|held| held.generation == generation);
        let role = role.map_or_else(|| self.terms.role.clone(), |held| held.role.clone());
        let (user, form) = (self.id.user.clone(), self.terms.form);
        self.ask(Call::Probe { user, role, secret, form });
    }

    fn ask(&mut self, call: Call) {
        if self.memory.is_ending {
            return;
        }
        self.memory.call = Some(self.terms.account.send(call, self.urgency()));
    }

    fn answer_later(&mut self, event: Event) {
        let answer = Answer { event, secret: None, server_time: None };
        self.memory.call = Some(super::calls::InFlight::answered(answer));
    }

    fn publish(&self) {
        let Some(Held { generation, .. }) = self.state.current() else { return };
        tracing::info!(slot = %self.id, generation = generation.0, "Generation promoted");
        self.kit.alarms.clear(&self.id.to_string(), NOT_UNSEALED);
        self.note(&audit::Event::Promote { slot: self.id.to_string(), generation: generation.0 });
        self.kit.promoted.notify_one();
    }

    /// Writes down what came of a call.
    pub(super) fn note_answer(&self, event: &Event) {
        let slot = self.id.to_string();
        match event {
            Event::Added(outcome) => self.note_issue(said_of_add(outcome)),
            Event::Rotated(outcome) => self.note_issue(said_of_rotation(outcome)),
            Event::Probed(outcome) => {
                let generation = self.intended().map_or(0, |generation| generation.0);
                self.note(&audit::Event::Probe {
                    slot,
                    generation,
                    outcome: said_of_probe(outcome),
                });
            }
            Event::Removed { name, outcome } => {
                let (token, outcome) = (name.as_str(), said_of_removal(outcome));
                self.note(&audit::Event::Remove { slot, token, outcome });
            }
            Event::Listed(Err(failure)) => {
                tracing::warn!(slot, reason = said_of_failure(failure), "Tokens not listed");
                if self.wants_a_generation() {
                    self.kit.audit.counts().not_listed(&slot);
                }
            }
            Event::Listed(Ok(_))
            | Event::Started
            | Event::Tick { .. }
            | Event::Room { .. }
            | Event::Wanted { .. }
            | Event::Rotate { .. }
            | Event::Revoke
            | Event::Retire
            | Event::Enrol { .. }
            | Event::Unconfigured
            | Event::Gone
            | Event::Judged { .. } => {}
        }
    }

    fn note_issue(&self, outcome: String) {
        let Some(Intent { generation, name, .. }) = self.intent() else { return };
        let (slot, generation) = (self.id.to_string(), generation.0);
        self.note(&audit::Event::Issue { slot, generation, token: name.as_str(), outcome });
    }

    fn note(&self, event: &audit::Event<'_>) {
        self.kit.audit.note(self.kit.clock.read().wall, event);
    }

    fn intent(&self) -> Option<&Intent> {
        match &self.state.work {
            Work::Issuing(intent) | Work::Proving { intent, .. } => Some(intent),
            Work::Idle | Work::Discarding { .. } => None,
        }
    }

    /// Returns the generation that is being made.
    pub(super) fn intended(&self) -> Option<Generation> {
        self.intent().map(|intent| intent.generation)
    }

    /// Returns whether what is done serves a new generation, and not a look at what there is.
    fn wants_a_generation(&self) -> bool {
        let now = self.kit.clock.now();
        let is_due = self.state.due_at.is_none_or(|due_at| due_at <= now);
        self.state.standing == Standing::Enrolled && (is_due || self.state.work != Work::Idle)
    }

    pub(super) fn is_tombstoned(&self) -> bool {
        matches!(self.state.standing, Standing::Tombstoned { .. })
    }

    /// Returns whether tokens may be left that were revoked.
    pub(super) fn is_revoking(&self) -> bool {
        matches!(self.state.standing, Standing::Tombstoned { confirmed: false, .. })
    }
}

fn names(slot: &Slot, generation: Generation) -> bool {
    slot.held().any(|held| held.generation == generation)
}

fn said_of_add(outcome: &AddOutcome) -> String {
    match outcome {
        AddOutcome::Minted => "minted".into(),
        AddOutcome::Refused(refusal) => format!("refused: {} {}", refusal.code, refusal.message),
        AddOutcome::Unclear(reason) => format!("unclear: {reason}"),
    }
}

fn said_of_rotation(outcome: &RotateOutcome) -> String {
    match outcome {
        RotateOutcome::Minted { predecessor } => {
            format!("minted; the secret before it is {predecessor}")
        }
        RotateOutcome::Refused(refusal) => format!("refused: {} {}", refusal.code, refusal.message),
        RotateOutcome::Unclear(reason) => format!("unclear: {reason}"),
    }
}

fn said_of_probe(outcome: &ProbeOutcome) -> String {
    match outcome {
        ProbeOutcome::Proved => "proved".into(),
        ProbeOutcome::Wrong { shown } => format!("wrong: {shown}"),
        ProbeOutcome::RefusedHere { code, message } => format!("refused here: {code} {message}"),
        ProbeOutcome::RefusedSecret { code, message } => format!("refused: {code} {message}"),
        ProbeOutcome::NoSecret(reason) => format!("not asked: {reason}"),
        ProbeOutcome::Unclear(reason) => format!("unclear: {reason}"),
    }
}

fn not_read(error: &StoreError) -> ProbeOutcome {
    let words = patd_snowflake::chain::chain(error);
    match error {
        StoreError::UnknownSlot(_) | StoreError::NoSecret { .. } => ProbeOutcome::NoSecret(words),
        StoreError::Encode(_)
        | StoreError::Io { .. }
        | StoreError::Unusable(_)
        | StoreError::Seal => ProbeOutcome::Unclear(words),
    }
}

fn said_of_removal(outcome: &RemoveOutcome) -> String {
    match outcome {
        RemoveOutcome::Removed => "removed".into(),
        RemoveOutcome::Absent => "absent".into(),
        RemoveOutcome::Failed(failure) => said_of_failure(failure),
    }
}

fn said_of_failure(failure: &Failure) -> String {
    match failure {
        Failure::Refused(refusal) => format!("refused: {} {}", refusal.code, refusal.message),
        Failure::Unclear(reason) => format!("unclear: {reason}"),
    }
}

/// The alarm about a serving secret that could not be unsealed; a new generation takes it down.
pub const NOT_UNSEALED: &str = "secret-not-unsealed";
const BROKE_OFF: &str = "the store broke off; the daemon's log has the cause";
const NOT_STORED: &str = "state-not-stored";
/// Seconds until a state that could not be stored is tried again.
const RETRY_STORE: i64 = 10;

#[cfg(test)]
mod tests {
    use patd_core::names::{Account, SlotId, User};

    use super::*;

    #[test]
    fn only_a_secret_that_is_not_there_costs_the_token() {
        let slot = SlotId { account: Account::new("A"), user: User::new("U") };
        let generation = Generation(2);
        let none = not_read(&StoreError::NoSecret { slot, generation });
        assert!(matches!(none, ProbeOutcome::NoSecret(_)), "{none:?}");

        let source = std::io::ErrorKind::StorageFull.into();
        let refused = StoreError::Io { path: "/state".into(), doing: "cannot be used", source };
        for error in [refused, StoreError::Seal] {
            let later = not_read(&error);
            assert!(matches!(later, ProbeOutcome::Unclear(_)), "{later:?}");
        }
    }
}
