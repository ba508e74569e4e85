//! The state of a slot for which nothing is due, in little room: nearly all of thousands of slots are in it nearly
//! always. What does not fit is kept whole, so that nothing is ever left out.

use std::sync::Arc;

use patd_core::lifecycle::{Flight, Held, Slot};
use patd_core::names::{Generation, HostId, Role, TokenName};
use patd_core::time::Timestamp;

/// A state as it is kept.
pub(super) enum Kept {
    /// The short form.
    Short(Resting),
    /// Any state.
    Whole(Arc<Slot>),
}

/// A slot that serves, with nothing under way and nothing wrong.
pub(super) struct Resting {
    last_generation: Generation,
    base: Generation,
    serving: Held,
    due_at: Option<Timestamp>,
    due_by: Option<Box<str>>,
    rotated: Option<TokenName>,
    removed: Option<TokenName>,
    survey_at: Option<Timestamp>,
    /// Whether the pattern was looked at; all of it held then.
    was_looked_at: bool,
}

impl Kept {
    /// Keeps a state in the least room. What it names is shared with `role`, where that is the same.
    pub(super) fn of(slot: &Arc<Slot>, host: &HostId, role: &Role) -> Self {
        match Resting::of(slot, host) {
            Some(mut resting) => {
                if resting.serving.role == *role {
                    resting.serving.role = role.clone();
                }
                Self::Short(resting)
            }
            None => Self::Whole(slot.clone()),
        }
    }

    /// Returns the state.
    pub(super) fn whole(&self, host: &HostId) -> Arc<Slot> {
        match self {
            Self::Short(resting) => Arc::new(resting.whole(host)),
            Self::Whole(slot) => slot.clone(),
        }
    }

    /// Returns the generation that is served.
    pub(super) fn serves(&self) -> Option<Generation> {
        match self {
            Self::Short(resting) => Some(resting.serving.generation),
            Self::Whole(slot) => slot.current().map(|held| held.generation),
        }
    }

    /// Returns whether nothing is known of the slot.
    pub(super) fn is_blank(&self) -> bool {
        match self {
            Self::Short(_) => false,
            Self::Whole(slot) => slot.is_blank(),
        }
    }

    /// Returns whether the pattern was looked at for this slot.
    pub(super) fn was_looked_at(&self) -> bool {
        match self {
            Self::Short(resting) => resting.was_looked_at,
            Self::Whole(slot) => slot.drift.is_some(),
        }
    }
}

impl Resting {
    /// None: there is more to the state than fits.
    fn of(slot: &Slot, host: &HostId) -> Option<Self> {
        let resting = Self {
            last_generation: slot.last_generation,
            base: slot.base,
            serving: slot.serving.clone()?,
            due_at: slot.due_at,
            due_by: slot.due_by.as_deref().map(Box::from),
            rotated: slot.rotated.clone(),
            removed: slot.flight.removed.clone(),
            survey_at: slot.flight.survey_at,
            was_looked_at: slot.drift.is_some(),
        };
        let mut whole = resting.whole(host);
        // Each look at the time brings another.
        whole.flight.fresh.clone_from(&slot.flight.fresh);
        (whole == *slot).then_some(resting)
    }

    fn whole(&self, host: &HostId) -> Slot {
        Slot {
            last_generation: self.last_generation,
            base: self.base,
            serving: Some(self.serving.clone()),
            due_at: self.due_at,
            due_by: self.due_by.as_deref().map(str::to_owned),
            rotated: self.rotated.clone(),
            drift: self.was_looked_at.then(Default::default),
            flight: Flight {
                removed: self.removed.clone(),
                survey_at: self.survey_at,
                ..Flight::default()
            },
            ..Slot::new(host.clone())
        }
    }
}

#[cfg(test)]
mod tests {
    use patd_core::lifecycle::{Asked, Standing, Work};
    use patd_core::names::IntentId;

    use super::*;

    fn host() -> HostId {
        HostId::new("0A1B2C3D")
    }

    fn serving() -> Slot {
        let held = Held {
            generation: Generation(4),
            name: TokenName::new("PATD_0A1B2C3D_G4_0A1B2C"),
            role: Role::new("R"),
            issued_at: Timestamp(1),
            expires_at: Timestamp(9),
        };
        let mut slot = Slot {
            last_generation: Generation(5),
            base: Generation(2),
            serving: Some(held),
            due_at: Some(Timestamp(5)),
            due_by: Some("0 0 3 * * *".into()),
            rotated: Some(TokenName::new("A_ROTATED_1")),
            drift: Some([].into()),
            ..Slot::new(host())
        };
        slot.flight.survey_at = Some(Timestamp(6));
        slot.flight.removed = Some(TokenName::new("B"));
        slot
    }

    fn kept(slot: &Slot) -> Kept {
        Kept::of(&Arc::new(slot.clone()), &host(), &Role::new("R"))
    }

    #[test]
    fn a_slot_at_rest_takes_little_room_and_is_whole_again_when_it_is_looked_at() {
        let slot = serving();

        let kept = kept(&slot);

        assert!(matches!(kept, Kept::Short(_)) && size_of::<Kept>() <= 192);
        assert_eq!(*kept.whole(&host()), slot);
        assert_eq!(kept.serves(), Some(Generation(4)));
        assert!(kept.was_looked_at());
    }

    #[test]
    fn whatever_does_not_fit_is_kept_whole() {
        let changes: [fn(&mut Slot); 8] = [
            |slot| slot.serving = None,
            |slot| slot.work = Work::Discarding { name: TokenName::new("A"), why: "b".into() },
            |slot| slot.standing = Standing::Quarantined { shown: "x".into() },
            |slot| slot.drift = Some(["one-role".into()].into()),
            |slot| slot.retired = true,
            |slot| slot.flight.asked = Some(Asked::List),
            |slot| slot.flight.is_cramped = true,
            |slot| slot.host = HostId::new("FFFFFFFF"),
        ];
        for change in changes {
            let mut slot = serving();
            change(&mut slot);

            let kept = kept(&slot);

            assert!(matches!(kept, Kept::Whole(_)), "{slot:?}");
            assert_eq!(*kept.whole(&host()), slot);
        }
    }

    #[test]
    fn a_random_id_that_was_not_used_is_no_part_of_a_slot_at_rest() {
        let mut slot = serving();
        slot.flight.fresh = Some(IntentId::new("0A1B2C"));
        let kept = kept(&slot);
        slot.flight.fresh = None;
        assert_eq!(*kept.whole(&host()), slot);
    }
}
