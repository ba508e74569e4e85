//! ROTATE PROGRAMMATIC ACCESS TOKEN.

use super::*;
use crate::engine::switches::{CredentialId, DefaultGrace, RotateAtLimit};

fn rotate(world: &mut World, hours: &str) -> ResultTable {
    let grace = if hours.is_empty() {
        String::new()
    } else {
        format!("expire_rotated_token_after_hours = {hours}")
    };
    world.admin(&format!("alter user cli rotate pat t {grace}"))
}

#[test]
fn the_name_keeps_the_new_secret_and_the_old_one_moves_to_a_dated_name() {
    let mut world = World::new();
    let old = world.mint_cli();
    world.hours(1);
    let answer = rotate(&mut world, "");
    let names: Vec<_> = answer.columns.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["token_name", "token_secret", "rotated_token_name"]);
    let predecessor = format!("T_ROTATED_{}", world.now.0);
    assert_eq!(answer.cell(0, "token_name"), Some("T"));
    assert_eq!(answer.cell(0, "rotated_token_name"), Some(predecessor.as_str()));
    let new = answer.cell(0, "token_secret").unwrap().to_owned();
    assert_ne!(new, old);
    assert!(world.login(&new).is_ok());
    assert!(world.login(&old).is_ok());
    let shown = world.admin("show user pats for user cli");
    assert_eq!(shown.column("rotated_to"), ["T"]);
    assert_eq!(shown.column("role_restriction"), ["CLI_ROLE", "CLI_ROLE"]);
}

#[test]
fn the_old_secret_works_for_24_hours_by_default() {
    let mut world = World::new();
    let old = world.mint_cli();
    rotate(&mut world, "");
    world.hours(23);
    assert!(world.login(&old).is_ok());
    world.hours(1);
    assert_eq!(world.login_code(&old), "394400");
}

#[test]
fn grace_zero_expires_the_old_secret_now() {
    let mut world = World::new();
    let old = world.mint_cli();
    rotate(&mut world, "0");
    assert_eq!(world.login_code(&old), "394400");
    let shown = world.admin("show user pats for user cli");
    assert_eq!(shown.column("status"), ["ACTIVE", "EXPIRED"]);
}

#[test]
fn grace_is_at_most_what_the_old_secret_has_left() {
    let mut world = World::new();
    world.mint("cli", "t", "role_restriction = 'CLI_ROLE' days_to_expiry = 2");
    let too_long = "alter user cli rotate pat t expire_rotated_token_after_hours = 49";
    assert_eq!(world.refused(too_long), "399015");
    assert_eq!(
        world.refused("alter user cli rotate pat t expire_rotated_token_after_hours = -1"),
        "399015"
    );
    rotate(&mut world, "48");
}

#[test]
fn a_switch_decides_whether_the_default_grace_is_clamped() {
    for (choice, works) in [(DefaultGrace::Clamped, true), (DefaultGrace::Refused, false)] {
        let mut world = World::new();
        world.engine.switches_mut().default_grace = choice;
        world.mint("cli", "t", "role_restriction = 'CLI_ROLE' days_to_expiry = 1");
        world.hours(20);
        let answer = world.as_role("ADMIN", "ACCOUNTADMIN", "alter user cli rotate pat t");
        assert_eq!(answer.is_ok(), works, "{choice:?}");
        if works {
            let old = &world.engine.tokens("CLI", world.now)[1];
            assert_eq!(old.expires_at, START.plus_days(1));
        }
    }
}

#[test]
fn the_new_secret_lives_the_original_span_again() {
    let mut world = World::new();
    world.mint("cli", "t", "role_restriction = 'CLI_ROLE' days_to_expiry = 7");
    world.days(3);
    rotate(&mut world, "");
    assert_eq!(world.engine.tokens("CLI", world.now)[0].expires_at, world.now.plus_days(7));
}

#[test]
fn a_predecessor_can_be_removed_and_nothing_else() {
    let mut world = World::new();
    world.mint_cli();
    let answer = rotate(&mut world, "");
    let old = answer.cell(0, "rotated_token_name").unwrap().to_owned();
    for action in ["rotate pat", "modify pat"] {
        let tail = if action == "modify pat" { "set comment = 'x'" } else { "" };
        assert_eq!(world.refused(&format!("alter user cli {action} {old} {tail}")), "399016");
    }
    world.admin(&format!("alter user cli remove pat {old}"));
    assert_eq!(world.engine.tokens("CLI", world.now).len(), 1);
}

#[test]
fn rotate_verifies_nothing_and_may_yield_a_token_that_cannot_log_in() {
    let mut world = World::new();
    world.mint_cli();
    world.script(
        "revoke role cli_role from user cli;
         alter user cli unset network_policy;
         create authentication policy db.public.no_pats authentication_methods = ('KEYPAIR');
         alter user cli set authentication policy db.public.no_pats",
    );
    let answer = rotate(&mut world, "");
    let secret = answer.cell(0, "token_secret").unwrap().to_owned();
    assert!(world.login(&secret).is_err());
}

#[test]
fn a_switch_decides_about_rotation_at_the_limit_and_grace_zero_needs_no_room() {
    for (choice, works) in [(RotateAtLimit::Refused, false), (RotateAtLimit::Allowed, true)] {
        let mut world = World::new();
        world.engine.switches_mut().rotate_at_limit = choice;
        world.mint_cli();
        for n in 0..14 {
            world.mint("cli", &format!("t{n}"), "role_restriction = 'CLI_ROLE'");
        }
        let answer = world.as_role("ADMIN", "ACCOUNTADMIN", "alter user cli rotate pat t");
        assert_eq!(answer.is_ok(), works, "{choice:?}");
        rotate(&mut world, "0");
    }
}

#[test]
fn switches_decide_what_rotation_carries_over() {
    for carried in [true, false] {
        let mut world = World::new();
        let switches = world.engine.switches_mut();
        switches.rotate_carries_comment = carried;
        switches.rotate_resets_created_on = carried;
        world.mint("cli", "t", "role_restriction = 'CLI_ROLE' comment = 'why'");
        world.hours(1);
        rotate(&mut world, "");
        let live = &world.engine.tokens("CLI", world.now)[0];
        assert_eq!(live.comment.as_deref(), carried.then_some("why"));
        assert_eq!(live.created_on, if carried { world.now } else { START });
    }
}

#[test]
fn a_switch_decides_who_keeps_the_credential_id() {
    for (choice, live) in [(CredentialId::StaysWithName, 0), (CredentialId::MovesWithSecret, 1)] {
        let mut world = World::new();
        world.engine.switches_mut().rotate_credential_id = choice;
        world.mint_cli();
        let before = world.engine.tokens("CLI", world.now)[0].id;
        rotate(&mut world, "");
        assert_eq!(world.engine.tokens("CLI", world.now)[live].id, before, "{choice:?}");
    }
}

#[test]
fn a_switch_decides_whether_predecessors_follow_a_rename() {
    for (moves, wanted) in [(true, "U"), (false, "T")] {
        let mut world = World::new();
        world.engine.switches_mut().rename_moves_rotated_to = moves;
        world.mint_cli();
        rotate(&mut world, "");
        world.admin("alter user cli modify pat t rename to u");
        let shown = world.admin("show user pats for user cli");
        assert_eq!(shown.column("rotated_to"), [wanted]);
    }
}

#[test]
fn two_rotations_in_one_millisecond_leave_two_predecessors() {
    let mut world = World::new();
    world.mint_cli();
    rotate(&mut world, "");
    rotate(&mut world, "");
    let shown = world.admin("show user pats for user cli");
    let mut names = shown.column("name");
    names.dedup();
    assert_eq!(names.len(), 3);
}

#[test]
fn an_expired_token_can_be_rotated_and_its_old_secret_stays_expired() {
    let mut world = World::new();
    world.mint("cli", "t", "role_restriction = 'CLI_ROLE' days_to_expiry = 1");
    world.days(2);
    let answer = rotate(&mut world, "");
    let new = answer.cell(0, "token_secret").unwrap().to_owned();
    assert!(world.login(&new).is_ok());
    assert_eq!(world.engine.tokens("CLI", world.now)[1].expires_at, START.plus_days(1));
}
