//! The strategy `rotate`: a new secret under the name that stays. What ROTATE leaves behind has a name of Snowflake's, and
//! is looked for on the list, for an answer that was lost did not tell it.

use std::collections::BTreeSet;

use crate::names::{IntentId, TokenName};

use super::lineage::{self, Lineage};
use super::trouble::{During, Fault, REFUSED, ROTATE_UNANSWERED};
use super::turn::Turn;
use super::{
    Doubt, Failure, Held, Intent, RotateOutcome, Slot, Strategy, TokenRow, TokenStatus, Work,
};

/// A ROTATE to be sent.
pub(super) struct Rotation {
    name: TokenName,
    overlap: u32,
}

impl Rotation {
    /// Returns how many more tokens may be alive after it. It has no name of its own that would keep it from being
    /// carried out twice.
    pub(super) fn places(&self) -> usize {
        if self.overlap > 0 { 2 } else { 0 }
    }
}

impl Turn<'_> {
    /// Returns the ROTATE that makes the next secret. None: only an ADD can, for the token that serves is gone, dead or
    /// about to be, or was made for another role or another life, which a ROTATE does not change.
    pub(super) fn rotation(&self, rows: &[TokenRow]) -> Option<Rotation> {
        let serving =
            self.slot.serving.as_ref().filter(|_| self.rules.strategy == Strategy::Rotate)?;
        let name = plain(&serving.name);
        let row = rows.iter().find(|row| row.name == name)?;
        let fits = row.status == TokenStatus::Active && row.role.as_ref() == Some(&self.rules.role);
        if !fits || !is_of_this_lineage(&self.slot, &name) {
            return None;
        }
        if name != serving.name {
            // What is under the name now is a secret that was lost with an answer.
            return Some(Rotation { name, overlap: 0 });
        }
        let overlap = self.longest_overlap(serving, row)?;
        Some(Rotation { name, overlap })
    }

    pub(super) fn announce_rotation(&mut self, id: IntentId, rotation: Rotation) {
        self.intend(id, rotation.name, Some(rotation.overlap));
        self.ask_rotate();
    }

    /// The answer to the ROTATE. Whatever is not a definite no leaves the intent: SHOW decides.
    pub(super) fn rotated(&mut self, outcome: &RotateOutcome) {
        let Work::Issuing(intent) = self.slot.work.clone() else { return };
        match outcome {
            RotateOutcome::Minted { predecessor } => {
                self.leave_behind(&intent, predecessor);
                self.stage(intent);
            }
            RotateOutcome::Refused(refusal) => {
                self.slot.work = Work::Idle;
                self.note_failure(During::Rotate, &Failure::Refused(refusal.clone()));
            }
            RotateOutcome::Unclear(_) => {}
        }
    }

    /// A ROTATE without an answer: where the secret in use is was found on the list. What is under the name may be lost,
    /// and nothing is sent before this one cannot be carried out any more: it would end whatever was under the name then.
    pub(super) fn listed_while_rotating(&mut self, intent: &Intent) {
        let until = self.slot.serving.as_ref().map(|serving| serving.expires_at);
        self.note(Fault {
            id: ROTATE_UNANSWERED,
            message: format!(
                "no answer when asked to give {} a new secret; the one in use works for {} hours",
                intent.name,
                until.map_or(0, |until| until.since(self.now).max(0) / HOUR)
            ),
            next_step: "it is tried again by itself".to_owned(),
        });
        self.slot.work = Work::Idle;
        self.doubt(intent);
    }

    /// Finds on the list what ROTATE left behind since the last look: each one has moved what was under the name. Returns
    /// the newest that none of ours explains.
    pub(super) fn account(&mut self, rows: &[TokenRow]) -> Option<TokenName> {
        let known = self.slot.rotated.clone();
        let held = self.slot.held().map(|held| &held.name);
        let unheld = self.slot.doubts.iter().map(|doubt| &doubt.name);
        let mut names: BTreeSet<TokenName> = held.chain(unheld).map(plain).collect();
        match &self.slot.work {
            Work::Issuing(Intent { name, .. }) | Work::Discarding { name, .. } => {
                names.insert(name.clone());
            }
            Work::Idle | Work::Proving { .. } => {}
        }
        let mut unexplained = None;
        for name in names {
            let mut left: Vec<&TokenRow> = rows
                .iter()
                .filter(|row| lineage::rotated_from(&row.name).as_ref() == Some(&name))
                .filter(|row| is_newer(&row.name, known.as_ref()))
                .collect();
            left.sort_by_key(|row| lineage::rotated_at(&row.name));
            let theirs = self.account_for(&name, &left, known.as_ref());
            unexplained = latest(unexplained, theirs);
            let newest = left.last().map(|row| row.name.clone());
            self.slot.rotated = latest(self.slot.rotated.take(), newest);
        }
        unexplained
    }

    /// The same for one name: what was left behind of it, oldest first.
    fn account_for(
        &mut self,
        name: &TokenName,
        left: &[&TokenRow],
        known: Option<&TokenName>,
    ) -> Option<TokenName> {
        let (ours, theirs): (Vec<&TokenRow>, Vec<&TokenRow>) =
            left.iter().partition(|row| self.explains(name, &row.name));
        if let Some(first) = ours.first() {
            self.move_served(name, first, known);
            self.doubt_unheld(name);
            let alive = ours.iter().filter(|row| row.status != TokenStatus::Expired);
            alive.for_each(|row| self.doubt_unheld(&row.name));
        }
        if let Some(first) = theirs.first() {
            self.move_newest(name, first);
            // Under the name is theirs now; what was there without anybody having its secret is where they left it.
            let is_unheld = |doubt: &Doubt| !doubt.rotates && doubt.name == *name;
            let was_unheld = self.slot.doubts.iter().any(is_unheld);
            self.slot.doubts.retain(|doubt| doubt.name != *name);
            if was_unheld {
                self.doubt_unheld(&first.name);
            }
        }
        theirs.last().map(|row| row.name.clone())
    }

    /// Returns whether a ROTATE of ours may have left this behind: one without an answer, or the one whose answer told this
    /// name, and what came before it.
    fn explains(&self, name: &TokenName, left: &TokenName) -> bool {
        match &self.slot.work {
            Work::Proving { intent, .. } if rotates(intent, name) => self
                .slot
                .serving
                .as_ref()
                .is_some_and(|serving| !is_newer(left, Some(&serving.name))),
            Work::Issuing(intent) if rotates(intent, name) => true,
            Work::Idle | Work::Issuing(_) | Work::Proving { .. } | Work::Discarding { .. } => {
                self.slot.doubts.iter().any(|doubt| match doubt.rotates {
                    true => doubt.name == *name,
                    // Told by an answer, and held until the slot was revoked.
                    false => leaves(&doubt.name, name) && !is_newer(left, Some(&doubt.name)),
                })
            }
        }
    }

    /// The first ROTATE moved the secret in use, wherever the answer, that of a second one perhaps, said it is.
    fn move_served(&mut self, name: &TokenName, left: &TokenRow, known: Option<&TokenName>) {
        let Some(serving) = &mut self.slot.serving else { return };
        let is_told = plain(&serving.name) == *name && is_newer(&serving.name, known);
        if serving.name == *name || is_told {
            move_to(serving, left);
        }
    }

    /// What a ROTATE without an answer left under the name, and what one that was carried out twice left behind: nobody has
    /// these secrets, and they stay ours all the same.
    fn doubt_unheld(&mut self, name: &TokenName) {
        let is_held = self.slot.held().any(|held| held.name == *name);
        let is_known = self.slot.doubts.iter().any(|doubt| !doubt.rotates && doubt.name == *name);
        if !is_held && !is_known {
            self.doubt_held(name.clone());
        }
    }

    /// Someone else's ROTATE moved what was under the name: a secret of ours that is being proven or discarded, served or
    /// drained.
    fn move_newest(&mut self, name: &TokenName, left: &TokenRow) {
        let staged = match &mut self.slot.work {
            Work::Discarding { name: going, .. } if going == name => {
                // Under the name is theirs now.
                going.clone_from(&left.name);
                return;
            }
            Work::Issuing(intent) if intent.overlap.is_none() && intent.name == *name => {
                // The ADD was carried out; its answer never came.
                let why = "its secret was lost with the answer".to_owned();
                self.slot.work = Work::Discarding { name: left.name.clone(), why };
                return;
            }
            Work::Proving { staged, .. } => Some(staged),
            Work::Idle | Work::Issuing(_) | Work::Discarding { .. } => None,
        };
        let draining = self.slot.draining.iter_mut().map(|old| &mut old.held);
        let mut held = staged.into_iter().chain(&mut self.slot.serving).chain(draining);
        if let Some(held) = held.find(|held| held.name == *name) {
            move_to(held, left);
        }
    }

    /// The answer told the new name of the secret that was under the name.
    fn leave_behind(&mut self, intent: &Intent, predecessor: &TokenName) {
        self.slot.doubts.retain(|doubt| doubt.name != intent.name);
        let ends = self.now.plus(intent.overlap.map_or(0, i64::from) * HOUR);
        match &mut self.slot.serving {
            Some(serving) if serving.name == intent.name => {
                serving.name = predecessor.clone();
                serving.expires_at = serving.expires_at.min(ends);
            }
            // A lost secret, ended by the ROTATE itself.
            Some(_) | None => self.slot.rotated = Some(predecessor.clone()),
        }
    }

    /// Returns all the hours that the present secret has left, so that a ROTATE hardly shortens its life; half of them each
    /// time that was refused, for the local clock may be wrong. None if they are too few to get over an answer that is
    /// lost, or if a ROTATE would not give the life that is asked for: it gives that of the first secret again.
    fn longest_overlap(&self, serving: &Held, row: &TokenRow) -> Option<u32> {
        let life = serving.expires_at.since(serving.issued_at);
        let left = row.expires_at?.since(self.now) - ON_THE_WAY;
        let hours = u32::try_from(left / HOUR).ok()?;
        let as_asked = (life - self.rules.life()).abs() <= HOUR;
        let refused = self.slot.trouble.as_ref().filter(|last| last.id == REFUSED);
        let halved = hours.checked_shr(refused.map_or(0, |last| last.times)).unwrap_or(0);
        (as_asked && hours >= LEAST_OVERLAP).then_some(halved.max(LEAST_OVERLAP))
    }
}

fn latest(one: Option<TokenName>, other: Option<TokenName>) -> Option<TokenName> {
    match (one, other) {
        (Some(one), Some(other)) if is_newer(&one, Some(&other)) => Some(one),
        (one, other) => other.or(one),
    }
}

fn move_to(held: &mut Held, left: &TokenRow) {
    held.name = left.name.clone();
    held.expires_at = left.expires_at.map_or(held.expires_at, |at| at.min(held.expires_at));
}

fn plain(name: &TokenName) -> TokenName {
    lineage::rotated_from(name).unwrap_or_else(|| name.clone())
}

fn leaves(left: &TokenName, name: &TokenName) -> bool {
    lineage::rotated_from(left).as_ref() == Some(name)
}

fn rotates(intent: &Intent, name: &TokenName) -> bool {
    intent.overlap.is_some() && intent.name == *name
}

fn is_newer(left: &TokenName, than: Option<&TokenName>) -> bool {
    than.is_none_or(|than| lineage::rotated_at(left) > lineage::rotated_at(than))
}

/// What lies below a lifted fence may be someone else's too: it gets no new secret.
fn is_of_this_lineage(slot: &Slot, name: &TokenName) -> bool {
    Lineage::read(name)
        .is_some_and(|lineage| lineage.host == slot.host && lineage.generation > slot.base)
}

const HOUR: i64 = 3_600;
/// Seconds between the look at the list and the ROTATE, and by which two clocks may differ: Snowflake refuses more hours
/// than the secret has left (snowflake docs: alter-user-rotate-programmatic-access-token).
const ON_THE_WAY: i64 = 300;
/// Hours that must be left for a ROTATE.
const LEAST_OVERLAP: u32 = 6;
