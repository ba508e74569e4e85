//! `[provision]` beside `[account]`: home, network, policies, the two scopes. What depends on the entries (the
//! longest life of a token, roles that are blocked) is decided in [`of`].

use std::collections::{BTreeMap, BTreeSet};

use patd_core::names::{Account, Role};
use patd_core::pattern::desired::{
    Evaluation, Home, Management, Network, Scopes, Source, TokenPolicy,
};
use patd_core::pattern::verify::Id;

use crate::at::At;
use crate::check::entry::Checked;
use crate::check::slots::DAYS_TO_EXPIRY;
use crate::check::{choice, optional};
use crate::fault::{Faults, Wrong};
use crate::raw_provision::{RawProvision, Texts};
use crate::table::is_misspelt;
use crate::{AdminConfig, Provision, object, syntax};

/// What is wanted of an account, without faults of its own.
pub(crate) struct Wanted {
    is_written: bool,
    run_as: Role,
    home: Home,
    network: Network,
    tokens: Tokens,
    scopes: Scopes,
    blocked: Vec<At<Role>>,
    other_brokers: Vec<Role>,
    freeze_on: Vec<Id>,
}

/// How service users may log in.
enum Tokens {
    Existing([String; 3]),
    Ours { max_days: Option<At<u32>>, evaluation: Evaluation },
}

impl Wanted {
    /// Returns what a `[provision]` says, and documented defaults where it says nothing; none without an admin.
    pub(crate) fn check(
        raw: Option<&RawProvision>,
        admin: Option<&AdminConfig>,
        faults: &mut Faults,
    ) -> Option<Self> {
        let is_written = raw.is_some();
        let nothing = RawProvision::default();
        let raw = raw.unwrap_or(&nothing);
        let run_as = optional(raw.run_as.as_ref(), faults, |text| run_as(text, admin));
        let home = home(raw, faults);
        let network = network(raw, admin, faults);
        let tokens = tokens(raw, faults);
        let blocked = roles(raw.blocked_roles.as_ref(), faults);
        let others = roles(raw.other_brokers.as_ref(), faults);
        let freeze_on = freeze_on(raw.freeze_on.as_ref(), faults);
        let is_on = |key: &Option<At<bool>>| key.as_ref().is_none_or(|key| key.value);
        let blocked = blocked?;
        Some(Self {
            is_written,
            run_as: run_as?.unwrap_or_else(|| Role::new(RUN_AS)),
            home: home?,
            network: network?,
            tokens: tokens?,
            scopes: Scopes {
                bar_persons: is_on(&raw.bar_persons),
                admit_services: is_on(&raw.admit_services),
                blocked_roles: distinct(blocked.iter().map(|role| role.value.clone())),
            },
            blocked,
            other_brokers: distinct(others?.into_iter().map(|role| role.value)),
            freeze_on: freeze_on?,
        })
    }

    fn settled(&self, entries: &[&Checked], faults: &mut Faults) -> Provision {
        for entry in entries {
            self.admits(entry, faults);
        }
        Provision {
            is_written: self.is_written,
            run_as: self.run_as.clone(),
            home: self.home.clone(),
            network: self.network.clone(),
            tokens: self.tokens.settled(entries, faults),
            scopes: self.scopes.clone(),
            other_brokers: self.other_brokers.clone(),
            freeze_on: self.freeze_on.clone(),
        }
    }

    fn admits(&self, entry: &Checked, faults: &mut Faults) {
        let Some(blocked) = self.blocked.iter().find(|role| role.value == entry.role.value) else {
            return;
        };
        let what = format!("role {} is in blocked_roles: no token could be made", blocked.value);
        let next_step = format!("remove it there ({}), or name another", blocked.place.shown());
        faults.add(&entry.role.place, Wrong::new(what, next_step));
    }
}

impl Tokens {
    /// The longest life is what the entries need, unless it is written; a shorter one would refuse them tokens. Only what is
    /// written is a limit: the policy is that of other hosts, too, whose entries are not known here.
    fn settled(&self, entries: &[&Checked], faults: &mut Faults) -> TokenPolicy {
        let (max_days, evaluation) = match self {
            Self::Existing(name) => return TokenPolicy::Existing(name.clone()),
            Self::Ours { max_days, evaluation } => (max_days, *evaluation),
        };
        let written = || entries.iter().filter_map(|entry| entry.token.days_to_expiry.as_ref());
        let needed = written().map(|days| days.value);
        let needed = match entries.iter().any(|entry| entry.token.days_to_expiry.is_none()) {
            true => needed.chain([DAYS_TO_EXPIRY]).max(),
            false => needed.max(),
        };
        if let Some(max) = max_days {
            for days in written().filter(|days| days.value > max.value) {
                let what = format!(
                    "days_to_expiry = {} is more than max_days_to_expiry = {}",
                    days.value, max.value
                );
                let next_step = format!("lower it, or raise the other at {}", max.place.shown());
                faults.add(&days.place, Wrong::new(what, next_step));
            }
        }
        let is_limit = max_days.is_some();
        let max_days = max_days.as_ref().map(|max| max.value);
        let max_days = max_days.or(needed).unwrap_or(DAYS_TO_EXPIRY);
        TokenPolicy::Ours { default_days: max_days, max_days, is_limit, evaluation }
    }
}

/// Returns what is wanted of each account, given its entries.
pub(crate) fn of(
    wanted: &BTreeMap<Account, Wanted>,
    entries: &[Checked],
    faults: &mut Faults,
) -> BTreeMap<Account, Provision> {
    let mut settled = BTreeMap::new();
    for (account, wanted) in wanted {
        let of_account = entries.iter().filter(|entry| entry.slot().account == *account);
        let provision = wanted.settled(&of_account.collect::<Vec<_>>(), faults);
        settled.insert(account.clone(), provision);
    }
    settled
}

/// Whose an object is, in the words of the configuration.
pub(crate) const MANAGEMENTS: [(&str, Management); 2] =
    [("ours", Management::Ours), ("existing", Management::Existing)];

fn run_as(text: &str, admin: Option<&AdminConfig>) -> Result<Role, Wrong> {
    let role = syntax::object_name("run_as", text).map(Role::new)?;
    if admin.is_some_and(|admin| admin.role == role) {
        let what = format!("run_as {role} is the broker's role, which can make nothing");
        return Err(Wrong::new(what, "name a role of a security admin, e.g. ACCOUNTADMIN"));
    }
    Ok(role)
}

fn home(raw: &RawProvision, faults: &mut Faults) -> Option<Home> {
    let mut part = |key, written: &Option<At<String>>| {
        optional(written.as_ref(), faults, |text| syntax::object_name(key, text))
    };
    let database = part("database", &raw.database);
    let schema = part("schema", &raw.schema);
    let management = choice(raw.home.as_ref(), "home", Management::Ours, &MANAGEMENTS, faults);
    Some(Home {
        database: database?.unwrap_or_else(|| DATABASE.to_owned()),
        schema: schema?.unwrap_or_else(|| SCHEMA.to_owned()),
        management: management?,
    })
}

fn network(
    raw: &RawProvision,
    admin: Option<&AdminConfig>,
    faults: &mut Faults,
) -> Option<Network> {
    let policy = optional(raw.network_policy.as_ref(), faults, |text| {
        syntax::object_name("network_policy", text)
    });
    let sources = match &raw.network {
        None => None,
        Some(written) => Some(sources(written, faults)?),
    };
    let ours = || admin.map(|admin| format!("{}_NETWORK", admin.user));
    Some(match (policy?, sources) {
        (Some(policy), None) => Network::Existing { policy },
        (policy, Some(sources)) => Network::Allow { policy: policy.or_else(ours)?, sources },
        (None, None) => Network::Allow { policy: ours()?, sources: vec![Source::AsSeen] },
    })
}

fn sources(written: &Texts, faults: &mut Faults) -> Option<Vec<Source>> {
    if written.value.is_empty() {
        let what = "network is empty: nobody could connect";
        let next_step = "name addresses, ranges or network rules, or remove the key";
        faults.add(&written.place, Wrong::new(what, next_step));
    }
    all(written, faults, |text| object::source(text)).map(distinct)
}

fn tokens(raw: &RawProvision, faults: &mut Faults) -> Option<Tokens> {
    let evaluations = [
        ("enforced_required", Evaluation::EnforcedRequired),
        ("enforced_not_required", Evaluation::EnforcedNotRequired),
        ("not_enforced", Evaluation::NotEnforced),
    ];
    let word = raw.network_evaluation.as_ref();
    let default = Evaluation::EnforcedRequired;
    let evaluation = choice(word, "network_evaluation", default, &evaluations, faults);
    let max_days = optional(raw.max_days_to_expiry.as_ref(), faults, |days| {
        syntax::in_range("max_days_to_expiry", *days, 1..=365)
    })?;
    let Some(existing) = &raw.authentication_policy else {
        let place = raw.max_days_to_expiry.as_ref().map(|written| written.place.clone());
        let max_days = max_days.zip(place).map(|(value, place)| At { value, place });
        return Some(Tokens::Ours { max_days, evaluation: evaluation? });
    };
    let days = raw.max_days_to_expiry.as_ref().map(|days| ("max_days_to_expiry", &days.place));
    let ours = days.into_iter().chain(word.map(|word| ("network_evaluation", &word.place)));
    for (key, place) in ours {
        let what = format!("{key} is set, and authentication_policy names the site's own policy");
        faults.add(place, Wrong::new(what, "remove one of the two: that policy is never changed"));
    }
    let policy = |text: &String| object::qualified("authentication_policy", text);
    existing.checked(faults, policy).map(Tokens::Existing)
}

fn roles(written: Option<&Texts>, faults: &mut Faults) -> Option<Vec<At<Role>>> {
    let Some(written) = written else { return Some(Vec::new()) };
    let roles = all(written, faults, |text| syntax::object_name("role", text))?;
    let places = written.value.iter().map(|text| text.place.clone());
    Some(
        roles
            .into_iter()
            .zip(places)
            .map(|(role, place)| At { value: Role::new(role), place })
            .collect(),
    )
}

/// A word that is no check's would never hold anything back.
fn freeze_on(written: Option<&Texts>, faults: &mut Faults) -> Option<Vec<Id>> {
    let Some(written) = written else { return Some(Vec::new()) };
    let check = |text: &String| {
        let near = Id::ALL.iter().map(|id| id.as_str()).find(|id| is_misspelt(id, text));
        let next_step = near.map_or_else(
            || "name checks as patctl verify does, like \"one-role\"".to_owned(),
            |near| format!("did you mean {near}?"),
        );
        let unknown = || Wrong::new(format!("freeze_on {text:?} is no check"), next_step);
        Id::read(text).ok_or_else(unknown)
    };
    all(written, faults, check).map(distinct)
}

/// Returns what each text means; none if one of them is wrong.
pub(crate) fn all<T>(
    written: &Texts,
    faults: &mut Faults,
    check: impl Fn(&String) -> Result<T, Wrong>,
) -> Option<Vec<T>> {
    let each = written.value.iter().map(|text| text.checked(faults, &check));
    each.collect::<Vec<_>>().into_iter().collect()
}

/// Returns each value once, in order: how often and in which order they are written means nothing.
pub(crate) fn distinct<T: Ord>(values: impl IntoIterator<Item = T>) -> Vec<T> {
    values.into_iter().collect::<BTreeSet<T>>().into_iter().collect()
}

const RUN_AS: &str = "ACCOUNTADMIN";
const DATABASE: &str = "PATD";
const SCHEMA: &str = "POLICIES";
