//! Makes the checked configuration of the raw one. What concerns one file is checked there (`main`,
//! `account`, `entry`), what concerns several here and in `slots`. Every check reports and goes on.

mod access;
mod account;
mod entry;
mod main_file;
mod provision;
mod service_user;
mod slots;
mod targets;

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::at::{At, Place};
use crate::fault::{ConfigErrors, Faults, Wrong};
use crate::files::Sources;
use crate::local::Local;
use crate::raw::{RawEntry, RawMain};
use crate::table::Text;
use crate::{Config, syntax};

use account::Accounts;
use entry::Checked;
use main_file::Main;

/// Returns the checked configuration, or every fault of it.
pub(crate) fn check(sources: &Sources) -> Result<Config, ConfigErrors> {
    let mut faults = sources.faults.clone();
    let mut local = Local::default();
    let mut raw = sources.main.as_ref().and_then(|text| RawMain::read(text, &mut faults));
    let in_main = raw.as_mut().and_then(|raw| raw.account.take());
    let accounts = Accounts::check(in_main, raw.as_ref(), sources, &mut faults);
    let main = raw.and_then(|raw| Main::check(&raw, &mut local, &mut faults));
    if let Some(main) = &main {
        accounts.differ_from_root_key(&main.root_key, &mut faults);
    }
    let gate_gid = main.as_ref().and_then(|main| main.gate.gid);
    let entries = entries(sources, &accounts, main.as_ref(), &mut local, &mut faults);
    let slots = slots::of(&entries, &mut faults);
    if let Some(slots) = &slots {
        accounts.have_enough_statements(slots.keys(), &mut faults);
    }
    let service_users = service_user::of(&entries, &mut faults);
    let provision = provision::of(&accounts.wanted, &entries, &mut faults);
    let config = main.zip(slots).zip(service_users).map(|((main, slots), service_users)| {
        let mut config = Config {
            accounts: accounts.by_name,
            provision,
            slots,
            service_users,
            connections: BTreeMap::new(),
            entries: Vec::new(),
            inert: Vec::new(),
            root_key: main.root_key,
            audit_strict: main.audit_strict,
            admin_group: main.admin_gid,
            gate_gid,
            owner: sources.owner,
        };
        config.entries.reserve_exact(entries.len());
        let mut connections = Vec::with_capacity(entries.len());
        for entry in entries {
            connections.push(entry.join(&mut config));
        }
        // At once: a map that grows by one after the other is half empty.
        config.connections = connections.into_iter().collect();
        config
    });
    faults.none_or(config)
}

/// Returns the file in which a connection has its entry, faulty or not.
pub(crate) fn file_of(users: &[Text], connection: &str) -> Option<PathBuf> {
    let mut unseen = Faults::default();
    let holds = |text: &&Text| {
        let raw = RawEntry::read(text, &mut unseen);
        raw.and_then(|raw| raw.connection).is_some_and(|named| named.value == connection)
    };
    users.iter().find(holds).map(|text| text.file.to_path_buf())
}

fn entries(
    sources: &Sources,
    accounts: &Accounts,
    main: Option<&Main>,
    local: &mut Local,
    faults: &mut Faults,
) -> Vec<Checked> {
    let texts = sources.users.iter();
    let raw: Vec<RawEntry> = texts.filter_map(|text| RawEntry::read(text, faults)).collect();
    name_each_connection_once(&raw, faults);
    let gate = main.map(|main| &main.gate);
    raw.iter().filter_map(|raw| Checked::check(raw, accounts, gate, local, faults)).collect()
}

fn name_each_connection_once(entries: &[RawEntry], faults: &mut Faults) {
    let mut seen: BTreeMap<&str, &At<String>> = BTreeMap::new();
    for named in entries.iter().filter_map(|raw| raw.connection.as_ref()) {
        if let Some(first) = seen.get(named.value.as_str()) {
            let what = format!("connection {:?} has an entry already", named.value);
            let next_step = format!("choose another name, or join it with {}", first.place.shown());
            faults.add(&named.place, Wrong::new(what, next_step));
        } else if syntax::connection(&named.value).is_ok() {
            seen.insert(&named.value, named);
        }
    }
}

/// Returns a required value. Its absence is reported at `place`, where the `[header]` or file begins.
fn required<'r, T>(
    value: Option<&'r At<T>>,
    key: &'static str,
    example: &str,
    place: &Place,
    faults: &mut Faults,
) -> Option<&'r At<T>> {
    if value.is_none() && !faults.is_mistyped(&place.file, key) {
        faults.add(place, Wrong::new(format!("{key} is missing"), format!("add {example}")));
    }
    value
}

/// Returns the choice a word stands for; without the word, the documented default.
fn choice<T: Copy>(
    word: Option<&At<String>>,
    key: &str,
    default: T,
    choices: &[(&str, T)],
    faults: &mut Faults,
) -> Option<T> {
    let Some(word) = word else { return Some(default) };
    word.checked(faults, |word| {
        let chosen = choices.iter().find(|(name, _)| name == word).map(|(_, choice)| *choice);
        let names: Vec<_> = choices.iter().map(|(name, _)| format!("{name:?}")).collect();
        let wrong = || {
            Wrong::new(
                format!("{key} = {word:?} is unknown"),
                format!("write {}", names.join(" or ")),
            )
        };
        chosen.ok_or_else(wrong)
    })
}

/// Returns none where there is no value, and no value where it is wrong.
#[expect(clippy::option_option, reason = "no value at all, or a fault that was reported")]
fn optional<V, T>(
    value: Option<&At<V>>,
    faults: &mut Faults,
    check: impl FnOnce(&V) -> Result<T, Wrong>,
) -> Option<Option<T>> {
    match value {
        None => Some(None),
        Some(value) => value.checked(faults, check).map(Some),
    }
}
