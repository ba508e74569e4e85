//! What the rooms share: the configuration in force, the slots, the leases, the log, the time. Made once at
//! start; a reload swaps the configuration.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use pat_wire::admin::Problem;
use patd_config::Config;
use patd_core::names::Connection;
use patd_core::policy::{Entry, Selector};

use crate::alarms::Alarms;
use crate::audit::{Audit, Refusals};
use crate::clock::Clock;
use crate::disk::Disk;
use crate::leases::Leases;
use crate::peer::Wanted;
use crate::provisioning::Provisioning;
use crate::pulse::Pulse;
use crate::rates::Rates;
use crate::reload::Upstreams;
use crate::room::Room;
use crate::slots::Slots;
use crate::store::Store;
use crate::watching::Watching;

/// The daemon's shared parts. One for the daemon.
pub struct House {
    /// The configuration in force.
    pub trust: ArcSwap<Trust>,
    /// The slots.
    pub slots: Slots,
    /// Sealed state and secrets.
    pub store: Arc<dyn Store>,
    /// Who holds what.
    pub leases: Arc<Leases>,
    /// The audit log.
    pub audit: Arc<Audit>,
    /// Its refusals, of which there may be too many.
    pub refusals: Refusals,
    /// What a person must act on.
    pub alarms: Arc<Alarms>,
    /// Whether the pattern holds at Snowflake.
    pub watching: Watching,
    /// Plans that an administrator may have run.
    pub provisioning: Provisioning,
    /// The time.
    pub clock: Arc<Clock>,
    /// The disk of the store.
    pub disk: Arc<Disk>,
    /// What does not change while the daemon runs.
    pub facts: Facts,
    /// Whether its loops live.
    pub pulse: Pulse,
    /// One reload at a time.
    pub reloading: tokio::sync::Mutex<()>,
}

/// A configuration with what follows from it.
pub struct Trust {
    /// The configuration.
    pub config: Config,
    /// Its accounts, ready to be asked.
    pub accounts: Upstreams,
    /// Which facts about a peer some entry turns on.
    pub wanted: Wanted,
    /// How often a connection's secret may be asked for.
    pub rates: Rates,
    named: HashSet<u32>,
}

/// Facts about this run of the daemon.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Where the configuration is.
    pub config_dir: PathBuf,
    /// Where the state is.
    pub state_dir: PathBuf,
    /// Start: seconds since 1970, UTC.
    pub started_at: i64,
    /// The root key's provider with its label.
    pub root_key: String,
    /// How much there may be at one time.
    pub room: Room,
    /// What failed when the daemon looked at itself.
    pub self_check: Vec<Problem>,
}

impl Trust {
    /// Takes a checked configuration, and its accounts with their keys read.
    pub fn new(mut config: Config, accounts: Upstreams) -> Self {
        // Stable: of several entries for one connection the first still comes first.
        config.entries.sort_by(|one, other| one.connection.cmp(&other.connection));
        let selectors = || config.entries.iter().flat_map(|entry| &entry.any_of);
        let wanted = Wanted {
            groups: selectors().any(|selector| matches!(selector, Selector::Gid(_))),
            unit: selectors().any(|selector| matches!(selector, Selector::Unit(_))),
        };
        let uid = |selector: &Selector| {
            if let Selector::Uid(uid) = selector { Some(*uid) } else { None }
        };
        let named = selectors().filter_map(uid).collect();
        let rates = Rates::new(&config);
        Self { config, accounts, wanted, rates, named }
    }

    /// Returns whether an entry names this uid.
    pub fn is_named(&self, uid: u32) -> bool {
        self.named.contains(&uid)
    }

    /// Returns the entries a request can be about: all, or those of the connection it names.
    pub fn entries(&self, asked: Option<&Connection>) -> &[Entry] {
        let all = self.config.entries.as_slice();
        let Some(asked) = asked else { return all };
        let from = all.partition_point(|entry| entry.connection < *asked);
        let own = all.get(from..).unwrap_or_default();
        let to = own.partition_point(|entry| entry.connection == *asked);
        own.get(..to).unwrap_or_default()
    }
}
