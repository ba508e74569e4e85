//! The daemon's life between start and end: open what must be open, serve, finish what is in flight.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use patd_config::Config;
use patd_core::lifecycle::Slot;
use patd_core::names::{Generation, Role, SlotId};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::alarms::Alarms;
use crate::api::{Admission, Door};
use crate::audit::{Audit, EndReason, Event, Refusals};
use crate::clock::Clock;
use crate::disk::Disk;
use crate::fault::Fault;
use crate::flags::Flags;
use crate::house::{Facts, House, Trust};
use crate::leases::{Ends, Lease, Leases};
use crate::provisioning::Provisioning;
use crate::pulse::Pulse;
use crate::reload::{self, Upstreams};
use crate::room::Room;
use crate::slots::{Kit, Slots};
use crate::sockets::Sockets;
use crate::store::{self, OpenReport, Store};
use crate::watching::Watching;
use crate::{api, formats, os, peer, rebuilding, retiring, schedule, self_check, signals};

/// Everything that must be open before the first thread is started.
pub struct Furniture {
    config: Config,
    facts: Facts,
    upstreams: Upstreams,
    opened: OpenReport,
    sockets: Sockets,
    boot_id: String,
    clock: Arc<Clock>,
}

/// Opens keys, store and sockets, in the order in which a fault is clearest.
///
/// # Errors
/// The first that does not open. The store is opened before the sockets: its lock keeps a second daemon away
/// from the first one's sockets.
pub fn furnish(flags: &Flags, config: Config, clock: Arc<Clock>) -> Result<Furniture, Fault> {
    let boot_id = os::boot_id().map_err(Fault::BootId)?;
    let upstreams = reload::open(&config)?;
    let credentials = patd_keys::credentials_directory();
    let root_key = patd_keys::read_root(&config.root_key, credentials.as_deref());
    formats::check(&flags.state)?;
    let root_key = root_key.map_err(Fault::RootKey)?;
    let opened = on_a_thread(|| store::open(&flags.state, root_key, clock.now()))?;
    let sockets = Sockets::open(&flags.run, config.admin_group)?;
    let facts = Facts {
        config_dir: flags.config.clone(),
        state_dir: flags.state.clone(),
        started_at: clock.read().wall,
        root_key: patd_keys::label(&config.root_key),
        room: Room::within(os::descriptors()),
        self_check: self_check::run(&config, &flags.run),
    };
    Ok(Furniture { config, facts, upstreams, opened, sockets, boot_id, clock })
}

/// Runs a call on a thread of its own, which has a heap of its own: what it takes and frees again does not lie between
/// what stays.
fn on_a_thread<T: Send>(call: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        scope.spawn(call).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Returns the runtime: few threads, since nothing here computes for long.
///
/// # Errors
/// If threads are not to be had.
pub fn runtime() -> io::Result<Runtime> {
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    Builder::new_multi_thread()
        .worker_threads(cores.min(MOST_THREADS))
        .thread_name("patd")
        .enable_all()
        .build()
}

/// Serves as long as `reign` goes on (in production: until a signal ends it), then finishes what is in flight.
/// `reign` lets the slots begin, once it has said that the doors are open.
///
/// # Errors
/// Whatever kept it from serving.
pub async fn serve(
    furniture: Furniture,
    reign: impl AsyncFnOnce(&Arc<House>) -> io::Result<()>,
) -> Result<(), Fault> {
    let stop = Stop::default();
    let (house, sockets) = move_in(furniture, &stop).await?;
    let syncing = tokio::spawn(house.audit.clone().sync_until(stop.log.clone()));
    let admissions = [Admission::hand_out(house.facts.room), Admission::admin()];
    schedule::start(house.clone(), admissions.to_vec(), stop.slots.clone()).await?;
    let doors = open_doors(&house, sockets, admissions, &stop)?;
    house.pulse.watch(doors.iter().map(JoinHandle::abort_handle).collect());
    house.audit.write(house.clock.read().wall, &start_event(&house))?;
    let ended = reign(&house).await;
    signals::say_stopping();
    finish(&house, doors, &stop).await;
    house.refusals.tell();
    house.audit.note(house.clock.read().wall, &Event::Stop);
    stop.log.cancel();
    // The last records reach the disk; a panic in that task was logged.
    let _synced = syncing.await;
    ended.map_err(Fault::Runtime)
}

/// What ends when: first the doors, then the slots, the log last.
#[derive(Default)]
struct Stop {
    doors: CancellationToken,
    slots: CancellationToken,
    log: CancellationToken,
}

async fn move_in(furniture: Furniture, stop: &Stop) -> Result<(Arc<House>, Sockets), Fault> {
    let Furniture { config, facts, upstreams, opened, sockets, boot_id, clock } = furniture;
    let state_dir = &facts.state_dir;
    let at = clock.read().wall;
    let audit = Audit::open(&state_dir.join("audit"), &boot_id, config.audit_strict, at)?;
    let loaded = Event::ConfigLoaded { entries: config.entries.len(), slots: config.slots.len() };
    audit.write(at, &loaded)?;
    let alarms = Arc::new(Alarms::new(audit.clone(), clock.clone()));
    let OpenReport { store, slots: mut stored, repairs } = opened;
    for repair in repairs.iter().filter(|repair| repair.is_damage()) {
        alarms.raise("store", &schedule::damage(repair.to_string()));
    }
    let store: Arc<dyn Store> = Arc::new(store);
    let configured = config.slots.keys().cloned();
    stored.extend(rebuilding::first_slots(state_dir, &*store, configured, clock.now())?);
    let journal = state_dir.join("leases.jsonl");
    let (leases, ends) =
        Leases::restore_from(&journal, &boot_id, &alive(&stored), facts.room.leases)?;
    let disk = Arc::new(Disk::below(state_dir));
    let kit = Kit {
        store: store.clone(),
        audit: audit.clone(),
        leases: leases.clone(),
        alarms: alarms.clone(),
        clock: clock.clone(),
        disk: disk.clone(),
        promoted: Arc::default(),
    };
    let watching = Watching::new(kit.promoted.clone(), &clock);
    let slots = Slots::new(Arc::new(kit), stop.slots.clone());
    let plans = reload::plans(&config, &upstreams, store.host(), roles(&stored));
    for inert in &config.inert {
        let (connection, reason) = (inert.connection.as_str(), &inert.reason);
        tracing::warn!(connection, reason, next_step = inert.next_step, "Entry serves nobody yet");
    }
    let trust = ArcSwap::from_pointee(Trust::new(config, upstreams));
    let refusals = Refusals::new(audit.clone(), clock.clone());
    let house = Arc::new(House {
        trust,
        slots,
        store,
        leases,
        audit,
        refusals,
        alarms,
        watching,
        provisioning: Provisioning::default(),
        clock,
        disk,
        facts,
        pulse: Pulse::default(),
        reloading: tokio::sync::Mutex::default(),
    });
    tokio::spawn(tell_of_ends(house.clone(), ends));
    house.slots.adopt(plans, stored);
    Ok((house, sockets))
}

/// Every generation whose token may exist and be in somebody's hands.
fn alive(stored: &BTreeMap<SlotId, Slot>) -> Vec<(SlotId, Generation)> {
    let of = |(id, slot): (&SlotId, &Slot)| {
        slot.held().map(|held| (id.clone(), held.generation)).collect::<Vec<_>>()
    };
    stored.iter().flat_map(of).collect()
}

fn roles(stored: &BTreeMap<SlotId, Slot>) -> Vec<(SlotId, Role)> {
    let role =
        |slot: &Slot| slot.held().next().map_or_else(|| Role::new(""), |held| held.role.clone());
    stored.iter().map(|(id, slot)| (id.clone(), role(slot))).collect()
}

/// Writes down every lease that ends, and lets its slot look: an old generation may be free now.
async fn tell_of_ends(house: Arc<House>, mut ends: Ends) {
    while let Some((lease, reason)) = ends.next().await {
        house.audit.note(house.clock.read().wall, &lease_ended(&lease, reason));
        if let Some(handle) = house.slots.find(&lease.slot) {
            handle.nudge();
        }
    }
}

fn lease_ended(lease: &Lease, reason: EndReason) -> Event<'_> {
    Event::LeaseEnded {
        lease: lease.id.as_str(),
        slot: lease.slot.to_string(),
        generation: lease.generation.0,
        connection: lease.terms.as_ref().map(|terms| terms.connection.as_str()),
        uid: lease.owner(),
        reason,
    }
}

fn open_doors(
    house: &Arc<House>,
    sockets: Sockets,
    admissions: [Arc<Admission>; 2],
    stop: &Stop,
) -> Result<Vec<JoinHandle<()>>, Fault> {
    let [at_hand_out, at_admin] = admissions;
    let open = |door: Door, listener: UnixListener, admission: Arc<Admission>| {
        let listener = tokio::net::UnixListener::from_std(listener).map_err(Fault::Runtime)?;
        let served = api::serve(house.clone(), door, listener, admission, stop.doors.clone());
        Ok::<_, Fault>(tokio::spawn(served))
    };
    Ok(vec![
        open(Door::HandOut, sockets.hand_out, at_hand_out)?,
        open(Door::Admin, sockets.admin, at_admin)?,
    ])
}

fn start_event(house: &House) -> Event<'_> {
    Event::Start {
        version: env!("CARGO_PKG_VERSION"),
        peer_tier: peer::tier().as_str(),
        root_key: &house.facts.root_key,
    }
}

/// Requests in progress first, since they may wait for a slot; then what retires with the host; then the slots' calls. Whatever is not done in
/// time was announced durably, and the next start finds out.
async fn finish(house: &House, doors: Vec<JoinHandle<()>>, stop: &Stop) {
    stop.doors.cancel();
    let in_order = async {
        for door in doors {
            // A panic in a door was logged when it happened.
            let _closed = door.await;
        }
        retiring::retire(house).await;
        stop.slots.cancel();
        house.slots.ended().await;
    };
    if tokio::time::timeout(PATIENCE, in_order).await.is_err() {
        tracing::warn!("Ended before all that was in flight had finished");
    }
    stop.slots.cancel();
}

const MOST_THREADS: usize = 4;
/// Below the unit's TimeoutStopSec.
const PATIENCE: Duration = Duration::from_secs(20);
