//! ADD, SHOW and REMOVE: what is minted is listed and gone when removed; what is refused has its kind; what is
//! unclear can be seen by SHOW.

use std::time::Duration;

use patd_core::lifecycle::{Failure, RefusalKind, RemoveOutcome, TokenStatus};
use patd_core::names::{Role, TokenName, User};
use patd_snowflake::authority::{AddToken, Authority};
use snowflake_sim::engine::StatementKind;
use snowflake_sim::{Act, Fault, On};

use crate::world::{ROLE, USER, World, added, token};

fn user() -> User {
    User::new(USER)
}

async fn names(authority: &Authority) -> Vec<String> {
    let rows = authority.list(&user()).await.expect("list");
    rows.into_iter().map(|row| row.name.as_str().to_owned()).collect()
}

async fn refused(world: &World, token: &AddToken) -> RefusalKind {
    match added(&world.authority(), token).await {
        Err(Failure::Refused(refusal)) => refusal.kind,
        other => panic!("not a refusal: {other:?}"),
    }
}

#[tokio::test]
async fn a_minted_token_is_listed_with_its_role_and_expiry_and_gone_when_removed() {
    let world = World::new();
    let authority = world.authority();
    let name = TokenName::new("T1");

    assert_eq!(added(&authority, &token("T1")).await, Ok(()));

    let rows = authority.list(&user()).await.expect("list");
    let [row] = rows.as_slice() else { panic!("not one row: {rows:?}") };
    assert_eq!(
        (&row.name, &row.role, row.status),
        (&name, &Some(Role::new(ROLE)), TokenStatus::Active)
    );
    let life = row.expires_at.expect("expiry").since(authority.server_time());
    assert!((7 * 86_400 - 60..=7 * 86_400 + 60).contains(&life), "{life}");

    assert_eq!(authority.remove(&user(), &name).await, RemoveOutcome::Removed);
    assert_eq!(authority.remove(&user(), &name).await, RemoveOutcome::Absent);
    assert_eq!(names(&authority).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_statement_says_only_what_the_account_may_keep() {
    let world = World::new();
    let secret = world.secret("T1").await;
    for query in world.sim.queries() {
        assert!(!query.text.contains(secret.expose()));
        assert!(query.user != "PATD_HOST1" || query.role.as_deref() == Some("PATD_HOST1_ROLE"));
    }
}

#[tokio::test]
async fn an_answer_that_was_lost_or_spoiled_after_the_fact_is_unclear_and_show_tells() {
    for act in [
        Act::DropAfterCommit,
        Act::TruncateAt(0),
        Act::TruncateAt(1),
        Act::TruncateAt(300),
        Act::WrongColumns,
        Act::NoRows,
        Act::ExtraColumn,
        Act::OtherTokenName,
        Act::DuplicateRow,
    ] {
        let world = World::new();
        let authority = world.authority();
        world.sim.fault(Fault::next(On::Statement(StatementKind::AddPat), act.clone()));

        let outcome = added(&authority, &token("T1")).await;

        let Err(Failure::Unclear(reason)) = outcome else { panic!("{act:?}: {outcome:?}") };
        for secret in world.sim.secrets() {
            assert!(!reason.contains(&secret), "{act:?}: {reason}");
        }
        assert_eq!(names(&authority).await, ["T1"], "{act:?}");
        let removed = authority.remove(&user(), &TokenName::new("T1")).await;
        assert_eq!(removed, RemoveOutcome::Removed, "{act:?}");
    }
}

#[tokio::test]
async fn columns_in_another_order_are_still_read_by_name() {
    let world = World::new();
    world.sim.fault(Fault::next(On::Statement(StatementKind::AddPat), Act::SwapColumns));
    let secret = world.secret("T1").await;
    assert!(world.sim.secrets().iter().any(|known| known == secret.expose()));
}

#[tokio::test]
async fn an_answer_that_never_came_is_unclear_and_show_tells_that_nothing_was_done() {
    for act in [
        Act::Status(500),
        Act::Status(502),
        Act::Status(503),
        Act::Status(504),
        Act::DropBeforeCommit,
        Act::NeverEnding202,
        Act::Hang,
    ] {
        let world = World::new();
        let authority = world.authority();
        world.sim.fault(Fault::next(On::Statement(StatementKind::AddPat), act.clone()));

        let outcome = added(&authority, &token("T1")).await;

        assert!(matches!(outcome, Err(Failure::Unclear(_))), "{act:?}: {outcome:?}");
        assert_eq!(names(&authority).await, Vec::<String>::new(), "{act:?}");
    }
}

#[tokio::test]
async fn a_list_or_removal_without_a_usable_answer_is_unclear() {
    for act in [Act::Status(503), Act::DropAfterCommit, Act::TruncateAt(40), Act::WrongColumns] {
        let world = World::new();
        let authority = world.authority();
        world.secret("T1").await;
        world.sim.fault(Fault::next(On::Statement(StatementKind::ShowPats), act.clone()));
        let listed = authority.list(&user()).await;
        assert!(matches!(listed, Err(Failure::Unclear(_))), "{act:?}: {listed:?}");
    }
    let world = World::new();
    world.secret("T1").await;
    let authority = world.authority();
    world.sim.fault(Fault::next(On::Statement(StatementKind::RemovePat), Act::DropAfterCommit));
    let removed = authority.remove(&user(), &TokenName::new("T1")).await;
    assert!(matches!(removed, RemoveOutcome::Failed(Failure::Unclear(_))), "{removed:?}");
    assert_eq!(names(&authority).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_statement_that_is_answered_later_is_waited_for() {
    let world = World::new();
    world.sim.http_switches(|switches| {
        switches.always_202_first = true;
        switches.polls_before_done = 2;
    });
    let authority = world.authority();
    assert_eq!(added(&authority, &token("T1")).await, Ok(()));
    assert_eq!(names(&authority).await, ["T1"]);
}

#[tokio::test]
async fn a_late_answer_without_the_secret_is_unclear() {
    let world = World::new();
    world.sim.http_switches(|switches| {
        switches.always_202_first = true;
        switches.status_shows_secret = false;
    });
    let outcome = added(&world.authority(), &token("T1")).await;
    assert!(matches!(outcome, Err(Failure::Unclear(_))), "{outcome:?}");
}

#[tokio::test]
async fn a_missing_grant_is_a_matter_of_privilege() {
    let world = World::new();
    world.secret("T1").await;
    world.admin(
        r#"REVOKE MODIFY PROGRAMMATIC AUTHENTICATION METHODS ON USER "MIGUEL_CLI" FROM ROLE "PATD_HOST1_ROLE""#,
    );
    assert_eq!(refused(&world, &token("T2")).await, RefusalKind::Privilege);
    let authority = world.authority();
    let listed = authority.list(&user()).await;
    let is_privilege = |failure: &Failure| matches!(failure, Failure::Refused(refusal) if refusal.kind == RefusalKind::Privilege);
    assert!(listed.as_ref().is_err_and(is_privilege), "{listed:?}");
    let removed = authority.remove(&user(), &TokenName::new("T1")).await;
    assert!(matches!(&removed, RemoveOutcome::Failed(f) if is_privilege(f)), "{removed:?}");
    assert_eq!(world.token_names(), ["T1"]);
}

#[tokio::test]
async fn an_unknown_user_is_not_a_missing_token() {
    let world = World::new();
    let authority = world.authority();
    let removed = authority.remove(&User::new("NOBODY"), &TokenName::new("T1")).await;
    assert!(matches!(removed, RemoveOutcome::Failed(Failure::Refused(_))), "{removed:?}");
}

#[tokio::test]
async fn what_the_account_forbids_is_refused_with_its_kind() {
    let world = World::new();
    world.secret("T1").await;
    assert_eq!(refused(&world, &token("T1")).await, RefusalKind::NameTaken);

    let mut other_role = token("T2");
    other_role.intent.role = Role::new("PATD_HOST1_ROLE");
    assert_eq!(refused(&world, &other_role).await, RefusalKind::RoleNotGranted);

    world.admin(r#"ALTER USER "MIGUEL_CLI" UNSET NETWORK_POLICY"#);
    assert_eq!(refused(&world, &token("T2")).await, RefusalKind::Policy);
    world.admin(r#"ALTER USER "MIGUEL_CLI" SET NETWORK_POLICY = "PATD_HOSTS""#);

    world.admin(
        r#"CREATE AUTHENTICATION POLICY "PATD_ADMIN"."POLICIES"."SHORT" PAT_POLICY = (DEFAULT_EXPIRY_IN_DAYS = 3 MAX_EXPIRY_IN_DAYS = 3);
           ALTER USER "MIGUEL_CLI" SET AUTHENTICATION POLICY "PATD_ADMIN"."POLICIES"."SHORT""#,
    );
    assert_eq!(refused(&world, &token("T2")).await, RefusalKind::ExpiryTooLong);
    world.admin(r#"ALTER USER "MIGUEL_CLI" UNSET AUTHENTICATION POLICY"#);

    for number in 2..=15 {
        world.secret(&format!("T{number}")).await;
    }
    assert_eq!(refused(&world, &token("T16")).await, RefusalKind::LimitReached);
    assert_eq!(world.token_names().len(), 15);
}

#[tokio::test]
async fn a_key_the_account_does_not_know_is_a_matter_of_the_admin_login() {
    let world = World::new();
    world.admin(r#"ALTER USER "PATD_HOST1" UNSET RSA_PUBLIC_KEY"#);
    assert_eq!(refused(&world, &token("T1")).await, RefusalKind::AdminLogin);
}

#[tokio::test]
async fn an_address_the_account_does_not_allow_is_a_matter_of_the_network() {
    let world = World::new();
    world.sim.set_client_address(Some([203, 0, 113, 7].into()));
    let Err(Failure::Refused(refusal)) = added(&world.authority(), &token("T1")).await else {
        panic!("not refused");
    };
    assert_eq!(refusal.kind, RefusalKind::AdminNetwork);
    assert!(refusal.message.contains("203.0.113.7"), "{}", refusal.message);
}

#[tokio::test]
async fn a_clock_two_hours_behind_the_accounts_costs_one_more_request() {
    let world = World::new();
    world.sim.advance(Duration::from_secs(7200));
    let authority = world.authority();

    assert_eq!(added(&authority, &token("T1")).await, Ok(()));

    assert!(authority.skew().is_some_and(|skew| (7195..=7205).contains(&skew)));
    assert_eq!(names(&authority).await, ["T1"]);
    let refused = world.sim.logins().iter().filter(|login| login.failure.is_some()).count();
    assert_eq!(refused, 1);
}

#[tokio::test]
async fn an_account_that_wants_fresh_jwts_gets_them_even_with_our_clock_behind() {
    let world = World::new();
    world.sim.http_switches(|switches| switches.jwt_must_be_fresh = true);
    let authority = world.authority();
    assert_eq!(added(&authority, &token("T1")).await, Ok(()));
    world.sim.advance(Duration::from_secs(90));
    assert_eq!(added(&authority, &token("T2")).await, Ok(()));
}
