//! Bodies of the SQL API's answers: results by partition, failures, and "still running".

use http::StatusCode;
use http::header::LINK;
use serde_json::{Value, json};

use super::statements::{Outcome, Statement};
use crate::auth::Refused;
use crate::engine::{Column, ColumnType, ResultTable, SqlError};
use crate::http::reply::Reply;
use crate::http::status;

/// 401, for a credential that does not log in.
pub(crate) fn unauthorized(refused: &Refused) -> Reply {
    let body = json!({"code": refused.code, "message": refused.message});
    Reply::json(StatusCode::UNAUTHORIZED, &body)
}

/// 422, for a statement that failed.
pub(crate) fn failed(error: &SqlError, handle: &str) -> Reply {
    let body = json!({
        "code": error.code,
        "message": error.message,
        "sqlState": error.sqlstate,
        "statementHandle": handle,
        "statementStatusUrl": status_url(handle, "", 0),
    });
    Reply::json(StatusCode::UNPROCESSABLE_ENTITY, &body)
}

/// 422, for an error a fault asked for.
pub(crate) fn planted(code: &str, message: &str, handle: &str) -> Reply {
    let body = json!({
        "code": code, "message": message, "sqlState": "42000", "statementHandle": handle,
    });
    Reply::json(StatusCode::UNPROCESSABLE_ENTITY, &body)
}

/// 202, for a statement that is not finished.
pub(crate) fn running(statement: &Statement) -> Reply {
    let body = json!({
        "code": "333334",
        "message": "Asynchronous execution in progress. Use provided query id to perform query \
                    monitoring and management.",
        "statementHandle": statement.handle,
        "statementStatusUrl": status_url(&statement.handle, &statement.request_id, 0),
    });
    Reply::json(StatusCode::ACCEPTED, &body)
}

/// 408, for a statement that would have outlived its timeout.
pub(crate) fn timed_out(handle: &str, seconds: u64) -> Reply {
    let body = json!({
        "code": "000630",
        "sqlState": "57014",
        "message": format!(
            "Statement reached its statement or warehouse timeout of {seconds} second(s) and was \
             canceled."
        ),
        "statementHandle": handle,
        "statementStatusUrl": status_url(handle, "", 0),
    });
    Reply::json(StatusCode::REQUEST_TIMEOUT, &body)
}

/// 200 or 422, for a finished statement, one partition of it.
pub(crate) fn finished(
    statement: &Statement,
    partition: usize,
    rows_per_partition: usize,
) -> Reply {
    match &statement.outcome {
        Outcome::Failed(error) => failed(error, &statement.handle),
        Outcome::Many(handles) => many(statement, handles),
        Outcome::Rows(table) => rows(statement, table, partition, rows_per_partition.max(1)),
    }
}

fn many(statement: &Statement, handles: &[String]) -> Reply {
    let message = "Multiple statements executed successfully.";
    let name = "multiple statement execution".to_owned();
    let table = ResultTable {
        query_id: statement.handle.clone(),
        columns: vec![Column { name, kind: ColumnType::Text }],
        rows: vec![vec![Some(message.to_owned())]],
    };
    let mut body = first_partition(statement, &table, &[1]);
    body["data"] = json!([[message]]);
    body["statementHandles"] = json!(handles);
    Reply::json(StatusCode::OK, &body)
}

fn rows(statement: &Statement, table: &ResultTable, partition: usize, size: usize) -> Reply {
    let partitions: Vec<&[Vec<Option<String>>]> =
        if table.rows.is_empty() { vec![&[]] } else { table.rows.chunks(size).collect() };
    let Some(wanted) = partitions.get(partition) else { return status::reply(400) };
    let mut body = match partition {
        0 => {
            let counts: Vec<usize> = partitions.iter().map(|rows| rows.len()).collect();
            first_partition(statement, table, &counts)
        }
        _ => json!({}),
    };
    body["data"] = data(wanted, statement.nullable);
    Reply::json(StatusCode::OK, &body)
        .with_header(LINK, link(statement, partition, partitions.len()))
}

fn first_partition(statement: &Statement, table: &ResultTable, counts: &[usize]) -> Value {
    let partitions: Vec<Value> = counts
        .iter()
        .map(|count| json!({"rowCount": count, "uncompressedSize": count * 64}))
        .collect();
    json!({
        "resultSetMetaData": {
            "numRows": table.rows.len(),
            "format": "jsonv2",
            "partitionInfo": partitions,
            "rowType": table.columns.iter().map(row_type).collect::<Vec<_>>(),
        },
        "code": "090001",
        "sqlState": "00000",
        "message": "Statement executed successfully.",
        "statementHandle": statement.handle,
        "statementStatusUrl": status_url(&statement.handle, &statement.request_id, 0),
        "createdOn": statement.created.0,
    })
}

fn data(rows: &[Vec<Option<String>>], nullable: bool) -> Value {
    let cell = |cell: &Option<String>| match cell {
        Some(text) => Value::from(text.as_str()),
        None if nullable => Value::Null,
        None => Value::from("null"),
    };
    rows.iter().map(|row| row.iter().map(cell).collect::<Value>()).collect()
}

fn row_type(column: &Column) -> Value {
    let (kind, precision, scale, length) = match column.kind {
        ColumnType::Text => ("text", None, None, Some(16_777_216)),
        ColumnType::Fixed => ("fixed", Some(38), Some(0), None),
        ColumnType::Boolean => ("boolean", None, None, None),
        ColumnType::TimestampLtz => ("timestamp_ltz", Some(0), Some(9), None),
    };
    json!({
        "name": column.name, "database": "", "schema": "", "table": "", "type": kind,
        "length": length, "byteLength": length, "precision": precision, "scale": scale,
        "nullable": true, "collation": null,
    })
}

fn status_url(handle: &str, request_id: &str, partition: usize) -> String {
    format!("/api/v2/statements/{handle}?requestId={request_id}&partition={partition}")
}

/// The Link header: first, previous, next and last partition.
fn link(statement: &Statement, partition: usize, count: usize) -> String {
    let last = count - 1;
    let mut links = vec![(0, "first")];
    if partition > 0 {
        links.push((partition - 1, "prev"));
    }
    if partition < last {
        links.push((partition + 1, "next"));
    }
    links.push((last, "last"));
    let url = |at| status_url(&statement.handle, &statement.request_id, at);
    let text: Vec<String> =
        links.iter().map(|(at, rel)| format!("<{}>; rel=\"{rel}\"", url(*at))).collect();
    text.join(", ")
}
