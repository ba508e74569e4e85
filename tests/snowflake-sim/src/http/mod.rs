//! HTTP itself: the listener, requests read whole, replies that can be cut short. Knows no Snowflake.

pub(crate) mod listener;
pub(crate) mod reply;
pub(crate) mod request;
pub(crate) mod status;
