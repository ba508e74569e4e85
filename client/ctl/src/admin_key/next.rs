//! What a rotation of the admin key does next, told from what is there: so one that was cut off goes on where it was.
//! Pure. A key is its fingerprint here.
//!
//! ```text
//! present=old  slots {old, -}     ─Make─► next=new ─Announce─► journal {old, new} ─Set─► slots {old, new}
//!   ─Promote (new has logged in)─► present=new ─End (the daemon has logged in)─► slots {-, new} ─Finish─► no journal
//! next lost before Promote ─TakeBack─► slots {old, -} ─Forget─► no journal, and from the start again
//! ```
//! At every arrow the present key is in a slot, and so is the one before it while the daemon may still use that.

use patd_core::sql::KeySlot;
use serde::{Deserialize, Serialize};

/// The two keys of a rotation, both this host's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pair {
    pub(super) old: String,
    pub(super) new: String,
}

/// What is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    /// The key in force on this host.
    pub(super) present: String,
    /// The key kept beside it.
    pub(super) next: Option<String>,
    /// The keys of the broker's user at Snowflake.
    pub(super) slots: [Option<String>; 2],
    /// What was written down of a rotation that has begun.
    pub(super) journal: Option<Pair>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Make a key and keep it beside the present one.
    Make,
    /// Write down which keys are ours.
    Announce(Pair),
    /// Let the next key in at Snowflake.
    Set(KeySlot),
    /// Prove the next key by a login, and put it into force here.
    Promote,
    /// See the daemon log in with the present key, and end the one before.
    End(KeySlot),
    /// Take a key out whose private half is lost.
    TakeBack(KeySlot),
    /// Forget a rotation that let no key in.
    Forget,
    /// Forget the rotation: it is done.
    Finish,
}

/// Why a person has to look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// A slot has a key that this host did not put there.
    Foreign(KeySlot, String),
    /// The present key is in neither slot.
    NotInASlot,
    /// The present key is neither of those that were written down.
    Strange(Pair),
}

/// Returns the next step.
pub(super) fn next(facts: &Facts) -> Result<Next, Stop> {
    if facts.slot_of(&facts.present).is_none() {
        return Err(Stop::NotInASlot);
    }
    match &facts.journal {
        None => beginning(facts),
        Some(pair) if facts.present == pair.new => Ok(ending(facts, pair)),
        Some(pair) if facts.present == pair.old => going_on(facts, pair),
        Some(pair) => Err(Stop::Strange(pair.clone())),
    }
}

fn beginning(facts: &Facts) -> Result<Next, Stop> {
    let kept = facts.next.as_ref().filter(|next| **next != facts.present);
    if let Some((slot, key)) = facts.other_key(&facts.present)
        && Some(key) != kept
    {
        return Err(Stop::Foreign(slot, key.clone()));
    }
    Ok(match kept {
        None => Next::Make,
        Some(next) => Next::Announce(Pair { old: facts.present.clone(), new: next.clone() }),
    })
}

fn going_on(facts: &Facts, pair: &Pair) -> Result<Next, Stop> {
    let is_kept = facts.next.as_ref() == Some(&pair.new);
    match (is_kept, facts.slot_of(&pair.new)) {
        (true, Some(_)) => Ok(Next::Promote),
        (false, Some(slot)) => Ok(Next::TakeBack(slot)),
        (false, None) => Ok(Next::Forget),
        (true, None) => match (facts.free_slot(), facts.other_key(&pair.old)) {
            (Some(slot), _) => Ok(Next::Set(slot)),
            (None, Some((slot, key))) => Err(Stop::Foreign(slot, key.clone())),
            // Both slots hold the old key.
            (None, None) => Err(Stop::Foreign(KeySlot::Second, pair.old.clone())),
        },
    }
}

fn ending(facts: &Facts, pair: &Pair) -> Next {
    facts.slot_of(&pair.old).map_or(Next::Finish, Next::End)
}

impl Facts {
    fn filled(&self) -> impl Iterator<Item = (KeySlot, &String)> {
        let slots = KeySlot::ALL.into_iter().zip(&self.slots);
        slots.filter_map(|(slot, key)| Some((slot, key.as_ref()?)))
    }

    fn slot_of(&self, key: &str) -> Option<KeySlot> {
        self.filled().find(|(_, found)| *found == key).map(|(slot, _)| slot)
    }

    fn free_slot(&self) -> Option<KeySlot> {
        KeySlot::ALL
            .into_iter()
            .zip(&self.slots)
            .find(|(_, key)| key.is_none())
            .map(|(slot, _)| slot)
    }

    fn other_key(&self, key: &str) -> Option<(KeySlot, &String)> {
        self.filled().find(|(_, found)| *found != key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(
        present: &str,
        next: Option<&str>,
        slots: [Option<&str>; 2],
        journal: Option<[&str; 2]>,
    ) -> Facts {
        Facts {
            present: present.to_owned(),
            next: next.map(str::to_owned),
            slots: slots.map(|key| key.map(str::to_owned)),
            journal: journal.map(|[old, new]| Pair { old: old.to_owned(), new: new.to_owned() }),
        }
    }

    /// Every combination of what can be there: keys "old", "new", "other", or none.
    fn all() -> impl Iterator<Item = Facts> {
        let keys = [None, Some("old"), Some("new"), Some("other")];
        let journals = [None, Some(["old", "new"])];
        let slots = move || keys.into_iter().flat_map(move |one| keys.map(|two| [one, two]));
        ["old", "new", "other"].into_iter().flat_map(move |present| {
            keys.into_iter().flat_map(move |next| {
                slots().flat_map(move |slots| {
                    journals.map(|journal| facts(present, next, slots, journal))
                })
            })
        })
    }

    #[test]
    fn no_step_takes_away_the_present_key_or_one_that_was_not_written_down() {
        for facts in all() {
            let (Ok(Next::End(slot) | Next::TakeBack(slot)), [first, second]) =
                (next(&facts), facts.slots.clone())
            else {
                continue;
            };
            let gone = if slot == KeySlot::First { first } else { second };
            let pair = facts.journal.clone().unwrap();
            assert_ne!(gone.as_ref(), Some(&facts.present), "{facts:?}");
            assert!([Some(pair.old), Some(pair.new)].contains(&gone), "{facts:?}");
        }
    }

    #[test]
    fn a_key_is_let_in_only_where_none_is_and_only_if_it_is_kept_and_written_down() {
        for facts in all() {
            let Ok(Next::Set(slot)) = next(&facts) else { continue };
            let place = if slot == KeySlot::First { &facts.slots[0] } else { &facts.slots[1] };
            assert_eq!(*place, None, "{facts:?}");
            assert_eq!(facts.next, facts.journal.clone().map(|pair| pair.new), "{facts:?}");
        }
    }

    #[test]
    fn a_key_of_others_stops_a_rotation_before_it_begins() {
        let foreign = |slots| next(&facts("old", None, slots, None));

        assert_eq!(
            foreign([Some("old"), Some("other")]),
            Err(Stop::Foreign(KeySlot::Second, "other".to_owned()))
        );
        assert_eq!(
            foreign([Some("other"), Some("old")]),
            Err(Stop::Foreign(KeySlot::First, "other".to_owned()))
        );
        assert_eq!(foreign([None, Some("other")]), Err(Stop::NotInASlot));
    }

    /// Carries a step out on the facts, as the effects do.
    fn after(facts: &Facts, step: Next) -> Facts {
        let mut after = facts.clone();
        let mut put = |slot, key| match slot {
            KeySlot::First => after.slots[0] = key,
            KeySlot::Second => after.slots[1] = key,
        };
        match step {
            Next::Make => after.next = Some("new".to_owned()),
            Next::Announce(pair) => after.journal = Some(pair),
            Next::Set(slot) => put(slot, facts.next.clone()),
            Next::Promote => after.present = after.next.take().unwrap(),
            Next::End(slot) | Next::TakeBack(slot) => put(slot, None),
            Next::Forget | Next::Finish => (after.next, after.journal) = (None, None),
        }
        after
    }

    #[test]
    fn from_wherever_it_is_not_stopped_it_ends_with_the_new_key_alone() {
        for mut now in all().filter(|facts| facts.next.as_deref() != Some("other")) {
            if now.journal.is_none() && now.present != "old" {
                continue;
            }
            for steps in 0.. {
                assert!(steps < 12, "{now:?} comes to no end");
                let Ok(step) = next(&now) else { break };
                let is_last = step == Next::Finish;
                now = after(&now, step);
                assert!(now.slot_of(&now.present).is_some(), "{now:?} is locked out");
                if is_last {
                    assert_eq!((now.present.as_str(), now.next.as_ref()), ("new", None));
                    assert_eq!(now.slot_of("old"), None);
                    break;
                }
            }
        }
    }
}
