//! SHOW USER PROGRAMMATIC ACCESS TOKENS. Columns as a live account names them; the docs' own table differs.
//! Source: snowflake docs, sql-reference/sql/show-user-programmatic-access-tokens.

use super::Outcome;
use crate::engine::Engine;
use crate::engine::answer::{ColumnType, ResultTable, number, text, timestamp};
use crate::engine::api::Session;
use crate::engine::clock::Millis;

const COLUMNS: [(&str, ColumnType); 10] = [
    ("name", ColumnType::Text),
    ("user_name", ColumnType::Text),
    ("role_restriction", ColumnType::Text),
    ("expires_at", ColumnType::TimestampLtz),
    ("status", ColumnType::Text),
    ("comment", ColumnType::Text),
    ("created_on", ColumnType::TimestampLtz),
    ("created_by", ColumnType::Text),
    ("mins_to_bypass_network_policy_requirement", ColumnType::Fixed),
    ("rotated_to", ColumnType::Text),
];

pub(super) fn show(
    engine: &Engine,
    session: &Session,
    user: Option<String>,
    now: Millis,
) -> Outcome {
    let name = engine.user_to_show(session, user)?;
    let mut table = ResultTable::new(&COLUMNS);
    let Some(user) = engine.state.users.get(&name) else { return Ok(table) };
    for token in &user.tokens {
        let status = token.status(now, engine.switches.status_when_both);
        table.push(vec![
            text(&token.name),
            text(&user.name),
            token.role_restriction.clone(),
            timestamp(token.expires_at),
            text(status.name()),
            token.comment.clone(),
            timestamp(token.created_on),
            text(engine.user_or_id(token.created_by)),
            token.bypass_minutes(now).and_then(number),
            token.rotated_to.clone(),
        ]);
    }
    Ok(table)
}
