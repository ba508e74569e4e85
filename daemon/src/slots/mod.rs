//! One actor a slot: it holds the slot's state, runs the lifecycle's decisions and carries out their effects in
//! order. A slot that hangs or fails stalls no other. Secrets pass through the store only.

mod actor;
mod calls;
mod effects;
mod gate;
mod mailbox;
mod registry;
mod view;

pub use calls::{Answer, Call, Upstream};
pub use effects::NOT_UNSEALED;
pub use registry::{Command, Handle, Kit, Plan, Slots};
pub use view::View;
