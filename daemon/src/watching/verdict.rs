//! What a look means for each slot: the checks about it that do not hold, kept durable with the slot, so that neither
//! a restart nor a fact that went out of sight lifts a `freeze_on`.

use std::collections::BTreeSet;
use std::sync::Arc;

use patd_core::names::{Account, User};
use patd_core::pattern::verify::{Check, Outcome};
use tokio::task::JoinSet;

use super::round;
use crate::house::House;
use crate::slots::{Command, Handle};

/// Tells every slot of an account what was found about it.
pub(super) async fn judge(house: &Arc<House>, account: &Account, drift: &[Check]) {
    let mut judging = JoinSet::new();
    for slot in round::slots_of(house, account) {
        let before = slot.view().slot.drift.clone();
        let failed = failed(&slot.id.user, before.as_ref(), drift);
        if before.as_ref() != Some(&failed) {
            judging.spawn(tell(slot, failed));
        }
    }
    judging.join_all().await;
}

async fn tell(slot: Arc<Handle>, failed: BTreeSet<String>) {
    let checks = failed.iter().cloned().collect::<Vec<_>>().join(", ");
    // The slot raises its own alarm when it cannot store; the next look tells it again.
    if slot.command(Command::Judge(failed)).await && !slot.view().held_back_by().is_empty() {
        tracing::warn!(slot = %slot.id, checks, "Slot held back");
    }
}

/// Returns the checks about a user that do not hold. One that did not hold and cannot be made now still does not.
fn failed(user: &User, before: Option<&BTreeSet<String>>, drift: &[Check]) -> BTreeSet<String> {
    let of_user = drift.iter().filter(|check| check.concerns(user));
    let still = |check: &&Check| match check.outcome {
        Outcome::Failed => true,
        Outcome::NotChecked { .. } => before.is_some_and(|before| before.contains(&check.id)),
        Outcome::Passed => false,
    };
    of_user.filter(still).map(|check| check.id.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(id: &str, subject: &str, outcome: Outcome) -> Check {
        let (id, subject) = (id.to_owned(), subject.to_owned());
        Check { id, subject, outcome, evidence: String::new(), next_step: String::new() }
    }

    fn unseen() -> Outcome {
        Outcome::NotChecked { needs: "MONITOR".to_owned() }
    }

    fn of_ana(before: Option<&[&str]>, drift: &[Check]) -> Vec<String> {
        let before =
            before.map(|ids| ids.iter().map(|id| (*id).to_owned()).collect::<BTreeSet<_>>());
        failed(&User::new("ANA"), before.as_ref(), drift).into_iter().collect()
    }

    #[test]
    fn a_slot_hears_of_its_own_user_and_of_the_account_and_of_no_other_user() {
        let drift = [
            check("one-role", "user ANA", Outcome::Failed),
            check("service-type", "user BEN", Outcome::Failed),
            check("persons-barred", "account", Outcome::Failed),
            check("minters", "user ANA", unseen()),
        ];
        assert_eq!(of_ana(None, &drift), ["one-role", "persons-barred"]);
    }

    #[test]
    fn what_failed_and_went_out_of_sight_has_not_come_right() {
        let unseen = [check("one-role", "user ANA", unseen())];
        assert_eq!(of_ana(Some(&["one-role"]), &unseen), ["one-role"]);
        assert!(of_ana(Some(&[]), &unseen).is_empty(), "what was never seen did not fail");
        assert!(of_ana(Some(&["one-role"]), &[]).is_empty(), "it holds now");
    }
}
