//! The body of a submit, checked: unknown fields and parameters are errors, as on the real server.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::engine::SqlError;
use crate::script::error;

/// Where a statement runs; case-sensitive, the exact spelling of SHOW.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Context {
    pub(crate) role: Option<String>,
    pub(crate) warehouse: Option<String>,
    pub(crate) database: Option<String>,
    pub(crate) schema: Option<String>,
}

/// A submit.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    pub(crate) statement: String,
    /// Seconds; absent and 0 mean none that matters here.
    #[serde(default)]
    pub(crate) timeout: u64,
    role: Option<String>,
    warehouse: Option<String>,
    database: Option<String>,
    schema: Option<String>,
    #[serde(default)]
    pub(crate) bindings: BTreeMap<String, Binding>,
    #[serde(default)]
    parameters: BTreeMap<String, Value>,
}

/// A value for a `?`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Binding {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) value: Option<String>,
}

impl Body {
    pub(crate) fn context(&self) -> Context {
        Context {
            role: self.role.clone(),
            warehouse: self.warehouse.clone(),
            database: self.database.clone(),
            schema: self.schema.clone(),
        }
    }

    /// MULTI_STATEMENT_COUNT: 1 unless said otherwise, 0 for any.
    pub(crate) fn statement_count(&self) -> Result<usize, SqlError> {
        let mut count = 1;
        for (name, value) in &self.parameters {
            match name.to_ascii_lowercase().as_str() {
                "multi_statement_count" => {
                    count = number(value).ok_or_else(|| invalid(name, value))?;
                }
                "query_tag" | "timezone" | "use_cached_result" | "client_result_chunk_size" => {}
                _ => return Err(invalid(name, value)),
            }
        }
        Ok(count)
    }
}

fn number(value: &Value) -> Option<usize> {
    match value {
        Value::String(text) => text.parse().ok(),
        _ => usize::try_from(value.as_u64()?).ok(),
    }
}

fn invalid(name: &str, value: &Value) -> SqlError {
    let message = format!("invalid value [{value}] for parameter '{}'", name.to_uppercase());
    error("001008", "22023", format!("SQL compilation error:\n{message}"))
}
