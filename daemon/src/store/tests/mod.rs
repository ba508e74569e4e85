//! The promises of the store, and the small world they are tried in. `model` is the store in ten lines of
//! maps; `conformance` holds both to the same promises.

mod conformance;
mod damage;
mod every_byte;
mod format;
mod full_disk;
mod half_done;
mod kill;
mod leak;
mod making;
mod model;
mod refusal;
mod rollback;
mod tombstones;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use pat_wire::secret::Secret;
use patd_core::lifecycle::{Draining, Held, Slot};
use patd_core::names::{Account, Generation, HostId, Role, SlotId, TokenName, User};
use patd_core::time::Timestamp;
use patd_keys::RootKey;
use tempfile::TempDir;

use super::{OpenError, OpenReport, SealedStore, Store, mark_new, open};

/// A state folder and the key it was made with.
struct World {
    folder: TempDir,
}

/// Everything a store says, in a form that can be compared.
type Told = BTreeMap<SlotId, (Slot, BTreeMap<u64, String>)>;

impl World {
    /// A folder that `patctl init` has marked, never started.
    fn marked() -> Self {
        let world = Self { folder: TempDir::new().unwrap() };
        mark_new(&world.dir()).unwrap();
        world
    }

    /// A store with three slots that have been written several times, closed.
    fn with_slots() -> (Self, Told) {
        let world = Self::marked();
        let store = world.open();
        for generation in 1..=6 {
            for user in USERS {
                let state = holding(&[generation.max(2) - 1, generation]);
                put(&store, &slot(user), &state, generation);
            }
        }
        let told = told(&store);
        (world, told)
    }

    fn dir(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    fn try_open(&self) -> Result<OpenReport, OpenError> {
        open(&self.dir(), root_key(), NOW)
    }

    fn open(&self) -> SealedStore {
        let report = self.try_open().unwrap();
        assert_eq!(report.repairs, [], "nothing should have needed repair");
        assert_eq!(report.slots, report.store.slots().unwrap(), "told at once, and later");
        report.store
    }

    fn refusal(&self) -> OpenError {
        self.try_open().map(|_report| ()).unwrap_err()
    }

    /// The slot files, sorted by name.
    fn slot_files(&self) -> Vec<PathBuf> {
        files_below(&self.dir().join("slots"))
    }

    /// Another folder with the same bytes.
    fn copy(&self) -> Self {
        let copy = Self { folder: TempDir::new().unwrap() };
        copy_tree(&self.dir(), &copy.dir());
        copy
    }
}

fn root_key() -> RootKey {
    RootKey::from([7; 32])
}

fn slot(user: &str) -> SlotId {
    SlotId { account: Account::new("MYORG-MYACCOUNT"), user: User::new(user) }
}

/// The secret of a generation: recognisable, and of a token's length.
fn secret_of(id: &SlotId, generation: u64) -> String {
    format!("simpat_{}_{generation}_{}", id.user, "x".repeat(180))
}

/// A state that serves the last of these generations and drains the others.
fn holding(generations: &[u64]) -> Slot {
    let mut slot = Slot::new(HostId::new("0A1B2C3D"));
    let mut held: Vec<Held> = generations.iter().map(|generation| held(*generation)).collect();
    slot.serving = held.pop();
    slot.last_generation = slot.serving.as_ref().map_or(Generation(0), |held| held.generation);
    slot.draining = held
        .into_iter()
        .map(|held| Draining { held, since: NOW, released_at: None, tainted: false })
        .collect();
    slot
}

fn held(generation: u64) -> Held {
    Held {
        generation: Generation(generation),
        name: TokenName::new(format!("PATD_0A1B2C3D_{generation}")),
        role: Role::new("MIGUEL_CLI_ROLE"),
        issued_at: NOW,
        expires_at: NOW.plus(7 * 24 * 3600),
    }
}

/// Puts a state with the secret of its newest generation.
fn put(store: &impl Store, id: &SlotId, state: &Slot, generation: u64) {
    let secret = Secret::new(secret_of(id, generation));
    store.put(id, state, Some((Generation(generation), &secret))).unwrap();
}

/// Asks a store for everything it has.
fn told(store: &(impl Store + ?Sized)) -> Told {
    let slots = store.slots().unwrap().into_iter();
    slots
        .map(|(id, state)| {
            let secrets = state.held().map(|held| {
                let secret = store.secret(&id, held.generation).unwrap();
                (held.generation.0, secret.expose().to_owned())
            });
            let secrets = secrets.collect();
            (id, (state, secrets))
        })
        .collect()
}

/// Every file below a folder, sorted.
fn files_below(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}

/// Every file below a folder with its bytes.
fn bytes_below(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    files_below(dir).into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

/// What a refusal must leave alone: every file's digest. sled writes when it is opened, so of its folder only
/// that it is there and not set aside.
fn untouched(dir: &Path) -> BTreeMap<PathBuf, String> {
    let digest = |bytes: &[u8]| {
        format!("{:?}", aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes))
    };
    let files = bytes_below(dir).into_iter();
    let sled = dir.join("sled");
    files
        .map(|(path, bytes)| {
            if path.starts_with(&sled) {
                (sled.clone(), String::new())
            } else {
                (path, digest(&bytes))
            }
        })
        .collect()
}

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    fs::set_permissions(to, fs::metadata(from).unwrap().permissions()).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_tree(&path, &target)
        } else {
            assert!(fs::copy(&path, &target).is_ok())
        }
    }
}

/// Runs a test of this program again, in a process of its own, on the folder of a world: a limit holds for a whole process.
fn run_alone(world: &World, name: &str, inside: &str) {
    let run = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(inside, world.dir())
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
}

/// Changes a file's bytes in place.
fn edit(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

const USERS: [&str; 3] = ["MIGUEL_CLI", "ETL_CLI", "REPORT_CLI"];
const NOW: Timestamp = Timestamp(1_800_000_000);
