//! SHOW USER PROGRAMMATIC ACCESS TOKENS.

use super::*;
use crate::engine::ColumnType;
use crate::engine::switches::TokenStatusWhenBoth;

#[test]
fn the_columns_are_those_of_a_live_account_in_their_order() {
    let mut world = World::new();
    let shown = world.admin("show user pats for user cli");
    let names: Vec<_> = shown.columns.iter().map(|c| c.name.as_str()).collect();
    let wanted = [
        "name",
        "user_name",
        "role_restriction",
        "expires_at",
        "status",
        "comment",
        "created_on",
        "created_by",
        "mins_to_bypass_network_policy_requirement",
        "rotated_to",
    ];
    assert_eq!(names, wanted);
    assert_eq!(shown.columns[3].kind, ColumnType::TimestampLtz);
}

#[test]
fn a_fresh_token_shows_active_and_nulls() {
    let mut world = World::new();
    world.mint("miguel", "t", "days_to_expiry = 1");
    let shown = world.admin("show user pats for user miguel");
    let row: Vec<_> = shown.rows[0].iter().map(Option::as_deref).collect();
    let end = START.plus_days(1).wire();
    let start = START.wire();
    let wanted = [
        Some("T"),
        Some("MIGUEL"),
        None,
        Some(end.as_str()),
        Some("ACTIVE"),
        None,
        Some(start.as_str()),
        Some("ADMIN"),
        None,
        None,
    ];
    assert_eq!(row, wanted);
}

#[test]
fn without_for_user_only_the_callers_own_tokens_are_listed() {
    let mut world = World::new();
    world.mint_cli();
    world.mint("miguel", "mine", "");
    let own = world.as_role("MIGUEL", "CLI_ROLE", "show user pats").unwrap();
    assert_eq!(own.column("name"), ["MINE"]);
    assert!(world.admin("show user pats").rows.is_empty());
}

#[test]
fn for_user_without_the_privilege_is_an_explicit_error() {
    let mut world = World::new();
    let sql = "show user pats for user cli";
    assert_eq!(world.as_role("MIGUEL", "CLI_ROLE", sql).unwrap_err().code, "003001");
    assert_eq!(world.as_role("BROKER", "BROKER_ROLE", sql).unwrap().rows.len(), 0);
    assert_eq!(world.refused("show user pats for user nobody"), "002003");
}

#[test]
fn manage_grants_does_not_help_to_see_tokens() {
    let mut world = World::new();
    world.script("create role granter; grant manage grants on account to role granter");
    let answer = world.as_role("MIGUEL", "GRANTER", "show user pats for user cli");
    assert_eq!(answer.unwrap_err().code, "003001");
}

#[test]
fn created_by_becomes_a_number_when_that_user_is_dropped() {
    let mut world = World::new();
    let add = "alter user cli add pat t role_restriction = 'CLI_ROLE'";
    world.as_role("BROKER", "BROKER_ROLE", add).unwrap();
    let created_by = |world: &mut World| {
        let shown = world.admin("show user pats for user cli");
        shown.cell(0, "created_by").unwrap().to_owned()
    };
    assert_eq!(created_by(&mut world), "BROKER");
    world.admin("drop user broker");
    assert!(created_by(&mut world).parse::<u64>().is_ok());
}

#[test]
fn expired_rows_vanish_after_the_days_of_the_switch() {
    for days in [7, 30] {
        let mut world = World::new();
        world.engine.switches_mut().expired_rows_days = days;
        world.mint("cli", "t", "role_restriction = 'CLI_ROLE' days_to_expiry = 1");
        world.days(days);
        let shown = world.admin("show user pats for user cli");
        assert_eq!(shown.column("status"), ["EXPIRED"]);
        world.days(1);
        assert!(world.admin("show user pats for user cli").rows.is_empty());
    }
}

#[test]
fn a_switch_decides_what_an_expired_and_disabled_token_is_called() {
    for (choice, wanted) in
        [(TokenStatusWhenBoth::Disabled, "DISABLED"), (TokenStatusWhenBoth::Expired, "EXPIRED")]
    {
        let mut world = World::new();
        world.engine.switches_mut().status_when_both = choice;
        world.mint("cli", "t", "role_restriction = 'CLI_ROLE' days_to_expiry = 1");
        world.admin("alter user cli modify pat t set disabled = true");
        world.days(1);
        assert_eq!(world.admin("show user pats for user cli").column("status"), [wanted]);
    }
}

#[test]
fn show_takes_no_like_and_has_no_account_wide_form() {
    let mut world = World::new();
    assert_eq!(world.refused("show user pats like 'x'"), "001003");
    assert_eq!(world.refused("show user pats in account"), "001003");
}
