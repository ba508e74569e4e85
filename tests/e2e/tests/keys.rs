//! Keys, store and configuration that are not as they should be: the daemon refuses to start, says what, where and
//! the next step, and destroys nothing (SECURITY.md: a lost key, a damaged disk, a wrong file).

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use e2e::{Client, added, append_to_entry, live, log_in};
use world::{CONNECTION, World, wait_at_most};

mod keyring;
use keyring::Session;

const BUS: &str = "DBUS_SESSION_BUS_ADDRESS";

#[test]
fn a_sealed_store_without_its_root_key_is_refused_and_left_as_it_is() {
    let mut world = stopped_after_serving();
    let (key, away) = (world.keys().join("root-key"), world.keys().join("away"));
    fs::rename(&key, &away).unwrap();
    let before = files(&world.state());

    let told = refused_to_start(&mut world);

    assert!(told.contains(key.to_str().unwrap()), "{told}");
    assert!(told.contains("root key"), "{told}");
    assert_eq!(files(&world.state()), before);
    fs::rename(&away, &key).unwrap();
    serves_what_it_served(&mut world);
}

#[test]
fn another_root_key_is_told_from_damage_and_nothing_is_moved_aside() {
    let mut world = stopped_after_serving();
    let key = world.keys().join("root-key");
    let right = fs::read(&key).unwrap();
    write_over(&key, b"QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=");
    let before = names(&world.state());

    let told = refused_to_start(&mut world);

    assert!(told.contains("the root key does not open the store"), "{told}");
    assert!(told.contains("give patd the key it was made with"), "{told}");
    assert_eq!(names(&world.state()), before);
    write_over(&key, &right);
    serves_what_it_served(&mut world);
}

#[test]
fn a_text_that_is_no_root_key_is_refused_without_being_shown() {
    let mut world = stopped_after_serving();
    write_over(&world.keys().join("root-key"), b"correct horse battery staple");

    let told = refused_to_start(&mut world);

    assert!(told.contains("not a root key") && told.contains("patctl init"), "{told}");
    assert!(!told.contains("battery"), "{told}");
}

#[test]
fn a_root_key_in_the_keyring_seals_the_store_and_is_found_again_or_asked_for() {
    let Some(mut session) = Session::new() else { return };
    session.unlock();
    let mut world = kept_in_the_keyring(&session);
    world.start();
    log_in(&world);
    let label = world.status()["daemon"]["root_key"].to_string();
    assert!(label.contains("any program of this user"), "{label}");
    assert!(world.stop().success());

    session.unlock();
    serves_what_it_served(&mut world);
    assert!(world.stop().success());

    session.lock();
    let told = refused_to_start(&mut world);
    assert!(told.contains("root key") && told.contains("unlock"), "{told}");

    session.end();
    let told = refused_to_start(&mut world);
    assert!(told.contains("root key") && told.contains("D-Bus session bus"), "{told}");

    session.unlock();
    serves_what_it_served(&mut world);
}

#[test]
fn a_keyring_without_the_root_key_is_refused_and_given_no_other() {
    let (Some(mut session), Some(mut other)) = (Session::new(), Session::new()) else { return };
    session.unlock();
    let mut world = kept_in_the_keyring(&session);
    world.start();
    log_in(&world);
    assert!(world.stop().success());
    other.unlock();
    let elsewhere = [(BUS, other.address())];

    for _ in 0..2 {
        let told = refused_to_start_with(&mut world, &elsewhere);
        assert!(told.contains("has no key \"root-key\""), "{told}");
        assert!(told.contains("patctl init"), "{told}");
    }

    serves_what_it_served(&mut world);
}

#[test]
fn an_admin_key_that_is_gone_is_named_with_the_next_step() {
    let mut world = stopped_after_serving();
    let key = world.keys().join("admin-key.pem");
    fs::remove_file(&key).unwrap();

    let told = refused_to_start(&mut world);

    assert!(told.contains(key.to_str().unwrap()), "{told}");
    assert!(told.contains("admin key"), "{told}");
}

#[test]
fn a_damaged_database_is_set_aside_and_its_secrets_are_not_made_anew() {
    let mut world = stopped_after_serving();
    damage(&world.state().join("sled"));

    serves_what_it_served(&mut world);

    let status = world.patctl(["status"]).output().unwrap();
    assert_eq!(status.status.code(), Some(2), "a person has to look: {}", e2e::said(&status));
    let aside = names(&world.state()).into_iter().find(|name| name.starts_with("sled.damaged"));
    assert!(aside.is_some(), "the damaged folder is kept: {:?}", names(&world.state()));
}

#[test]
fn a_missing_database_is_rebuilt_and_its_secrets_are_not_made_anew() {
    let mut world = stopped_after_serving();
    fs::remove_dir_all(world.state().join("sled")).unwrap();

    serves_what_it_served(&mut world);
}

#[test]
fn a_store_that_is_lost_in_every_copy_is_refused_until_a_person_says_so() {
    let mut world = stopped_after_serving();
    for entry in fs::read_dir(world.state()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            fs::remove_dir_all(&path).unwrap()
        } else {
            fs::remove_file(&path).unwrap()
        }
    }

    let told = refused_to_start(&mut world);
    assert!(told.contains("patctl rebuild"), "{told}");
    assert_eq!(added(&world.sim), 1, "nothing was started empty");
    let state = world.state();
    let state = state.to_str().unwrap();
    let hasty = world.patctl(["rebuild", "--state", state]).output().unwrap();
    assert_eq!(hasty.status.code(), Some(64), "{}", e2e::said(&hasty));

    world.patctl_ok(&["rebuild", "--state", state, "--yes"]);
    world.start();
    // What was revoked went with the store: nobody is served before a person says who.
    let asked = world.pat_exec(["-c", CONNECTION, "--", "true"]).output().unwrap();
    assert_eq!(asked.status.code(), Some(125), "{}", e2e::said(&asked));
    assert!(e2e::said(&asked).contains("not enrolled since the store was rebuilt"));
    assert_eq!(added(&world.sim), 1);
    let status = world.patctl(["status"]).output().unwrap();
    assert_eq!(status.status.code(), Some(2), "{}", e2e::said(&status));
    assert!(e2e::said(&status).contains("[unenrolled]"), "{}", e2e::said(&status));
    world.patctl_ok(&["enrol", CONNECTION]);
    log_in(&world);
    assert_eq!(added(&world.sim), 2);
}

#[test]
fn slot_files_and_database_both_damaged_is_a_loss_and_not_a_fresh_start() {
    let mut world = stopped_after_serving();
    damage(&world.state().join("sled"));
    damage(&world.state().join("slots"));

    let told = refused_to_start(&mut world);

    assert!(told.contains("lost in every copy"), "{told}");
    assert!(told.contains("restore the folder, or: patctl rebuild"), "{told}");
}

#[test]
fn a_second_daemon_on_the_same_state_is_refused() {
    let world = World::running();

    let mut second = std::process::Command::new(world.programs.patd());
    second.arg("--config").arg(world.config()).arg("--state").arg(world.state());
    let second = second.arg("--run").arg(world.run()).output().unwrap();

    assert_eq!(second.status.code(), Some(78), "{}", e2e::said(&second));
    assert!(e2e::said(&second).contains("in use by another patd"), "{}", e2e::said(&second));
    log_in(&world);
}

#[test]
fn all_faults_of_a_configuration_are_told_at_once() {
    let mut world = World::new();
    append_to_entry(&world, CONNECTION, "[token]\ndays_to_expiry = 400\ndrain_minseconds = 5");
    fs::write(world.config().join("users.d/second.toml"), "connection = \"second\"\n").unwrap();
    let loose = world.config().join("users.d/loose.toml");
    fs::write(&loose, "connection = \"loose\"\n").unwrap();
    fs::set_permissions(&loose, PermissionsExt::from_mode(0o666)).unwrap();

    let told = refused_to_start(&mut world);

    let faults = ["days_to_expiry = 400", "drain_minseconds", "second.toml", "loose.toml"];
    for fault in faults {
        assert!(told.contains(fault), "{fault} is not in: {told}");
    }
    let validated = world.patctl(["validate"]).output().unwrap();
    assert_eq!(validated.status.code(), Some(78), "{}", e2e::said(&validated));
    for fault in faults {
        assert!(e2e::said(&validated).contains(fault), "{fault}: {}", e2e::said(&validated));
    }
}

#[test]
fn a_local_account_that_does_not_exist_leaves_the_rest_served() {
    let world = World::running();
    let nobody = "nobody_of_that_name";
    world.patctl_ok(&["add", "early", "--user", "EARLY", "--role", "EARLY_ROLE", "--for", nobody]);

    log_in(&world);

    let inert = world.status()["inert"].to_string();
    assert!(inert.contains("early") && inert.contains(nobody), "{inert}");
}

#[test]
fn a_reload_with_faults_keeps_the_old_configuration_and_says_so() {
    let mut world = World::running();
    append_to_entry(&world, CONNECTION, "[token]\ndays_to_expiry = 400");

    world.daemon().signal(nix::sys::signal::Signal::SIGHUP);

    world::eventually("the refusal", || {
        world.daemon().log_text().contains("days_to_expiry = 400").then_some(())
    });
    log_in(&world);
}

/// A world whose daemon has issued one token, handed it out, and ended.
fn stopped_after_serving() -> World {
    let mut world = World::running();
    log_in(&world);
    assert!(world.stop().success());
    world
}

fn serves_what_it_served(world: &mut World) {
    let before = live(&world.sim);
    world.start();
    let mut client = Client::start(world, "home");
    assert_eq!(client.log_in(world).name, before[0].name);
    assert_eq!((before.len(), added(&world.sim)), (1, 1));
}

/// A world whose root key is in the keyring of this session and nowhere else.
fn kept_in_the_keyring(session: &Session) -> World {
    let address = session.address();
    let world = World::builder().variable(BUS, &address).prepare();
    let mut init = world.patctl(["init", "--account", "MYORG-MYACCOUNT", "--host", "127.0.0.1"]);
    init.args(["--port", &world.sim.port().to_string(), "--protocol", "http"]);
    init.args(["--admin-user", "PATD_HOST1", "--admin-role", "PATD_HOST1_ROLE"]);
    init.args(["--root-key", "keyring:root-key", "--admin-key"]);
    init.arg(format!("file:{}", world.keys().join("admin-key.pem").display()));
    init.arg("--state").arg(world.state()).env(BUS, address);
    let made = init.output().unwrap();
    assert!(made.status.success(), "{}", e2e::said(&made));
    world.register(&world::own_name(), &[]).unwrap();
    world.bootstrap().unwrap();
    assert_eq!(names(&world.keys()), ["admin-key.pem"], "the root key is in no file");
    world
}

/// Starts the daemon, demands that it ends by itself with EX_CONFIG, and returns what this start said.
fn refused_to_start(world: &mut World) -> String {
    refused_to_start_with(world, &[])
}

fn refused_to_start_with(world: &mut World, variables: &[(&str, String)]) -> String {
    let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let said_before = fs::read(world.log()).unwrap_or_default().len();
    let program = world.programs.patd();
    let daemon = world.spawn_program(&program, &variables);
    let status = wait_at_most(Duration::from_secs(20), || daemon.ended());
    let log = daemon.log_text();
    world.kill();
    assert_eq!(status.and_then(|status| status.code()), Some(78), "{log}");
    log.get(said_before..).unwrap().to_string()
}

fn write_over(path: &Path, bytes: &[u8]) {
    fs::set_permissions(path, PermissionsExt::from_mode(0o600)).unwrap();
    fs::write(path, bytes).unwrap();
}

/// Writes over the middle of every file of a folder.
fn damage(folder: &Path) {
    for (path, bytes) in files(folder) {
        let path = folder.join(path);
        let mut bytes = bytes;
        let middle = bytes.len() / 3..bytes.len() * 2 / 3;
        bytes[middle].fill(0xA5);
        write_over(&path, &bytes);
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = fs::read(&path).unwrap();
                found.insert(path.strip_prefix(folder).unwrap().to_path_buf(), bytes);
            }
        }
    }
    found
}
