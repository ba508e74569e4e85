//! What SHOW lists against what this slot knows: fences, lost tokens, orphans. The list is the only judge of a
//! call without an answer.

use crate::names::TokenName;

use super::lineage::{self, Lineage};
use super::rules::SURVEY;
use super::trouble::{During, FENCED, LOST};
use super::turn::Turn;
use super::{Failure, Slot, Standing, TokenRow, TokenStatus, Work};

impl Turn<'_> {
    /// The answer to SHOW.
    pub(super) fn listed(&mut self, answer: &Result<Vec<TokenRow>, Failure>) {
        match answer {
            Ok(rows) => self.reconcile(rows),
            Err(failure) => self.note_failure(During::List, failure),
        }
    }

    /// Starts the removal of a token of ours that nobody may have.
    pub(super) fn discard(&mut self, name: TokenName, why: &str) {
        self.slot.work = Work::Discarding { name: name.clone(), why: why.to_owned() };
        self.ask_remove(name);
    }

    /// Ends the trouble when the last call went well and nothing more is wanted.
    pub(super) fn settle_if_content(&mut self) {
        let at_rest = match self.slot.standing {
            Standing::Enrolled | Standing::Quarantined { .. } => self.slot.work == Work::Idle,
            Standing::Tombstoned { .. } | Standing::Fenced { .. } => false,
        };
        if at_rest && !self.wants_issue() {
            self.settle();
        }
    }

    fn reconcile(&mut self, rows: &[TokenRow]) {
        self.slot.flight.survey_at =
            Some(self.now.plus(SURVEY + self.rules.jitter.around(SURVEY / 4)));
        match self.slot.standing {
            Standing::Tombstoned { .. } if self.slot.retired => {
                let rotated = self.account(rows);
                match rotated.or_else(|| written_by_another(&self.slot, rows)) {
                    Some(foreign) => self.fence(foreign),
                    None => self.listed_while_revoked(rows),
                }
            }
            Standing::Tombstoned { .. } => self.listed_while_revoked(rows),
            Standing::Fenced { .. } => {}
            Standing::Enrolled | Standing::Quarantined { .. } => {
                let rotated = self.account(rows);
                match rotated.or_else(|| written_by_another(&self.slot, rows)) {
                    Some(foreign) => self.fence(foreign),
                    None => self.reconcile_own(rows),
                }
            }
        }
    }

    fn reconcile_own(&mut self, rows: &[TokenRow]) {
        let saw_disabled =
            ours(&self.slot, rows).any(|(_, row)| row.status == TokenStatus::Disabled);
        self.slot.flight.saw_disabled = saw_disabled;
        self.check_held(rows);
        self.forget_doubts(rows);
        match self.slot.work.clone() {
            Work::Idle => self.listed_while_idle(rows),
            Work::Issuing(intent) => self.listed_while_issuing(intent, rows),
            Work::Proving { staged, intent } => self.listed_while_proving(&staged, intent, rows),
            Work::Discarding { name, .. } => self.listed_while_discarding(&name, rows),
        }
        self.settle_if_content();
    }

    fn listed_while_idle(&mut self, rows: &[TokenRow]) {
        if let Some(orphan) = orphan(&self.slot, rows) {
            self.slot.work = Work::Discarding {
                name: orphan.name.clone(),
                why: "nobody has its secret".to_owned(),
            };
            self.remove_listed(orphan);
        } else if self.wants_issue() {
            self.issue(rows);
        }
    }

    fn listed_while_discarding(&mut self, name: &TokenName, rows: &[TokenRow]) {
        match rows.iter().find(|row| row.name == *name) {
            Some(row) => self.remove_listed(row),
            None => self.slot.work = Work::Idle,
        }
    }

    /// A served token that Snowflake lost or changed is replaced at once; the secret is kept until then, for the
    /// list may be wrong and it may be the last.
    fn check_held(&mut self, rows: &[TokenRow]) {
        let Some(serving) = self.slot.serving.clone() else { return };
        let row = rows.iter().find(|row| row.name == serving.name);
        if row.is_some_and(|row| row.status == TokenStatus::Expired) {
            self.slot.due_at = self.slot.due_at.min(Some(self.now));
        }
        let fault = match row {
            None => Some("is not listed by Snowflake any more"),
            Some(row) if row.status == TokenStatus::Disabled => Some("is disabled at Snowflake"),
            Some(row) if row.role.as_ref() != Some(&serving.role) => {
                Some("is not restricted to its role")
            }
            Some(_) => None,
        };
        match fault {
            Some(fault) if self.slot.taint.is_none() => self.lost(&serving.name, fault),
            Some(_) => {}
            None => {
                self.slot.draining.retain(|old| rows.iter().any(|row| row.name == old.held.name))
            }
        }
    }

    fn lost(&mut self, name: &TokenName, fault: &str) {
        self.alarm(
            LOST,
            format!("the token in use, {name}, {fault}; it is being replaced"),
            format!("find out who changes tokens of {}", self.rules.user),
        );
        self.taint(format!("{name} {fault}"));
    }

    fn fence(&mut self, foreign: TokenName) {
        self.end_standing_alarms();
        self.alarm(
            FENCED,
            format!("{foreign} carries this host's id and was not made by this state"),
            "if this machine is a clone or its state was restored: patctl enrol begins anew beside those tokens".to_owned(),
        );
        self.slot.standing = Standing::Fenced { foreign };
        // Only a person lifts it, also where the daemon had retired the slot.
        self.slot.retired = false;
    }
}

/// Returns the newest token with our host id that this state cannot have written: of a generation never intended,
/// or of a generation known under another name.
fn written_by_another(slot: &Slot, rows: &[TokenRow]) -> Option<TokenName> {
    let mut foreign: Vec<(Lineage, &TokenName)> = ours(slot, rows)
        .filter(|(lineage, row)| {
            lineage.generation > slot.last_generation || known_otherwise(slot, lineage, &row.name)
        })
        .map(|(lineage, row)| (lineage, &row.name))
        .collect();
    foreign.sort_by_key(|(lineage, _)| lineage.generation);
    foreign.last().map(|(_, name)| (*name).clone())
}

fn known_otherwise(slot: &Slot, lineage: &Lineage, name: &TokenName) -> bool {
    let same_generation = |known: &&TokenName| {
        Lineage::read(known).is_some_and(|known| known.generation == lineage.generation)
    };
    let mut known = slot.known_names().filter(same_generation).peekable();
    known.peek().is_some() && known.all(|known| known != name)
}

/// Returns the oldest live token of ours whose secret nobody has. A name that stays stays, for it gets another secret.
fn orphan<'a>(slot: &Slot, rows: &'a [TokenRow]) -> Option<&'a TokenRow> {
    let stays = slot.serving.as_ref().and_then(|held| lineage::rotated_from(&held.name));
    of_ours(slot, rows)
        .filter(|(_, row)| row.status != TokenStatus::Expired)
        .filter(|(_, row)| slot.held().all(|held| held.name != row.name))
        .filter(|(_, row)| Some(&row.name) != stays.as_ref())
        .min_by_key(|(lineage, _)| lineage.generation)
        .map(|(_, row)| row)
}

/// Returns how many tokens of this lineage are alive.
pub(super) fn own_alive(slot: &Slot, rows: &[TokenRow]) -> usize {
    of_ours(slot, rows).filter(|(_, row)| row.status != TokenStatus::Expired).count()
}

/// Returns the tokens that carry a name we gave.
fn ours<'a>(slot: &Slot, rows: &'a [TokenRow]) -> impl Iterator<Item = (Lineage, &'a TokenRow)> {
    of_ours(slot, rows).filter(|(lineage, row)| lineage.name() == row.name)
}

/// Returns the tokens of this lineage, with what ROTATE left of them. What lies below a lifted fence is someone else's,
/// unless named in the state.
pub(super) fn of_ours<'a>(
    slot: &Slot,
    rows: &'a [TokenRow],
) -> impl Iterator<Item = (Lineage, &'a TokenRow)> {
    rows.iter().filter_map(|row| Some((lineage::of(&row.name)?, row))).filter(|(lineage, row)| {
        lineage.host == slot.host
            && (lineage.generation > slot.base || slot.known_names().any(|name| *name == row.name))
    })
}
