//! What the documents show is what happens. A document is read as a list of items (headings, marks, blocks); a mark says
//! where a block is tried, and what is around it there: a host of its own, with Snowflake simulated at its real names.

mod document;
mod host;
mod proxy;
mod run;
mod shown;
mod side_door;

pub use document::{Block, Document, Item};
pub use host::{Host, can_be_made};
pub use run::{Carried, Run, runs};
pub use shown::is_shown_by;

use std::path::{Path, PathBuf};

/// Returns the folder of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("it is there")
}
