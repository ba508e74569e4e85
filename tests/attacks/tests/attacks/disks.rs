//! No room: a full disk below the audit log, a state folder without inodes. Nothing is handed out that is not written
//! down, and what stops hand-out works all the same (SECURITY.md: audit first).

use std::fs::{self, DirBuilder, File};
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use attacks::{Attempt, CONNECTION, Ground, Table, body, mount, program};
use world::{ROLE, USER, World, eventually, own_name, wait_at_most};

pub(crate) fn try_all(_ground: &mut Ground, table: &mut Table) {
    full_audit_log(table);
    no_inodes(table);
}

fn full_audit_log(table: &mut Table) {
    let mut world =
        World::builder().local_user(&own_name()).add_options(&["--deliver", "env"]).build();
    let audit = world.state().join("audit");
    let _disk = SmallDisk::at(&audit, "size=256k");
    world.start();
    let before = ask(&world);
    let filling = fill(&audit);
    // What has room in the last page of the file is still written.
    let asked: Vec<Attempt> = (0..40).map(|_| ask(&world)).collect();
    let given = 1 + asked.iter().filter(|attempt| attempt.has_succeeded).count();
    let (written, last) = (grants(&audit), &asked.last().expect("it was asked").got);
    let got = format!("{given} secrets and {written} records; in the end {last}");
    let is_given = given > written || *last == before.got;
    table.defended(
        "the disk of the audit log is full: a secret without a record",
        Attempt::new(is_given, got),
        before,
    );
    let told = alarm(&world);
    let revoked = world.patctl(["revoke", CONNECTION[0]]).output().expect("patctl starts");
    let is_gone = || world.sim.tokens(USER).is_empty().then_some(());
    let is_gone = wait_at_most(Duration::from_secs(20), is_gone).is_some();
    let left = world.sim.tokens(USER).len();
    fs::remove_file(filling).expect("it was there");
    let afterwards = ask(&world);
    table.defended(
        "the disk of the audit log is full: a revocation does not come through",
        Attempt::new(
            !is_gone,
            format!("revoke ends with {}, {left} tokens are left", revoked.status),
        ),
        Attempt::new(!afterwards.has_succeeded, format!("who asks then gets {}", afterwards.got)),
    );
    world.patctl_ok(&["enrol", CONNECTION[0]]);
    eventually("it serves again", || ask(&world).has_succeeded.then_some(()));
    table.defended(
        "the disk of the audit log is full, and patctl status says nothing",
        told,
        alarm(&world),
    );
}

/// The records of secrets that were given.
fn grants(audit: &Path) -> usize {
    let log = fs::read_to_string(audit.join("audit.jsonl")).expect("the log");
    let is_whole = |line: &&str| line.contains("\"allow\"") && line.ends_with('}');
    log.lines().filter(is_whole).count()
}

/// Nobody being told is what an attacker wishes for.
fn alarm(world: &World) -> Attempt {
    let alarms = world.status()["alarms"].to_string();
    let is_told = alarms.contains("audit-not-written");
    Attempt::new(!is_told, if is_told { "the alarm audit-not-written" } else { "no alarm" })
}

fn no_inodes(table: &mut Table) {
    let mut world = World::builder().local_user(&own_name()).prepare();
    let state = world.state();
    let _disk = SmallDisk::at(&state, "size=64m,nr_inodes=120");
    world.initialise().expect("patctl init works");
    world.register(&own_name(), &["--deliver".into(), "env".into()]).expect("patctl add works");
    world.bootstrap().expect("the account is made");
    world.start();
    let before = ask(&world);
    let filler = state.join("filler");
    DirBuilder::new().mode(0o700).create(&filler).expect("a folder");
    let made =
        (0..).take_while(|number| File::create(filler.join(number.to_string())).is_ok()).count();
    let meanwhile = ask(&world);
    let rotated = world.patctl(["rotate", CONNECTION[0]]).output().expect("patctl starts");
    let still = ask(&world);
    let lost = !meanwhile.has_succeeded || !still.has_succeeded || world.daemon().ended().is_some();
    table.defended(
        &format!("no inode is left below the state folder ({made} files): service is lost"),
        Attempt::new(
            lost,
            format!(
                "{}; after a rotation was asked for ({}): {}",
                meanwhile.got, rotated.status, still.got
            ),
        ),
        Attempt::new(File::create(state.join("one-more")).is_err(), "a file more is not to be had"),
    );
    fs::remove_dir_all(&filler).expect("it was there");
    world.kill();
    world.start();
    let again =
        eventually("it serves again", || Some(ask(&world)).filter(|asked| asked.has_succeeded));
    assert!(before.has_succeeded && again.has_succeeded, "role {ROLE} is served before and after");
}

/// A file system of its own in a folder, so small that it can be filled.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Makes the folder.
    fn at(folder: &Path, limits: &str) -> Self {
        DirBuilder::new().mode(0o700).create(folder).expect("a folder");
        let options = format!("mode=700,{limits}");
        mount(&["-t", "tmpfs", "-o", &options, "tmpfs", folder.to_str().expect("text")]);
        Self(folder.to_owned())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: the daemon still has files there. What is mounted cannot be removed, and the rest would stay with it.
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

fn ask(world: &World) -> Attempt {
    let mut knock = Command::new(program("knock"));
    knock.arg("ask").arg(world.socket()).arg(body(CONNECTION[0]));
    Attempt::of_program(world, &knock.output().expect("it starts"))
}

/// Takes all the room there is.
fn fill(folder: &Path) -> PathBuf {
    let path = folder.join("filler");
    let mut file = File::create(&path).expect("a file");
    while file.write_all(&[0; 4096]).is_ok() {}
    while file.write_all(&[0]).is_ok() {}
    path
}
