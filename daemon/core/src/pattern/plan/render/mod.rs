//! A plan as people and other tools read it.

mod hcl;
mod resource;
mod said;
mod sql;
mod terraform;
mod text;

pub use sql::sql;
pub use terraform::terraform;
pub use text::text;
