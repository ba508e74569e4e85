//! Roles, and the containers: databases, schemas, warehouses. They hold names, no data.

use std::collections::BTreeMap;

use crate::engine::clock::Millis;

/// An account role or a database role.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Role {
    pub(in crate::engine) comment: String,
    pub(in crate::engine) created_on: Millis,
    /// Built in: cannot be dropped, renamed or replaced.
    pub(in crate::engine) built_in: bool,
}

/// A database.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Database {
    pub(in crate::engine) comment: String,
    pub(in crate::engine) created_on: Millis,
    /// The SNOWFLAKE database: shared by Snowflake, read-only.
    pub(in crate::engine) built_in: bool,
    pub(in crate::engine) schemas: BTreeMap<String, Schema>,
    pub(in crate::engine) roles: BTreeMap<String, Role>,
}

/// A schema.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Schema {
    pub(in crate::engine) comment: String,
    pub(in crate::engine) created_on: Millis,
}

/// A warehouse; it computes nothing, so only its name and settings are kept.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Warehouse {
    pub(in crate::engine) comment: String,
    pub(in crate::engine) created_on: Millis,
    pub(in crate::engine) size: String,
}
