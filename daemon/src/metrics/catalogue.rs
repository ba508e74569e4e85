//! Every number that is exported: its name, its kind, its labels, and what it says. A name that is here is a promise to
//! dashboards and alerts; packaging/grafana and packaging/prometheus are held to this list.

use pat_wire::metrics::Kind;

/// What is told of a number before there is any.
#[derive(Debug, PartialEq, Eq)]
pub struct Meta {
    /// Its name, without `_total` or `_info`.
    pub name: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// Its unit, which the name ends in.
    pub unit: Option<&'static str>,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// What it says.
    pub help: &'static str,
}

const fn of(
    kind: Kind,
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> Meta {
    Meta { name, kind, unit: None, labels, help }
}

const fn seconds(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Meta {
    Meta { name, kind: Kind::Gauge, unit: Some("seconds"), labels, help }
}

/// The daemon's version and how it tells peers.
pub(super) const BUILD: Meta =
    of(Kind::Info, "patd_build", &["version", "peer_tier"], "The daemon that runs.");
/// Whether it serves. The text of it is pat-wire's, which says it of a daemon that does not run, too.
pub(super) const READY: Meta =
    of(Kind::Gauge, "patd_ready", &[], "Whether the daemon serves: 1, or 0.");
/// When it started.
pub(super) const START: Meta =
    seconds("patd_start_time_seconds", &[], "When the daemon started, since 1970.");
/// Alarms.
pub(super) const ALARMS: Meta =
    of(Kind::Gauge, "patd_alarms", &["problem"], "Alarms that stand: what a person must act on.");
/// Alarms so far.
pub(super) const ALARMS_RAISED: Meta =
    of(Kind::Counter, "patd_alarms_raised", &["problem"], "Alarms that were raised.");
/// Problems.
pub(super) const PROBLEMS: Meta = of(
    Kind::Gauge,
    "patd_problems",
    &["problem"],
    "Slots and accounts with a problem that the daemon itself is at, and that is no alarm.",
);
/// What the daemon found at its start.
pub(super) const SELF_CHECK: Meta = of(
    Kind::Gauge,
    "patd_self_check_failed",
    &["problem"],
    "What failed when the daemon looked at itself and its host at its start.",
);
/// Entries that serve nobody.
pub(super) const INERT: Meta = of(
    Kind::Gauge,
    "patd_entries_inert",
    &[],
    "Entries of the configuration that serve nobody yet.",
);
/// Whether the log can be written.
pub(super) const AUDIT_FAILING: Meta = of(
    Kind::Gauge,
    "patd_audit_failing",
    &[],
    "Whether the newest audit record could not be written, so that nothing is handed out: 1, or 0.",
);
/// Records.
pub(super) const AUDIT_RECORDS: Meta =
    of(Kind::Counter, "patd_audit_records", &[], "Audit records that were written.");
/// Records that were not written.
pub(super) const AUDIT_FAILURES: Meta =
    of(Kind::Counter, "patd_audit_failures", &[], "Audit records that could not be written.");
/// Slots.
pub(super) const SLOTS: Meta =
    of(Kind::Gauge, "patd_slots", &["account", "state"], "Slots by their state.");
/// Which generation.
pub(super) const GENERATION: Meta =
    of(Kind::Gauge, "patd_generation", &["connection"], "The generation that is served.");
/// Its age.
pub(super) const GENERATION_AGE: Meta = seconds(
    "patd_generation_age_seconds",
    &["connection"],
    "How long ago the generation that is served was issued.",
);
/// Its end.
pub(super) const EXPIRY: Meta = seconds(
    "patd_time_to_expiry_seconds",
    &["connection"],
    "How long the secret that is served is still valid; negative once it has expired.",
);
/// Its replacement.
pub(super) const ROTATION: Meta = seconds(
    "patd_time_to_rotation_seconds",
    &["connection"],
    "How long until the next rotation is due; negative while it is late.",
);
/// Hand-outs.
pub(super) const HAND_OUTS: Meta =
    of(Kind::Counter, "patd_hand_outs", &["connection"], "Secrets that were handed out.");
/// Hand-outs that broke off.
pub(super) const NOT_RELEASED: Meta = of(
    Kind::Counter,
    "patd_hand_outs_not_released",
    &[],
    "Hand-outs that have their audit record and then did not happen.",
);
/// Refusals.
pub(super) const REFUSALS: Meta = of(
    Kind::Counter,
    "patd_refusals",
    &["code"],
    "Requests on the hand-out socket that were refused, by the code they were told.",
);
/// Leases.
pub(super) const LEASES: Meta =
    of(Kind::Gauge, "patd_leases", &["connection"], "Leases that are open, of any generation.");
/// Leases that lag.
pub(super) const LEASES_ON_OLDER: Meta = of(
    Kind::Gauge,
    "patd_leases_on_older",
    &["connection"],
    "Open leases of generations before the one that is served.",
);
/// Watchers.
pub(super) const WATCHERS: Meta =
    of(Kind::Gauge, "patd_watchers", &[], "Leases whose holder waits for the next generation.");
/// Rotations.
pub(super) const ROTATIONS: Meta = of(
    Kind::Counter,
    "patd_rotations",
    &["account", "outcome"],
    "Rotations: done when a new generation is served, failed with each call for one that did not do its part.",
);
/// Calls.
pub(super) const CALLS: Meta = of(
    Kind::Counter,
    "patd_snowflake_calls",
    &["account"],
    "Calls about tokens that were sent: statements, and logins that prove a secret.",
);
/// Calls that wait.
pub(super) const CALLS_HELD: Meta = of(
    Kind::Gauge,
    "patd_snowflake_calls_held",
    &["account"],
    "Calls about tokens that wait for their turn.",
);
/// Checks of the pattern.
pub(super) const CHECKS: Meta = of(
    Kind::Gauge,
    "patd_pattern_checks",
    &["account", "outcome"],
    "Checks of the last look at the account that failed, or could not be made.",
);
/// Age of the look.
pub(super) const LOOK_AGE: Meta = seconds(
    "patd_pattern_look_age_seconds",
    &["account"],
    "How long ago the account was last looked at.",
);

/// All of them, in the order in which they are told.
pub const ALL: [&Meta; 27] = [
    &BUILD,
    &READY,
    &START,
    &ALARMS,
    &ALARMS_RAISED,
    &PROBLEMS,
    &SELF_CHECK,
    &INERT,
    &AUDIT_FAILING,
    &AUDIT_RECORDS,
    &AUDIT_FAILURES,
    &SLOTS,
    &GENERATION,
    &GENERATION_AGE,
    &EXPIRY,
    &ROTATION,
    &HAND_OUTS,
    &NOT_RELEASED,
    &REFUSALS,
    &LEASES,
    &LEASES_ON_OLDER,
    &WATCHERS,
    &ROTATIONS,
    &CALLS,
    &CALLS_HELD,
    &CHECKS,
    &LOOK_AGE,
];
