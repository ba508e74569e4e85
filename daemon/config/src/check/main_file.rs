//! `patd.toml`, but for its `[account]`.

use crate::KeySource;
use crate::at::At;
use crate::check::{choice, required};
use crate::fault::{Faults, Wrong};
use crate::local::{Absent, Local};
use crate::raw::RawMain;

/// What concerns the daemon as a whole.
pub(crate) struct Main {
    pub(crate) root_key: KeySource,
    pub(crate) audit_strict: bool,
    pub(crate) admin_gid: Option<u32>,
    pub(crate) gate: GateGroup,
}

/// The group of the wrapper's setgid bit.
pub(crate) struct GateGroup {
    pub(crate) name: String,
    pub(crate) gid: Option<u32>,
}

impl Main {
    pub(crate) fn check(raw: &RawMain, local: &mut Local, faults: &mut Faults) -> Option<Self> {
        let place = raw.store.as_ref().unwrap_or(&raw.place);
        let example = "root_key = \"systemd-credential:root-key\" to [store]";
        let root_key = required(raw.root_key.as_ref(), "root_key", example, place, faults)
            .and_then(|source| key_source("root_key of [store]", source, faults));
        let audit = [("grouped", false), ("strict", true)];
        let audit_strict = choice(raw.audit.as_ref(), "audit", false, &audit, faults);
        let admin_gid = admin_gid(raw.admin_group.as_ref(), local, faults);
        let gate = raw.gate_group.as_ref().map_or(GATE_GROUP, |name| name.value.as_str());
        let gate = GateGroup { name: gate.to_owned(), gid: local.gid(gate).ok() };
        Some(Self { root_key: root_key?, audit_strict: audit_strict?, admin_gid: admin_gid?, gate })
    }
}

/// Returns the source of a key. The text is in no message: it may be a key that was pasted there.
pub(crate) fn key_source(what: &str, text: &At<String>, faults: &mut Faults) -> Option<KeySource> {
    text.checked(faults, |text| {
        text.parse().map_err(|not: crate::NotAKeySource| {
            Wrong::new(format!("{what} {not}"), not.next_step())
        })
    })
}

/// The group of the admin socket: whoever names one wants it, the packaged one may be missing.
#[expect(clippy::option_option, reason = "no group at all, or a fault that was reported")]
fn admin_gid(
    named: Option<&At<String>>,
    local: &mut Local,
    faults: &mut Faults,
) -> Option<Option<u32>> {
    let Some(named) = named else { return Some(local.gid(ADMIN_GROUP).ok()) };
    named.checked(faults, |name| {
        local.gid(name).map(Some).map_err(|absent| match absent {
            Absent::Unknown => Wrong::new(
                format!("admin_group: there is no local group {name:?}"),
                format!("make it (groupadd --system {name}), or remove the key"),
            ),
            Absent::NotAnswered(why) => Wrong::new(
                format!("admin_group: the system cannot say who group {name:?} is ({why})"),
                format!("check: getent group {name}"),
            ),
        })
    })
}

const ADMIN_GROUP: &str = "patd-admin";
const GATE_GROUP: &str = "patclient";
