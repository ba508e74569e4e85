//! From "due" to "a secret came back": when to issue, whether there is room, the intent, the answer to the ADD.

use crate::names::{IntentId, TokenName};

use super::lineage::{self, Lineage};
use super::reconcile::own_alive;
use super::rotate::Rotation;
use super::trouble::{CUT, During, Fault, LIMIT, ROOM, UNANSWERED};
use super::turn::Turn;
use super::{
    AddOutcome, Doubt, Failure, Held, Intent, MOST_OF_OURS, NO_ADD_FROM, RefusalKind, Standing,
    TokenRow, TokenStatus, Work,
};

impl Turn<'_> {
    /// Returns whether a new secret is to be made, and can be written down.
    pub(super) fn wants_issue(&self) -> bool {
        let due = self.slot.due_at.is_none_or(|due_at| due_at <= self.now);
        let unfit = self.slot.serving.as_ref().is_none_or(|serving| {
            serving.role != self.rules.role || lineage::rotated_from(&serving.name).is_some()
        });
        let idle = self.slot.work == Work::Idle && self.slot.standing == Standing::Enrolled;
        idle && !self.slot.flight.is_cramped && (due || unfit || self.slot.taint.is_some())
    }

    /// A request found no secret: what is being waited out is tried now. Bounded, since a caller in a loop must
    /// not become a loop at Snowflake.
    pub(super) fn wanted(&mut self) {
        if !self.slot.heeds_a_wish(self.now, self.rules) {
            return;
        }
        self.slot.flight.wishes = Some(Box::new(self.slot.with_another_wish(self.now, self.rules)));
        if self.slot.serving.as_ref().is_some_and(|serving| serving.expires_at <= self.now) {
            self.make_due();
        }
        self.try_now();
    }

    /// A person wants another secret now.
    pub(super) fn rotate(&mut self, taint: Option<&String>) {
        if self.slot.standing != Standing::Enrolled {
            return;
        }
        self.make_due();
        if let Some(reason) = taint {
            self.taint(reason.clone());
        }
        self.try_now();
    }

    fn make_due(&mut self) {
        self.slot.due_at = self.slot.due_at.min(Some(self.now)).or(Some(self.now));
    }

    /// Marks the serving secret as no longer trusted, also for the operation that is replacing it.
    pub(super) fn taint(&mut self, reason: String) {
        self.slot.taint = Some(reason);
        match &mut self.slot.work {
            Work::Issuing(intent) | Work::Proving { intent, .. } => intent.tainted = true,
            Work::Idle | Work::Discarding { .. } => {}
        }
    }

    /// Snowflake's list is at hand and no orphan is on it: announces the ADD or ROTATE if there is room for it.
    pub(super) fn issue(&mut self, rows: &[TokenRow]) {
        let Some(fresh) = self.slot.flight.fresh.clone() else { return };
        let doubts = self.slot.doubts.iter().filter(|doubt| !is_alive(&doubt.name, rows)).count();
        let live = rows.iter().filter(|row| row.status != TokenStatus::Expired).count();
        let rotation = self.rotation(rows);
        let places = rotation.as_ref().map_or(1, Rotation::places);
        if self.slot.doubts.iter().any(|doubt| doubt.rotates) {
            self.note(waiting("a ROTATE without an answer may still be carried out"));
        } else if own_alive(&self.slot, rows) + doubts + places > MOST_OF_OURS {
            self.make_room(doubts);
        } else if places > 0 && live + doubts >= NO_ADD_FROM {
            self.note(self.full(live));
        } else if let Some(rotation) = rotation {
            self.announce_rotation(fresh, rotation);
        } else {
            self.announce(fresh);
        }
    }

    /// The answer to the ADD. Whatever is not a definite no leaves the intent: SHOW decides.
    pub(super) fn added(&mut self, outcome: &AddOutcome) {
        let Work::Issuing(intent) = &self.slot.work else { return };
        match outcome {
            AddOutcome::Minted => self.stage(intent.clone()),
            AddOutcome::Refused(refusal) if refusal.kind == RefusalKind::NameTaken => {}
            AddOutcome::Refused(refusal) => {
                self.slot.work = Work::Idle;
                self.note_failure(During::Add, &Failure::Refused(refusal.clone()));
            }
            AddOutcome::Unclear(_) => {}
        }
    }

    /// SHOW decides on an ADD without an answer. Without its secret the token is of no use to anyone.
    pub(super) fn listed_while_issuing(&mut self, intent: Intent, rows: &[TokenRow]) {
        if intent.overlap.is_some() {
            return self.listed_while_rotating(&intent);
        }
        let present = rows.iter().any(|row| row.name == intent.name);
        self.note(unanswered(&intent, present));
        if present {
            self.discard(intent.name, "its secret was lost with the answer");
        } else {
            self.slot.work = Work::Idle;
            self.doubt(&intent);
        }
    }

    /// Remembers that what was intended may still be carried out.
    pub(super) fn doubt(&mut self, intent: &Intent) {
        self.slot.doubts.push(Doubt {
            name: intent.name.clone(),
            until: self.now.plus(i64::from(self.rules.settle)),
            rotates: intent.overlap.is_some(),
        });
    }

    /// Forgets what the list does not show and what can no longer turn up. A clock that went back prolongs nothing.
    pub(super) fn forget_doubts(&mut self, rows: &[TokenRow]) {
        let (now, latest) = (self.now, self.now.plus(i64::from(self.rules.settle)));
        self.slot
            .doubts
            .retain(|doubt| now < doubt.until || (!doubt.rotates && is_alive(&doubt.name, rows)));
        for doubt in &mut self.slot.doubts {
            doubt.until = doubt.until.min(latest);
        }
    }

    fn announce(&mut self, id: IntentId) {
        let generation = self.slot.last_generation.next();
        let lineage = Lineage { host: self.slot.host.clone(), generation, intent: id.clone() };
        self.intend(id, lineage.name(), None);
        self.ask_add();
    }

    /// Writes the note about the next generation.
    pub(super) fn intend(&mut self, id: IntentId, name: TokenName, overlap: Option<u32>) {
        self.slot.flight.fresh = None;
        let generation = self.slot.last_generation.next();
        self.slot.last_generation = generation;
        self.slot.work = Work::Issuing(Intent {
            id,
            generation,
            name,
            role: self.rules.role.clone(),
            at: self.now,
            tainted: self.slot.taint.is_some(),
            overlap,
        });
    }

    pub(super) fn stage(&mut self, intent: Intent) {
        let staged = Held {
            generation: intent.generation,
            name: intent.name.clone(),
            role: intent.role.clone(),
            issued_at: self.now,
            expires_at: self.now.plus(self.rules.life()),
        };
        self.slot.work = Work::Proving { staged, intent };
    }

    /// Three tokens of ours might become four. What may only turn up is waited for; else the oldest goes first,
    /// whoever holds it.
    fn make_room(&mut self, doubts: usize) {
        let oldest = self.slot.draining.first().filter(|_| doubts == 0).cloned();
        let Some(oldest) = oldest else {
            return self.note(waiting("an ADD without an answer may still be carried out"));
        };
        if !self.may_remove() {
            return self.note(waiting("the oldest token could not be removed yet"));
        }
        if oldest.released_at.is_none() {
            let generation = oldest.held.generation;
            self.alarm(
                CUT,
                format!("generation {generation} is removed to make room; whoever still holds it is cut off"),
                format!("restart what was started with generation {generation}; patctl log names the leases"),
            );
        }
        self.ask_remove(oldest.held.name);
    }

    fn full(&self, live: usize) -> Fault {
        Fault {
            id: LIMIT,
            message: format!(
                "{} has {live} live tokens; nothing is added from {NO_ADD_FROM} on",
                self.rules.user
            ),
            next_step: format!("remove tokens of {} that nobody uses", self.rules.user),
        }
    }
}

fn is_alive(name: &TokenName, rows: &[TokenRow]) -> bool {
    rows.iter().any(|row| row.name == *name && row.status != TokenStatus::Expired)
}

fn unanswered(intent: &Intent, present: bool) -> Fault {
    let found = if present { "made it, its secret is lost" } else { "did not make it, or not yet" };
    Fault {
        id: UNANSWERED,
        message: format!("no answer when asked to make {}; Snowflake {found}", intent.name),
        next_step: "it is tried again by itself".to_owned(),
    }
}

fn waiting(reason: &str) -> Fault {
    Fault {
        id: ROOM,
        message: format!("no room for another token: {reason}"),
        next_step: "it is tried again by itself".to_owned(),
    }
}
