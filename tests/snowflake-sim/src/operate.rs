//! What an operator does to the world; the library's methods and the control API both end here.

use serde_json::Value;

use crate::engine::{Engine, ResultTable, SqlError};
use crate::world::World;

/// Runs a script as ADMIN with role ACCOUNTADMIN, up to its first error.
pub(crate) fn admin_script(world: &mut World, sql: &str) -> Result<Vec<ResultTable>, SqlError> {
    let now = world.now();
    let mut session = world.engine.admin_session("ADMIN", "ACCOUNTADMIN");
    let mut tables = Vec::new();
    for statement in Engine::split_script(sql)? {
        tables.push(world.engine.execute(&mut session, &statement, now)?);
    }
    Ok(tables)
}

/// The whole account as JSON.
pub(crate) fn snapshot(world: &World) -> Value {
    serde_json::to_value(world.engine.snapshot(world.now())).unwrap_or_default()
}

/// Every PAT, session token and master token ever made.
pub(crate) fn secrets(world: &World) -> Vec<String> {
    let mut secrets = world.engine.secrets();
    secrets.extend(world.sessions.secrets().cloned());
    secrets
}
