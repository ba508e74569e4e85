//! CREATE, ALTER, DROP USER.

use super::*;

#[test]
fn a_user_is_created_once_and_if_not_exists_makes_a_second_time_a_success() {
    let mut world = World::new();
    let answer = world.admin("create user u");
    assert_eq!(answer.cell(0, "status"), Some("User U successfully created."));
    assert_eq!(world.refused("create user u"), "002002");
    let again = world.admin("create user if not exists u");
    assert_eq!(again.cell(0, "status"), Some("U already exists, statement succeeded."));
}

#[test]
fn a_service_user_cannot_have_what_a_person_has() {
    let mut world = World::new();
    for property in [
        "first_name = 'x'",
        "middle_name = 'x'",
        "last_name = 'x'",
        "password = 'x'",
        "must_change_password = true",
        "mins_to_bypass_mfa = 1",
    ] {
        let sql = format!("alter user cli set {property}");
        let error = world.as_role("ADMIN", "ACCOUNTADMIN", &sql).unwrap_err();
        let name = property.split(' ').next().unwrap().to_uppercase();
        let wanted = format!("Cannot set {name} on users with TYPE=SERVICE.");
        assert!(error.message.contains(&wanted), "{error}");
        world.admin(&format!("alter user miguel set {property}"));
    }
    world.admin("create user old type = legacy_service password = 'x'");
}

#[test]
fn an_unknown_type_or_property_is_refused() {
    let mut world = World::new();
    assert_eq!(world.refused("create user u type = robot"), "001008");
    assert_eq!(world.refused("create user u colour = 'red'"), "001006");
    assert_eq!(world.refused("alter user cli set"), "001003");
    assert!(world.admin("show users like 'U'").rows.is_empty(), "a refused user is not created");
}

#[test]
fn an_older_release_describes_and_shows_less_of_a_user() {
    let lacking = ["PASSWORD", "HAS_WORKLOAD_IDENTITY", "has_password", "target_scopes"];
    let mut world = World::new();
    world.engine.switches_mut().release_lacks = lacking.map(str::to_owned).to_vec();
    world.admin("create database other");
    world.admin("create schema other.s");
    world.admin("create authentication policy other.s.p");
    world.admin("alter account set authentication policy other.s.p");

    let described = world.admin("describe user cli");
    let shown = world.admin("show users like 'CLI'");

    let properties = described.column("property");
    assert!(properties.contains(&"LOGIN_NAME") && properties.contains(&"PASSWORD_LAST_SET_TIME"));
    assert!(!properties.contains(&"PASSWORD") && !properties.contains(&"HAS_WORKLOAD_IDENTITY"));
    assert_eq!(shown.cell(0, "has_password"), None);
    assert_eq!(shown.cell(0, "has_rsa_public_key"), Some("false"));
    assert!(shown.rows.iter().all(|row| row.len() == shown.columns.len()));
    let attached = world.admin("show authentication policies on account");
    assert_eq!(attached.cell(0, "options"), Some("{}"));
}

#[test]
fn a_default_role_is_neither_granted_nor_checked() {
    let mut world = World::new();
    world.admin("create user u default_role = never_there");
    assert!(world.admin("show grants to user u").rows.is_empty());
}

#[test]
fn default_secondary_roles_are_all_unless_empty() {
    let mut world = World::new();
    let roles = |world: &mut World, user: &str| {
        let shown = world.admin(&format!("show users like '{user}'"));
        shown.cell(0, "default_secondary_roles").unwrap().to_owned()
    };
    world.admin("create user u");
    assert_eq!(roles(&mut world, "U"), r#"["ALL"]"#);
    assert_eq!(roles(&mut world, "CLI"), "[]");
    assert_eq!(world.refused("alter user u set default_secondary_roles = ('CLI_ROLE')"), "001008");
}

#[test]
fn dropping_a_user_takes_its_tokens_along() {
    let mut world = World::new();
    let secret = world.mint_cli();
    world.admin("drop user cli");
    assert_eq!(world.login_code(&secret), "394400");
    assert_eq!(world.refused("drop user cli"), "002003");
    world.admin("drop user if exists cli");
}

#[test]
fn a_switch_decides_whether_or_replace_keeps_the_tokens() {
    for keeps in [true, false] {
        let mut world = World::new();
        world.engine.switches_mut().replace_user_keeps_tokens = keeps;
        world.mint_cli();
        world.admin("create or replace user cli type = service network_policy = np");
        assert_eq!(world.engine.tokens("CLI", world.now).len(), usize::from(keeps));
        assert!(world.admin("show grants to user cli").rows.is_empty());
    }
}

#[test]
fn a_renamed_user_keeps_roles_tokens_and_login_name() {
    let mut world = World::new();
    let secret = world.mint_cli();
    world.admin("alter user cli rename to renamed");
    let session = world.login(&secret).unwrap();
    assert_eq!(session.user, "RENAMED");
    assert_eq!(world.refused("alter user renamed rename to miguel"), "002002");
    let login = LoginAttempt { login_name: Some("CLI".into()), ..attempt(&secret) };
    assert!(world.engine.login(&login, world.now).is_ok());
}

#[test]
fn the_login_name_not_the_name_is_what_a_client_gives() {
    let mut world = World::new();
    let secret = world.mint_cli();
    world.admin("alter user cli set login_name = 'cli@example.com'");
    let with = |name: &str| LoginAttempt { login_name: Some(name.into()), ..attempt(&secret) };
    assert!(world.engine.login(&with("CLI@EXAMPLE.COM"), world.now).is_ok());
    assert_eq!(world.engine.login(&with("CLI"), world.now).unwrap_err().code, "394400");
    assert_eq!(world.refused("alter user miguel set login_name = 'cli@example.com'"), "002002");
}

#[test]
fn the_creator_role_owns_the_user_and_may_do_everything() {
    let mut world = World::new();
    world.script("create role maker; grant create user on account to role maker; grant role cli_role to user miguel");
    world.as_role("MIGUEL", "MAKER", "create user made").unwrap();
    for sql in ["alter user made set comment = 'x'", "alter user made add pat t", "drop user made"]
    {
        world.as_role("MIGUEL", "MAKER", sql).unwrap();
    }
}

#[test]
fn unset_puts_a_property_back() {
    let mut world = World::new();
    world.admin("alter user cli set comment = 'x' default_warehouse = wh");
    world.admin("alter user cli unset comment, default_warehouse, network_policy");
    let shown = world.admin("show users like 'CLI'");
    assert_eq!(shown.cell(0, "comment"), None);
    assert_eq!(shown.cell(0, "default_warehouse"), None);
    let parameter = world.admin("show parameters like 'NETWORK_POLICY' for user cli");
    assert_eq!(parameter.cell(0, "value"), Some(""));
    assert_eq!(world.refused("alter user cli unset colour"), "001006");
}

#[test]
fn a_refused_change_changes_nothing() {
    let mut world = World::new();
    assert_eq!(world.refused("alter user cli set comment = 'x' colour = 'red'"), "001006");
    assert_eq!(world.admin("show users like 'CLI'").cell(0, "comment"), None);
}
