//! The ground on which the daemon and the wrapper are attacked: users without accounts, the programs of the attackers,
//! the installed wrapper, a daemon under a user of its own. What is tried lives under `tests/`.

mod attempt;
mod ground;
mod namespace;
mod programs;
mod table;

pub use attempt::Attempt;
pub use ground::{
    ADMIN_SOCKET, BROKER, CONNECTION, GATE, GROUP, Ground, MEMBER, OTHER, OWNER, SECOND, SOCKET,
    TARGET, body, mount, script, set_mode, setgid,
};
pub use namespace::{Inside, enter};
pub use programs::{PROGRAMS, as_uid, in_group, listening, program, send};
pub use table::Table;
