//! `patctl plan --offline`: a script for an account that nobody asks, from the configuration that `init` and `add`
//! write.

mod world;

use world::World;

fn world() -> World {
    let world = World::with_config();
    let add = ["add", "miguel_cli", "--user", "MIGUEL_CLI", "--role", "R", "--for", "root"];
    assert_eq!(world.patctl(&add).exit, 0);
    world
}

#[test]
fn without_an_address_it_asks_for_one_as_bootstrap_does() {
    let world = world();

    let plan = world.patctl(&["plan", "--offline", "--sql"]);
    let bootstrap = world.patctl(&["bootstrap"]);

    assert_eq!((plan.exit, plan.out.as_str()), (64, ""), "{plan:?}");
    assert!(plan.err.contains("add --network-cidr"), "{}", plan.err);
    assert_eq!(plan.err, bootstrap.err);
}

#[test]
fn the_address_on_the_command_line_is_the_one_in_the_script() {
    let world = world();

    let shown = world.patctl(&["plan", "--offline", "--sql", "--network-cidr", "203.0.113.0/24"]);

    assert_eq!(shown.exit, 2, "{shown:?}");
    let rule = "CREATE OR ALTER NETWORK RULE \"PATD\".\"POLICIES\".\"PATD_TEST_NETWORK_INGRESS\" \
                TYPE = IPV4 VALUE_LIST = ('203.0.113.0/24')";
    assert!(shown.out.contains(rule), "{}", shown.out);
    assert!(shown.out.contains("FOR ALL PERSON USERS"), "{}", shown.out);
}

#[test]
fn an_address_is_for_a_plan_that_asks_nobody() {
    let world = world();

    let asking = world.patctl(&["plan", "--network-cidr", "203.0.113.0/24"]);
    let wrong = world.patctl(&["plan", "--offline", "--network-cidr", "203.0.113.0/33"]);

    assert_eq!((asking.exit, wrong.exit), (64, 64), "{asking:?} {wrong:?}");
    assert!(asking.err.contains("--offline"), "{}", asking.err);
}
