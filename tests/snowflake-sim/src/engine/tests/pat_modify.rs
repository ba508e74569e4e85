//! MODIFY and REMOVE PROGRAMMATIC ACCESS TOKEN.

use super::*;
use crate::engine::switches::PatSessionRule;

#[test]
fn modify_renames_disables_comments_and_sets_bypass_minutes_and_nothing_else() {
    let mut world = World::new();
    world.mint_cli();
    world.script(
        "alter user cli modify pat t rename to u;
         alter user cli modify pat u set disabled = true comment = 'x', mins_to_bypass_network_policy_requirement = 9",
    );
    let shown = world.admin("show user pats for user cli");
    assert_eq!(shown.cell(0, "name"), Some("U"));
    assert_eq!(shown.cell(0, "status"), Some("DISABLED"));
    assert_eq!(shown.cell(0, "comment"), Some("x"));
    assert_eq!(shown.cell(0, "mins_to_bypass_network_policy_requirement"), Some("9"));
    for fixed in ["days_to_expiry = 9", "role_restriction = 'OTHER_ROLE'"] {
        let sql = format!("alter user cli modify pat u set {fixed}");
        assert_eq!(world.refused(&sql), "001006", "{fixed}");
    }
}

#[test]
fn unset_disabled_makes_the_token_active_again() {
    let mut world = World::new();
    let secret = world.mint_cli();
    world.admin("alter user cli modify pat t set disabled = true comment = 'x'");
    assert_eq!(world.login_code(&secret), "394400");
    world.admin("alter user cli modify pat t unset disabled, comment");
    assert!(world.login(&secret).is_ok());
    assert_eq!(world.engine.tokens("CLI", world.now)[0].comment, None);
    assert_eq!(world.refused("alter user cli modify pat t unset disabled = true"), "001003");
}

#[test]
fn a_rename_keeps_the_secret_and_refuses_a_taken_name() {
    let mut world = World::new();
    let secret = world.mint_cli();
    world.mint("cli", "taken", "role_restriction = 'CLI_ROLE'");
    assert_eq!(world.refused("alter user cli modify pat t rename to taken"), "399002");
    world.admin("alter user cli modify pat t rename to u");
    assert!(world.login(&secret).is_ok());
}

#[test]
fn remove_says_so_and_kills_the_secret() {
    let mut world = World::new();
    let secret = world.mint_cli();
    let answer = world.admin("alter user cli remove pat t");
    assert_eq!(answer.cell(0, "status"), Some("Programmatic access token T successfully removed."));
    assert_eq!(world.login_code(&secret), "394400");
    assert!(world.admin("show user pats for user cli").rows.is_empty());
}

#[test]
fn a_missing_token_is_an_error_unless_if_exists_was_said() {
    let mut world = World::new();
    for action in ["remove pat", "rotate pat", "modify pat"] {
        let tail = if action == "modify pat" { "set comment = 'x'" } else { "" };
        let plain = format!("alter user cli {action} nothing {tail}");
        let error = world.as_role("ADMIN", "ACCOUNTADMIN", &plain).unwrap_err();
        assert_eq!(error.code, "399001");
        assert!(error.message.contains("Programmatic access token NOTHING not found"), "{error}");
        world.admin(&format!("alter user cli {action} if exists nothing {tail}"));
    }
}

#[test]
fn a_token_session_may_not_modify_rotate_or_remove_tokens_of_its_own_user() {
    let mut world = World::new();
    world.script("grant modify programmatic authentication methods on user cli to role cli_role");
    let secret = world.mint_cli();
    let mut session = world.login(&secret).unwrap();
    for action in [
        "remove pat t",
        "rotate pat t",
        "modify pat t set comment = 'x'",
        "modify pat t rename to u",
    ] {
        let error = world.run(&mut session, &format!("alter user cli {action}")).unwrap_err();
        assert_eq!(error.code, "399013", "{action}");
    }
}

#[test]
fn a_switch_decides_whether_a_token_session_may_touch_tokens_of_another_user() {
    for (rule, allowed) in [(PatSessionRule::SameUser, true), (PatSessionRule::AnyUser, false)] {
        let mut world = World::new();
        world.engine.switches_mut().pat_session_rule = rule;
        world.mint_cli();
        let broker = world.mint("broker", "b", "role_restriction = 'BROKER_ROLE'");
        let mut session = world.login(&broker).unwrap();
        let answer = world.run(&mut session, "alter user cli remove pat t");
        assert_eq!(answer.is_ok(), allowed, "{rule:?}");
    }
}
