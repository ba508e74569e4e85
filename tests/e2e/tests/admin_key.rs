//! `patctl admin-key rotate`: killed at whatever step, the daemon can still log in, and another run ends with the new key
//! alone (promise P2). A key that this host did not put there is never ended.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use e2e::said;
use patd_snowflake::key::SigningKey;
use snowflake_sim::engine::StatementKind;
use snowflake_sim::{Act, Fault, On};
use world::{Binaries, CONNECTION, World, skip};

#[test]
fn the_running_daemon_and_the_next_one_log_in_with_the_new_key_and_the_old_one_is_out() {
    let mut world = World::running();
    let before = public_key(&world);

    let rotated = rotate(&world);

    assert!(rotated.status.success(), "{}", said(&rotated));
    let answer: serde_json::Value = serde_json::from_slice(&rotated.stdout).unwrap();
    assert_eq!(answer["accounts"][0]["daemon_logged_in"], true, "{answer}");
    let after = public_key(&world);
    assert_ne!(before, after);
    assert_eq!(slots(&world), [None, Some(after)]);
    works(&world);
    world.kill();
    world.start();
    works(&world);
    assert_eq!(fs::metadata(key_file(&world)).unwrap().permissions().mode() & 0o777, 0o400);
}

#[test]
fn a_second_rotation_goes_back_to_the_first_slot() {
    let world = World::new();

    let (first, second) = (rotate(&world), rotate(&world));

    assert!(first.status.success() && second.status.success(), "{}", said(&second));
    assert_eq!(slots(&world), [Some(public_key(&world)), None]);
}

#[test]
fn whoever_can_read_the_configuration_cannot_stop_a_rotation() {
    let world = World::new();
    let folder = fs::File::open(world.config()).unwrap();
    folder.lock().unwrap();

    let rotated = rotate(&world);

    assert!(rotated.status.success(), "{}", said(&rotated));
    let path = world.config().join("admin-key.lock");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let lock = fs::File::open(&path).unwrap();
    lock.lock().unwrap();
    let second = rotate(&world);
    assert!(said(&second).contains("another rotation runs"), "{}", said(&second));
}

#[test]
fn killed_at_any_step_the_daemon_logs_in_and_another_run_ends_with_the_new_key_alone() {
    let (point, first_that_lived) = (AtomicU64::new(1), AtomicU64::new(u64::MAX));
    let work = || {
        loop {
            let number = point.fetch_add(1, SeqCst);
            if number >= first_that_lived.load(SeqCst) {
                break;
            }
            if !is_killed_at(number) {
                first_that_lived.fetch_min(number, SeqCst);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(work);
        }
    });

    let hits = first_that_lived.load(SeqCst) - 1;
    println!("{hits} crash points in a rotation of the admin key");
    assert!(hits >= 18, "only {hits} crash points were hit: the sweep did not reach the end");
}

/// Returns whether a rotation was killed there. Whether or not: all is well afterwards, and after another run.
fn is_killed_at(number: u64) -> bool {
    let mut world = World::running();
    let before = public_key(&world);
    let mut dying = pointed(&world, Command::new(Binaries::find().patctl_with_crash_points()));
    let ended = dying.env("PATCTL_CRASH_AT", number.to_string()).output().unwrap();
    assert!(
        ended.status.success() || ended.status.signal() == Some(9),
        "{number}: {}",
        said(&ended)
    );

    works(&world);
    world.kill();
    world.start();
    works(&world);
    if ended.status.success() {
        return false;
    }
    let again = rotate(&world);
    assert!(again.status.success(), "{number}: {}", said(&again));
    let after = public_key(&world);
    assert_ne!(before, after, "{number}");
    assert_eq!(slots(&world).into_iter().flatten().collect::<Vec<_>>(), [after], "{number}");
    works(&world);
    assert_eq!(files(&world), ["admin-key.pem", "root-key"], "{number}");
    assert!(!journal(&world).exists(), "{number}");
    true
}

#[test]
fn an_answer_that_is_lost_is_looked_after_by_the_next_run() {
    for (skipped, act) in [
        (0, Act::DropAfterCommit),
        (0, Act::DropBeforeCommit),
        (1, Act::DropAfterCommit),
        (1, Act::DropBeforeCommit),
    ] {
        let world = World::running();
        // The statement before it is carried out in peace: a delay of nothing.
        let on = On::Statement(StatementKind::AlterUser);
        for _ in 0..skipped {
            world.sim.fault(Fault::next(on, Act::Delay(std::time::Duration::ZERO)));
        }
        world.sim.fault(Fault::next(on, act.clone()));

        let lost = rotate(&world);
        works(&world);
        let again = rotate(&world);

        assert_eq!(lost.status.code(), Some(1), "{act:?}: {}", said(&lost));
        assert!(said(&lost).contains("not clear"), "{}", said(&lost));
        assert!(again.status.success(), "{act:?}: {}", said(&again));
        let kept = slots(&world).into_iter().flatten().collect::<Vec<_>>();
        assert_eq!(kept, [public_key(&world)], "{act:?}");
        works(&world);
    }
}

#[test]
fn a_key_of_others_in_the_second_slot_stops_it_before_anything_is_done() {
    let world = World::new();
    let (stranger, _) = SigningKey::generate().unwrap();
    let sql =
        format!("ALTER USER PATD_HOST1 SET RSA_PUBLIC_KEY_2 = '{}'", stranger.public_key_body());
    world.sim.admin_script(&sql).unwrap();
    let before = (slots(&world), fs::read(key_file(&world)).unwrap());

    let refused = rotate(&world);

    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    let text = said(&refused);
    assert!(
        text.contains("did not put there") && text.contains("UNSET RSA_PUBLIC_KEY_2"),
        "{text}"
    );
    assert_eq!((slots(&world), fs::read(key_file(&world)).unwrap()), before);
    assert_eq!(files(&world), ["admin-key.pem", "root-key"]);
}

#[test]
fn a_daemon_that_cannot_log_in_with_the_new_key_keeps_the_old_one_alive() {
    let mut world = World::running();
    // It still listens, and answers nobody.
    world.daemon().signal(nix::sys::signal::Signal::SIGSTOP);

    let stopped = rotate(&world);
    let both = slots(&world);
    world.daemon().signal(nix::sys::signal::Signal::SIGCONT);
    works(&world);
    let again = rotate(&world);

    assert!(!stopped.status.success(), "{}", said(&stopped));
    assert!(both.iter().all(Option::is_some), "{both:?}");
    assert!(again.status.success(), "{}", said(&again));
    assert_eq!(slots(&world), [None, Some(public_key(&world))]);
}

#[test]
fn without_the_privilege_on_itself_nothing_changes_and_the_grant_is_named() {
    let world = World::new();
    let revoke = "REVOKE MODIFY PROGRAMMATIC AUTHENTICATION METHODS ON USER PATD_HOST1 FROM ROLE PATD_HOST1_ROLE";
    world.sim.admin_script(revoke).unwrap();
    let before = slots(&world);

    let refused = rotate(&world);

    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    assert!(said(&refused).contains("MODIFY PROGRAMMATIC AUTHENTICATION METHODS"));
    assert_eq!(slots(&world), before);
}

#[test]
fn a_sealed_key_is_replaced_by_a_sealed_key() {
    let world = World::new();
    let host_key = world.folder().join("host.key");
    let sealed = world.config().join("credentials/admin-key.cred");
    fs::create_dir(sealed.parent().unwrap()).unwrap();
    let creds = |arguments: &[&str]| {
        let mut command = Command::new("systemd-creds");
        // A host key of this test's own: nothing is left on the machine.
        command.env("SYSTEMD_CREDENTIAL_SECRET", &host_key).args(arguments);
        command.output()
    };
    let (from, to) = (key_file(&world), sealed.clone());
    let seal = ["encrypt", "--name=admin-key", from.to_str().unwrap(), to.to_str().unwrap()];
    let usable = |tried: std::io::Result<Output>| tried.is_ok_and(|output| output.status.success());
    if !usable(creds(&["setup"])) || !usable(creds(&seal)) {
        return skip("systemd-creds", "needs systemd 250 or newer, as root");
    }
    fs::remove_file(key_file(&world)).unwrap();
    let toml = world.config().join("patd.toml");
    let text = fs::read_to_string(&toml).unwrap();
    let file = format!("file:{}", key_file(&world).display());
    fs::write(&toml, text.replace(&file, "systemd-credential:admin-key")).unwrap();

    let mut rotation = pointed(&world, Command::new(world.programs.patctl()));
    let rotated = rotation.env("SYSTEMD_CREDENTIAL_SECRET", &host_key).output().unwrap();

    assert!(rotated.status.success(), "{}", said(&rotated));
    let opened = creds(&["decrypt", "--name=admin-key", sealed.to_str().unwrap(), "-"]).unwrap();
    let body = SigningKey::from_pem(&opened.stdout, None).unwrap().public_key_body();
    assert_eq!(slots(&world), [None, Some(body)]);
    assert_eq!(fs::metadata(&sealed).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(sealed.parent().unwrap()).unwrap().count(), 1);
}

fn rotate(world: &World) -> Output {
    pointed(world, Command::new(world.programs.patctl())).output().unwrap()
}

fn pointed(world: &World, mut patctl: Command) -> Command {
    patctl.arg("--json").arg("--config").arg(world.config());
    patctl.arg("--socket").arg(world.admin_socket()).args(["admin-key", "rotate"]);
    patctl
}

/// Demands that the daemon can do at Snowflake what only its admin key can.
fn works(world: &World) {
    if world.admin_socket().exists() {
        world.patctl_ok(&["rotate", CONNECTION]);
    }
}

fn slots(world: &World) -> [Option<String>; 2] {
    let user = world.sim.admin_script("DESCRIBE USER PATD_HOST1").unwrap().remove(0);
    let value = |name: &str| {
        let row = user.column("property").iter().position(|property| *property == name).unwrap();
        let value = user.column("value")[row].to_owned();
        (value != "null").then_some(value)
    };
    [value("RSA_PUBLIC_KEY"), value("RSA_PUBLIC_KEY_2")]
}

/// The public key this host says it has, which must be the half of the private one.
fn public_key(world: &World) -> String {
    let pem = fs::read(key_file(world)).unwrap();
    let body = SigningKey::from_pem(&pem, None).unwrap().public_key_body();
    let said = fs::read_to_string(world.config().join("admin-key.pub")).unwrap();
    let said: String = said.lines().filter(|line| !line.starts_with('-')).collect();
    assert_eq!(said, body);
    body
}

fn key_file(world: &World) -> std::path::PathBuf {
    world.keys().join("admin-key.pem")
}

fn journal(world: &World) -> std::path::PathBuf {
    world.config().join("admin-key.myorg-myaccount.rotation")
}

fn files(world: &World) -> Vec<String> {
    let names = fs::read_dir(world.keys()).unwrap();
    let mut names: Vec<String> =
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
