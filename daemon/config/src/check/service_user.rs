//! `[provision]` of the entries: what is wanted of a service user and its role. Entries that share one say it in
//! one place, or alike.

use std::collections::BTreeMap;

use patd_core::lifecycle::Strategy;
use patd_core::names::SlotId;
use patd_core::pattern::desired::{Management, Privilege, ServiceUser};

use crate::at::At;
use crate::check::choice;
use crate::check::entry::Checked;
use crate::check::provision::{MANAGEMENTS, all, distinct};
use crate::check::slots::by_slot;
use crate::fault::{Faults, Wrong};
use crate::provision::{CORTEX, plain};
use crate::raw_provision::{RawServiceUser, Texts};
use crate::{ConnectionConfig, as_shown, object};

/// What an entry says about its service user.
pub(crate) struct Registration {
    user: Option<At<Management>>,
    role: Option<At<Management>>,
    to_sysadmin: Option<At<bool>>,
    privileges: Option<At<Vec<Privilege>>>,
    database_roles: Option<At<Vec<[String; 2]>>>,
}

impl Registration {
    pub(crate) fn check(raw: &RawServiceUser, faults: &mut Faults) -> Option<Self> {
        let user = management("user", raw.user.as_ref(), faults);
        let role = management("role", raw.role.as_ref(), faults);
        let privileges = list(raw.privileges.as_ref(), faults, |text| object::privilege(text));
        let roles = |text: &String| object::qualified("database role", text);
        let database_roles = list(raw.database_roles.as_ref(), faults, roles);
        Some(Self {
            user: user?,
            role: role?,
            to_sysadmin: raw.to_sysadmin.clone(),
            privileges: privileges?,
            database_roles: database_roles?,
        })
    }
}

/// Returns what is wanted of each service user of whom more is said than its role; none if two entries contradict each
/// other.
pub(crate) fn of(
    entries: &[Checked],
    faults: &mut Faults,
) -> Option<BTreeMap<SlotId, ServiceUser>> {
    let slots = by_slot(entries).into_iter();
    let users = slots.map(|(id, sharing)| Some((id.clone(), service_user(id, &sharing, faults)?)));
    let is_plain = |user: &ServiceUser| *user == plain(user.user.clone(), user.role.clone());
    let users = users.collect::<Vec<_>>().into_iter();
    let users = users.filter(|user| !user.as_ref().is_some_and(|(_, user)| is_plain(user)));
    let users: Option<BTreeMap<_, _>> = users.collect();
    one_mind_about_each_role(entries, faults);
    users
}

fn service_user(id: &SlotId, sharing: &[&Checked], faults: &mut Faults) -> Option<ServiceUser> {
    let first = sharing.first()?;
    let said = || sharing.iter().map(|entry| &entry.registration);
    let user = agreed("user", said().filter_map(|one| one.user.as_ref()), faults);
    let role = agreed("role", said().filter_map(|one| one.role.as_ref()), faults);
    let to_sysadmin =
        agreed("to_sysadmin", said().filter_map(|one| one.to_sysadmin.as_ref()), faults);
    let privileges = agreed("privileges", said().filter_map(|one| one.privileges.as_ref()), faults);
    let database_roles =
        agreed("database_roles", said().filter_map(|one| one.database_roles.as_ref()), faults);
    let role = role.map_or(Management::Ours, |role| role.value);
    if let (Management::Existing, Some(grant)) = (role, to_sysadmin.filter(|grant| grant.value)) {
        let what = "to_sysadmin is set, and the role is the site's own: it is never changed";
        faults.add(&grant.place, Wrong::new(what, "remove one of the two"));
    }
    let defaults = sharing.iter().flat_map(|entry| defaults(&entry.config));
    let mut strategies = sharing.iter().filter_map(|entry| entry.token.strategy.as_ref());
    let written = privileges.iter().flat_map(|written| written.value.iter().cloned());
    Some(ServiceUser {
        user: id.user.clone(),
        user_management: user.map_or(Management::Ours, |user| user.value),
        role: first.role.value.clone(),
        role_management: role,
        to_sysadmin: to_sysadmin.is_some_and(|grant| grant.value),
        warehouse: first.config.warehouse.as_deref().map(as_shown),
        privileges: distinct(defaults.chain(written)),
        database_roles: distinct(
            database_roles.map_or_else(|| vec![CORTEX.map(str::to_owned)], |one| one.value.clone()),
        ),
        rotates: strategies.any(|written| written.value == Strategy::Rotate),
    })
}

/// What a connection names as its defaults is of no use without USAGE.
fn defaults(connection: &ConnectionConfig) -> Vec<Privilege> {
    let usage = |on: &str, name: Vec<String>| Privilege {
        privilege: "USAGE".to_owned(),
        on: on.to_owned(),
        name,
    };
    let ConnectionConfig { warehouse, database, schema, .. } = connection;
    let shown = |name: &Option<String>| name.as_deref().map(as_shown);
    let mut found = Vec::new();
    found.extend(shown(warehouse).map(|warehouse| usage("WAREHOUSE", vec![warehouse])));
    found.extend(shown(database).map(|database| usage("DATABASE", vec![database])));
    let within = shown(database).zip(shown(schema));
    found.extend(within.map(|(database, schema)| usage("SCHEMA", vec![database, schema])));
    found
}

/// A role that several service users have is either ours or not.
fn one_mind_about_each_role(entries: &[Checked], faults: &mut Faults) {
    let mut seen: BTreeMap<_, (&Checked, &At<Management>)> = BTreeMap::new();
    for entry in entries {
        let Some(here) = &entry.registration.role else { continue };
        let key = (&entry.slot().account, &entry.role.value);
        let (first, there) = *seen.entry(key).or_insert((entry, here));
        if there.value != here.value && first.slot() != entry.slot() {
            let role = &entry.role.value;
            let at = there.place.shown();
            let what = format!("role {role} is {} here, {} at {at}", word(here), word(there));
            faults.add(&here.place, Wrong::new(what, "say the same of it in both"));
        }
    }
}

fn word(management: &At<Management>) -> &'static str {
    match management.value {
        Management::Ours => "\"ours\"",
        Management::Existing => "\"existing\"",
    }
}

#[expect(clippy::option_option, reason = "no value at all, or a fault that was reported")]
fn management(
    key: &str,
    written: Option<&At<String>>,
    faults: &mut Faults,
) -> Option<Option<At<Management>>> {
    let Some(word) = written else { return Some(None) };
    let value = choice(Some(word), key, Management::Ours, &MANAGEMENTS, faults)?;
    Some(Some(At { value, place: word.place.clone() }))
}

#[expect(clippy::option_option, reason = "no value at all, or a fault that was reported")]
fn list<T>(
    written: Option<&Texts>,
    faults: &mut Faults,
    check: impl Fn(&String) -> Result<T, Wrong>,
) -> Option<Option<At<Vec<T>>>> {
    let Some(written) = written else { return Some(None) };
    let value = all(written, faults, check)?;
    Some(Some(At { value, place: written.place.clone() }))
}

/// Returns the setting, which whoever shares the service user may repeat and may not contradict.
fn agreed<'e, T: PartialEq>(
    key: &str,
    mut written: impl Iterator<Item = &'e At<T>>,
    faults: &mut Faults,
) -> Option<&'e At<T>> {
    let first = written.next()?;
    for other in written.filter(|other| other.value != first.value) {
        let what = format!("{key} of [provision] is not as at {}", first.place.shown());
        let next_step = "entries of one user share it and its role: set it in one of them only";
        faults.add(&other.place, Wrong::new(what, next_step));
    }
    Some(first)
}
