//! SQL API v2: submit, status and cancel.

pub(crate) mod answer;
pub(crate) mod auth;
pub(crate) mod binds;
pub(crate) mod body;
pub(crate) mod statements;
pub(crate) mod status;
pub(crate) mod submit;
