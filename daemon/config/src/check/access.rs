//! `[access]`: who may have the secret, and how. A local account that does not exist makes no fault: it may
//! come later, and until then its part of the entry matches nobody.

use patd_core::names::{Connection, Target};
use patd_core::policy::{Delivery, Gate, Selector};

use crate::Inert;
use crate::at::{At, Place};
use crate::check::main_file::GateGroup;
use crate::check::{choice, optional, targets};
use crate::fault::{Faults, Wrong};
use crate::local::{self, Local};
use crate::raw::{RawAccess, RawEntry};
use crate::syntax;
use crate::table::NameOrId;

/// Who and how.
pub(crate) struct Access {
    pub(crate) any_of: Vec<Selector>,
    pub(crate) deliver: Vec<Delivery>,
    pub(crate) gate: Gate,
    pub(crate) targets: Vec<Target>,
    pub(crate) rate_per_minute: Option<u32>,
    pub(crate) absent: Vec<Absent>,
}

/// What is not there yet.
pub(crate) struct Absent {
    pub(crate) reason: String,
    pub(crate) next_step: String,
}

impl Absent {
    pub(crate) fn of(self, connection: &Connection) -> Inert {
        let Self { reason, next_step } = self;
        Inert { connection: connection.clone(), reason, next_step }
    }
}

pub(crate) fn check(
    entry: &RawEntry,
    gate: Option<&GateGroup>,
    local: &mut Local,
    faults: &mut Faults,
) -> Option<Access> {
    let next_step = "add [access] with users = [\"…\"]";
    let Some(raw) = &entry.access else {
        if !faults.is_mistyped(&entry.place.file, "access") {
            faults.add(&entry.place, Wrong::new("[access] is missing", next_step));
        }
        return None;
    };
    let sound =
        !["users", "groups", "units"].iter().any(|key| faults.is_mistyped(&raw.place.file, key));
    let mut found = Found { any_of: Vec::new(), absent: Vec::new(), local, faults, sound };
    found.users(raw);
    found.groups(raw);
    found.units(raw);
    let Found { mut any_of, mut absent, faults, sound, .. } = found;
    any_of.shrink_to_fit();
    if sound && any_of.is_empty() && absent.is_empty() {
        let what = "[access] names nobody";
        faults.add(&raw.place, Wrong::new(what, "name local users, groups or units"));
    }
    let deliver = deliver(raw, faults);
    let gates = [("preferred", Gate::Preferred), ("required", Gate::Required)];
    let needed = choice(raw.gate.as_ref(), "gate", Gate::Preferred, &gates, faults)?;
    absent.extend(absent_gate(needed, gate));
    let targets = targets::check(raw, needed, faults);
    let rate = optional(raw.rate_per_minute.as_ref(), faults, |rate| {
        syntax::in_range("rate_per_minute", *rate, 1..=MOST_PER_MINUTE)
    });
    let (targets, rate_per_minute) = (targets?, rate?);
    absent.extend(targets.iter().filter_map(targets::unusable));
    Some(Access { any_of, deliver: deliver?, gate: needed, targets, rate_per_minute, absent })
}

/// The selectors found so far.
struct Found<'f> {
    any_of: Vec<Selector>,
    absent: Vec<Absent>,
    local: &'f mut Local,
    faults: &'f mut Faults,
    sound: bool,
}

impl Found<'_> {
    fn users(&mut self, raw: &RawAccess) {
        for user in raw.users.iter().flat_map(|users| &users.value) {
            match self.id(user, "user", |local, name| local.uid(name)) {
                Some(NOBODY) => self.wrong(&user.place, never_served_as("account", "uid")),
                uid => self.any_of.extend(uid.map(Selector::Uid)),
            }
        }
    }

    fn groups(&mut self, raw: &RawAccess) {
        for group in raw.groups.iter().flat_map(|groups| &groups.value) {
            match self.id(group, "group", |local, name| local.gid(name)) {
                Some(NOBODY) => self.wrong(&group.place, never_served_as("group", "gid")),
                gid => self.any_of.extend(gid.map(Selector::Gid)),
            }
        }
    }

    fn units(&mut self, raw: &RawAccess) {
        for unit in raw.units.iter().flat_map(|units| &units.value) {
            match syntax::unit(&unit.value) {
                Ok(unit) => self.any_of.push(Selector::Unit(unit)),
                Err(wrong) => self.wrong(&unit.place, wrong),
            }
        }
    }

    fn id(
        &mut self,
        written: &At<NameOrId>,
        kind: &str,
        ask: impl Fn(&mut Local, &str) -> Result<u32, local::Absent>,
    ) -> Option<u32> {
        let name = match &written.value {
            NameOrId::Name(name) => name,
            NameOrId::Id(id) => return self.number(*id, kind, &written.place),
        };
        match ask(self.local, name) {
            Ok(id) => Some(id),
            Err(why) => {
                self.absent.push(absent_account(kind, name, &written.place, why));
                None
            }
        }
    }

    fn number(&mut self, id: i64, kind: &str, place: &Place) -> Option<u32> {
        match syntax::in_range(&format!("{kind} id"), id, 0..=MAX_ID) {
            Ok(id) => Some(id),
            Err(wrong) => {
                self.wrong(place, wrong);
                None
            }
        }
    }

    fn wrong(&mut self, place: &Place, wrong: Wrong) {
        self.sound = false;
        self.faults.add(place, wrong);
    }
}

fn absent_account(kind: &str, name: &str, place: &Place, why: local::Absent) -> Absent {
    let shown = place.shown();
    match why {
        local::Absent::Unknown => Absent {
            reason: format!("there is no local {kind} {name:?}"),
            next_step: format!(
                "create it and reload (systemctl reload patd), or take it out of {shown}"
            ),
        },
        local::Absent::NotAnswered(why) => Absent {
            reason: format!("the system cannot say who {kind} {name:?} is ({why})"),
            next_step: "check with getent, then reload: systemctl reload patd".to_owned(),
        },
    }
}

fn absent_gate(needed: Gate, group: Option<&GateGroup>) -> Option<Absent> {
    let group = group.filter(|group| needed == Gate::Required && group.gid.is_none())?;
    Some(Absent {
        reason: format!("it requires the gate, and there is no group {:?}", group.name),
        next_step: "install pat-exec from its package, which makes the group; then reload"
            .to_owned(),
    })
}

/// Returns the deliveries, the default first.
fn deliver(raw: &RawAccess, faults: &mut Faults) -> Option<Vec<Delivery>> {
    let Some(written) = &raw.deliver else { return Some(vec![Delivery::Home]) };
    if written.value.is_empty() {
        faults.add(&written.place, Wrong::new("deliver is empty", "write deliver = [\"home\"]"));
        return None;
    }
    let mut deliver = Vec::new();
    let mut sound = true;
    for word in &written.value {
        let delivery = word.checked(faults, |word| delivery(word, &deliver));
        sound &= delivery.is_some();
        deliver.extend(delivery);
    }
    sound.then_some(deliver)
}

fn delivery(word: &str, before: &[Delivery]) -> Result<Delivery, Wrong> {
    let offered = "use \"home\" or \"env\"";
    let delivery = match word {
        "home" => Delivery::Home,
        "env" => Delivery::Env,
        "proxy" | "fd" => {
            return Err(Wrong::new(format!("delivery {word:?} is not offered yet"), offered));
        }
        _ => return Err(Wrong::new(format!("delivery {word:?} is unknown"), offered)),
    };
    if before.contains(&delivery) {
        return Err(Wrong::new(format!("delivery {word:?} is named twice"), "remove one"));
    }
    Ok(delivery)
}

fn never_served_as(kind: &str, id: &str) -> Wrong {
    let what =
        format!("{id} 65534 is never served: every id without a name of its own looks like it");
    Wrong::new(
        what,
        format!("give the program {} {kind} of its own", if kind == "group" { "a" } else { "an" }),
    )
}

/// As many as one uid may ask for in a minute anyhow.
const MOST_PER_MINUTE: u32 = 3_000;
/// The overflow uid: what the kernel shows for an id it cannot map.
const NOBODY: u32 = 65_534;
/// 2^32-1 means "no id" to the kernel.
const MAX_ID: u32 = u32::MAX - 1;
