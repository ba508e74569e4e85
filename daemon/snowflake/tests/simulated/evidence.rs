//! What a real login shows against the account: a token that is bound to its role cannot leave it, one that is not is
//! caught at each way out, and no session is left open.

use pat_wire::secret::Secret;
use patd_core::lifecycle::ProbeOutcome;
use patd_core::names::{Role, User};
use patd_core::pattern::observed::{Grant, Seen};
use patd_core::pattern::verify::{Attempt, Evidence};
use patd_snowflake::evidence::evidence;
use patd_snowflake::probe::{Expected, Form};
use snowflake_sim::{Act, Fault, On};

use crate::world::{ROLE, USER, World, expected};

async fn looked(world: &World, secret: &Secret, form: Form) -> Evidence {
    match evidence(&world.client(), secret, &expected(), form).await {
        Ok(evidence) => evidence,
        Err(outcome) => panic!("no session: {outcome:?}"),
    }
}

fn refused(attempt: &Attempt) -> &str {
    match attempt {
        Attempt::Refused(words) => words,
        Attempt::Accepted(_) | Attempt::Unclear(_) => panic!("not refused: {attempt:?}"),
    }
}

#[tokio::test]
async fn a_bound_token_shows_its_one_role_and_cannot_leave_it() {
    for form in [Form::Password, Form::Token] {
        let world = World::new();
        world.admin(
            r#"CREATE WAREHOUSE "WH"; GRANT USAGE ON WAREHOUSE "WH" TO ROLE "MIGUEL_CLI_ROLE";
               GRANT DATABASE ROLE "SNOWFLAKE"."CORTEX_USER" TO ROLE "MIGUEL_CLI_ROLE""#,
        );
        let secret = world.secret("T1").await;

        let found = looked(&world, &secret, form).await;

        assert_eq!((found.user.as_str(), found.current_user.as_str()), (USER, USER));
        assert_eq!((found.current_role.as_str(), found.secondary_roles.len()), (ROLE, 0));
        assert!(refused(&found.role_switch).starts_with("399032 "), "{:?}", found.role_switch);
        assert!(refused(&found.secondary_switch).starts_with("399032 "));
        assert!(refused(&found.other_role_login).starts_with("394400 "));
        let Seen::Known(grants) = found.grants else { panic!("{:?}", found.grants) };
        let grant = |on: &str, name: &str| Grant {
            privilege: "USAGE".into(),
            on: on.into(),
            name: name.into(),
        };
        assert_eq!(
            grants,
            [grant("DATABASE_ROLE", "SNOWFLAKE.CORTEX_USER"), grant("WAREHOUSE", "WH")]
        );
        assert_eq!(found.public_database_roles, ["SNOWFLAKE.CORTEX_USER"]);
        assert_eq!(world.sim.open_sessions(), 0);
    }
}

#[tokio::test]
async fn a_session_that_may_take_another_role_is_caught() {
    let world = World::new();
    world.admin(r#"CREATE ROLE "EXTRA"; GRANT ROLE "EXTRA" TO USER "MIGUEL_CLI""#);
    let secret = world.secret("T1").await;
    world.sim.switches(|switches| switches.restricted_sessions_may_switch = true);

    let found = looked(&world, &secret, Form::Token).await;

    assert_eq!(found.role_switch, Attempt::Accepted("PUBLIC".into()));
    let Attempt::Accepted(active) = &found.secondary_switch else {
        panic!("{:?}", found.secondary_switch)
    };
    assert!(active.contains("EXTRA"), "{active}");
    refused(&found.other_role_login);
    assert_eq!(world.sim.open_sessions(), 0);
}

#[tokio::test]
async fn a_login_that_may_ask_for_another_role_is_caught() {
    let world = World::new();
    let secret = world.secret("T1").await;
    world.sim.switches(|switches| switches.restricted_logins_may_choose = true);

    for form in [Form::Password, Form::Token] {
        let found = looked(&world, &secret, form).await;

        assert_eq!(found.other_role_login, Attempt::Accepted("PUBLIC".into()), "{form:?}");
        refused(&found.role_switch);
        assert_eq!(world.sim.open_sessions(), 0);
    }
}

#[tokio::test]
async fn a_session_of_another_user_role_or_with_secondary_roles_is_shown_as_it_is() {
    let world = World::new();
    let secret = world.secret("T1").await;
    world.sim.switches(|switches| {
        switches.forced_login_user = Some("PATD_HOST1".into());
        switches.forced_login_role = Some("PATD_HOST1_ROLE".into());
        switches.restricted_sessions_have_secondary_roles = true;
    });

    let found = looked(&world, &secret, Form::Token).await;

    assert_eq!(found.current_user, "PATD_HOST1");
    assert_eq!(found.current_role, "PATD_HOST1_ROLE");
    assert_eq!(found.user, USER);
}

#[tokio::test]
async fn without_a_session_there_is_no_evidence() {
    let world = World::new();
    let secret = world.secret("T1").await;
    world.sim.set_client_address(Some([203, 0, 113, 7].into()));
    let elsewhere = evidence(&world.client(), &secret, &expected(), Form::Token).await;
    assert!(matches!(elsewhere, Err(ProbeOutcome::RefusedHere { .. })), "{elsewhere:?}");

    world.sim.set_client_address(None);
    world.admin(r#"REVOKE ROLE "MIGUEL_CLI_ROLE" FROM USER "MIGUEL_CLI""#);
    let revoked = evidence(&world.client(), &secret, &expected(), Form::Password).await;
    assert!(matches!(revoked, Err(ProbeOutcome::RefusedSecret { .. })), "{revoked:?}");
}

#[tokio::test]
async fn one_refused_login_does_not_lock_the_user_out() {
    let world = World::new();
    let secret = world.secret("T1").await;

    for _ in 0..8 {
        let found = looked(&world, &secret, Form::Password).await;
        refused(&found.other_role_login);
    }
}

#[tokio::test]
async fn a_role_every_user_has_leaves_nothing_to_try() {
    let world = World::new();
    let secret = world.secret("T1").await;
    let expected = Expected { user: User::new(USER), role: Role::new("PUBLIC") };
    world.sim.switches(|switches| switches.restricted_logins_may_choose = true);

    let found = evidence(&world.client(), &secret, &expected, Form::Token).await;

    let Ok(found) = found else { panic!("{found:?}") };
    assert!(matches!(found.role_switch, Attempt::Unclear(_)), "{:?}", found.role_switch);
    assert!(matches!(found.other_role_login, Attempt::Unclear(_)), "{:?}", found.other_role_login);
}

#[tokio::test]
async fn whatever_breaks_on_the_way_nothing_is_called_refused_and_no_secret_shows() {
    for act in [
        Act::Status(503),
        Act::DropBeforeCommit,
        Act::DropAfterCommit,
        Act::TruncateAt(60),
        Act::WrongColumns,
        Act::NoRows,
        Act::SqlError { code: "390112".into(), message: "Session expired.".into() },
    ] {
        // The nine queries of one look: itself, grants of its role and of PUBLIC, three around each attempt.
        for nth in 0..9 {
            let world = World::new();
            let secret = world.secret("T1").await;
            let fault = Fault { after: nth, ..Fault::next(On::Query, act.clone()) };
            world.sim.fault(fault);

            let found = evidence(&world.client(), &secret, &expected(), Form::Token).await;

            let text = format!("{found:?}");
            for known in world.sim.secrets() {
                assert!(!text.contains(&known), "{act:?} {nth}: {text}");
            }
            if let Ok(found) = found {
                let clear = [&found.role_switch, &found.secondary_switch];
                assert!(
                    clear.iter().all(|attempt| !matches!(attempt, Attempt::Accepted(_))),
                    "{act:?} {nth}: {text}"
                );
            }
            assert_eq!(world.sim.open_sessions(), 0, "{act:?} {nth}");
        }
    }
}
