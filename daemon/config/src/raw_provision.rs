//! `[provision]` as it is written: beside `[account]`, and in an entry.

use crate::at::At;
use crate::fault::Faults;
use crate::raw::{ELSEWHERE, ELSEWHERE_IN_ENTRY};
use crate::table::Table;

/// A list of texts, each with its place.
pub(crate) type Texts = At<Vec<At<String>>>;

/// `[provision]` beside `[account]`.
#[derive(Default)]
pub(crate) struct RawProvision {
    pub(crate) run_as: Option<At<String>>,
    pub(crate) database: Option<At<String>>,
    pub(crate) schema: Option<At<String>>,
    pub(crate) home: Option<At<String>>,
    pub(crate) network: Option<Texts>,
    pub(crate) network_policy: Option<At<String>>,
    pub(crate) network_evaluation: Option<At<String>>,
    pub(crate) authentication_policy: Option<At<String>>,
    pub(crate) max_days_to_expiry: Option<At<i64>>,
    pub(crate) bar_persons: Option<At<bool>>,
    pub(crate) admit_services: Option<At<bool>>,
    pub(crate) blocked_roles: Option<Texts>,
    pub(crate) other_brokers: Option<Texts>,
    pub(crate) freeze_on: Option<Texts>,
}

/// `[provision]` of an entry.
#[derive(Default)]
pub(crate) struct RawServiceUser {
    pub(crate) user: Option<At<String>>,
    pub(crate) role: Option<At<String>>,
    pub(crate) to_sysadmin: Option<At<bool>>,
    pub(crate) privileges: Option<Texts>,
    pub(crate) database_roles: Option<Texts>,
}

impl RawProvision {
    pub(crate) fn read(mut table: Table<'_>, faults: &mut Faults) -> Self {
        let raw = Self {
            run_as: table.string("run_as", faults),
            database: table.string("database", faults),
            schema: table.string("schema", faults),
            home: table.string("home", faults),
            network: table.strings("network", faults),
            network_policy: table.string("network_policy", faults),
            network_evaluation: table.string("network_evaluation", faults),
            authentication_policy: table.string("authentication_policy", faults),
            max_days_to_expiry: table.integer("max_days_to_expiry", faults),
            bar_persons: table.boolean("bar_persons", faults),
            admit_services: table.boolean("admit_services", faults),
            blocked_roles: table.strings("blocked_roles", faults),
            other_brokers: table.strings("other_brokers", faults),
            freeze_on: table.strings("freeze_on", faults),
        };
        table.finish(ELSEWHERE, faults);
        raw
    }
}

impl RawServiceUser {
    pub(crate) fn take(top: &mut Table<'_>, faults: &mut Faults) -> Self {
        let Some(mut table) = top.table("provision", faults) else {
            return Self::default();
        };
        let raw = Self {
            user: table.string("user", faults),
            role: table.string("role", faults),
            to_sysadmin: table.boolean("to_sysadmin", faults),
            privileges: table.strings("privileges", faults),
            database_roles: table.strings("database_roles", faults),
        };
        table.finish(ELSEWHERE_IN_ENTRY, faults);
        raw
    }
}
