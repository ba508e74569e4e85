//! `POST /queries/v1/query-request`: one statement in an open session, answered as JSON rows.

use serde_json::{Value, json};

use super::session::refused;
use super::{done, failed, parameters, presented_token};
use crate::engine::{ColumnType, Engine, ResultTable, Session, SqlError};
use crate::fault::{Act, Point};
use crate::http::reply::{Fate, Reply};
use crate::http::request::Request;
use crate::script::single_statement;
use crate::world::World;

pub(crate) fn query(world: &mut World, request: &Request) -> Reply {
    let body = request.json().unwrap_or_default();
    let Some(sql) = body.get("sqlText").and_then(Value::as_str) else {
        return failed("000900", "SQL compilation error:\nEmpty SQL statement.", &Value::Null);
    };
    let act = match admitted(world, request) {
        Err(refusal) => return refusal,
        Ok(()) => world.faults.due(Point::Query(Engine::kind(sql))),
    };
    if let Some(reply) = act.as_ref().and_then(instead) {
        return reply;
    }
    let outcome = run(world, presented_token(request).unwrap_or_default(), sql);
    let fate = act.as_ref().map_or(Fate::Arrive, Act::fate);
    let reply = match outcome {
        Err(reply) => reply,
        Ok((mut table, session)) => {
            if let Some(act) = &act {
                act.mangle(&mut table);
            }
            done(&result(&table, &session))
        }
    };
    reply.with_fate(fate)
}

/// Whether the session token is good and its session may still go on.
fn admitted(world: &mut World, request: &Request) -> Result<(), Reply> {
    let now = world.now();
    let address = world.client_ip(request);
    let token = presented_token(request).unwrap_or_default();
    let session = world.sessions.find(token, now).map_err(refused)?;
    let verdict = world.engine.check_open_session(session, address, now);
    verdict.map_err(|failure| failed(failure.code, &failure.message, &Value::Null))
}

fn instead(act: &Act) -> Option<Reply> {
    match act {
        Act::SqlError { code, message } => Some(failed(code, message, &json!({}))),
        // The driver protocol has no 202: a statement without an end is an answer without one.
        Act::NeverEnding202 => Some(Reply::lost(Fate::Hang)),
        _ => act.instead(),
    }
}

fn run(world: &mut World, token: &str, sql: &str) -> Result<(ResultTable, Session), Reply> {
    let now = world.now();
    let statement = single_statement(sql).map_err(|error| sql_failed(&error))?;
    let session = world.sessions.find(token, now).map_err(refused)?;
    let table = world.engine.execute(session, &statement, now).map_err(|e| sql_failed(&e))?;
    Ok((table, session.clone()))
}

fn sql_failed(error: &SqlError) -> Reply {
    let data = json!({
        "errorCode": error.code, "sqlState": error.sqlstate, "queryId": error.query_id,
        "internalError": false, "line": -1, "pos": -1,
    });
    failed(error.code, &error.message, &data)
}

fn result(table: &ResultTable, session: &Session) -> Value {
    let types: Vec<ColumnType> = table.columns.iter().map(|column| column.kind).collect();
    let rows: Vec<Vec<Option<String>>> =
        table.rows.iter().map(|row| row.iter().zip(&types).map(cell).collect()).collect();
    json!({
        "parameters": parameters::of(session),
        "rowtype": table.columns.iter().map(|c| row_type(&c.name, c.kind)).collect::<Vec<_>>(),
        "rowset": rows,
        "total": table.rows.len(),
        "returned": table.rows.len(),
        "queryId": table.query_id,
        "queryResultFormat": "json",
        "statementTypeId": 4096,
        "version": 1,
        "finalRoleName": session.role,
        "finalWarehouseName": session.warehouse,
        "finalDatabaseName": session.database,
        "finalSchemaName": session.schema,
        "numberOfBinds": 0,
        "arrayBindSupported": false,
        "sqlState": null,
    })
}

/// Booleans travel as 1 and 0 here, unlike on the SQL API.
fn cell((value, kind): (&Option<String>, &ColumnType)) -> Option<String> {
    let value = value.as_deref()?;
    Some(match (kind, value) {
        (ColumnType::Boolean, "true") => "1".to_owned(),
        (ColumnType::Boolean, "false") => "0".to_owned(),
        _ => value.to_owned(),
    })
}

fn row_type(name: &str, kind: ColumnType) -> Value {
    let (kind, precision, scale, length) = match kind {
        ColumnType::Text => ("text", None, None, Some(16_777_216)),
        ColumnType::Fixed => ("fixed", Some(38), Some(0), None),
        ColumnType::Boolean => ("boolean", None, None, None),
        ColumnType::TimestampLtz => ("timestamp_ltz", Some(0), Some(9), None),
    };
    json!({
        "name": name, "database": "", "schema": "", "table": "", "type": kind,
        "nullable": true, "precision": precision, "scale": scale,
        "length": length, "byteLength": length, "collation": null,
    })
}
