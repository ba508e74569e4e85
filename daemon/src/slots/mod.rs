//! One actor a slot, as long as there is something to do: it runs the lifecycle's decisions and carries out their effects
//! in order. A slot that hangs or fails stalls no other; one at rest is a few hundred bytes, in its handle. Secrets pass
//! through the store only.

mod actor;
mod calls;
mod due;
mod effects;
mod gate;
mod handle;
mod mailbox;
mod registry;
mod resting;
mod terms;
mod view;

pub use calls::{Answer, Call, Upstream};
pub use effects::NOT_UNSEALED;
pub use handle::{Glance, Handle};
pub use registry::{Command, Kit, Plan, Slots};
pub use view::View;
