//! A configuration comes into force: at start, by SIGHUP, or by `patctl`. A bad one changes nothing and is
//! said; a good one is swapped in whole.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_lc_rs::digest;
use pat_wire::admin::Reloaded;
use patd_config::{Config, SlotConfig};
use patd_core::lifecycle::{Alarm, Rules, Slot, Strategy};
use patd_core::names::{Account, HostId, Role, SlotId};
use patd_core::pattern::verify::Id;
use patd_core::schedule::Jitter;
use patd_snowflake::chain::chain;
use patd_snowflake::http::Limits;
use patd_snowflake::probe::Form;
use patd_snowflake::sql_api::STATEMENT_SECONDS;

use crate::audit::Event;
use crate::house::{House, Trust};
use crate::memory;
use crate::rebuilding;
use crate::slots::{Plan, Upstream};
use crate::upstream::{Nowhere, Snowflake, UpstreamError};

/// The accounts of a configuration, each with its keys read.
pub type Upstreams = BTreeMap<Account, Arc<Snowflake>>;

/// Reads the configuration again and brings it into force, or says what is wrong with it.
pub async fn reload(house: &Arc<House>) -> Reloaded {
    let _one_at_a_time = house.reloading.lock().await;
    let dir = house.facts.config_dir.clone();
    let read = tokio::task::spawn_blocking(move || read(&dir)).await;
    let faults = match read {
        Ok(Ok((config, upstreams))) => match root_key_changed(house, &config) {
            None => return accept(house, config, upstreams).await,
            Some(fault) => vec![fault],
        },
        Ok(Err(faults)) => faults,
        Err(_) => {
            vec!["the configuration could not be read; the daemon's log has the cause".into()]
        }
    };
    refuse(house, faults)
}

fn read(dir: &std::path::Path) -> Result<(Config, Upstreams), Vec<String>> {
    let config = patd_config::load(dir).map_err(|errors| errors.lines())?;
    let upstreams = open(&config).map_err(|error| vec![chain(&error)])?;
    Ok((config, upstreams))
}

/// Reads the admin keys of every account and returns the accounts, ready to be asked. Blocks on the disk.
///
/// # Errors
/// The first account that cannot be used.
pub fn open(config: &Config) -> Result<Upstreams, UpstreamError> {
    let mut upstreams = Upstreams::new();
    for (name, account) in &config.accounts {
        upstreams.insert(name.clone(), Arc::new(Snowflake::open(account)?));
    }
    Ok(upstreams)
}

fn root_key_changed(house: &House, config: &Config) -> Option<String> {
    let is_other = house.trust.load().config.root_key != config.root_key;
    is_other.then(|| {
        "[store] root_key changed; that needs a restart: systemctl restart patd".to_owned()
    })
}

async fn accept(house: &House, config: Config, upstreams: Upstreams) -> Reloaded {
    let event = Event::ConfigLoaded { entries: config.entries.len(), slots: config.slots.len() };
    if house.audit.write(house.clock.read().wall, &event).is_err() {
        return refuse(
            house,
            vec!["the audit log cannot be written; free space and reload".into()],
        );
    }
    let begun = match first_slots(house, &config).await {
        Ok(begun) => begun,
        Err(fault) => return refuse(house, vec![fault]),
    };
    let known = house.slots.all().into_iter().map(|handle| {
        let role = handle.view().rules.role.clone();
        (SlotId::clone(&handle.id), role)
    });
    let plans = plans(&config, &upstreams, house.store.host(), known);
    house.audit.set_strict(config.audit_strict);
    // The slots first: no secret of a role that was taken away is served under the new policy.
    house.slots.adopt(plans, begun);
    house.trust.store(Arc::new(Trust::new(config, upstreams)));
    house.watching.ring();
    house.alarms.clear(SUBJECT, REFUSED);
    tokio::task::spawn_blocking(memory::give_back);
    tracing::info!("Configuration reloaded");
    Reloaded { in_force: true, faults: Vec::new() }
}

/// A store that was rebuilt where no slot was configured meets its first ones here.
async fn first_slots(house: &House, config: &Config) -> Result<BTreeMap<SlotId, Slot>, String> {
    let (state_dir, store, now) =
        (house.facts.state_dir.clone(), house.store.clone(), house.clock.now());
    let slots: Vec<SlotId> = config.slots.keys().cloned().collect();
    let begin = move || rebuilding::first_slots(&state_dir, &*store, slots.into_iter(), now);
    match tokio::task::spawn_blocking(begin).await {
        Ok(begun) => begun.map_err(|error| chain(&error)),
        Err(_) => Err("the store could not be looked at; the daemon's log has the cause".into()),
    }
}

fn refuse(house: &House, faults: Vec<String>) -> Reloaded {
    let event = Event::ConfigRefused { faults: faults.len() };
    house.audit.note(house.clock.read().wall, &event);
    let message = format!("not reloaded, the one before stays in force: {}", faults.join("; "));
    let next_step =
        "correct it, see it pass: patctl validate, and: systemctl reload patd".to_owned();
    house.alarms.raise(SUBJECT, &Alarm { id: REFUSED, message, next_step });
    Reloaded { in_force: false, faults }
}

/// Returns what is to become of every slot: those of the configuration, and those known from before with the
/// role they had, which issue nothing any more.
pub fn plans(
    config: &Config,
    upstreams: &Upstreams,
    host: &HostId,
    known: impl IntoIterator<Item = (SlotId, Role)>,
) -> BTreeMap<SlotId, Plan> {
    let upstream = |id: &SlotId| -> Arc<dyn Upstream> {
        match upstreams.get(&id.account) {
            Some(snowflake) => snowflake.clone(),
            None => Arc::new(Nowhere),
        }
    };
    let mut plans = BTreeMap::new();
    let by_password = by_password(config);
    for (id, slot) in &config.slots {
        let freeze_on = config.provision.get(&id.account).map(|wanted| wanted.freeze_on.as_slice());
        let rules = rules(id, host, slot, freeze_on.unwrap_or_default());
        let form = if by_password.contains(id) { Form::Password } else { Form::Token };
        let upstream = upstream(id);
        plans.insert(id.clone(), Plan { rules, upstream, form, is_configured: true });
    }
    for (id, role) in known {
        if let Entry::Vacant(place) = plans.entry(id) {
            let rules = rules(place.key(), host, &retired(role), &[]);
            let (upstream, form) = (upstream(place.key()), Form::Password);
            place.insert(Plan { rules, upstream, form, is_configured: false });
        }
    }
    plans
}

fn rules(id: &SlotId, host: &HostId, slot: &SlotConfig, freeze_on: &[Id]) -> Rules {
    let SlotConfig {
        role,
        days_to_expiry,
        drain_min,
        drain_max,
        window,
        strategy,
        retire_at_exit: _,
    } = slot;
    let on_the_way = u32::try_from(Limits::default().request.as_secs()).unwrap_or(u32::MAX);
    Rules {
        user: id.user.clone(),
        role: role.clone(),
        days_to_expiry: *days_to_expiry,
        drain_min: *drain_min,
        drain_max: *drain_max,
        settle: STATEMENT_SECONDS.saturating_add(on_the_way),
        window: window.clone(),
        strategy: *strategy,
        freeze_on: freeze_on.to_vec(),
        jitter: jitter(host, &id.to_string()),
    }
}

/// Returns the slots of which some connection writes the secret as a password. A secret is proven as its clients will
/// present it, and that is the form of most.
fn by_password(config: &Config) -> BTreeSet<&SlotId> {
    let by_password = config.connections.values().filter(|connection| !connection.token_form);
    by_password.map(|connection| &connection.slot).collect()
}

/// A slot that is only revoked or left alone has no use for its terms.
fn retired(role: Role) -> SlotConfig {
    SlotConfig {
        role,
        days_to_expiry: 1,
        drain_min: 0,
        drain_max: 0,
        window: None,
        strategy: Strategy::Add,
        retire_at_exit: false,
    }
}

/// Spread by host and slot or account, the same at every start.
pub fn jitter(host: &HostId, of: &str) -> Jitter {
    let hash = digest::digest(&digest::SHA256, format!("{host}\n{of}").as_bytes());
    let first = hash.as_ref().iter().take(8).fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    Jitter::from_hash(first)
}

const SUBJECT: &str = "configuration";
const REFUSED: &str = "config-refused";
