//! The probe against the account: proved only for the one user with the one role; a refusal for our address, one of
//! the secret and an answer nobody can use are three things.

use patd_core::lifecycle::ProbeOutcome;
use patd_core::names::TokenName;
use patd_core::names::User;
use patd_snowflake::probe::{Form, probe};
use snowflake_sim::{Act, Fault, On};

use crate::world::{USER, World, expected};

async fn outcome(world: &World, secret: &pat_wire::secret::Secret, form: Form) -> ProbeOutcome {
    probe(&world.client(), secret, &expected(), form).await
}

#[tokio::test]
async fn a_good_secret_is_proved_in_both_forms_under_the_restricted_role() {
    let world = World::new();
    let secret = world.secret("T1").await;
    for form in [Form::Password, Form::Token] {
        assert_eq!(outcome(&world, &secret, form).await, ProbeOutcome::Proved, "{form:?}");
    }
    let logins = world.sim.logins();
    let by_driver = logins.iter().filter(|login| login.user.as_deref() == Some(USER));
    let roles: Vec<_> =
        by_driver.map(|login| (login.first_factor, login.role.as_deref())).collect();
    assert_eq!(roles, [("PROGRAMMATIC_ACCESS_TOKEN", Some("MIGUEL_CLI_ROLE")); 2]);
}

#[tokio::test]
async fn a_session_of_another_role_or_user_is_wrong() {
    let world = World::new();
    let secret = world.secret("T1").await;
    world.sim.switches(|switches| switches.forced_login_role = Some("PUBLIC".into()));
    let shown = "user MIGUEL_CLI, role PUBLIC".to_owned();
    assert_eq!(outcome(&world, &secret, Form::Token).await, ProbeOutcome::Wrong { shown });

    world.sim.switches(|switches| {
        switches.forced_login_role = None;
        switches.forced_login_user = Some("PATD_HOST1".into());
    });
    let wrong = outcome(&world, &secret, Form::Token).await;
    assert!(
        matches!(&wrong, ProbeOutcome::Wrong { shown } if shown.starts_with("user PATD_HOST1,")),
        "{wrong:?}"
    );
}

#[tokio::test]
async fn a_session_with_secondary_roles_is_wrong() {
    let world = World::new();
    world.admin(
        r#"CREATE ROLE "EXTRA"; GRANT ROLE "EXTRA" TO USER "MIGUEL_CLI";
           ALTER USER "MIGUEL_CLI" SET DEFAULT_SECONDARY_ROLES = ('ALL')"#,
    );
    let secret = world.secret("T1").await;
    // Under a restricted token the user's default does not count.
    assert_eq!(outcome(&world, &secret, Form::Token).await, ProbeOutcome::Proved);

    world.sim.switches(|switches| switches.restricted_sessions_have_secondary_roles = true);
    let wrong = outcome(&world, &secret, Form::Token).await;
    assert!(
        matches!(&wrong, ProbeOutcome::Wrong { shown } if shown.contains("secondary roles")),
        "{wrong:?}"
    );
}

#[tokio::test]
async fn an_address_outside_the_policy_is_refused_here_with_the_address() {
    let world = World::new();
    let secret = world.secret("T1").await;
    world.sim.set_client_address(Some([203, 0, 113, 7].into()));
    let refused = outcome(&world, &secret, Form::Password).await;
    let ProbeOutcome::RefusedHere { code, message } = refused else { panic!("{refused:?}") };
    assert_eq!(code, "390422");
    assert!(message.contains("203.0.113.7"), "{message}");
}

#[tokio::test]
async fn a_missing_network_policy_is_refused_here() {
    let world = World::new();
    let secret = world.secret("T1").await;
    world.admin(r#"ALTER USER "MIGUEL_CLI" UNSET NETWORK_POLICY"#);
    let refused = outcome(&world, &secret, Form::Token).await;
    assert!(
        matches!(&refused, ProbeOutcome::RefusedHere { code, .. } if code == "390432"),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_removed_token_or_a_revoked_role_is_a_refused_secret() {
    let world = World::new();
    let secret = world.secret("T1").await;
    world.admin(r#"REVOKE ROLE "MIGUEL_CLI_ROLE" FROM USER "MIGUEL_CLI""#);
    let refused = outcome(&world, &secret, Form::Token).await;
    assert!(matches!(refused, ProbeOutcome::RefusedSecret { .. }), "{refused:?}");
    world.admin(r#"GRANT ROLE "MIGUEL_CLI_ROLE" TO USER "MIGUEL_CLI""#);

    let _ = world.authority().remove(&User::new(USER), &TokenName::new("T1")).await;
    for form in [Form::Password, Form::Token] {
        let refused = outcome(&world, &secret, form).await;
        assert!(matches!(refused, ProbeOutcome::RefusedSecret { .. }), "{form:?} {refused:?}");
    }
}

#[tokio::test]
async fn an_answer_nobody_can_use_proves_and_refutes_nothing() {
    for (on, act) in [
        (On::Login, Act::Status(503)),
        (On::Login, Act::DropBeforeCommit),
        (On::Login, Act::DropAfterCommit),
        (On::Login, Act::TruncateAt(60)),
        (On::Login, Act::Hang),
        (On::Login, Act::SqlError { code: "390505".into(), message: "Too many requests.".into() }),
        (On::Query, Act::Status(500)),
        (On::Query, Act::DropAfterCommit),
        (On::Query, Act::TruncateAt(60)),
        (On::Query, Act::WrongColumns),
        (On::Query, Act::NoRows),
        (On::Query, Act::SqlError { code: "390112".into(), message: "Session expired.".into() }),
    ] {
        let world = World::new();
        let secret = world.secret("T1").await;
        world.sim.fault(Fault::next(on, act.clone()));
        let unclear = outcome(&world, &secret, Form::Token).await;
        let ProbeOutcome::Unclear(reason) = unclear else { panic!("{on:?} {act:?}: {unclear:?}") };
        for known in world.sim.secrets() {
            assert!(!reason.contains(&known), "{on:?} {act:?}: {reason}");
        }
        assert_eq!(outcome(&world, &secret, Form::Token).await, ProbeOutcome::Proved, "{act:?}");
    }
}
