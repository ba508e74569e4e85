//! ROTATE: a secret under a name that stays, the one before it where the answer says; what is unclear can be seen by SHOW.

use patd_core::lifecycle::{RotateOutcome, TokenStatus, lineage};
use patd_core::names::{TokenName, User};
use patd_snowflake::authority::{Authority, RotateToken};
use snowflake_sim::engine::StatementKind;
use snowflake_sim::{Act, Fault, On};

use crate::world::{USER, World, added, token};

const NAME: &str = "PATD_0A1B2C3D_G1_A1B2C3";

async fn rotate(authority: &Authority, overlap: u32) -> (RotateOutcome, Option<String>) {
    let token = RotateToken { user: User::new(USER), name: TokenName::new(NAME), overlap };
    let (outcome, secret) = authority.rotate(&token).await.into_parts();
    (outcome, secret.map(|secret| secret.expose().to_owned()))
}

async fn listed(authority: &Authority) -> Vec<(TokenName, TokenStatus)> {
    let rows = authority.list(&User::new(USER)).await.expect("list");
    rows.into_iter().map(|row| (row.name, row.status)).collect()
}

#[tokio::test]
async fn a_rotated_token_keeps_its_name_and_the_answer_says_where_the_secret_before_it_is() {
    let world = World::new();
    let authority = world.authority();
    assert_eq!(added(&authority, &token(NAME)).await, Ok(()));

    let (outcome, secret) = rotate(&authority, 24).await;

    let RotateOutcome::Minted { predecessor } = outcome else { panic!("{outcome:?}") };
    assert!(secret.is_some_and(|secret| secret.starts_with("simpat_")));
    assert_eq!(lineage::rotated_from(&predecessor), Some(TokenName::new(NAME)));
    let mut listed = listed(&authority).await;
    listed.sort_by(|(one, _), (other, _)| one.cmp(other));
    let live = |name: TokenName| (name, TokenStatus::Active);
    assert_eq!(listed, [live(TokenName::new(NAME)), live(predecessor)]);
}

#[tokio::test]
async fn without_an_overlap_the_secret_before_it_ends_at_once() {
    let world = World::new();
    let authority = world.authority();
    assert_eq!(added(&authority, &token(NAME)).await, Ok(()));

    let (outcome, _) = rotate(&authority, 0).await;

    let RotateOutcome::Minted { predecessor } = outcome else { panic!("{outcome:?}") };
    assert!(listed(&authority).await.contains(&(predecessor, TokenStatus::Expired)));
}

#[tokio::test]
async fn more_hours_than_are_left_and_a_token_that_is_gone_are_refused() {
    let world = World::new();
    let authority = world.authority();
    assert!(matches!(rotate(&authority, 24).await, (RotateOutcome::Refused(_), None)));
    assert_eq!(added(&authority, &token(NAME)).await, Ok(()));

    assert!(matches!(rotate(&authority, 7 * 24 + 1).await, (RotateOutcome::Refused(_), None)));

    assert_eq!(listed(&authority).await.len(), 1);
}

#[tokio::test]
async fn an_answer_that_was_lost_or_spoiled_is_unclear_and_show_tells_that_it_happened() {
    for act in [
        Act::DropAfterCommit,
        Act::TruncateAt(0),
        Act::TruncateAt(300),
        Act::WrongColumns,
        Act::NoRows,
        Act::ExtraColumn,
        Act::OtherTokenName,
        Act::DuplicateRow,
    ] {
        let world = World::new();
        let authority = world.authority();
        assert_eq!(added(&authority, &token(NAME)).await, Ok(()));
        world.sim.fault(Fault::next(On::Statement(StatementKind::RotatePat), act.clone()));

        let (outcome, secret) = rotate(&authority, 24).await;

        assert!(matches!(outcome, RotateOutcome::Unclear(_)), "{act:?}: {outcome:?}");
        assert_eq!((secret, listed(&authority).await.len()), (None, 2), "{act:?}");
    }
}
