//! P9: what Snowflake definitely refuses has a name in the status, with the step that ends it; the secret in use is
//! served meanwhile, and once the step is taken all goes on by itself.

use std::time::Duration;

use pat_wire::admin::{Problem, RotateRequest, Rotated};
use pat_wire::error::ErrorCode;
use snowflake_sim::engine::StatementKind;

use crate::world::{CONNECTION, ROLE, USER, World, eventually};

/// One thing a person may do at Snowflake that ends all rotation, and what ends that.
struct Refusal {
    /// The statements that bring it about.
    done: String,
    /// The name it has in the status.
    id: &'static str,
    /// What its next step must say.
    fix: String,
    /// That step, as statements.
    fixed: String,
}

/// Rotates in a world where Snowflake refuses to; the name of that, its fix, and that the fix helps are demanded.
fn demand_name_and_fix(refusal: &Refusal) -> World {
    let world = World::running();
    let first = world.hand_out(CONNECTION).unwrap();
    world.sim.admin_script(&refusal.done).unwrap();
    let order = RotateRequest { connection: CONNECTION.into(), taint: None };

    let told = world.admin::<Rotated>("rotate", &order).err().unwrap();

    assert_eq!(told.code(), Some(ErrorCode::Upstream), "{told}");
    assert!(told.to_string().contains(&refusal.fix), "{told}");
    let problem = problem(&world, refusal.id);
    assert!(problem.next_step.contains(&refusal.fix), "{problem:?}");
    assert!(world.status().alarms.iter().any(|alarm| alarm.id == refusal.id));
    assert_eq!(world.hand_out(CONNECTION).unwrap().secret.expose(), first.secret.expose());

    world.sim.admin_script(&refusal.fixed).unwrap();
    eventually("the rotation goes on", || {
        world.advance(Duration::from_secs(300));
        world.slot(USER).generation.filter(|generation| *generation > 1)
    });
    eventually("nothing is wrong any more", || {
        let quiet = world.slot(USER).problem.is_none();
        (quiet && !world.status().alarms.iter().any(|alarm| alarm.id == refusal.id)).then_some(())
    });
    assert!(world.live(USER).len() <= 3, "{:?}", world.live(USER));
    world
}

fn problem(world: &World, id: &str) -> Problem {
    eventually(id, || world.slot(USER).problem.filter(|problem| problem.id == id))
}

fn added(world: &World) -> usize {
    let queries = world.sim.queries().into_iter();
    let ours = queries.filter(|query| query.user == "PATD_HOST1");
    ours.filter(|query| query.kind == StatementKind::AddPat).count()
}

#[test]
fn a_privilege_that_was_taken_away_is_named_with_the_fix() {
    let grant = |verb: &str, word: &str| {
        format!(
            "{verb} MODIFY PROGRAMMATIC AUTHENTICATION METHODS ON USER \"{USER}\" \
             {word} ROLE \"PATD_HOST1_ROLE\""
        )
    };
    demand_name_and_fix(&Refusal {
        done: grant("REVOKE", "FROM"),
        id: "privilege-missing",
        fix: format!("grant MODIFY PROGRAMMATIC AUTHENTICATION METHODS on user {USER}"),
        fixed: grant("GRANT", "TO"),
    });
}

#[test]
fn a_role_that_is_not_granted_any_more_is_named_with_the_fix() {
    demand_name_and_fix(&Refusal {
        done: format!("REVOKE ROLE \"{ROLE}\" FROM USER \"{USER}\""),
        id: "role-not-granted",
        fix: format!("grant role {ROLE} to user {USER}"),
        fixed: format!("GRANT ROLE \"{ROLE}\" TO USER \"{USER}\""),
    });
}

#[test]
fn a_policy_without_tokens_is_named_with_the_fix() {
    let methods = |method: &str| {
        format!(
            "ALTER AUTHENTICATION POLICY {TOKENS_ONLY} SET AUTHENTICATION_METHODS = ('{method}')"
        )
    };
    demand_name_and_fix(&Refusal {
        done: methods("KEYPAIR"),
        id: "policy-forbids",
        fix: "allow PROGRAMMATIC_ACCESS_TOKEN in its authentication policy".into(),
        fixed: methods("PROGRAMMATIC_ACCESS_TOKEN"),
    });
}

#[test]
fn a_user_without_a_network_policy_is_named_with_the_fix() {
    demand_name_and_fix(&Refusal {
        done: format!("ALTER USER \"{USER}\" UNSET NETWORK_POLICY"),
        id: "policy-forbids",
        fix: format!("attach a network policy to {USER}"),
        fixed: format!("ALTER USER \"{USER}\" SET NETWORK_POLICY = \"PATD_HOST1_NETWORK\""),
    });
}

#[test]
fn a_life_beyond_what_the_policy_allows_is_named_with_the_fix() {
    let most = |days: u32| {
        format!(
            "ALTER AUTHENTICATION POLICY {TOKENS_ONLY} SET PAT_POLICY = (MAX_EXPIRY_IN_DAYS = {days} DEFAULT_EXPIRY_IN_DAYS = 1)"
        )
    };
    demand_name_and_fix(&Refusal {
        done: most(3),
        id: "expiry-too-long",
        fix: format!("lower days_to_expiry of {USER}, or raise MAX_EXPIRY_IN_DAYS"),
        fixed: most(30),
    });
}

#[test]
fn a_disabled_user_is_named_with_the_fix() {
    demand_name_and_fix(&Refusal {
        done: format!("ALTER USER \"{USER}\" SET DISABLED = TRUE"),
        id: "user-disabled",
        fix: format!("enable user {USER}"),
        fixed: format!("ALTER USER \"{USER}\" SET DISABLED = FALSE"),
    });
}

#[test]
fn a_disabled_broker_is_named_with_the_fix() {
    demand_name_and_fix(&Refusal {
        done: "ALTER USER PATD_HOST1 SET DISABLED = TRUE".into(),
        id: "admin-login-refused",
        fix: "check that the broker user is enabled".into(),
        fixed: "ALTER USER PATD_HOST1 SET DISABLED = FALSE".into(),
    });
}

#[test]
fn a_broker_that_may_not_come_from_here_is_named_with_the_fix() {
    demand_name_and_fix(&Refusal {
        done: format!("{ELSEWHERE} ALTER USER PATD_HOST1 SET NETWORK_POLICY = ELSEWHERE"),
        id: "admin-network-refused",
        fix: "allow the address Snowflake names in the network policy of the broker user".into(),
        fixed: "ALTER USER PATD_HOST1 SET NETWORK_POLICY = \"PATD_HOST1_NETWORK\"".into(),
    });
}

#[test]
fn thirteen_tokens_of_whomever_are_named_with_the_fix() {
    let by_hand = |verb: &str, more: &str| -> String {
        let statement = |number: u32| {
            format!(
                "ALTER USER \"{USER}\" {verb} PROGRAMMATIC ACCESS TOKEN MINE_{number} {more};\n"
            )
        };
        (1..=12).map(statement).collect()
    };
    let world = demand_name_and_fix(&Refusal {
        done: by_hand("ADD", &format!("ROLE_RESTRICTION = '{ROLE}'")),
        id: "token-limit",
        fix: format!("remove tokens of {USER} that nobody uses"),
        fixed: by_hand("REMOVE", ""),
    });
    assert_eq!(added(&world), 2, "nothing was tried while there was no room");
}

#[test]
fn a_secret_that_is_refused_for_where_we_are_is_kept_and_not_made_again() {
    let world = demand_name_and_fix(&Refusal {
        done: format!("{ELSEWHERE} ALTER USER \"{USER}\" SET NETWORK_POLICY = ELSEWHERE"),
        id: "probe-network-policy",
        fix: "allow the address it names in the network policy of the user".into(),
        fixed: format!("ALTER USER \"{USER}\" SET NETWORK_POLICY = \"PATD_HOST1_NETWORK\""),
    });
    assert_eq!((world.slot(USER).generation, added(&world)), (Some(2), 2));
}

#[test]
fn the_address_that_snowflake_saw_is_said() {
    let world = World::running();
    world.hand_out(CONNECTION).unwrap();
    let elsewhere = format!("{ELSEWHERE} ALTER USER \"{USER}\" SET NETWORK_POLICY = ELSEWHERE");
    world.sim.admin_script(&elsewhere).unwrap();
    let order = RotateRequest { connection: CONNECTION.into(), taint: None };

    let _refused = world.admin::<Rotated>("rotate", &order).err().unwrap();

    let problem = problem(&world, "probe-network-policy");
    assert!(problem.message.contains("127.0.0.1"), "{problem:?}");
}

const TOKENS_ONLY: &str = "\"PATD\".\"POLICIES\".\"PATD_TOKENS_ONLY\"";
const ELSEWHERE: &str = "CREATE NETWORK POLICY ELSEWHERE ALLOWED_IP_LIST = ('203.0.113.0/24');";
