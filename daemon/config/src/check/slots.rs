//! What several entries say about one slot: the same role, and the same life of its tokens.

use std::collections::BTreeMap;
use std::fmt::Display;

use patd_core::lifecycle::Strategy;
use patd_core::names::SlotId;

use crate::SlotConfig;
use crate::at::{At, Place};
use crate::check::entry::Checked;
use crate::fault::{Faults, Wrong};

/// Returns the slots of the entries; none if two entries contradict each other.
pub(crate) fn of(entries: &[Checked], faults: &mut Faults) -> Option<BTreeMap<SlotId, SlotConfig>> {
    let slots = by_slot(entries).into_iter();
    let slots = slots.map(|(id, sharing)| Some((id.clone(), slot(id, &sharing, faults)?)));
    slots.collect::<Vec<_>>().into_iter().collect()
}

/// Returns the entries that share each slot, in order of their files.
pub(crate) fn by_slot(entries: &[Checked]) -> BTreeMap<&SlotId, Vec<&Checked>> {
    let mut by_slot: BTreeMap<&SlotId, Vec<&Checked>> = BTreeMap::new();
    for entry in entries {
        by_slot.entry(entry.slot()).or_default().push(entry);
    }
    by_slot
}

fn slot(id: &SlotId, sharing: &[&Checked], faults: &mut Faults) -> Option<SlotConfig> {
    let role = one_role(id, sharing, faults);
    let tokens = || sharing.iter().map(|entry| &entry.token);
    let days = agreed(
        "days_to_expiry",
        tokens().filter_map(|token| token.days_to_expiry.as_ref()),
        faults,
    );
    let min =
        agreed("drain_min_seconds", tokens().filter_map(|token| token.drain_min.as_ref()), faults);
    let max =
        agreed("drain_max_seconds", tokens().filter_map(|token| token.drain_max.as_ref()), faults);
    let window = agreed("window", tokens().filter_map(|token| token.window.as_ref()), faults);
    let retire_at_exit = agreed(
        "retire_at_exit",
        tokens().filter_map(|token| token.retire_at_exit.as_ref()),
        faults,
    );
    let strategy = agreed("strategy", tokens().filter_map(|token| token.strategy.as_ref()), faults);
    if let Some(written) = strategy.filter(|written| written.value == Strategy::Rotate) {
        refuse_what_rotate_cannot_keep(&written.place, days, retire_at_exit, faults);
    }
    let drain_min = min.map_or(DRAIN_MIN_SECONDS, |min| min.value);
    let drain_max = max.map_or(DRAIN_MAX_SECONDS, |max| max.value);
    if let Some(place) = max.or(min).filter(|_| drain_max < drain_min).map(|written| &written.place)
    {
        let what =
            format!("drain_max_seconds ({drain_max}) is less than drain_min_seconds ({drain_min})");
        faults.add(place, Wrong::new(what, "raise the one or lower the other"));
    }
    let days_to_expiry = days.map_or(DAYS_TO_EXPIRY, |days| days.value);
    let retire_at_exit = retire_at_exit.is_some_and(|written| written.value);
    let role = role?.value.clone();
    let window = window.map(|written| written.value.clone());
    let strategy = strategy.map_or(Strategy::Add, |written| written.value);
    Some(SlotConfig {
        role,
        days_to_expiry,
        drain_min,
        drain_max,
        window,
        strategy,
        retire_at_exit,
    })
}

/// Under a name that stays, whoever rotates it puts a clock on the secret of everybody who has it.
fn refuse_what_rotate_cannot_keep(
    strategy: &Place,
    days: Option<&At<u32>>,
    retire_at_exit: Option<&At<bool>>,
    faults: &mut Faults,
) {
    if days.is_some_and(|days| days.value < LEAST_DAYS_TO_ROTATE) {
        let what = "strategy = \"rotate\" with days_to_expiry = 1: too few hours are left of the old secret to get over an answer that is lost";
        let next_step = "set days_to_expiry to 2 or more, or strategy = \"add\"";
        faults.add(strategy, Wrong::new(what, next_step));
    }
    if retire_at_exit.is_some_and(|retires| retires.value) {
        let what = "strategy = \"rotate\" with retire_at_exit = true: no name stays on a host that ends, and copies of one would end each other's secrets";
        let next_step =
            "leave out one of the two: strategy = \"add\" is for hosts that come and go";
        faults.add(strategy, Wrong::new(what, next_step));
    }
}

fn one_role<'e>(
    id: &SlotId,
    sharing: &[&'e Checked],
    faults: &mut Faults,
) -> Option<&'e At<patd_core::names::Role>> {
    let first = &sharing.first()?.role;
    for other in sharing.iter().map(|entry| &entry.role).filter(|role| role.value != first.value) {
        let what =
            format!("user {} has role {} here and {} elsewhere", id.user, other.value, first.value);
        let at = first.place.shown();
        let next_step =
            format!("one role per service user: change it here or at {at}, or make a second user");
        faults.add(&other.place, Wrong::new(what, next_step));
    }
    Some(first)
}

/// Returns the setting, which whoever shares the slot may repeat and may not contradict.
fn agreed<'e, T: PartialEq + Display>(
    key: &str,
    mut written: impl Iterator<Item = &'e At<T>>,
    faults: &mut Faults,
) -> Option<&'e At<T>> {
    let first = written.next()?;
    for other in written.filter(|other| other.value != first.value) {
        let what =
            format!("{key} = {} here, {} at {}", other.value, first.value, first.place.shown());
        let next_step = "entries of one user share its token: set it in one of them only";
        faults.add(&other.place, Wrong::new(what, next_step));
    }
    Some(first)
}

/// A week: short enough for a stolen one, long enough for a laptop asleep over the weekend.
pub(crate) const DAYS_TO_EXPIRY: u32 = 7;
/// A client reads its file, then logs in.
const DRAIN_MIN_SECONDS: u32 = 120;
const DRAIN_MAX_SECONDS: u32 = 86_400;
/// A fifth of a day, when a window is missed, is less than the hours that a ROTATE needs to leave the old secret.
const LEAST_DAYS_TO_ROTATE: u32 = 2;
