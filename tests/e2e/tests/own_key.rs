//! `--as USER --key-file FILE`: an admin's own key is used by patctl alone, private on the disk, opened with a passphrase
//! that no screen shows (promise P5; SECURITY.md: an admin's own key).

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use e2e::{Admin, Terminal, said};
use world::{World, own_name};

#[test]
fn an_encrypted_key_is_opened_with_a_passphrase_that_the_terminal_does_not_show() {
    let (world, admin) = world_with_encrypted_key();
    let mut terminal = Terminal::start(&admin.command(&world, &["plan"]));

    terminal.wait_for("Passphrase of ");
    let echoed = terminal.echoes();
    terminal.type_text(&format!("{PASSPHRASE}\r"));
    terminal.wait_for("CREATE ROLE");
    let (status, shown) = terminal.end();

    assert_eq!(status.code(), Some(2), "{shown}");
    assert!(!echoed && !shown.contains(PASSPHRASE), "{shown}");
}

#[test]
fn a_wrong_passphrase_is_said_and_nobody_is_asked_at_snowflake() {
    let (world, admin) = world_with_encrypted_key();
    let mut terminal = Terminal::start(&admin.command(&world, &["plan"]));

    terminal.wait_for("Passphrase of ");
    terminal.type_text("another one\r");
    let (status, shown) = terminal.end();

    assert_eq!(status.code(), Some(1), "{shown}");
    assert!(shown.contains("the passphrase does not open the key"), "{shown}");
    assert!(world.sim.queries().iter().all(|query| query.user == "ADMIN"));
}

#[test]
fn whoever_gives_up_at_the_passphrase_has_the_terminal_back_as_it_was() {
    let (world, admin) = world_with_encrypted_key();
    let patctl = admin.command(&world, &["plan"]);
    let quoted: Vec<String> = std::iter::once(patctl.get_program())
        .chain(patctl.get_args())
        .map(|word| format!("'{}'", word.to_str().unwrap()))
        .collect();
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("{}; stty -a; read end", quoted.join(" ")));
    let mut terminal = Terminal::start(&shell);

    terminal.wait_for("Passphrase of ");
    terminal.type_text("half a passph\u{3}");
    terminal.wait_for("no passphrase was given");
    terminal.wait_for(" echo ");
    let echoes = terminal.echoes();
    terminal.type_text("\r");
    let (_, shown) = terminal.end();

    assert!(echoes && shown.contains(" icanon") && shown.contains("isig"), "{shown}");
}

#[test]
fn without_a_terminal_the_passphrase_is_taken_from_beside_the_key() {
    let (world, admin) = world_with_encrypted_key();
    let mut without = Command::new("setsid");
    let patctl = admin.command(&world, &["plan"]);
    without.arg("--wait").arg(patctl.get_program()).args(patctl.get_args());

    let refused = without.output().unwrap();
    let beside = format!("{}.passphrase", admin.key_file().display());
    private(Path::new(&beside), &format!("{PASSPHRASE}\n"));
    let planned = without.output().unwrap();

    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    assert!(said(&refused).contains(".passphrase (mode 0400)"), "{}", said(&refused));
    assert_eq!(planned.status.code(), Some(2), "{}", said(&planned));
}

#[test]
fn a_key_that_others_may_read_is_not_used() {
    let world = configured();
    let admin = Admin::of(&world);
    fs::set_permissions(admin.key_file(), fs::Permissions::from_mode(0o644)).unwrap();

    let refused = admin.patctl(&world, &["plan"]);

    assert!(!refused.status.success(), "{}", said(&refused));
    assert!(said(&refused).contains("chmod"), "{}", said(&refused));
    assert!(world.sim.queries().iter().all(|query| query.user == "ADMIN"));
}

#[test]
fn a_user_that_snowflake_does_not_let_in_is_told_so_and_runs_nothing() {
    let world = configured();
    let admin = Admin::of(&world);
    world.sim.admin_script("ALTER USER SEC_ADMIN SET DISABLED = TRUE").unwrap();

    let refused = admin.patctl(&world, &["apply", "--yes", "--confirm", "account-policies"]);

    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    assert!(said(&refused).contains("refused: "), "{}", said(&refused));
}

#[test]
fn an_admin_at_an_address_that_is_not_admitted_learns_which_one_snowflake_saw() {
    let world = configured();
    let admin = Admin::of(&world);
    let elsewhere = "CREATE DATABASE D; CREATE SCHEMA D.S; \
        CREATE NETWORK RULE D.S.R TYPE = IPV4 VALUE_LIST = ('192.0.2.1') MODE = INGRESS; \
        CREATE NETWORK POLICY ELSEWHERE ALLOWED_NETWORK_RULE_LIST = ('D.S.R'); \
        ALTER USER SEC_ADMIN SET NETWORK_POLICY = ELSEWHERE";
    world.sim.admin_script(elsewhere).unwrap();

    let refused = admin.patctl(&world, &["plan"]);

    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    assert!(said(&refused).contains("127.0.0.1"), "{}", said(&refused));
    assert!(said(&refused).contains("let the network policy admit it"), "{}", said(&refused));
}

fn configured() -> World {
    let world = World::builder().prepare();
    world.initialise().and_then(|()| world.register(&own_name(), &[])).unwrap();
    world
}

fn world_with_encrypted_key() -> (World, Admin) {
    let world = configured();
    let admin = Admin::of(&world);
    let sealed = world.keys().join("sealed.p8");
    let openssl = Command::new("openssl")
        .args(["pkcs8", "-topk8", "-v2", "aes256", "-passout"])
        .arg(format!("pass:{PASSPHRASE}"))
        .arg("-in")
        .arg(admin.key_file())
        .arg("-out")
        .arg(&sealed)
        .output()
        .expect("openssl starts");
    assert!(openssl.status.success(), "{}", said(&openssl));
    fs::rename(&sealed, admin.key_file()).unwrap();
    fs::set_permissions(admin.key_file(), fs::Permissions::from_mode(0o600)).unwrap();
    (world, admin)
}

fn private(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o400)).unwrap();
}

const PASSPHRASE: &str = "a passphrase nobody sees";
