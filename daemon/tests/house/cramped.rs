//! P2: on a disk without room no rotation is begun, and that has a name and a way out; what is served goes on.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use pat_wire::admin::{Problem, RevokeRequest, Revoked};

use crate::world::{CONNECTION, USER, World, eventually, own_uid};

#[test]
fn on_a_full_disk_no_rotation_is_begun_and_what_is_served_goes_on() {
    let mut world = World::prepared();
    let Some(disk) = SmallDisk::over(&world.path("state")) else {
        return skip("a full disk", "mounting a small one needs root");
    };
    world.start();
    world.hand_out(CONNECTION).unwrap();
    disk.fill();
    let due = world.slot(USER).due_at.unwrap();
    let wait = u64::try_from(due - world.clock.now().0).unwrap();

    world.advance(Duration::from_secs(wait + 1));

    let alarm = eventually("it is named", || low(&world));
    assert!(alarm.next_step.contains("df -h"), "{alarm:?}");
    for _ in 0..3 {
        let looked = world.sim.queries().len();
        world.advance(Duration::from_secs(3_600 * 5 / 4));
        eventually("the slot looks", || (world.sim.queries().len() > looked).then_some(()));
    }
    assert_eq!(world.live(USER).len(), 1, "nothing was begun");
    assert_eq!(world.slot(USER).generation, Some(1));
    assert_eq!(world.slot(USER).state, "serving");
    assert_eq!(world.hand_out(CONNECTION).unwrap().terms.generation, 1);

    disk.empty();
    eventually("the rotation is done as soon as there is room", || {
        world.advance(Duration::from_secs(60));
        (world.slot(USER).generation == Some(2) && low(&world).is_none()).then_some(())
    });
    world.stop();
}

#[test]
fn a_revocation_needs_no_room_for_a_rotation() {
    let mut world = World::prepared();
    let Some(disk) = SmallDisk::over(&world.path("state")) else {
        return skip("a full disk", "mounting a small one needs root");
    };
    world.start();
    world.hand_out(CONNECTION).unwrap();
    disk.fill();

    let revoked: Revoked = world.admin("revoke", &RevokeRequest::All).unwrap();

    assert_eq!(revoked.confirmed.len(), 1, "{revoked:?}");
    assert!(world.live(USER).is_empty());
    world.stop();
}

fn low(world: &World) -> Option<Problem> {
    world.status().alarms.into_iter().find(|alarm| alarm.id == "disk-low")
}

/// A file system of 32 MiB; unmounted when dropped, which is after the daemon has ended.
struct SmallDisk {
    at: PathBuf,
}

impl SmallDisk {
    /// Mounts it over a folder, with what is in it. None: that is not allowed here.
    fn over(folder: &Path) -> Option<Self> {
        let is_root = own_uid() == 0;
        let before: Vec<(PathBuf, Vec<u8>)> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| (path.clone(), fs::read(path).unwrap()))
            .collect();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=32m,mode=0700", "tmpfs"]).arg(folder);
        if !is_root || !mount.output().is_ok_and(|output| output.status.success()) {
            return None;
        }
        let disk = Self { at: folder.to_owned() };
        for (path, contents) in before {
            fs::write(&path, contents).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        }
        Some(disk)
    }

    /// Leaves 4 MiB: too little to begin, enough to write a state.
    fn fill(&self) {
        let mut file = fs::File::create(self.filler()).unwrap();
        let piece = vec![1; 1 << 20];
        loop {
            let left = nix::sys::statvfs::statvfs(&self.at).unwrap();
            if left.blocks_available() * left.fragment_size() <= 4 << 20 {
                return;
            }
            file.write_all(&piece).unwrap();
        }
    }

    fn empty(&self) {
        fs::remove_file(self.filler()).unwrap();
    }

    fn filler(&self) -> PathBuf {
        self.at.join("audit/filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a test that failed may still have a daemon on it.
        let _ = Command::new("umount").arg("-l").arg(&self.at).output();
    }
}

fn skip(name: &str, reason: &str) {
    if let Some(list) = std::env::var_os("PAT_BROKER_SKIPS") {
        let list = fs::OpenOptions::new().append(true).create(true).open(list);
        list.and_then(|mut list| writeln!(list, "{name}: {reason}")).unwrap();
    }
}
