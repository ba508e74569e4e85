//! Revocation: the tombstone first, then every token of this host's lineage, confirmed by SHOW, for ever. And the
//! ways back that only a person can open.

use std::mem;

use crate::names::TokenName;

use super::due::WINDOW_MISSED;
use super::lineage::{Lineage, carries};
use super::reconcile::of_ours;
use super::trouble::{CUT, FENCED, Fault, LOST, NO_EFFECT, PROBE_WRONG, UNENROLLED};
use super::turn::Turn;
use super::{Doubt, Effect, Flight, Standing, TokenRow, TokenStatus, Work};

impl Turn<'_> {
    /// A person revoked the slot: only a person lifts that.
    pub(super) fn revoke_for_good(&mut self) {
        self.slot.retired = false;
        self.end_rebuilt();
        self.revoke();
    }

    /// The daemon ends. What waits for a person goes on waiting for one; what someone else writes is left alone.
    pub(super) fn retire(&mut self) {
        match self.slot.standing {
            Standing::Fenced { .. } => {}
            Standing::Quarantined { .. } | Standing::Tombstoned { .. } => self.revoke(),
            Standing::Enrolled => {
                self.revoke();
                self.slot.retired = true;
            }
        }
    }

    /// Nothing is kept but what is needed to make sure.
    fn revoke(&mut self) {
        if let Standing::Tombstoned { .. } = self.slot.standing {
            self.slot.flight.survey_at = None;
            self.try_now();
            return;
        }
        self.end_standing_alarms();
        self.settle();
        self.end_drain_pause();
        self.say(Effect::Clear(LOST));
        self.say(Effect::Clear(CUT));
        self.say(Effect::Clear(WINDOW_MISSED));
        self.doubt_everything();
        self.slot.standing = Standing::Tombstoned { at: self.now, confirmed: false };
        self.slot.due_at = None;
        self.slot.taint = None;
        self.slot.flight = Flight { asked: self.slot.flight.asked.take(), ..Flight::default() };
        self.say(Effect::EndLeases);
    }

    /// A person lets the slot issue again, or the daemon one that it retired itself.
    pub(super) fn enrol(&mut self) {
        self.slot.retired = false;
        self.end_rebuilt();
        self.end_standing_alarms();
        if let Standing::Fenced { foreign } = &self.slot.standing {
            let theirs =
                Lineage::read(foreign).map(|lineage| lineage.generation).unwrap_or_default();
            self.slot.base = self.slot.last_generation.max(theirs);
            self.slot.last_generation = self.slot.base;
        }
        self.slot.standing = Standing::Enrolled;
        self.try_now();
    }

    /// Removes what SHOW lists of this host's, one by one; confirms when nothing is left and nothing can come.
    pub(super) fn listed_while_revoked(&mut self, rows: &[TokenRow]) {
        self.forget_doubts(rows);
        if let Some(row) = self.left(rows) {
            self.confirm(false);
            self.slot.flight.survey_at = None;
            self.remove_listed(row);
        } else if let Some(until) = self.slot.doubts.iter().map(|doubt| doubt.until).max() {
            self.slot.flight.survey_at = Some(until);
        } else {
            self.confirm(true);
            self.settle();
        }
    }

    /// Returns a live token that is to go. A person's revocation reaches all that carries this host's id; a retirement,
    /// which nobody asked for, what this state can have made.
    fn left<'r>(&self, rows: &'r [TokenRow]) -> Option<&'r TokenRow> {
        let is_alive = |row: &&TokenRow| row.status != TokenStatus::Expired;
        match self.slot.retired {
            true => of_ours(&self.slot, rows).map(|(_, row)| row).find(is_alive),
            false => rows.iter().filter(is_alive).find(|row| carries(&self.slot.host, &row.name)),
        }
    }

    /// While revoked, each removal is followed by another look.
    pub(super) fn look_again_if_revoked(&mut self) {
        if let Standing::Tombstoned { .. } = self.slot.standing {
            self.slot.flight.survey_at = None;
        }
    }

    /// Removes a token that SHOW lists, unless it was just reported removed: then waits before the next try.
    pub(super) fn remove_listed(&mut self, row: &TokenRow) {
        if self.slot.flight.removed.as_ref() != Some(&row.name) {
            return self.ask_remove(row.name.clone());
        }
        self.slot.flight.removed = None;
        self.note(Fault {
            id: NO_EFFECT,
            message: format!("Snowflake reported {} removed and still lists it", row.name),
            next_step: format!(
                "remove it by hand: ALTER USER {} REMOVE PROGRAMMATIC ACCESS TOKEN …",
                self.rules.user
            ),
        });
    }

    /// No secret is kept any more; the names are, for a fence that is lifted later must not hide them.
    fn doubt_everything(&mut self) {
        let held: Vec<TokenName> = self.slot.held().map(|held| held.name.clone()).collect();
        held.into_iter().for_each(|name| self.doubt_held(name));
        match mem::replace(&mut self.slot.work, Work::Idle) {
            Work::Issuing(intent) => self.doubt(&intent),
            Work::Discarding { name, .. } => self.doubt_held(name),
            Work::Idle | Work::Proving { .. } => {}
        }
        self.slot.serving = None;
        self.slot.draining.clear();
    }

    /// Remembers a token that exists and whose secret nobody keeps.
    pub(super) fn doubt_held(&mut self, name: TokenName) {
        self.slot.doubts.push(Doubt { name, until: self.now, rotates: false });
    }

    pub(super) fn is_tombstoned(&self) -> bool {
        matches!(self.slot.standing, Standing::Tombstoned { .. })
    }

    fn confirm(&mut self, done: bool) {
        if let Standing::Tombstoned { confirmed, .. } = &mut self.slot.standing {
            *confirmed = done;
        }
    }

    /// A person said what is to become of the slot: it does not matter any more what the lost store knew.
    fn end_rebuilt(&mut self) {
        if mem::take(&mut self.slot.rebuilt) {
            self.say(Effect::Clear(UNENROLLED));
        }
    }

    /// Another standing follows: the alarm of this one is over.
    pub(super) fn end_standing_alarms(&mut self) {
        match self.slot.standing {
            Standing::Enrolled | Standing::Tombstoned { .. } => {}
            Standing::Quarantined { .. } => self.say(Effect::Clear(PROBE_WRONG)),
            Standing::Fenced { .. } => self.say(Effect::Clear(FENCED)),
        }
    }
}
