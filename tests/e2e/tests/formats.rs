//! State of each format that was ever released, kept as bytes (data/state-N): this daemon starts from it and serves; and
//! leaves alone what a later one wrote. Made by `daemon/src/store/tests/making.rs`.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Output;

use aws_lc_rs::digest::{SHA256, digest};
use e2e::said;
use world::{CONNECTION, World, own_name};

#[test]
fn the_state_of_format_1_is_served_as_it_is() {
    let mut world = with_state("state-1");
    let audit = world.state().join("audit/audit.jsonl");
    let records = fs::read_to_string(&audit).unwrap();

    world.start();
    let served = password(&world, CONNECTION);
    let revoked = password(&world, REVOKED);

    // The stored secret: there is no Snowflake that could have given another.
    assert!(served.status.success(), "{}", said(&served));
    assert_eq!(
        String::from_utf8_lossy(&served.stdout),
        format!("simpat_MIGUEL_CLI_6_{}", "x".repeat(180))
    );
    assert!(!revoked.status.success(), "{}", said(&revoked));
    assert!(said(&revoked).contains("revoked"), "{}", said(&revoked));
    let status = world.status();
    let slots = status["slots"].as_array().unwrap();
    let slot = slots.iter().find(|slot| slot["slot"] == "MYORG-MYACCOUNT/MIGUEL_CLI").unwrap();
    assert_eq!(slot["generation"], 6, "{status}");
    // The holder of then ended with the boot of then; the log goes on where it was.
    let log = fs::read_to_string(&audit).unwrap();
    assert!(log.starts_with(&records));
    assert!(log.contains("\"lease\":\"0f0e0d0c0b0a09080706050403020100\""), "{log}");
    world.stop();
    let proven =
        world.patctl(["audit", "verify", "--folder"]).arg(audit.parent().unwrap()).output();
    assert!(proven.as_ref().unwrap().status.success(), "{}", said(&proven.unwrap()));
}

#[test]
fn state_of_a_later_format_is_refused_and_left_as_it_is() {
    for (file, raise) in LATER {
        let mut world = with_state("state-1");
        raise(&world.state());
        let before = bytes_below(&world.state());

        let program = world.programs.patd();
        let status = world.spawn_program(&program, &[]).wait();

        let log = world.daemon().log_text();
        assert_eq!(status.code(), Some(78), "{file}: {log}");
        assert!(
            log.contains(&format!("{file} has format 2, and this patd knows none above 1")),
            "{log}"
        );
        assert!(
            log.contains("install a patd that is at least as new as the one that wrote it"),
            "{log}"
        );
        assert_eq!(log.contains("patctl rebuild"), file == "meta.sealed", "{file}: {log}");
        assert_eq!(bytes_below(&world.state()), before, "{file}: something was written");
        world.kill();
    }
}

/// Makes a file of the state one of the next format.
type Raise = fn(&Path);

/// By the file that is named then.
const LATER: [(&str, Raise); 5] = [
    ("meta.sealed", |state| {
        change(&state.join("meta.sealed"), |mut bytes| {
            bytes[8] += 1;
            let body = bytes.len() - 32;
            let digest = digest(&SHA256, &bytes[..body]);
            bytes[body..].copy_from_slice(digest.as_ref());
            bytes
        });
    }),
    ("leases.jsonl", |state| {
        change(&state.join("leases.jsonl"), |bytes| [b"{\"format\":2}\n".to_vec(), bytes].concat());
    }),
    ("audit/audit.jsonl", |state| later_record(state, b"")),
    // A crash cut the last record off.
    ("audit/audit.jsonl", |state| later_record(state, b"{\"format\":2,\"seq\":4,\"at\":")),
    // A crash came right after a file was full.
    ("audit/audit.jsonl.1", |state| {
        later_record(state, b"");
        let current = state.join("audit/audit.jsonl");
        fs::rename(&current, state.join("audit/audit.jsonl.1")).unwrap();
        fs::write(&current, "").unwrap();
        fs::set_permissions(&current, fs::Permissions::from_mode(0o600)).unwrap();
    }),
];

fn later_record(state: &Path, torn: &[u8]) {
    let later = b"{\"format\":2,\"seq\":3}\n";
    change(&state.join("audit/audit.jsonl"), |bytes| [&bytes[..], later, torn].concat());
}

fn change(path: &Path, by: impl Fn(Vec<u8>) -> Vec<u8>) {
    fs::write(path, by(fs::read(path).unwrap())).unwrap();
}

/// A configured daemon with that state in the place of its own, and no Snowflake.
fn with_state(name: &str) -> World {
    let world = World::new();
    world.patctl_ok(&[
        "add",
        REVOKED,
        "--user",
        "ETL_CLI",
        "--role",
        "ETL_CLI_ROLE",
        "--for",
        &own_name(),
    ]);
    world.sim.stop_answering().unwrap();
    fs::remove_dir_all(world.state()).unwrap();
    copy_private(&Path::new(env!("CARGO_MANIFEST_DIR")).join("data").join(name), &world.state());
    // Thirty-two times 7: the data's own.
    fs::write(world.keys().join("root-key"), "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n")
        .unwrap();
    world
}

/// What a program under the wrapper would log in with.
fn password(world: &World, connection: &str) -> Output {
    let script = "sed -n 's/^password = \"\\(.*\\)\"$/\\1/p' \"$SNOWFLAKE_HOME/connections.toml\" | tr -d '\\n'";
    world.pat_exec(["-c", connection, "--", "sh", "-c", script]).output().unwrap()
}

/// As the daemon makes them, whatever a checkout made of their modes.
fn copy_private(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    fs::set_permissions(to, fs::Permissions::from_mode(0o700)).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, target) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if path.is_dir() {
            copy_private(&path, &target);
        } else {
            fs::write(&target, fs::read(&path).unwrap()).unwrap();
            fs::set_permissions(&target, fs::Permissions::from_mode(0o600)).unwrap();
        }
    }
}

fn bytes_below(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| match path.is_dir() {
            true => bytes_below(&path),
            false => BTreeMap::from([(path.clone(), fs::read(&path).unwrap())]),
        })
        .collect()
}

/// A connection whose slot the state knows as revoked.
const REVOKED: &str = "etl_cli";
