//! The files as they are written: every key this version knows, none of it believed yet.

use std::collections::BTreeMap;

use pat_wire::secret::Secret;

use crate::at::{At, Place};
use crate::fault::Faults;
use crate::raw_provision::{RawProvision, RawServiceUser};
use crate::table::{NameOrId, Table, Text};

/// `patd.toml`.
pub(crate) struct RawMain {
    pub(crate) place: Place,
    pub(crate) audit: Option<At<String>>,
    pub(crate) admin_group: Option<At<String>>,
    pub(crate) gate_group: Option<At<String>>,
    pub(crate) store: Option<Place>,
    pub(crate) root_key: Option<At<String>>,
    pub(crate) account: Option<RawAccount>,
}

/// `[account]`, `[admin]` and `[provision]`, in a file of `accounts.d` or in `patd.toml`.
pub(crate) struct RawAccount {
    pub(crate) place: Place,
    pub(crate) name: Option<At<String>>,
    pub(crate) host: Option<At<String>>,
    pub(crate) port: Option<At<i64>>,
    pub(crate) protocol: Option<At<String>>,
    pub(crate) ca_file: Option<At<String>>,
    pub(crate) proxy: Option<At<Secret>>,
    pub(crate) statements_per_hour: Option<At<i64>>,
    /// Whether others may read the file, which is no place for a password then.
    pub(crate) readable_by_others: bool,
    pub(crate) admin: Option<RawAdmin>,
    pub(crate) provision: Option<RawProvision>,
}

/// `[admin]`.
pub(crate) struct RawAdmin {
    pub(crate) place: Place,
    pub(crate) user: Option<At<String>>,
    pub(crate) role: Option<At<String>>,
    pub(crate) key: Option<At<String>>,
}

/// A file of `users.d`.
pub(crate) struct RawEntry {
    pub(crate) place: Place,
    pub(crate) connection: Option<At<String>>,
    pub(crate) account: Option<At<String>>,
    pub(crate) user: Option<At<String>>,
    pub(crate) role: Option<At<String>>,
    pub(crate) warehouse: Option<At<String>>,
    pub(crate) database: Option<At<String>>,
    pub(crate) schema: Option<At<String>>,
    pub(crate) entry_form: Option<At<String>>,
    pub(crate) keep_connections: Option<At<bool>>,
    pub(crate) env: Option<At<BTreeMap<String, At<String>>>>,
    pub(crate) token: RawToken,
    pub(crate) access: Option<RawAccess>,
    pub(crate) provision: RawServiceUser,
}

/// `[token]`.
#[derive(Default)]
pub(crate) struct RawToken {
    pub(crate) days_to_expiry: Option<At<i64>>,
    pub(crate) drain_min_seconds: Option<At<i64>>,
    pub(crate) drain_max_seconds: Option<At<i64>>,
    pub(crate) window: Option<At<String>>,
    pub(crate) strategy: Option<At<String>>,
    pub(crate) retire_at_exit: Option<At<bool>>,
}

/// `[access]`.
pub(crate) struct RawAccess {
    pub(crate) place: Place,
    pub(crate) users: Option<At<Vec<At<NameOrId>>>>,
    pub(crate) groups: Option<At<Vec<At<NameOrId>>>>,
    pub(crate) units: Option<At<Vec<At<String>>>>,
    pub(crate) deliver: Option<At<Vec<At<String>>>>,
    pub(crate) gate: Option<At<String>>,
    pub(crate) targets: Option<At<Vec<At<String>>>>,
    pub(crate) rate_per_minute: Option<At<i64>>,
}

impl RawMain {
    pub(crate) fn read(text: &Text, faults: &mut Faults) -> Option<Self> {
        let mut top = Table::parse(text, faults)?;
        let audit = top.string("audit", faults);
        let admin_group = top.string("admin_group", faults);
        let gate_group = top.string("gate_group", faults);
        let (mut store, mut root_key) = (None, None);
        if let Some(mut table) = top.table("store", faults) {
            store = Some(table.place.clone());
            root_key = table.string("root_key", faults);
            table.finish(ELSEWHERE, faults);
        }
        let account = RawAccount::take(&mut top, faults);
        let place = top.place.clone();
        top.finish(ELSEWHERE, faults);
        Some(Self { place, audit, admin_group, gate_group, store, root_key, account })
    }
}

impl RawAccount {
    pub(crate) fn read(text: &Text, faults: &mut Faults) -> Option<Self> {
        let mut top = Table::parse(text, faults)?;
        let account = Self::take(&mut top, faults);
        let place = top.place.clone();
        top.finish(ELSEWHERE, faults);
        Some(account.unwrap_or_else(|| Self::empty(place)))
    }

    /// Takes `[account]`, `[admin]` and `[provision]`; none if none is there.
    fn take(top: &mut Table<'_>, faults: &mut Faults) -> Option<Self> {
        let account = top.table("account", faults);
        let admin = top.table("admin", faults).map(|table| RawAdmin::read(table, faults));
        let provision =
            top.table("provision", faults).map(|table| RawProvision::read(table, faults));
        let Some(mut table) = account else {
            let is_there = admin.is_some() || provision.is_some();
            return is_there.then(|| Self { admin, provision, ..Self::empty(top.place.clone()) });
        };
        let raw = Self {
            place: table.place.clone(),
            name: table.string("name", faults),
            host: table.string("host", faults),
            port: table.integer("port", faults),
            protocol: table.string("protocol", faults),
            ca_file: table.string("ca_file", faults),
            proxy: table.secret("proxy", faults),
            statements_per_hour: table.integer("statements_per_hour", faults),
            readable_by_others: table.text.readable_by_others,
            admin,
            provision,
        };
        table.finish(ELSEWHERE, faults);
        Some(raw)
    }

    /// Returns where `[account]` stands, or `[admin]` if there is only that.
    pub(crate) fn begins(&self) -> &Place {
        let admin = self.admin.as_ref().filter(|_| self.place.line.is_none());
        admin.map_or(&self.place, |admin| &admin.place)
    }

    fn empty(place: Place) -> Self {
        let (name, host, port, protocol, ca_file, proxy, statements_per_hour) = Default::default();
        let (readable_by_others, admin, provision) = (true, None, None);
        Self {
            place,
            name,
            host,
            port,
            protocol,
            ca_file,
            proxy,
            statements_per_hour,
            readable_by_others,
            admin,
            provision,
        }
    }
}

impl RawAdmin {
    fn read(mut table: Table<'_>, faults: &mut Faults) -> Self {
        let raw = Self {
            place: table.place.clone(),
            user: table.string("user", faults),
            role: table.string("role", faults),
            key: table.string("key", faults),
        };
        table.finish(ELSEWHERE, faults);
        raw
    }
}

impl RawEntry {
    pub(crate) fn read(text: &Text, faults: &mut Faults) -> Option<Self> {
        let mut top = Table::parse(text, faults)?;
        let raw = Self {
            place: top.place.clone(),
            connection: top.string("connection", faults),
            account: top.string("account", faults),
            user: top.string("user", faults),
            role: top.string("role", faults),
            warehouse: top.string("warehouse", faults),
            database: top.string("database", faults),
            schema: top.string("schema", faults),
            entry_form: top.string("entry_form", faults),
            keep_connections: top.boolean("keep_connections", faults),
            env: top.string_map("env", faults),
            token: RawToken::take(&mut top, faults),
            access: top.table("access", faults).map(|table| RawAccess::read(table, faults)),
            provision: RawServiceUser::take(&mut top, faults),
        };
        top.finish(ELSEWHERE_IN_ENTRY, faults);
        Some(raw)
    }
}

impl RawToken {
    fn take(top: &mut Table<'_>, faults: &mut Faults) -> Self {
        let Some(mut table) = top.table("token", faults) else {
            return Self::default();
        };
        let raw = Self {
            days_to_expiry: table.integer("days_to_expiry", faults),
            drain_min_seconds: table.integer("drain_min_seconds", faults),
            drain_max_seconds: table.integer("drain_max_seconds", faults),
            window: table.string("window", faults),
            strategy: table.string("strategy", faults),
            retire_at_exit: table.boolean("retire_at_exit", faults),
        };
        table.finish(ELSEWHERE_IN_ENTRY, faults);
        raw
    }
}

impl RawAccess {
    fn read(mut table: Table<'_>, faults: &mut Faults) -> Self {
        let raw = Self {
            place: table.place.clone(),
            users: table.names("users", faults),
            groups: table.names("groups", faults),
            units: table.strings("units", faults),
            deliver: table.strings("deliver", faults),
            gate: table.string("gate", faults),
            targets: table.strings("targets", faults),
            rate_per_minute: table.integer("rate_per_minute", faults),
        };
        table.finish(ELSEWHERE_IN_ENTRY, faults);
        raw
    }
}

/// In TOML a key belongs to the header above it, which is easily forgotten.
pub(crate) const ELSEWHERE: &[(&str, &str)] = &[
    ("audit", "the top of the file, above every [header]"),
    ("admin_group", "the top of the file, above every [header]"),
    ("gate_group", "the top of the file, above every [header]"),
    ("root_key", "[store]"),
    ("host", "[account]"),
    ("port", "[account]"),
    ("protocol", "[account]"),
    ("ca_file", "[account]"),
    ("proxy", "[account]"),
    ("statements_per_hour", "[account]"),
    ("key", "[admin]"),
    ("run_as", "[provision]"),
    ("database", "[provision]"),
    ("schema", "[provision]"),
    ("home", "[provision]"),
    ("network", "[provision]"),
    ("network_policy", "[provision]"),
    ("network_evaluation", "[provision]"),
    ("authentication_policy", "[provision]"),
    ("max_days_to_expiry", "[provision]"),
    ("bar_persons", "[provision]"),
    ("admit_services", "[provision]"),
    ("blocked_roles", "[provision]"),
    ("other_brokers", "[provision]"),
    ("freeze_on", "[provision]"),
];

pub(crate) const ELSEWHERE_IN_ENTRY: &[(&str, &str)] = &[
    ("connection", "the top of the file, above every [header]"),
    ("account", "the top of the file, above every [header]"),
    ("user", "the top of the file, above every [header]"),
    ("role", "the top of the file, above every [header]"),
    ("warehouse", "the top of the file, above every [header]"),
    ("database", "the top of the file, above every [header]"),
    ("schema", "the top of the file, above every [header]"),
    ("entry_form", "the top of the file, above every [header]"),
    ("keep_connections", "the top of the file, above every [header]"),
    ("env", "the top of the file, above every [header]"),
    ("days_to_expiry", "[token]"),
    ("drain_min_seconds", "[token]"),
    ("drain_max_seconds", "[token]"),
    ("window", "[token]"),
    ("strategy", "[token]"),
    ("retire_at_exit", "[token]"),
    ("users", "[access]"),
    ("groups", "[access]"),
    ("units", "[access]"),
    ("deliver", "[access]"),
    ("gate", "[access]"),
    ("targets", "[access]"),
    ("rate_per_minute", "[access]"),
    ("to_sysadmin", "[provision]"),
    ("privileges", "[provision]"),
    ("database_roles", "[provision]"),
    ("network", "[provision] of the account's file"),
    ("network_policy", "[provision] of the account's file"),
    ("freeze_on", "[provision] of the account's file"),
    ("max_days_to_expiry", "[provision] of the account's file"),
];
