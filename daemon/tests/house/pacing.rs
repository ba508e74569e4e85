//! P2, P7: what fails alone is alone. One slot or account that does not answer holds up no other, a loop of ours never
//! becomes a storm at Snowflake, and a revocation goes out whatever waits.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::thread::{Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use pat_wire::admin::{Problem, RevokeRequest, Revoked, RotateRequest, Rotated};
use pat_wire::connection::BrokerError;
use patd_config::BrokerKey;
use patd_core::names::Account;
use patd_core::pattern::desired::{Network, Source};
use patd_core::pattern::plan::{offline, render};
use patd_snowflake::key::SigningKey;
use snowflake_sim::engine::{AccountIdentity, StatementKind};
use snowflake_sim::{Act, Fault, On, Options, Simulator};

use crate::world::{CONNECTION, USER, World, eventually, own_uid};

const ANA: &str = "ana_cli";
const ANA_USER: &str = "ANA_CLI";

/// A running world with two service users, both served.
fn two_users(more: &str) -> World {
    let mut world = World::prepared_with(more);
    world.entry(ANA, ANA_USER, "ANA_CLI_ROLE", own_uid());
    world.start();
    world.hand_out(CONNECTION).unwrap();
    world.hand_out(ANA).unwrap();
    world
}

fn rotate(world: &World, connection: &str) -> Result<Rotated, BrokerError> {
    world.admin("rotate", &RotateRequest { connection: connection.into(), taint: None })
}

/// Rotates on a thread of its own, and returns when something was asked, or waits to be.
fn rotating<'s>(
    scope: &'s Scope<'s, '_>,
    world: &'s World,
    connection: &'static str,
    user: &str,
) -> ScopedJoinHandle<'s, Result<Rotated, BrokerError>> {
    let rotating = scope.spawn(move || rotate(world, connection));
    eventually("the rotation is under way", || is_asking(world, user).then_some(()));
    rotating
}

/// Probes are apart, and the clock stands by itself.
fn rotate_while_time_passes(
    world: &World,
    connection: &'static str,
) -> Result<Rotated, BrokerError> {
    std::thread::scope(|scope| {
        let rotating = scope.spawn(move || rotate(world, connection));
        while !rotating.is_finished() {
            world.advance(Duration::from_secs(1));
            std::thread::park_timeout(Duration::from_millis(50));
        }
        rotating.join().unwrap()
    })
}

fn is_asking(world: &World, user: &str) -> bool {
    let all = world.house().slots.all();
    all.iter().any(|slot| slot.id.user.as_str() == user && !slot.view().is_at_rest())
}

fn revoke(world: &World, user: &str) -> Revoked {
    world.admin("revoke", &RevokeRequest::User(user.into())).unwrap()
}

fn held_up(world: &World, id: &str) -> Option<Problem> {
    let status = world.status();
    let all = status.held_up.into_iter().chain(status.alarms);
    all.into_iter().find(|problem| problem.id == id)
}

/// The next question about tokens is answered with 429, and so the account is asked no more for now: the clock stands.
fn throttled(world: &World) {
    let too_many = Fault::next(On::Statement(StatementKind::ShowPats), Act::Status(429));
    world.sim.fault(too_many);
    rotate(world, CONNECTION).unwrap_err();
    let told = held_up(world, "account-throttled").unwrap();
    assert!(told.message.contains("429") && !told.next_step.is_empty(), "{told:?}");
}

#[test]
fn a_rotation_that_hangs_holds_up_no_other_and_no_hand_out_of_its_own() {
    let world = two_users("");
    world.sim.fault(Fault::next(On::Statement(StatementKind::AddPat), Act::Hang));

    std::thread::scope(|scope| {
        let _hangs = rotating(scope, &world, CONNECTION, USER);
        let began = Instant::now();

        assert_eq!(rotate(&world, ANA).unwrap().to, 2);
        assert_eq!(world.hand_out(ANA).unwrap().terms.generation, 2);
        assert_eq!(world.hand_out(CONNECTION).unwrap().terms.generation, 1);

        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
        assert!(is_asking(&world, USER), "it hangs still");
        world.sim.stop_answering().unwrap();
    });
}

#[test]
fn a_user_that_is_refused_for_good_holds_up_no_other() {
    let world = two_users("");
    let taken = format!(
        "REVOKE MODIFY PROGRAMMATIC AUTHENTICATION METHODS ON USER \"{USER}\" FROM ROLE PATD_HOST1_ROLE"
    );
    world.sim.admin_script(&taken).unwrap();
    let due = [USER, ANA_USER].map(|user| world.slot(user).due_at.unwrap()).into_iter().max();
    let wait = u64::try_from(due.unwrap() - world.clock.now().0).unwrap();

    world.advance(Duration::from_secs(wait));

    eventually("the other rotates", || (world.slot(ANA_USER).generation == Some(2)).then_some(()));
    eventually("its own problem is named", || world.slot(USER).problem);
    assert_eq!(held_up(&world, "account-unanswered"), None);
}

#[test]
fn while_an_account_is_asked_too_much_calls_wait_without_a_failure_of_their_own() {
    let world = two_users("");
    throttled(&world);
    let asked = world.sim.queries().len();

    std::thread::scope(|scope| {
        let waits = rotating(scope, &world, ANA, ANA_USER);
        assert_eq!(world.slot(ANA_USER).problem, None);
        assert_eq!(world.sim.queries().len(), asked, "nothing was sent");
        assert!(world.hand_out(ANA).is_ok());

        world.advance(Duration::from_secs(3));

        assert_eq!(waits.join().unwrap().unwrap().to, 2);
    });
    assert_eq!(held_up(&world, "account-throttled"), None, "over with the first answer");
}

#[test]
fn an_account_that_stays_away_is_an_alarm_until_it_answers() {
    let world = two_users("");
    world.sim.stop_answering().unwrap();
    for _ in 0..3 {
        for connection in [CONNECTION, ANA] {
            rotate_while_time_passes(&world, connection).unwrap_err();
        }
    }
    let told = held_up(&world, "account-unanswered").unwrap();
    assert!(told.next_step.contains("way to Snowflake"), "{told:?}");
    assert!(!world.status().alarms.iter().any(|alarm| alarm.id == told.id), "it may pass");

    let alarm = eventually("it is an alarm", || {
        world.advance(Duration::from_secs(300));
        world.status().alarms.into_iter().find(|alarm| alarm.id == told.id)
    });
    assert!(alarm.subject.starts_with("account "), "{alarm:?}");

    world.sim.resume_answering().unwrap();
    eventually("both rotate and nothing is wrong any more", || {
        world.advance(Duration::from_secs(60));
        let rotated = [USER, ANA_USER].iter().all(|user| world.slot(user).generation > Some(1));
        (rotated && held_up(&world, &told.id).is_none()).then_some(())
    });
}

#[test]
fn a_revocation_goes_out_while_the_account_is_held_and_takes_the_place_of_what_waits() {
    let world = two_users("");
    throttled(&world);

    std::thread::scope(|scope| {
        let waits = rotating(scope, &world, ANA, ANA_USER);

        let revoked = revoke(&world, ANA_USER);

        assert_eq!((revoked.confirmed.len(), revoked.pending.len()), (1, 0), "{revoked:?}");
        assert!(waits.join().unwrap().is_err());
    });
    assert!(world.live(ANA_USER).is_empty(), "{:?}", world.live(ANA_USER));
}

#[test]
fn a_loop_of_ours_ends_at_the_budget_and_revocations_do_not() {
    let mut world = World::prepared();
    let main = fs::read_to_string(world.path("etc/patd.toml")).unwrap();
    let main = main.replace("[admin]", "statements_per_hour = 60\n[admin]");
    world.write("etc/patd.toml", &main);
    world.entry(ANA, ANA_USER, "ANA_CLI_ROLE", own_uid());
    world.start();
    world.hand_out(CONNECTION).unwrap();
    world.hand_out(ANA).unwrap();

    std::thread::scope(|scope| {
        let mut rotations = 0;
        let waits = loop {
            let rotating = scope.spawn(|| rotate(&world, CONNECTION));
            let is_spent = eventually("it ends, or the budget does", || {
                let is_spent = held_up(&world, "statements-spent").is_some();
                (is_spent || rotating.is_finished()).then_some(is_spent)
            });
            if is_spent && !rotating.is_finished() {
                break rotating;
            }
            rotating.join().unwrap().unwrap();
            rotations += 1;
            assert!(rotations < 30, "nothing stops it");
        };
        let sent = world.sim.queries().len() + world.sim.logins().len();
        assert!(sent < 200, "{sent}");

        assert!(world.hand_out(CONNECTION).is_ok());
        assert_eq!(revoke(&world, ANA_USER).confirmed.len(), 1);

        world.advance(Duration::from_secs(3_600));
        waits.join().unwrap().unwrap();
    });
    assert!(held_up(&world, "statements-spent").is_none());
}

/// A world with a second account of its own for ANA_CLI.
fn two_accounts() -> (World, Simulator) {
    let mut world = World::prepared();
    let account = AccountIdentity { name: "OTHERACCOUNT".into(), ..AccountIdentity::default() };
    let other = Simulator::start(Options { seed: 2, account, ..Options::default() }).unwrap();
    let main = fs::read_to_string(world.path("etc/patd.toml")).unwrap();
    let (account, store) = main.split_once("[store]").unwrap();
    let second = account
        .replace(&format!("\"{}\"", world.sim.account()), &format!("\"{}\"", other.account()))
        .replace(&format!("port = {}", world.sim.port()), &format!("port = {}", other.port()));
    fs::create_dir(world.path("etc/accounts.d")).unwrap();
    fs::set_permissions(world.path("etc/accounts.d"), fs::Permissions::from_mode(0o700)).unwrap();
    world.write("etc/patd.toml", &format!("[store]{store}"));
    world.write("etc/accounts.d/one.toml", account);
    world.write("etc/accounts.d/two.toml", &second);
    world.entry(ANA, ANA_USER, "ANA_CLI_ROLE", own_uid());
    for (name, account) in [(CONNECTION, world.sim.account()), (ANA, other.account())] {
        let entry = format!("etc/users.d/{name}.toml");
        let text = fs::read_to_string(world.path(&entry)).unwrap();
        world.write(&entry, &format!("account = \"{account}\"\n{text}"));
    }
    bootstrap(&world, &other);
    world.start();
    (world, other)
}

fn bootstrap(world: &World, other: &Simulator) {
    let pem = fs::read(world.path("admin-key.pem")).unwrap();
    let key = SigningKey::from_pem(&pem, None).unwrap();
    let key = BrokerKey { body: key.public_key_body(), fingerprint: key.fingerprint() };
    let config = patd_config::load(&world.path("etc")).unwrap();
    let mut wanted = config.desired(&Account::new(other.account()), Some(key)).unwrap();
    let sources = vec![Source::Range("127.0.0.0/8".into())];
    wanted.network = Network::Allow { policy: "PATD_HOST1_NETWORK".into(), sources };
    wanted.scopes.bar_persons = false;
    wanted.scopes.admit_services = false;
    other.admin_script(&render::sql(&offline(&wanted).unwrap())).unwrap();
}

#[test]
fn an_account_that_is_down_holds_up_no_other_account() {
    let (world, other) = two_accounts();
    world.hand_out(CONNECTION).unwrap();
    world.hand_out(ANA).unwrap();
    let due = [USER, ANA_USER].map(|user| world.slot(user).due_at.unwrap()).into_iter().max();
    let wait = u64::try_from(due.unwrap() - world.clock.now().0).unwrap();
    world.sim.stop_answering().unwrap();

    other.advance(Duration::from_secs(wait));
    world.advance(Duration::from_secs(wait));

    eventually("the other account's slot rotates", || {
        (world.slot(ANA_USER).generation == Some(2)).then_some(())
    });
    assert_eq!(world.hand_out(ANA).unwrap().terms.generation, 2);
    assert_eq!(world.hand_out(CONNECTION).unwrap().terms.generation, 1, "served as before");
    eventually("the one that is down is named", || world.slot(USER).problem);
}
