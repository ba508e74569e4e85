//! Session parameters as clients are told them, at login and with every result.

use serde_json::{Value, json};

use crate::engine::Session;

/// The parameters clients read, those set by ALTER SESSION included: JSON rows, no telemetry, UTC.
pub(super) fn of(session: &Session) -> Value {
    let mut parameters = json!({
        "AUTOCOMMIT": true,
        "TIMEZONE": "Etc/UTC",
        "CLIENT_SESSION_KEEP_ALIVE": false,
        "CLIENT_TELEMETRY_ENABLED": false,
        "PYTHON_CONNECTOR_QUERY_RESULT_FORMAT": "JSON",
        "JS_TREAT_INTEGER_AS_BIGINT": false,
        "DATE_OUTPUT_FORMAT": "YYYY-MM-DD",
        "TIME_OUTPUT_FORMAT": "HH24:MI:SS",
        "TIMESTAMP_OUTPUT_FORMAT": "YYYY-MM-DD HH24:MI:SS.FF3 TZHTZM",
        "TIMESTAMP_LTZ_OUTPUT_FORMAT": "",
        "TIMESTAMP_NTZ_OUTPUT_FORMAT": "YYYY-MM-DD HH24:MI:SS.FF3",
        "TIMESTAMP_TZ_OUTPUT_FORMAT": "",
    });
    for (name, value) in &session.parameters {
        parameters[name] = json!(value);
    }
    let named = parameters.as_object().into_iter().flatten();
    named.map(|(name, value)| json!({"name": name, "value": value})).collect()
}
