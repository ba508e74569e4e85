//! SNOWFLAKE.ACCOUNT_USAGE: CREDENTIALS, LOGIN_HISTORY, QUERY_HISTORY, SESSIONS, each after a settable delay.
//! Source: snowflake docs, sql-reference/account-usage.

use super::Outcome;
use crate::engine::Engine;
use crate::engine::answer::{ColumnType, ResultTable, number, text, timestamp};
use crate::engine::api::Session;
use crate::engine::clock::Millis;
use crate::engine::errors::{SqlError, unknown};
use crate::engine::history::{LoginRecord, QueryRecord};
use crate::engine::state::{Grantee, KeyPair, Kind, Path, RoleRef, Securable, Token, User};

/// Returns the rows of a view, as far as the session may read it.
pub(super) fn view(engine: &Engine, session: &Session, name: &[String], now: Millis) -> Outcome {
    let path = engine.in_schema(session, name.to_vec(), "SELECT")?;
    let schema = (path.database(), path.schema());
    let seen_until = now.plus_minutes(-engine.switches.account_usage_latency_minutes);
    let (role, rows): (_, fn(&Engine, Millis, Millis) -> ResultTable) = match path.leaf() {
        "CREDENTIALS" => ("SECURITY_VIEWER", credentials),
        "LOGIN_HISTORY" => ("SECURITY_VIEWER", logins),
        "SESSIONS" => ("SECURITY_VIEWER", sessions),
        "QUERY_HISTORY" => ("GOVERNANCE_VIEWER", queries),
        _ => return Err(unknown("Object", &path.to_string())),
    };
    if schema != ("SNOWFLAKE", "ACCOUNT_USAGE") {
        return Err(unknown("Object", &path.to_string()));
    }
    engine.demand_usage_view(session, role)?;
    Ok(rows(engine, seen_until, now))
}

impl Engine {
    /// The views are read through a database role of SNOWFLAKE or its imported privileges.
    fn demand_usage_view(&self, session: &Session, role: &str) -> Result<(), SqlError> {
        let viewer = Grantee::Role(RoleRef::Database(Path::two("SNOWFLAKE", role)));
        let database = Securable::named(Kind::Database, "SNOWFLAKE");
        if self.state.acting(session).contains(&viewer) {
            return Ok(());
        }
        self.demand(session, &["IMPORTED PRIVILEGES"], &database)
    }
}

fn credentials(engine: &Engine, seen_until: Millis, now: Millis) -> ResultTable {
    let mut table = ResultTable::new(&CREDENTIAL_COLUMNS);
    for user in engine.state.users.values() {
        for token in user.tokens.iter().filter(|token| token.created_on <= seen_until) {
            table.push(token_row(engine, user, token, now));
        }
        for pair in user.key_pairs.iter().filter(|pair| pair.created_on <= seen_until) {
            table.push(key_pair_row(engine, user, pair, now));
        }
    }
    table
}

fn token_row(engine: &Engine, user: &User, token: &Token, now: Millis) -> Vec<Option<String>> {
    let status = token.status(now, engine.switches.status_when_both);
    vec![
        text(token.id.to_string()),
        text(&token.name),
        text(&user.name),
        text("PAT"),
        text("PROGRAMMATIC_ACCESS_TOKEN"),
        token.comment.clone(),
        text(status.name()),
        text(details(token, now)),
        text(engine.user_or_id(token.created_by)),
        text(engine.user_or_id(token.last_altered_by)),
        timestamp(token.created_on),
        token.last_used_on.and_then(timestamp),
        timestamp(token.last_altered),
        timestamp(token.expires_at),
    ]
}

/// Keys only when set; the role restriction is an array here.
fn details(token: &Token, now: Millis) -> String {
    let mut details = serde_json::Map::new();
    if let Some(minutes) = token.bypass_minutes(now) {
        details.insert("MINS_TO_BYPASS_NETWORK_POLICY_REQUIREMENT".into(), minutes.into());
    }
    if let Some(role) = &token.role_restriction {
        details.insert("ROLE_RESTRICTION".into(), serde_json::json!([role]));
    }
    if let Some(live) = &token.rotated_to {
        details.insert("ROTATED_TO".into(), live.clone().into());
    }
    serde_json::Value::Object(details).to_string()
}

fn key_pair_row(engine: &Engine, user: &User, pair: &KeyPair, now: Millis) -> Vec<Option<String>> {
    let creator = engine.user_or_id(pair.created_by);
    vec![
        text(pair.id.to_string()),
        text(&pair.name),
        text(&user.name),
        text("KEYPAIR"),
        text("KEYPAIR"),
        pair.comment.clone(),
        text(pair.status(now)),
        text("{}"),
        text(&creator),
        text(creator),
        timestamp(pair.created_on),
        pair.last_used_on.and_then(timestamp),
        timestamp(pair.created_on),
        pair.expires_at.and_then(timestamp),
    ]
}

fn logins(engine: &Engine, seen_until: Millis, _now: Millis) -> ResultTable {
    let mut table = ResultTable::new(&LOGIN_COLUMNS);
    for login in engine.history.logins.iter().filter(|login| login.at <= seen_until) {
        table.push(login_row(login));
    }
    table
}

fn login_row(login: &LoginRecord) -> Vec<Option<String>> {
    let failure = login.failure.as_ref();
    let mut row = vec![
        number(login.event_id),
        timestamp(login.at),
        text("LOGIN"),
        login.user.clone(),
        text(&login.client_ip),
        text(&login.client_type),
        text(&login.client_version),
        text(login.first_factor),
        None,
        text(if failure.is_none() { "YES" } else { "NO" }),
        failure.and_then(|failure| number(failure.code)),
        failure.and_then(|failure| text(&failure.message)),
        number(0),
        None,
        None,
        login.first_factor_id.and_then(number),
    ];
    row.resize(LOGIN_COLUMNS.len(), None);
    row
}

fn sessions(engine: &Engine, seen_until: Millis, _now: Millis) -> ResultTable {
    let mut table = ResultTable::new(&SESSION_COLUMNS);
    for login in engine.history.logins.iter().filter(|login| login.at <= seen_until) {
        if let Some(session_id) = login.session_id {
            table.push(vec![
                number(session_id),
                timestamp(login.at),
                login.user.clone(),
                text(login.first_factor),
                number(login.event_id),
                text(format!("{} {}", login.client_type, login.client_version)),
            ]);
        }
    }
    table
}

fn queries(engine: &Engine, seen_until: Millis, _now: Millis) -> ResultTable {
    let mut table = ResultTable::new(&QUERY_COLUMNS);
    for query in engine.history.queries.iter().filter(|query| query.at <= seen_until) {
        table.push(query_row(query));
    }
    table
}

fn query_row(query: &QueryRecord) -> Vec<Option<String>> {
    let error = query.error.as_ref();
    vec![
        text(&query.query_id),
        text(&query.text),
        query.database.clone(),
        query.schema.clone(),
        text(query.kind.query_type()),
        number(query.session_id),
        text(&query.user),
        query.role.clone(),
        query.warehouse.clone(),
        text(&query.tag),
        text(if error.is_none() { "SUCCESS" } else { "FAIL" }),
        error.and_then(|(code, _)| text(code)),
        error.and_then(|(_, message)| text(message)),
        timestamp(query.at),
        timestamp(query.at),
    ]
}

const CREDENTIAL_COLUMNS: [(&str, ColumnType); 14] = [
    ("CREDENTIAL_ID", ColumnType::Text),
    ("NAME", ColumnType::Text),
    ("USER_NAME", ColumnType::Text),
    ("TYPE", ColumnType::Text),
    ("DOMAIN", ColumnType::Text),
    ("COMMENT", ColumnType::Text),
    ("STATUS", ColumnType::Text),
    ("ADDITIONAL_DETAILS", ColumnType::Text),
    ("CREATED_BY", ColumnType::Text),
    ("LAST_ALTERED_BY", ColumnType::Text),
    ("CREATED_ON", ColumnType::TimestampLtz),
    ("LAST_USED_ON", ColumnType::TimestampLtz),
    ("LAST_ALTERED", ColumnType::TimestampLtz),
    ("EXPIRATION_DATE", ColumnType::TimestampLtz),
];

const LOGIN_COLUMNS: [(&str, ColumnType); 19] = [
    ("EVENT_ID", ColumnType::Fixed),
    ("EVENT_TIMESTAMP", ColumnType::TimestampLtz),
    ("EVENT_TYPE", ColumnType::Text),
    ("USER_NAME", ColumnType::Text),
    ("CLIENT_IP", ColumnType::Text),
    ("REPORTED_CLIENT_TYPE", ColumnType::Text),
    ("REPORTED_CLIENT_VERSION", ColumnType::Text),
    ("FIRST_AUTHENTICATION_FACTOR", ColumnType::Text),
    ("SECOND_AUTHENTICATION_FACTOR", ColumnType::Text),
    ("IS_SUCCESS", ColumnType::Text),
    ("ERROR_CODE", ColumnType::Fixed),
    ("ERROR_MESSAGE", ColumnType::Text),
    ("RELATED_EVENT_ID", ColumnType::Fixed),
    ("CONNECTION", ColumnType::Text),
    ("CLIENT_PRIVATE_LINK_ID", ColumnType::Text),
    ("FIRST_AUTHENTICATION_FACTOR_ID", ColumnType::Fixed),
    ("SECOND_AUTHENTICATION_FACTOR_ID", ColumnType::Fixed),
    ("LOGIN_DETAILS", ColumnType::Text),
    ("AUTHORIZING_INTEGRATION_NAME", ColumnType::Text),
];

const SESSION_COLUMNS: [(&str, ColumnType); 6] = [
    ("SESSION_ID", ColumnType::Fixed),
    ("CREATED_ON", ColumnType::TimestampLtz),
    ("USER_NAME", ColumnType::Text),
    ("AUTHENTICATION_METHOD", ColumnType::Text),
    ("LOGIN_EVENT_ID", ColumnType::Fixed),
    ("CLIENT_APPLICATION_ID", ColumnType::Text),
];

const QUERY_COLUMNS: [(&str, ColumnType); 15] = [
    ("QUERY_ID", ColumnType::Text),
    ("QUERY_TEXT", ColumnType::Text),
    ("DATABASE_NAME", ColumnType::Text),
    ("SCHEMA_NAME", ColumnType::Text),
    ("QUERY_TYPE", ColumnType::Text),
    ("SESSION_ID", ColumnType::Fixed),
    ("USER_NAME", ColumnType::Text),
    ("ROLE_NAME", ColumnType::Text),
    ("WAREHOUSE_NAME", ColumnType::Text),
    ("QUERY_TAG", ColumnType::Text),
    ("EXECUTION_STATUS", ColumnType::Text),
    ("ERROR_CODE", ColumnType::Text),
    ("ERROR_MESSAGE", ColumnType::Text),
    ("START_TIME", ColumnType::TimestampLtz),
    ("END_TIME", ColumnType::TimestampLtz),
];
