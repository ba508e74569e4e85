//! The audit log of the real daemon: proven by the real `patctl` without the daemon, against its own notes of the head;
//! and what happens when there is no room for a record (SECURITY.md: "Audit first", "A log that shows changes").

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use e2e::said;
use serde_json::Value;
use world::{CONNECTION, World, eventually, skip};

#[test]
fn the_log_of_a_life_with_kills_is_proven_and_a_cut_one_is_found_by_the_daemons_own_notes() {
    let mut world = World::running();
    hand_out(&world);
    has_said_heads(&world, 1);
    world.kill();
    world.start();
    hand_out(&world);
    has_said_heads(&world, 2);
    world.patctl_ok(&["rotate", CONNECTION]);
    world.stop();
    let notes = world.log();
    let copy = world.folder().join("copy");
    copied(&world.state().join("audit"), &copy);

    let whole = verify(&world, &copy, &notes);

    assert_eq!(whole.status.code(), Some(0), "{}", said(&whole));
    let proof: Value = serde_json::from_slice(&whole.stdout).unwrap();
    assert!(
        proof["heads_found"].as_array().unwrap().len() >= 3,
        "at starts and at the end: {proof}"
    );
    assert_eq!(proof["heads_found"].as_array().unwrap().last(), Some(&proof["head"]));

    let log = copy.join("audit.jsonl");
    let text = fs::read_to_string(&log).unwrap();
    let without_last = text.trim_end().rsplit_once('\n').unwrap().0;
    fs::write(&log, format!("{without_last}\n")).unwrap();
    let cut = verify(&world, &copy, &notes);
    let proof: Value = serde_json::from_slice(&cut.stdout).unwrap();
    assert_eq!(
        (cut.status.code(), &proof["fault"]["what"]),
        (Some(1), &"truncated".into()),
        "{proof}"
    );
}

#[test]
fn on_a_full_disk_nothing_is_handed_out_and_revoke_still_works() {
    let mut world = World::new();
    let Some(disk) = Disk::of(&world, "audit-log-on-a-full-disk") else { return };
    world.start();
    hand_out(&world);
    let filler = disk.0.join("filler");
    // Until there is no room for one page more; the last page of the log may have some.
    fs::write(&filler, vec![0; 1 << 20]).unwrap_err();

    let refused = (0..100).map(|_| try_hand_out(&world)).find(|asked| !asked.status.success());

    let told = said(&refused.expect("the log grows no more"));
    assert!(told.contains("the audit log cannot be written, so nothing is released"), "{told}");
    assert!(!try_hand_out(&world).status.success(), "nor the next time");
    let revoked = world.patctl(["revoke", CONNECTION]).output().unwrap();
    assert!(revoked.status.success(), "{}", said(&revoked));
    assert!(world.sim.tokens(world::USER).is_empty(), "Snowflake has no token of it");

    fs::remove_file(&filler).unwrap();
    world.patctl_ok(&["enrol", CONNECTION]);
    hand_out(&world);
    world.stop();
    let proven = verify(&world, &disk.0, &world.log());
    assert_eq!(proven.status.code(), Some(0), "{}", said(&proven));
    let log = fs::read_to_string(disk.0.join("audit.jsonl")).unwrap();
    let gap: Value =
        serde_json::from_str(log.lines().find(|line| line.contains("\"gap\"")).unwrap()).unwrap();
    assert!(gap["lost"].as_u64() >= Some(2), "{gap}");
}

#[test]
fn with_a_log_that_is_read_only_the_daemon_does_not_start_and_says_what_to_look_at() {
    let mut world = World::new();
    let Some(disk) = Disk::of(&world, "audit-log-read-only") else { return };
    world.start();
    hand_out(&world);
    world.stop();
    disk.mount(&["-o", "remount,ro"]);

    let program = world.programs.patd();
    let ended = world.spawn_program(&program, &[]).wait();

    assert!(!ended.success(), "{ended}");
    let told = fs::read_to_string(world.log()).unwrap();
    assert!(told.contains("the audit log cannot be written; see the disk"), "{told}");
    assert!(!try_hand_out(&world).status.success());
    disk.mount(&["-o", "remount,rw"]);
    world.kill();
    world.start();
    hand_out(&world);
}

/// A small disk of its own below the audit log.
struct Disk(PathBuf);

impl Disk {
    fn of(world: &World, test: &str) -> Option<Self> {
        if !nix::unistd::geteuid().is_root() {
            skip(test, "mounting a small disk needs root");
            return None;
        }
        let folder = world.state().join("audit");
        fs::create_dir(&folder).unwrap();
        let disk = Self(folder);
        disk.mount(&["-t", "tmpfs", "-o", "size=64k,mode=700", "tmpfs"]);
        Some(disk)
    }

    fn mount(&self, options: &[&str]) {
        let output = Command::new("mount").args(options).arg(&self.0).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _unmounted = Command::new("umount").arg("--lazy").arg(&self.0).output();
    }
}

fn verify(world: &World, folder: &Path, notes: &Path) -> Output {
    let (folder, notes) = (folder.to_str().unwrap(), notes.to_str().unwrap());
    let question = ["audit", "verify", "--json", "--folder", folder, "--heads", notes];
    world.patctl(question).output().unwrap()
}

/// A daemon says its head when the disk has it, a moment after its start.
fn has_said_heads(world: &World, count: usize) {
    eventually("the daemon says its head", || {
        let log = fs::read_to_string(world.log()).ok()?;
        (log.matches("Audit head").count() >= count).then_some(())
    });
}

fn hand_out(world: &World) {
    let output = try_hand_out(world);
    assert!(output.status.success(), "{}", said(&output));
}

fn try_hand_out(world: &World) -> Output {
    world.pat_exec(["-c", CONNECTION, "--", "true"]).output().unwrap()
}

fn copied(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for file in fs::read_dir(from).unwrap().flatten() {
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}
