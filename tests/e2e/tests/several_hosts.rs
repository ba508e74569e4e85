//! Several hosts in one account: setting one up takes nothing from another (promise P2).

use e2e::{Admin, Elsewhere, log_in, said};
use world::{CONNECTION, World, own_name};

#[test]
fn a_host_of_short_tokens_leaves_another_host_its_longer_ones() {
    let (mut world, admin) = applied();
    world.start();
    let token = log_in(&world).name;
    let other = ci(&world);

    let plan = other.patctl(&world, &["plan"]);
    let applied = other.patctl(&world, APPLY);

    assert!(!said(&plan).contains("MAX_EXPIRY_IN_DAYS = 1 "), "{}", said(&plan));
    assert_eq!(applied.status.code(), Some(0), "{}", said(&applied));
    assert_eq!(log_in(&world).name, token, "the token that was there is still good");
    world.patctl_ok(&["rotate", CONNECTION]);
    assert_ne!(log_in(&world).name, token);
    for plan in [other.patctl(&world, &["plan"]), admin.patctl(&world, &["plan"])] {
        assert_eq!(plan.status.code(), Some(0), "nothing to do: {}", said(&plan));
    }
    let verified = admin.patctl(&world, &["verify"]);
    assert!(!said(&verified).contains("token-life  FAILED"), "{}", said(&verified));
}

#[test]
fn the_script_of_a_host_of_short_tokens_leaves_another_host_its_longer_ones() {
    let mut world = World::running();
    let token = log_in(&world).name;
    let other = ci(&world);

    let script = other.ok(&world, &["bootstrap", "--network-cidr", "127.0.0.0/8"]);
    world.sim.admin_script(&script).unwrap_or_else(|error| panic!("{error}: {script}"));

    assert_eq!(log_in(&world).name, token, "the token that was there is still good");
    world.patctl_ok(&["rotate", CONNECTION]);
    assert_ne!(log_in(&world).name, token);
    world.stop();
}

#[test]
fn a_limit_that_would_meet_another_host_is_confirmed_by_its_word_and_by_nothing_else() {
    let (world, admin) = applied();
    let other = ci(&world);
    let applied = other.patctl(&world, APPLY);
    assert_eq!(applied.status.code(), Some(0), "{}", said(&applied));
    let main = world.folder().join("elsewhere/patd.toml");
    let text = std::fs::read_to_string(&main).unwrap();
    let limited = format!("{text}\n[provision]\nmax_days_to_expiry = 1\n");
    assert!(!text.contains("[provision]"), "{text}");
    std::fs::write(&main, limited).unwrap();

    let refused = other.patctl(&world, APPLY);
    let confirmed = other.patctl(&world, &["apply", "--yes", "--confirm", "shorter-life"]);
    let again = other.patctl(&world, &["plan"]);
    let here = admin.patctl(&world, &["plan"]);

    assert!(said(&refused).contains("add --confirm shorter-life"), "{}", said(&refused));
    assert!(said(&refused).contains("MIGUEL_CLI"), "whom it meets: {}", said(&refused));
    assert_eq!(confirmed.status.code(), Some(0), "{}", said(&confirmed));
    assert_eq!(again.status.code(), Some(0), "{}", said(&again));
    assert!(said(&here).contains("~ authentication policy"), "raised again: {}", said(&here));
}

/// A host for CI: another service user, whose tokens live for a day.
fn ci(world: &World) -> Elsewhere {
    let own = own_name();
    let words = ["ci", "--user", "CI_CLI", "--role", "CI_ROLE", "--days-to-expiry", "1", "--for"];
    Elsewhere::with(world, &[&words[..], &[own.as_str()]].concat())
}

/// A world whose account has the whole pattern; no daemon runs.
fn applied() -> (World, Admin) {
    let world = World::builder().prepare();
    world.initialise().and_then(|()| world.register(&own_name(), &[])).unwrap();
    let admin = Admin::of(&world);
    let applied = admin.patctl(&world, APPLY);
    assert_eq!(applied.status.code(), Some(0), "{}", said(&applied));
    (world, admin)
}

const APPLY: &[&str] = &["apply", "--yes", "--confirm", "account-policies"];
